package store

import (
	"context"
	"time"
)

// An Access says of a repository of a recorded group how long it is attached, and by what.
// Repositories that the team attached for good have none. Ids decide; names are for people.
type Access struct {
	OrgID   int64
	TeamID  int64 // that owns the group
	GroupID int64
	RepoID  int64
	Repo    string    // name when it was granted
	Until   time.Time // zero: it has no end
	Request int64     // the number of the request by which it was granted; 0: the team's own
	By      string    // a login
	At      time.Time // when it was granted; zero: now
	Source  Source    // the comment that granted it; zero if none did
}

// An AccessGroup is a group whose access is over, or about to be.
type AccessGroup struct{ OrgID, TeamID, GroupID int64 }

const (
	accessColumns = `org_id, group_id, repo_id, team_id, repo, until, request, granted_by, granted_at, admin_repo, issue, comment`
	// remindIfLonger is how long access lasts at least of whose end the team is reminded.
	remindIfLonger = 72 * time.Hour
)

func scanAccess(row Row) (Access, error) {
	var a Access
	var until, at int64
	err := row.Scan(&a.OrgID, &a.GroupID, &a.RepoID, &a.TeamID, &a.Repo, &until, &a.Request, &a.By, &at, &a.Source.Repo, &a.Source.Issue, &a.Source.Comment)
	a.Until, a.At = FromMicros(until), FromMicros(at)
	return a, err
}

// PutAccess records all of the list or nothing. What is on record of a repository is replaced.
// It returns ErrNotFound if the team does not own the group.
//
// It must be called before GitHub is asked to attach, and while the caller has the team's
// lease: if the server crashes in between, the end that is on record still comes.
func (s *Store) PutAccess(ctx context.Context, list ...Access) error {
	all := make([]statement, len(list))
	for i, a := range list {
		if a.At.IsZero() {
			a.At = s.Now()
		}
		brief := a.Until.IsZero() || a.Until.Sub(a.At) <= remindIfLonger
		all[i] = statement{
			`INSERT INTO access (` + accessColumns + `, reminded, next_at, tries)
				SELECT CAST(?1 AS BIGINT), CAST(?2 AS BIGINT), CAST(?3 AS BIGINT), CAST(?4 AS BIGINT), CAST(?5 AS TEXT), CAST(?6 AS BIGINT), CAST(?7 AS BIGINT),
					CAST(?8 AS TEXT), CAST(?9 AS BIGINT), CAST(?10 AS TEXT), CAST(?11 AS BIGINT), CAST(?12 AS BIGINT), CAST(?13 AS BIGINT), CAST(?6 AS BIGINT), 0
				WHERE EXISTS (SELECT 1 FROM ownership WHERE org_id = ?1 AND team_id = ?4 AND group_id = ?2)
				ON CONFLICT (org_id, group_id, repo_id) DO UPDATE SET team_id = excluded.team_id, repo = excluded.repo, until = excluded.until,
					request = excluded.request, granted_by = excluded.granted_by, granted_at = excluded.granted_at, admin_repo = excluded.admin_repo,
					issue = excluded.issue, comment = excluded.comment, reminded = excluded.reminded, next_at = excluded.next_at, tries = 0`,
			[]any{
				a.OrgID, a.GroupID, a.RepoID, a.TeamID, cut(a.Repo), Micros(a.Until), a.Request, a.By, Micros(a.At),
				a.Source.Repo, a.Source.Issue, a.Source.Comment, flag(brief),
			},
		}
	}
	if len(all) == 0 {
		return nil
	}
	touched, err := s.execBatch(ctx, all...)
	for _, n := range touched {
		if err == nil && n == 0 {
			err = ErrNotFound
		}
	}
	return wrap(err, "record how long repositories are attached to group %d", list[0].GroupID)
}

// AccessOf returns what is on record of the group's repositories, by their ids.
func (s *Store) AccessOf(ctx context.Context, orgID, groupID int64) (map[int64]Access, error) {
	return s.accessBy(ctx, `org_id = ?1 AND group_id = ?2`, orgID, groupID)
}

// AccessOver returns what of that is over now: the earliest ends, at most limit.
func (s *Store) AccessOver(ctx context.Context, orgID, groupID int64, limit int) (map[int64]Access, error) {
	return s.accessBy(ctx, `org_id = ?1 AND group_id = ?2 AND until <> 0 AND until <= ?3 ORDER BY until, repo_id LIMIT ?4`,
		orgID, groupID, Micros(s.Now()), limit)
}

func (s *Store) accessBy(ctx context.Context, where string, args ...any) (map[int64]Access, error) {
	all, err := Collect(ctx, s.Reader(), scanAccess, `SELECT `+accessColumns+` FROM access WHERE `+where, args...)
	byID := make(map[int64]Access, len(all))
	for _, a := range all {
		byID[a.RepoID] = a
	}
	return byID, wrap(err, "read how long repositories are attached")
}

// DropAccess forgets what is on record of these repositories: they have no end any more.
func (s *Store) DropAccess(ctx context.Context, orgID, groupID int64, repoIDs ...int64) error {
	var all []statement
	for _, id := range repoIDs {
		all = append(all, dropAccess(orgID, groupID, id))
	}
	if len(all) == 0 {
		return nil
	}
	_, err := s.execBatch(ctx, all...)
	return wrap(err, "forget how long repositories are attached to group %d", groupID)
}

func dropAccess(orgID, groupID, repoID int64) statement {
	return statement{`DELETE FROM access WHERE org_id = ?1 AND group_id = ?2 AND repo_id = ?3`, []any{orgID, groupID, repoID}}
}

// ClaimAccess returns up to limit groups whose access is over, and how often that was tried.
// Other servers leave them to this one until then.
func (s *Store) ClaimAccess(ctx context.Context, until time.Time, limit int) (map[AccessGroup]int, error) {
	now := Micros(s.Now())
	var n int
	if err := s.Reader().QueryRow(ctx, `SELECT count(*) FROM access WHERE until <> 0 AND next_at <= ?1`, now).Scan(&n); err != nil || n == 0 {
		return nil, wrap(err, "look for access that is over")
	}
	claimed := map[AccessGroup]int{}
	_, err := Collect(ctx, s, func(row Row) (_ struct{}, err error) {
		var g AccessGroup
		var tries int
		err = row.Scan(&g.OrgID, &g.TeamID, &g.GroupID, &tries)
		claimed[g] = max(claimed[g], tries)
		return struct{}{}, err
	}, `UPDATE access SET next_at = ?2, tries = tries + 1
		WHERE until <> 0 AND next_at <= ?1 AND (org_id, group_id) IN
			(SELECT org_id, group_id FROM access WHERE until <> 0 AND next_at <= ?1 GROUP BY org_id, group_id ORDER BY min(next_at) LIMIT ?3)
		RETURNING org_id, team_id, group_id, tries`, now, Micros(until), limit)
	return claimed, wrap(err, "look for access that is over")
}

// RetryAccess sets when to try again to end what is over of the group, and how often that was
// tried in vain.
func (s *Store) RetryAccess(ctx context.Context, g AccessGroup, at time.Time, tries int) error {
	_, err := s.Exec(ctx, `UPDATE access SET next_at = ?4, tries = ?5 WHERE org_id = ?1 AND group_id = ?2 AND until <> 0 AND until <= ?3`,
		g.OrgID, g.GroupID, Micros(s.Now()), Micros(at), tries)
	return wrap(err, "note when to try again to end access")
}

// RetryOverdueAccess has what is over tried at once, also if another server has claimed it.
func (s *Store) RetryOverdueAccess(ctx context.Context) error {
	_, err := s.Exec(ctx, `UPDATE access SET next_at = until WHERE until <> 0 AND until <= ?1`, Micros(s.Now()))
	return wrap(err, "look for access that is over")
}

// CountOverdueAccess returns how many repositories are still attached although their end was
// before that time.
func (s *Store) CountOverdueAccess(ctx context.Context, before time.Time) (int, error) {
	var n int
	err := s.Reader().QueryRow(ctx, `SELECT count(*) FROM access WHERE until <> 0 AND until < ?1`, Micros(before)).Scan(&n)
	return n, wrap(err, "count overdue ends of access")
}

// RemindAccess returns what of one group ends before that time and was granted for more than
// three days, each once over all servers.
func (s *Store) RemindAccess(ctx context.Context, before time.Time) ([]Access, error) {
	var n int
	err := s.Reader().QueryRow(ctx, `SELECT count(*) FROM access WHERE until <> 0 AND reminded = 0 AND until < ?1`, Micros(before)).Scan(&n)
	if err != nil || n == 0 {
		return nil, wrap(err, "look for access that ends soon")
	}
	all, err := Collect(ctx, s, scanAccess, `UPDATE access SET reminded = 1
		WHERE until <> 0 AND reminded = 0 AND until < ?1 AND (org_id, group_id) IN
			(SELECT org_id, group_id FROM access WHERE until <> 0 AND reminded = 0 AND until < ?1 ORDER BY until LIMIT 1)
		RETURNING `+accessColumns, Micros(before))
	return all, wrap(err, "look for access that ends soon")
}
