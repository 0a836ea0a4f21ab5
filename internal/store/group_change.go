package store

import (
	"context"
	"strings"
	"time"
)

// A GroupChange is what a command changes in groups on GitHub.
type GroupChange struct {
	RequestID string
	OrgID     int64
	Groups    []int64
	// Things are what may change before the command has ended, and what nobody knows of once
	// it has: GitHub did not answer.
	Things []string
	Edits  []Edit // that GitHub confirmed
	// Accepted is what the first group is expected to be from now on, and Ended are the
	// findings that end by that; nil: as before.
	Accepted *Expected
	Ended    []Finding
}

// BeginChange records that things of the groups are about to change, so that polls can tell
// this change from others, also if the server crashes before it is recorded.
func (s *Store) BeginChange(ctx context.Context, c GroupChange) error {
	var all []statement
	for _, group := range c.Groups {
		all = append(all, c.mark(group, s.Now()))
	}
	_, err := s.execBatch(ctx, all...)
	return wrap(err, "note what request %s changes", c.RequestID)
}

func (c GroupChange) mark(group int64, at time.Time) statement {
	return statement{
		`INSERT INTO group_change (request_id, org_id, group_id, things, at) VALUES (?1, ?2, ?3, ?4, ?5)
			ON CONFLICT (request_id, group_id) DO UPDATE SET things = excluded.things, at = excluded.at`,
		[]any{c.RequestID, c.OrgID, group, strings.Join(c.Things, "\n"), Micros(at)},
	}
}

// end returns the SQL that records what became of the change.
func (c GroupChange) end(at time.Time) []statement {
	all := edits(c.OrgID, c.Edits)
	for _, e := range c.Edits {
		if e.Kind == DetachRepo {
			all = append(all, dropAccess(c.OrgID, e.GroupID, e.ID))
		}
	}
	if c.Accepted != nil {
		all = append(all, putExpected(c.OrgID, c.Groups[0], *c.Accepted, at)...)
	}
	for _, f := range c.Ended {
		all = append(all, statement{
			`UPDATE finding SET resolved_at = ?5 WHERE org_id = ?1 AND group_id = ?2 AND kind = ?3 AND subject_id = ?4 AND resolved_at = 0`,
			[]any{c.OrgID, c.Groups[0], f.Kind, f.SubjectID, Micros(at)},
		})
	}
	if len(c.Things) == 0 {
		return append(all, statement{`DELETE FROM group_change WHERE request_id = ?1`, []any{c.RequestID}})
	}
	for _, group := range c.Groups {
		all = append(all, c.mark(group, at))
	}
	return all
}

// A ChangeMark is a change that is under way, or of which nobody knows whether it was made.
type ChangeMark struct {
	RequestID string
	Things    []string
	At        time.Time
}

func changeMarks(ctx context.Context, q Querier, orgID, groupID int64) ([]ChangeMark, error) {
	return Collect(ctx, q, func(row Row) (ChangeMark, error) {
		var m ChangeMark
		var things string
		var at int64
		err := row.Scan(&m.RequestID, &things, &at)
		m.Things, m.At = strings.Fields(things), FromMicros(at)
		return m, err
	}, `SELECT request_id, things, at FROM group_change WHERE org_id = ?1 AND group_id = ?2 ORDER BY request_id`, orgID, groupID)
}
