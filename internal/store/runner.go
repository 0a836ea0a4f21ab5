package store

import (
	"context"
	"encoding/json"
	"time"
)

// A Runner is what the polls have seen of a runner of a recorded group. Times are those of
// polls.
type Runner struct {
	ID        int64
	GroupID   int64
	Name      string
	OS        string
	Version   string // "" if GitHub does not say
	Ephemeral bool
	Online    bool
	Busy      bool
	FirstSeen time.Time
	JoinedAt  time.Time // when it was first seen in this group
	AbsentAt  time.Time // the last poll of this group before that; zero: none
	// LastOnline and LastBusy are zero if it never was.
	LastOnline, LastBusy time.Time
	// OfflineSince is the first poll that saw it offline; zero: it is online.
	OfflineSince time.Time
	// WatchedSince is OfflineSince, or the first poll after polls were missed since: the
	// runner was offline from then on without a break. Zero: it is online.
	WatchedSince time.Time
	GoneAt       time.Time // the first poll that did not show it in its group; zero: it is there
}

// While a runner is there and online or busy, the last time is that of its group's last poll.
const runnerColumns = `r.runner_id, r.group_id, r.name, r.os, r.version, r.ephemeral, r.online, r.busy, r.first_seen, r.joined_at, r.absent_at,
	CASE WHEN r.online = 1 AND r.gone_at = 0 THEN coalesce(p.at, r.last_online) ELSE r.last_online END,
	CASE WHEN r.busy = 1 AND r.gone_at = 0 THEN coalesce(p.at, r.last_busy) ELSE r.last_busy END,
	r.offline_since, r.watched_since, r.gone_at`

const runnerTables = ` FROM runner r LEFT JOIN group_poll p ON p.org_id = r.org_id AND p.group_id = r.group_id `

func scanRunner(row Row) (Runner, error) {
	var r Runner
	var ephemeral, online, busy int64
	var times [8]int64
	err := row.Scan(&r.ID, &r.GroupID, &r.Name, &r.OS, &r.Version, &ephemeral, &online, &busy,
		&times[0], &times[1], &times[2], &times[3], &times[4], &times[5], &times[6], &times[7])
	r.Ephemeral, r.Online, r.Busy = ephemeral != 0, online != 0, busy != 0
	for i, at := range []*time.Time{&r.FirstSeen, &r.JoinedAt, &r.AbsentAt, &r.LastOnline, &r.LastBusy, &r.OfflineSince, &r.WatchedSince, &r.GoneAt} {
		*at = FromMicros(times[i])
	}
	return r, err
}

// GroupRunners returns the runners that the last poll of the group saw, in order of names.
func (s *Store) GroupRunners(ctx context.Context, orgID, groupID int64) ([]Runner, error) {
	runners, err := Collect(ctx, s.Reader(), scanRunner, `SELECT `+runnerColumns+runnerTables+`
		WHERE r.org_id = ?1 AND r.group_id = ?2 AND r.gone_at = 0 ORDER BY r.name, r.runner_id`, orgID, groupID)
	return runners, wrap(err, "read the runners of group %d", groupID)
}

// Runners returns what is on record of the runners with these ids, by id. Those that no poll
// saw are missing.
func (s *Store) Runners(ctx context.Context, orgID int64, ids []int64) (map[int64]Runner, error) {
	found := make(map[int64]Runner, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	runners, err := Collect(ctx, s.Reader(), scanRunner, `SELECT `+runnerColumns+runnerTables+`
		WHERE r.org_id = ?1 AND r.runner_id IN (`+s.elementsOf("?2")+`)`, orgID, idList(ids))
	for _, r := range runners {
		found[r.ID] = r
	}
	return found, wrap(err, "read the runners")
}

// idList writes ids for elementsOf.
func idList(ids []int64) string {
	text, _ := json.Marshal(ids) //nolint:errchkjson // numbers always marshal
	return string(text)
}

// elementsOf returns SQL for the numbers of the JSON list that arg holds.
func (s *Store) elementsOf(arg string) string {
	if s.dialect == SQLite {
		return `SELECT value FROM json_each(` + arg + `)`
	}
	return `SELECT value::bigint FROM jsonb_array_elements_text(CAST(` + arg + ` AS jsonb))`
}

func putRunner(orgID int64, r Runner) statement {
	return statement{
		`INSERT INTO runner (org_id, runner_id, group_id, name, os, version, ephemeral, online, busy,
				first_seen, joined_at, absent_at, last_online, last_busy, offline_since, watched_since, gone_at)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
			ON CONFLICT (org_id, runner_id) DO UPDATE SET group_id = excluded.group_id, name = excluded.name, os = excluded.os,
				version = excluded.version, ephemeral = excluded.ephemeral, online = excluded.online, busy = excluded.busy,
				joined_at = excluded.joined_at, absent_at = excluded.absent_at, last_online = excluded.last_online,
				last_busy = excluded.last_busy, offline_since = excluded.offline_since, watched_since = excluded.watched_since,
				gone_at = excluded.gone_at`,
		[]any{
			orgID, r.ID, r.GroupID, cut(r.Name), cut(r.OS), cut(r.Version), flag(r.Ephemeral), flag(r.Online), flag(r.Busy),
			Micros(r.FirstSeen), Micros(r.JoinedAt), Micros(r.AbsentAt), Micros(r.LastOnline), Micros(r.LastBusy),
			Micros(r.OfflineSince), Micros(r.WatchedSince), Micros(r.GoneAt),
		},
	}
}

// lostRunner marks the runner as gone, unless another group's poll has seen it since.
func lostRunner(orgID int64, r Runner) statement {
	return statement{
		`UPDATE runner SET gone_at = ?4, last_online = ?5, last_busy = ?6 WHERE org_id = ?1 AND runner_id = ?2 AND group_id = ?3 AND gone_at = 0`,
		[]any{orgID, r.ID, r.GroupID, Micros(r.GoneAt), Micros(r.LastOnline), Micros(r.LastBusy)},
	}
}
