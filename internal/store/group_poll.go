package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// A Poll is a recorded group as its last complete poll saw it.
type Poll struct {
	OrgID   int64
	GroupID int64
	At      time.Time
	// LookedAt is the last poll that read what is read hourly: the team's permissions and
	// maintainers.
	LookedAt time.Time
	// NoneOnlineSince is the first poll that saw all runners offline; zero: one is online, or
	// there are none.
	NoneOnlineSince time.Time

	Idle, Busy, Offline int // runners; they add up to all of the group
	Outdated            int // runners for which there is a newer release
	Group               PolledGroup
}

// A PolledGroup is what GitHub said of a group, its runners excepted.
type PolledGroup struct {
	Deleted    bool         `json:"deleted,omitempty"` // the rest is as it was before
	Name       string       `json:"name"`
	Visibility string       `json:"visibility"`
	Public     bool         `json:"public,omitempty"`
	Workflows  *[]string    `json:"workflows,omitempty"` // nil: not limited to some
	Repos      []PolledRepo `json:"repos,omitempty"`
	// Team is what the last hourly look found; nil: there was none.
	Team *PolledTeam `json:"team,omitempty"`
}

// A PolledRepo is a repository that is attached to a group.
type PolledRepo struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Public   bool   `json:"public,omitempty"`
	Archived bool   `json:"archived,omitempty"`
}

// A PolledTeam is a team that owns a group.
type PolledTeam struct {
	Deleted     bool             `json:"deleted,omitempty"`
	Maintainers int              `json:"maintainers"`
	Permissions map[int64]string `json:"permissions,omitempty"` // on attached repositories, by id; "": none
}

const pollColumns = `org_id, group_id, at, looked_at, none_online_since, idle, busy, offline, outdated, state`

func scanPoll(row Row) (Poll, error) {
	var p Poll
	var at, looked, none int64
	var state string
	err := row.Scan(&p.OrgID, &p.GroupID, &at, &looked, &none, &p.Idle, &p.Busy, &p.Offline, &p.Outdated, &state)
	p.At, p.LookedAt, p.NoneOnlineSince = FromMicros(at), FromMicros(looked), FromMicros(none)
	if err == nil {
		err = json.Unmarshal([]byte(state), &p.Group)
	}
	return p, err
}

// PollTimes returns when each of the organization's groups was last polled completely, by the
// group's id. Groups that were never polled are missing.
func (s *Store) PollTimes(ctx context.Context, orgID int64) (map[int64]time.Time, error) {
	times := map[int64]time.Time{}
	_, err := Collect(ctx, s.Reader(), func(row Row) (struct{}, error) {
		var id, at int64
		err := row.Scan(&id, &at)
		times[id] = FromMicros(at)
		return struct{}{}, err
	}, `SELECT group_id, at FROM group_poll WHERE org_id = ?1`, orgID)
	return times, wrap(err, "read when groups were polled")
}

// Poll returns the last complete poll of the group; zero if there was none.
func (s *Store) Poll(ctx context.Context, orgID, groupID int64) (Poll, error) {
	p, err := scanPoll(s.Reader().QueryRow(ctx, `SELECT `+pollColumns+` FROM group_poll WHERE org_id = ?1 AND group_id = ?2`, orgID, groupID))
	if errors.Is(err, ErrNotFound) {
		return Poll{}, nil
	}
	return p, wrap(err, "read the last poll of group %d", groupID)
}

// A GroupHistory is what is on record of a group, which the next look at it is compared with.
type GroupHistory struct {
	Poll     Poll      // zero: there was none
	Runners  []Runner  // that it saw
	Findings []Finding // that are open
	Expected *Expected // nil: nothing is recorded
	Changes  []ChangeMark
	Leased   bool // a command has the group
}

// GroupHistory returns what is on record of the group. leaseKey is that of its team.
func (s *Store) GroupHistory(ctx context.Context, orgID, groupID int64, leaseKey string) (h GroupHistory, err error) {
	defer func() { err = wrap(err, "read what is on record of group %d", groupID) }()
	// The expected state last: a command that ends meanwhile shows in it.
	if h.Leased, err = s.leased(ctx, s.Reader(), leaseKey); err != nil {
		return h, err
	}
	if h.Changes, err = changeMarks(ctx, s.Reader(), orgID, groupID); err != nil {
		return h, err
	}
	if h.Poll, err = s.Poll(ctx, orgID, groupID); err != nil {
		return h, err
	}
	if h.Runners, err = s.GroupRunners(ctx, orgID, groupID); err != nil {
		return h, err
	}
	if h.Findings, err = s.GroupFindings(ctx, orgID, groupID, time.Time{}); err != nil {
		return h, err
	}
	expected, err := s.ExpectedOf(ctx, orgID, groupID)
	if err == nil {
		h.Expected = &expected
	} else if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return h, err
}

// A ChangeState says which commands have changed or are changing a group.
type ChangeState struct {
	Seq     int64 // of the expected state; 0: none is recorded
	Changes []ChangeMark
	Leased  bool
}

// ChangeState returns which commands have changed or are changing the group.
func (s *Store) ChangeState(ctx context.Context, orgID, groupID int64, leaseKey string) (c ChangeState, err error) {
	if c.Leased, err = s.leased(ctx, s.Reader(), leaseKey); err == nil {
		c.Changes, err = changeMarks(ctx, s.Reader(), orgID, groupID)
	}
	if err == nil {
		err = s.Reader().QueryRow(ctx, `SELECT coalesce(max(seq), 0) FROM expected_group WHERE org_id = ?1 AND group_id = ?2`, orgID, groupID).Scan(&c.Seq)
	}
	return c, wrap(err, "read who changes group %d", groupID)
}

func (s *Store) leased(ctx context.Context, q Querier, key string) (bool, error) {
	var n int
	err := q.QueryRow(ctx, `SELECT count(*) FROM lease WHERE key = ?1 AND ends_at > `+s.nowSQL("?2"), key, s.nowArg()).Scan(&n)
	return n > 0, err
}

// A PollResult is what a complete poll of a group came to.
type PollResult struct {
	Poll     Poll
	Previous time.Time // when the poll was that it was compared with
	LeaseKey string    // of the group's team
	Runners  []Runner  // those that changed, also those that are gone
	Findings []Finding // those that changed, also those that are resolved
	Edits    []Edit    // of the expected state: of changes of which nobody knew whether they were made
	Settled  []string  // ids of the requests whose marks are not needed any more
	Baseline *Expected // what is expected from now on, unless something is recorded; nil: nothing
}

// SavePoll records the result in one transaction. It returns ErrConflict, and records
// nothing, if another server recorded a poll of the group since the previous one, or if no
// team owns the group any more.
func (s *Store) SavePoll(ctx context.Context, r PollResult) error {
	err := s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		if err := savePollRow(ctx, tx, r); err != nil {
			return err
		}
		orgID, groupID := r.Poll.OrgID, r.Poll.GroupID
		all := []statement{putSample(orgID, groupID, r.Poll)}
		for _, runner := range r.Runners {
			if runner.GoneAt.IsZero() {
				all = append(all, putRunner(orgID, runner))
			} else {
				all = append(all, lostRunner(orgID, runner))
			}
		}
		for _, f := range r.Findings {
			all = append(all, putFinding(f))
		}
		all = append(all, edits(orgID, r.Edits)...)
		for _, id := range r.Settled {
			all = append(all, statement{`DELETE FROM group_change WHERE request_id = ?1 AND group_id = ?2`, []any{id, groupID}})
		}
		if r.Baseline != nil {
			more, err := s.baseline(ctx, tx, r)
			if err != nil {
				return err
			}
			all = append(all, more...)
		}
		for _, one := range all {
			if _, err := tx.Exec(ctx, one.query, one.args...); err != nil {
				return err
			}
		}
		return nil
	})
	return wrap(err, "record the poll of group %d", r.Poll.GroupID)
}

func savePollRow(ctx context.Context, tx *Tx, r PollResult) error {
	p := r.Poll
	var owned int
	err := tx.QueryRow(ctx, `SELECT count(*) FROM ownership WHERE org_id = ?1 AND group_id = ?2`, p.OrgID, p.GroupID).Scan(&owned)
	if err != nil {
		return err
	}
	state, err := json.Marshal(p.Group)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `INSERT INTO group_poll (`+pollColumns+`) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
		ON CONFLICT (org_id, group_id) DO UPDATE SET at = excluded.at, looked_at = excluded.looked_at, none_online_since = excluded.none_online_since,
			idle = excluded.idle, busy = excluded.busy, offline = excluded.offline, outdated = excluded.outdated, state = excluded.state
			WHERE group_poll.at = ?11`,
		p.OrgID, p.GroupID, Micros(p.At), Micros(p.LookedAt), Micros(p.NoneOnlineSince), p.Idle, p.Busy, p.Offline, p.Outdated, string(state), Micros(r.Previous))
	if err == nil && (n == 0 || owned == 0) {
		err = ErrConflict
	}
	return err
}

// baseline returns the SQL that records what is expected from now on. It is none if
// something is recorded, or if a command has the group: it may have changed what the poll saw.
func (s *Store) baseline(ctx context.Context, tx *Tx, r PollResult) ([]statement, error) {
	leased, err := s.leased(ctx, tx, r.LeaseKey)
	if err != nil || leased {
		return nil, err
	}
	var n int
	err = tx.QueryRow(ctx, `SELECT count(*) FROM expected_group WHERE org_id = ?1 AND group_id = ?2`, r.Poll.OrgID, r.Poll.GroupID).Scan(&n)
	if err != nil || n > 0 {
		return nil, err
	}
	return putExpected(r.Poll.OrgID, r.Poll.GroupID, *r.Baseline, s.Now()), nil
}

// TokensSince returns when tokens that register runners were handed out to the team since
// then, by the audit.
func (s *Store) TokensSince(ctx context.Context, orgID, teamID int64, since time.Time) ([]time.Time, error) {
	times, err := Collect(ctx, s.Reader(), func(row Row) (time.Time, error) {
		var at int64
		err := row.Scan(&at)
		return FromMicros(at), err
	}, `SELECT started_at FROM audit WHERE org_id = ?1 AND team_id = ?2 AND started_at >= ?3
		AND team_id <> 0 AND command IN ('token-register', 'token-jit') AND outcome = 'done' ORDER BY started_at`, orgID, teamID, Micros(since))
	return times, wrap(err, "read when tokens were handed out")
}
