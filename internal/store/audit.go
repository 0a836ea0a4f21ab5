package store

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// An Entry of the audit log records that a command was requested, or its outcome.
type Entry struct {
	ID        int64 // given by the database
	At        time.Time
	OrgID     int64
	Org       string
	Team      string // slug
	TeamID    int64  // 0 if the team was not known yet
	CallerID  int64
	Caller    string // login, or "operator"
	Channel   string
	Command   string
	Args      string // without secrets; cut at 1 kB
	Outcome   string // Asked, Done, Refused or Failed
	Reason    string
	RequestID string // joins what was asked and its outcome
	Count     int    // how many this row counts; 0 is taken as 1
}

// The outcomes of an entry. Asked is written before the command starts.
const (
	Asked   = "asked"
	Done    = "done"
	Refused = "refused"
	Failed  = "failed"
)

const maxAuditText = 1024 // bytes; texts may come from outside

const auditColumns = `at, org_id, org, team_id, team, caller_id, caller, channel, command, args, outcome, reason, request_id, count`

const auditValues = `?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14`

// Audit appends the entry to the audit log. If its At is zero, it gets the present time.
func (s *Store) Audit(ctx context.Context, e Entry) error {
	_, err := s.Exec(ctx, `INSERT INTO audit (`+auditColumns+`)
		VALUES (`+auditValues+`)`, s.auditArgs(e)...)
	return wrap(err, "write the audit")
}

// AuditCount appends the entry. If the same caller has a row for the same team, command and
// reason in the same minute, it adds to that row's count instead, so that a flood of
// refusals stays small.
func (s *Store) AuditCount(ctx context.Context, e Entry) error {
	args := s.auditArgs(e)
	_, err := s.Exec(ctx, `INSERT INTO audit (`+auditColumns+`, minute)
		VALUES (`+auditValues+`, CAST(?1 AS BIGINT) / 60000000)
		ON CONFLICT (org_id, caller_id, caller, team, command, reason, minute) WHERE minute IS NOT NULL
		DO UPDATE SET count = audit.count + excluded.count`, args...)
	return wrap(err, "write the audit")
}

func (s *Store) auditArgs(e Entry) []any {
	if e.At.IsZero() {
		e.At = s.Now()
	}
	return []any{
		Micros(e.At), e.OrgID, cut(e.Org), e.TeamID, cut(e.Team), e.CallerID, cut(e.Caller), e.Channel, cut(e.Command),
		cut(e.Args), e.Outcome, cut(e.Reason), cut(e.RequestID), max(e.Count, 1),
	}
}

// An AuditQuery chooses entries. Zero fields choose all.
type AuditQuery struct {
	OrgID  int64
	TeamID int64     // with Team: also what was asked for that slug before its id was known
	Team   string    // slug
	Since  time.Time // inclusive
	Limit  int       // 0: 100
}

// rowsPerEntry is more than the rows that make up an entry of the list: one for each
// attempt, and one for each outcome.
const rowsPerEntry = 8

// AuditList returns entries, newest first. A request and its outcome are one entry, with
// the time of the request. If there are several outcomes, the last one counts; if there is
// none, the entry's outcome is Asked. AuditList looks only at the newest rows, so that its
// cost does not grow with the audit log.
func (s *Store) AuditList(ctx context.Context, q AuditQuery) ([]Entry, error) {
	if q.Limit <= 0 {
		q.Limit = 100
	}
	list, err := Collect(ctx, s.Reader(), scanEntry, `
		SELECT id, coalesce((SELECT min(o.at) FROM audit o
				WHERE o.request_id = a.request_id AND o.command = a.command AND a.request_id <> '' AND o.minute IS NULL AND a.minute IS NULL), at) AS asked_at,
			org_id, org, team_id, team, caller_id, caller, channel, command, args, outcome, reason, request_id, count
		FROM (SELECT * FROM audit
			WHERE org_id = ?1 AND at >= ?2
				AND (CAST(?3 AS BIGINT) = 0 OR team_id = ?3 OR (team_id = 0 AND team = ?4))
				AND (CAST(?3 AS BIGINT) <> 0 OR CAST(?4 AS TEXT) = '' OR team = ?4)
			ORDER BY at DESC LIMIT ?6) a
		WHERE (minute IS NOT NULL OR request_id = '' OR NOT EXISTS (SELECT 1 FROM audit o
				WHERE o.request_id = a.request_id AND o.command = a.command AND o.minute IS NULL
				AND CASE WHEN o.outcome = 'asked' THEN 0 ELSE 1 END * 4611686018427387904 + o.id
				  > CASE WHEN a.outcome = 'asked' THEN 0 ELSE 1 END * 4611686018427387904 + a.id))
		ORDER BY asked_at DESC, id DESC LIMIT ?5`,
		q.OrgID, Micros(q.Since), q.TeamID, q.Team, q.Limit, q.Limit*rowsPerEntry)
	return list, wrap(err, "read the audit")
}

func scanEntry(row Row) (Entry, error) {
	var e Entry
	var at int64
	err := row.Scan(&e.ID, &at, &e.OrgID, &e.Org, &e.TeamID, &e.Team, &e.CallerID, &e.Caller, &e.Channel, &e.Command,
		&e.Args, &e.Outcome, &e.Reason, &e.RequestID, &e.Count)
	e.At = FromMicros(at)
	return e, err
}

// cut masks tokens in text, and replaces what PostgreSQL cannot store. If text is longer
// than maxAuditText, it is cut between characters and ends in "…".
func cut(text string) string {
	text = secret.MaskTokens(strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD"))
	if len(text) <= maxAuditText {
		return text
	}
	const more = "…"
	n := maxAuditText - len(more)
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + more
}
