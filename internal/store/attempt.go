package store

import (
	"context"
	"errors"
	"strings"
	"time"
)

// An Attempt is a command that was started: what it saw then, and what it changed. All
// attempts at one request share a row, that of the first.
type Attempt struct {
	Seq         int64 // given by the database, in the order of the starts
	RequestID   string
	OrgID       int64
	TeamID      int64
	OtherTeamID int64 // 0: none
	Command     string
	Caller      string // login, or "operator"
	StartedAt   time.Time
	Saw         string // JSON
	Changed     []string
	ChangedAt   time.Time // zero: it changed nothing
}

const attemptColumns = `request_id, org_id, team_id, other_team_id, command, caller, started_at, saw, changed, changed_at`

func scanAttempt(row Row) (Attempt, error) {
	var a Attempt
	var started, at int64
	var changed string
	err := row.Scan(&a.Seq, &a.RequestID, &a.OrgID, &a.TeamID, &a.OtherTeamID, &a.Command, &a.Caller, &started, &a.Saw, &changed, &at)
	a.StartedAt, a.ChangedAt = FromMicros(started), FromMicros(at)
	a.Changed = strings.Fields(changed)
	return a, err
}

func (a Attempt) args() []any {
	return []any{
		a.RequestID, a.OrgID, a.TeamID, a.OtherTeamID, a.Command, cut(a.Caller), Micros(a.StartedAt), a.Saw,
		strings.Join(a.Changed, "\n"), Micros(a.ChangedAt),
	}
}

// start inserts the attempt if it is the first at its request and guard is true. Guard is
// an SQL condition with the args, from ?11 on.
func (a Attempt) start(guard string, args ...any) statement {
	return statement{
		`INSERT INTO attempt (` + attemptColumns + `)
			SELECT CAST(?1 AS TEXT), CAST(?2 AS BIGINT), CAST(?3 AS BIGINT), CAST(?4 AS BIGINT), CAST(?5 AS TEXT),
				CAST(?6 AS TEXT), CAST(?7 AS BIGINT), CAST(?8 AS TEXT), CAST(?9 AS TEXT), CAST(?10 AS BIGINT)
			WHERE ` + guard + ` ON CONFLICT (request_id) DO NOTHING`,
		append(a.args(), args...),
	}
}

// outcome records what the attempt changed, in the row of the first attempt if there is one.
func (a Attempt) outcome() statement {
	return statement{
		`INSERT INTO attempt (` + attemptColumns + `) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
			ON CONFLICT (request_id) DO UPDATE SET changed = excluded.changed, changed_at = excluded.changed_at`,
		a.args(),
	}
}

// Start appends the entry to the audit. If attempt is not nil and the first at its request,
// it is recorded too.
func (s *Store) Start(ctx context.Context, e Entry, attempt *Attempt) error {
	all := []statement{{`INSERT INTO audit (` + auditColumns + `) VALUES (` + auditValues + `)`, s.auditArgs(e)}}
	if attempt != nil {
		all = append(all, attempt.start("1 = 1"))
	}
	_, err := s.execBatch(ctx, all...)
	return wrap(err, "write the audit")
}

// Saw replaces what the first attempt at the request saw.
func (s *Store) Saw(ctx context.Context, requestID, saw string) error {
	_, err := s.Exec(ctx, `UPDATE attempt SET saw = ?2 WHERE request_id = ?1`, requestID, saw)
	return wrap(err, "note what request %s acts on", requestID)
}

// AttemptOf returns the first attempt at the request, or ErrNotFound if it was never started.
func (s *Store) AttemptOf(ctx context.Context, requestID string) (Attempt, error) {
	a, err := scanAttempt(s.Reader().QueryRow(ctx, `SELECT seq, `+attemptColumns+` FROM attempt WHERE request_id = ?1`, requestID))
	if errors.Is(err, ErrNotFound) {
		return a, ErrNotFound
	}
	return a, wrap(err, "read the first attempt at request %s", requestID)
}

// ChangesSince returns the attempts that were started after first, changed something, and
// have one of its teams, newest first.
func (s *Store) ChangesSince(ctx context.Context, first Attempt) ([]Attempt, error) {
	other := first.OtherTeamID
	if other == 0 {
		other = first.TeamID
	}
	all, err := Collect(ctx, s.Reader(), scanAttempt, `SELECT seq, `+attemptColumns+` FROM attempt
		WHERE org_id = ?1 AND seq > ?2 AND changed_at <> 0
			AND (team_id IN (CAST(?3 AS BIGINT), CAST(?4 AS BIGINT)) OR other_team_id <> 0 AND other_team_id IN (CAST(?3 AS BIGINT), CAST(?4 AS BIGINT)))
		ORDER BY seq DESC`, first.OrgID, first.Seq, first.TeamID, other)
	return all, wrap(err, "read what was changed since request %s", first.RequestID)
}

// ChangedBy returns all things that attempts at the command changed since then.
func (s *Store) ChangedBy(ctx context.Context, orgID int64, command string, since time.Time) ([]string, error) {
	all, err := Collect(ctx, s.Reader(), scanAttempt, `SELECT seq, `+attemptColumns+` FROM attempt
		WHERE org_id = ?1 AND command = ?2 AND started_at >= ?3 AND changed_at <> 0`, orgID, command, Micros(since))
	var things []string
	for _, a := range all {
		things = append(things, a.Changed...)
	}
	return things, wrap(err, "read what %s changed", command)
}
