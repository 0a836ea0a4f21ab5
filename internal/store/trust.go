package store

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"
)

// A Trust says which jobs of GitHub Actions may use which commands for a team. It ends with
// the team's ownership of its group. Ids decide; names are for people.
type Trust struct {
	ID          int64
	OrgID       int64
	TeamID      int64
	TeamSlug    string // as the ownership record has it
	GroupID     int64
	RepoID      int64
	Repo        string // OWNER/NAME when the trust was made
	Ref         string // refs/heads/main; empty: any
	Environment string // empty: any
	Workflow    string // .github/workflows/FILE; empty: any of the repository
	Commands    []string
	Expires     time.Time
	MadeBy      string // a login
	MadeAt      time.Time
	UsedAt      time.Time // about; zero: never
	NoticedAt   time.Time // when the team was last told that it ends soon; zero: never
}

// MaxTrusts is how many trusts a team may have, so that looking through them stays cheap.
const MaxTrusts = 100

const trustColumns = `t.id, t.org_id, t.team_id, o.team_slug, t.group_id, t.repo_id, t.repo, t.ref, t.environment, t.workflow, t.commands,
	t.expires_at, t.made_by, t.made_at, t.used_at, t.noticed_at`

// fromTrust leaves out trusts whose team does not own that group any more.
const fromTrust = ` FROM trust t JOIN ownership o ON o.org_id = t.org_id AND o.team_id = t.team_id AND o.group_id = t.group_id `

func scanTrust(row Row) (Trust, error) {
	var t Trust
	var commands string
	var expires, made, used, noticed int64
	err := row.Scan(&t.ID, &t.OrgID, &t.TeamID, &t.TeamSlug, &t.GroupID, &t.RepoID, &t.Repo, &t.Ref, &t.Environment, &t.Workflow, &commands,
		&expires, &t.MadeBy, &made, &used, &noticed)
	t.Commands = strings.Split(commands, ",")
	t.Expires, t.MadeAt, t.UsedAt, t.NoticedAt = FromMicros(expires), FromMicros(made), FromMicros(used), FromMicros(noticed)
	return t, err
}

// AddTrust records the trust and returns its id. If the team has one for the same jobs and
// commands, that one gets the new expiry and maker. AddTrust returns ErrNotFound if the team
// does not own the group.
func (s *Store) AddTrust(ctx context.Context, t Trust) (int64, error) {
	commands := slices.Clone(t.Commands)
	slices.Sort(commands)
	var id int64
	err := s.QueryRow(ctx, `INSERT INTO trust (org_id, team_id, group_id, repo_id, repo, ref, environment, workflow, commands, expires_at, made_by, made_at, used_at)
		SELECT CAST(?1 AS BIGINT), CAST(?2 AS BIGINT), CAST(?3 AS BIGINT), CAST(?4 AS BIGINT), CAST(?5 AS TEXT), CAST(?6 AS TEXT),
			CAST(?7 AS TEXT), CAST(?8 AS TEXT), CAST(?9 AS TEXT), CAST(?10 AS BIGINT), CAST(?11 AS TEXT), CAST(?12 AS BIGINT), 0
		WHERE EXISTS (SELECT 1 FROM ownership WHERE org_id = ?1 AND team_id = ?2 AND group_id = ?3)
		ON CONFLICT (org_id, team_id, group_id, repo_id, ref, environment, workflow, commands)
			DO UPDATE SET repo = excluded.repo, expires_at = excluded.expires_at, made_by = excluded.made_by, made_at = excluded.made_at
		RETURNING id`,
		t.OrgID, t.TeamID, t.GroupID, t.RepoID, cut(t.Repo), t.Ref, t.Environment, t.Workflow, strings.Join(commands, ","),
		Micros(t.Expires), t.MadeBy, Micros(s.Now())).Scan(&id)
	return id, wrap(err, "record a trust of team %d", t.TeamID)
}

// Trusts returns the team's trusts, the oldest first: also those that expired lately.
func (s *Store) Trusts(ctx context.Context, orgID, teamID int64) ([]Trust, error) {
	all, err := Collect(ctx, s.Reader(), scanTrust, `SELECT `+trustColumns+fromTrust+`WHERE t.org_id = ?1 AND t.team_id = ?2 ORDER BY t.id`, orgID, teamID)
	return all, wrap(err, "read the trusts of team %d", teamID)
}

// TrustsOfRepo returns the trusts of all teams for jobs of the repository, the oldest first:
// also those that expired lately.
func (s *Store) TrustsOfRepo(ctx context.Context, orgID, repoID int64) ([]Trust, error) {
	all, err := Collect(ctx, s.Reader(), scanTrust, `SELECT `+trustColumns+fromTrust+`WHERE t.org_id = ?1 AND t.repo_id = ?2 ORDER BY t.id`, orgID, repoID)
	return all, wrap(err, "read the trusts for repository %d", repoID)
}

// TrustsOfOrg returns the trusts of all teams of the organization, the oldest first: also
// those that expired lately.
func (s *Store) TrustsOfOrg(ctx context.Context, orgID int64) ([]Trust, error) {
	all, err := Collect(ctx, s.Reader(), scanTrust, `SELECT `+trustColumns+fromTrust+`WHERE t.org_id = ?1 ORDER BY t.id`, orgID)
	return all, wrap(err, "read the trusts")
}

// DeleteTrust deletes the team's trust of that id. It returns ErrNotFound if the team has
// none.
func (s *Store) DeleteTrust(ctx context.Context, orgID, teamID, id int64) error {
	n, err := s.Exec(ctx, `DELETE FROM trust WHERE org_id = ?1 AND team_id = ?2 AND id = ?3`, orgID, teamID, id)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return wrap(err, "delete trust %d", id)
}

// NoticeTrust adds a notice for the trust's team and records that with the trust, unless another
// server did, or the trust was extended, since it was read.
func (s *Store) NoticeTrust(ctx context.Context, t Trust, at time.Time, text string) error {
	err := s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		n, err := tx.Exec(ctx, `UPDATE trust SET noticed_at = ?4 WHERE id = ?1 AND noticed_at = ?2 AND expires_at = ?3`,
			t.ID, Micros(t.NoticedAt), Micros(t.Expires), Micros(at))
		if err != nil || n == 0 {
			return err
		}
		return addNotice(ctx, tx, Notice{ID: rand.Text(), OrgID: t.OrgID, TeamID: t.TeamID, At: s.Now(), Text: text})
	})
	return wrap(err, "record the notice of trust %d", t.ID)
}

// UseTrust records that the trust was used now.
func (s *Store) UseTrust(ctx context.Context, id int64) error {
	_, err := s.Exec(ctx, `UPDATE trust SET used_at = ?2 WHERE id = ?1`, id, Micros(s.Now()))
	return wrap(err, "note the use of trust %d", id)
}

// UseToken records that the token of that id was used, until it has expired. It reports
// whether this is its first use, over all servers on the database.
func (s *Store) UseToken(ctx context.Context, id string, until time.Time) (first bool, err error) {
	n, err := s.Exec(ctx, `INSERT INTO used_token (id, until) VALUES (?1, ?2) ON CONFLICT DO NOTHING`, id, Micros(until))
	return n == 1, wrap(err, "note the use of a token")
}
