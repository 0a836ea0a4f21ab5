package store

import (
	"context"
	"time"
)

// A Removal is that of a runner that was offline for too long.
type Removal struct {
	OrgID        int64
	GroupID      int64
	RunnerID     int64
	Name         string
	OfflineSince time.Time
	At           time.Time
}

// BeginRemoval records a removal that is about to be made, and reports whether it may be: no
// more than most of the group's runners are removed between since and now.
func (s *Store) BeginRemoval(ctx context.Context, r Removal, since time.Time, most int) (bool, error) {
	n, err := s.Exec(ctx, `INSERT INTO removal (org_id, group_id, runner_id, name, offline_since, at)
		SELECT CAST(?1 AS BIGINT), CAST(?2 AS BIGINT), CAST(?3 AS BIGINT), CAST(?4 AS TEXT), CAST(?5 AS BIGINT), CAST(?6 AS BIGINT)
		WHERE (SELECT count(*) FROM removal WHERE org_id = ?1 AND group_id = ?2 AND at > ?7) < ?8
		ON CONFLICT (org_id, runner_id) DO UPDATE SET group_id = excluded.group_id, name = excluded.name,
			offline_since = excluded.offline_since, at = excluded.at`,
		r.OrgID, r.GroupID, r.RunnerID, cut(r.Name), Micros(r.OfflineSince), Micros(r.At), Micros(since), most)
	return n > 0, wrap(err, "record the removal of runner %d", r.RunnerID)
}

// UndoRemoval forgets a removal that was not made.
func (s *Store) UndoRemoval(ctx context.Context, r Removal) error {
	_, err := s.Exec(ctx, `DELETE FROM removal WHERE org_id = ?1 AND runner_id = ?2`, r.OrgID, r.RunnerID)
	return wrap(err, "forget the removal of runner %d", r.RunnerID)
}

// Removals returns the removals in the organization since then, the newest first. One whose
// runner the last poll still saw is left out: it was cut off.
func (s *Store) Removals(ctx context.Context, orgID int64, since time.Time) ([]Removal, error) {
	list, err := Collect(ctx, s.Reader(), func(row Row) (Removal, error) {
		var r Removal
		var offline, at int64
		err := row.Scan(&r.OrgID, &r.GroupID, &r.RunnerID, &r.Name, &offline, &at)
		r.OfflineSince, r.At = FromMicros(offline), FromMicros(at)
		return r, err
	}, `SELECT m.org_id, m.group_id, m.runner_id, m.name, m.offline_since, m.at FROM removal m WHERE m.org_id = ?1 AND m.at >= ?2
		AND NOT EXISTS (SELECT 1 FROM runner r WHERE r.org_id = m.org_id AND r.runner_id = m.runner_id AND r.gone_at = 0)
		ORDER BY m.at DESC, m.runner_id DESC`, orgID, Micros(since))
	return list, wrap(err, "read the removals")
}
