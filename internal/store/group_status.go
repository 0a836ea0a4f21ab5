package store

import (
	"context"
	"encoding/json"
	"time"
)

// A GroupStatus is a recorded group with what its last complete poll saw.
type GroupStatus struct {
	Team    string // slug
	Group   string // name
	GroupID int64

	PolledAt            time.Time      // zero: it was never polled, and the rest is zero
	Repos               int            // attached repositories
	Idle, Busy, Offline int            // runners
	Outdated            int            // runners for which there is a newer release
	Findings            map[string]int // those that count, by severity: see [Finding.Counts]
}

// GroupStatuses returns the status of every recorded group of the organization, in order of
// teams.
func (s *Store) GroupStatuses(ctx context.Context, orgID int64) ([]GroupStatus, error) {
	list, err := Collect(ctx, s.Reader(), scanGroupStatus, `SELECT o.team_slug, o.group_name, o.group_id,
			coalesce(p.at, 0), coalesce(p.idle, 0), coalesce(p.busy, 0), coalesce(p.offline, 0), coalesce(p.outdated, 0), coalesce(p.state, '{}')
		FROM ownership o LEFT JOIN group_poll p ON p.org_id = o.org_id AND p.group_id = o.group_id
		WHERE o.org_id = ?1 ORDER BY o.team_slug, o.team_id`, orgID)
	if err != nil {
		return nil, wrap(err, "read the recorded groups")
	}
	type count struct {
		groupID  int64
		severity string
		n        int
	}
	counts, err := Collect(ctx, s.Reader(), func(row Row) (c count, err error) {
		return c, row.Scan(&c.groupID, &c.severity, &c.n)
	}, `SELECT group_id, severity, count(*) FROM finding
		WHERE org_id = ?1 AND resolved_at = 0 AND polls >= 2 GROUP BY group_id, severity`, orgID)
	byGroup := map[int64]map[string]int{}
	for _, c := range counts {
		if byGroup[c.groupID] == nil {
			byGroup[c.groupID] = map[string]int{}
		}
		byGroup[c.groupID][c.severity] = c.n
	}
	for i := range list {
		list[i].Findings = byGroup[list[i].GroupID]
	}
	return list, wrap(err, "count the findings")
}

func scanGroupStatus(row Row) (g GroupStatus, err error) {
	var at int64
	var state string
	var polled struct{ Repos []struct{} }
	if err = row.Scan(&g.Team, &g.Group, &g.GroupID, &at, &g.Idle, &g.Busy, &g.Offline, &g.Outdated, &state); err == nil {
		err = json.Unmarshal([]byte(state), &polled)
	}
	g.PolledAt, g.Repos = FromMicros(at), len(polled.Repos)
	return g, err
}
