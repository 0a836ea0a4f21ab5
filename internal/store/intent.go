package store

import (
	"context"
	"time"
)

// An Intent is written before GitHub is asked to create something. If the server crashes
// before the result is recorded, the intent shows whose it is.
type Intent struct {
	OrgID     int64
	TeamID    int64
	TeamSlug  string
	Kind      string // GroupCreate
	Name      string // of what is made
	RequestID string
	By        string
	At        time.Time
	// HighestGroup is the highest id of a group that was known before GitHub was asked for
	// this one; nil: unknown.
	HighestGroup *int64
	// GroupCount is how many groups the organization had then; 0: HighestGroup is the highest
	// of all of them.
	GroupCount int
}

// GroupCreate is the kind of an intent to create a runner group.
const GroupCreate = "group-create"

// PutIntent writes the intent. If the team has one of the same kind, it is replaced.
func (s *Store) PutIntent(ctx context.Context, in Intent) error {
	if in.At.IsZero() {
		in.At = s.Now()
	}
	_, err := s.Exec(ctx, `INSERT INTO intent (org_id, team_id, kind, team_slug, name, request_id, made_by, made_at, highest_group, group_count)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
		ON CONFLICT (org_id, team_id, kind) DO UPDATE SET team_slug = excluded.team_slug, name = excluded.name,
			request_id = excluded.request_id, made_by = excluded.made_by, made_at = excluded.made_at, highest_group = excluded.highest_group,
			group_count = excluded.group_count`,
		in.OrgID, in.TeamID, in.Kind, in.TeamSlug, in.Name, in.RequestID, in.By, Micros(in.At), in.HighestGroup, in.GroupCount)
	return wrap(err, "note the intent %s of team %s", in.Kind, in.TeamSlug)
}

// IntentOf returns the team's open intent of this kind, or ErrNotFound.
func (s *Store) IntentOf(ctx context.Context, orgID, teamID int64, kind string) (Intent, error) {
	in := Intent{OrgID: orgID, TeamID: teamID, Kind: kind}
	var at int64
	err := s.Reader().QueryRow(ctx, `SELECT team_slug, name, request_id, made_by, made_at, highest_group, group_count FROM intent
		WHERE org_id = ?1 AND team_id = ?2 AND kind = ?3`, orgID, teamID, kind).
		Scan(&in.TeamSlug, &in.Name, &in.RequestID, &in.By, &at, &in.HighestGroup, &in.GroupCount)
	in.At = FromMicros(at)
	return in, wrap(err, "read the intent %s of team %d", kind, teamID)
}

// Intents returns the organization's open intents, oldest first.
func (s *Store) Intents(ctx context.Context, orgID int64) ([]Intent, error) {
	intents, err := Collect(ctx, s.Reader(), func(row Row) (Intent, error) {
		in := Intent{OrgID: orgID}
		var at int64
		err := row.Scan(&in.TeamID, &in.Kind, &in.TeamSlug, &in.Name, &in.RequestID, &in.By, &at, &in.HighestGroup, &in.GroupCount)
		in.At = FromMicros(at)
		return in, err
	}, `SELECT team_id, kind, team_slug, name, request_id, made_by, made_at, highest_group, group_count FROM intent WHERE org_id = ?1 ORDER BY made_at`, orgID)
	return intents, wrap(err, "read the open intents")
}

// DeleteIntent deletes the intent. It is no error if there is none.
func (s *Store) DeleteIntent(ctx context.Context, orgID, teamID int64, kind string) error {
	return wrap(deleteIntent(ctx, s, orgID, teamID, kind), "delete the intent %s of team %d", kind, teamID)
}

func deleteIntent(ctx context.Context, q Querier, orgID, teamID int64, kind string) error {
	_, err := q.Exec(ctx, `DELETE FROM intent WHERE org_id = ?1 AND team_id = ?2 AND kind = ?3`, orgID, teamID, kind)
	return err
}

// CompleteIntent writes the record of the created group and deletes the intent to create
// it, in one transaction. It returns ErrConflict if the intent is not open any more.
func (s *Store) CompleteIntent(ctx context.Context, in Intent, r Record) error {
	err := s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM intent WHERE org_id = ?1 AND team_id = ?2 AND kind = ?3 AND request_id = ?4`,
			in.OrgID, in.TeamID, in.Kind, in.RequestID)
		if err == nil && n == 0 {
			err = ErrConflict
		}
		if err != nil {
			return err
		}
		return s.putRecord(ctx, tx, r)
	})
	return wrap(err, "record group %d for team %s", r.GroupID, r.TeamSlug)
}
