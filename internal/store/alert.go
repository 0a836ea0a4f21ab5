package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"time"
)

// An Alert is the issue that lists what is wrong with a team's group, as this server last
// left or saw it.
type Alert struct {
	OrgID  int64
	TeamID int64
	Issue  int // its number; 0: there is none
	Open   bool
	// MentionedAt is the last comment that mentions the team; zero: there is none.
	MentionedAt time.Time
	// ClearSince is since when nothing is wrong; zero: something is.
	ClearSince time.Time
	State      AlertState
}

// An AlertState is what of an issue decides what to do about it next. Findings are named by
// keys that the caller chooses.
type AlertState struct {
	Slug   string `json:"slug"`   // of the team, in the issue's label
	Title  string `json:"title"`  // as this server wrote it
	Digest string `json:"digest"` // of the body that this server wrote
	// Shown are the findings that this body lists.
	Shown []string `json:"shown,omitempty"`
	// Known are the findings of which the team knows: they were in a comment that mentioned
	// it, or in the issue when somebody closed or deleted it.
	Known []string `json:"known,omitempty"`
	// CreatingAt is when this server began to create an issue that is not on record yet.
	CreatingAt time.Time `json:"creatingAt,omitzero"`
	// Pending is a comment that may have been posted or not.
	Pending *AlertComment `json:"pending,omitempty"`
}

// An AlertComment is a comment that mentions the team.
type AlertComment struct {
	ID      string    `json:"id"` // in its hidden marker
	At      time.Time `json:"at"`
	Keys    []string  `json:"keys,omitempty"`    // of its findings
	Notices []string  `json:"notices,omitempty"` // ids of its notices
}

const alertColumns = `org_id, team_id, issue, is_open, mentioned_at, clear_since, state`

func scanAlert(row Row) (Alert, error) {
	var a Alert
	var open, mentioned, healthy int64
	var state string
	err := row.Scan(&a.OrgID, &a.TeamID, &a.Issue, &open, &mentioned, &healthy, &state)
	a.Open, a.MentionedAt, a.ClearSince = open != 0, FromMicros(mentioned), FromMicros(healthy)
	if err == nil {
		err = json.Unmarshal([]byte(state), &a.State)
	}
	return a, err
}

// Alerts returns the organization's alerts, by the team's id.
func (s *Store) Alerts(ctx context.Context, orgID int64) (map[int64]Alert, error) {
	list, err := Collect(ctx, s.Reader(), scanAlert, `SELECT `+alertColumns+` FROM alert WHERE org_id = ?1`, orgID)
	alerts := make(map[int64]Alert, len(list))
	for _, a := range list {
		alerts[a.TeamID] = a
	}
	return alerts, wrap(err, "read the alerts")
}

// Alert returns the team's alert; one without an issue if none was recorded.
func (s *Store) Alert(ctx context.Context, orgID, teamID int64) (Alert, error) {
	a, err := scanAlert(s.Reader().QueryRow(ctx, `SELECT `+alertColumns+` FROM alert WHERE org_id = ?1 AND team_id = ?2`, orgID, teamID))
	if errors.Is(err, ErrNotFound) {
		return Alert{OrgID: orgID, TeamID: teamID}, nil
	}
	return a, wrap(err, "read the alert of team %d", teamID)
}

// PutAlert records the alert, and in the same transaction forgets the notices with these ids,
// which it has passed on.
func (s *Store) PutAlert(ctx context.Context, a Alert, notices ...string) error {
	state, err := json.Marshal(a.State)
	if err != nil {
		return wrap(err, "record the alert of team %d", a.TeamID)
	}
	all := []statement{{
		`INSERT INTO alert (` + alertColumns + `) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
			ON CONFLICT (org_id, team_id) DO UPDATE SET issue = excluded.issue, is_open = excluded.is_open,
				mentioned_at = excluded.mentioned_at, clear_since = excluded.clear_since, state = excluded.state`,
		[]any{a.OrgID, a.TeamID, a.Issue, flag(a.Open), Micros(a.MentionedAt), Micros(a.ClearSince), string(state)},
	}}
	for _, id := range notices {
		all = append(all, statement{`DELETE FROM alert_notice WHERE id = ?1`, []any{id}})
	}
	_, err = s.execBatch(ctx, all...)
	return wrap(err, "record the alert of team %d", a.TeamID)
}

// A Notice is a message for a team in its issue, beside findings.
type Notice struct {
	ID     string
	OrgID  int64
	TeamID int64
	At     time.Time
	Text   string // Markdown
}

// AddNotice records a notice for the team.
func (s *Store) AddNotice(ctx context.Context, orgID, teamID int64, text string) error {
	err := addNotice(ctx, s, Notice{ID: rand.Text(), OrgID: orgID, TeamID: teamID, At: s.Now(), Text: text})
	return wrap(err, "record a notice for team %d", teamID)
}

func addNotice(ctx context.Context, q Querier, n Notice) error {
	_, err := q.Exec(ctx, `INSERT INTO alert_notice (id, org_id, team_id, at, text) VALUES (?1, ?2, ?3, ?4, ?5)`,
		n.ID, n.OrgID, n.TeamID, Micros(n.At), cut(n.Text))
	return err
}

// Notices returns the organization's notices that were not passed on yet, the oldest first.
func (s *Store) Notices(ctx context.Context, orgID int64) ([]Notice, error) {
	list, err := Collect(ctx, s.Reader(), func(row Row) (Notice, error) {
		var n Notice
		var at int64
		err := row.Scan(&n.ID, &n.OrgID, &n.TeamID, &at, &n.Text)
		n.At = FromMicros(at)
		return n, err
	}, `SELECT id, org_id, team_id, at, text FROM alert_notice WHERE org_id = ?1 ORDER BY at, id`, orgID)
	return list, wrap(err, "read the notices")
}
