package store

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// An AuditQuery chooses entries. Zero fields choose all.
type AuditQuery struct {
	OrgID   int64
	TeamID  int64     // with Team: also what was asked for that slug before its id was known
	Team    string    // slug
	Since   time.Time // inclusive
	Before  time.Time // exclusive
	Caller  string    // login, in any case
	Command string
	Changes bool // only what changed something or revealed a secret
	Limit   int  // 0: 100
}

// An entry of the list is made of a row for each attempt and one for each outcome. So many
// rows are read for it on average, and some more.
const (
	rowsPerEntry = 8
	moreRows     = 100
	// searchedRows is how many of the newest rows that one filter chooses are searched for what
	// the others choose.
	searchedRows = 20_000
)

// AuditList returns entries, newest first. A request and its outcome are one entry, with
// the time of the request. If there are several outcomes, the last one counts; if there is
// none, the entry's outcome is Asked. AuditList looks only at the newest rows, which it finds
// by an index for each filter, so that its cost does not grow with the audit log. If there are
// several filters, it searches the newest 20,000 rows of one of them: those of the team, else
// of the caller, else of the command.
func (s *Store) AuditList(ctx context.Context, q AuditQuery) ([]Entry, error) {
	query, args := q.sql(s.dialect)
	list, err := Collect(ctx, s.Reader(), scanEntry, query, args...)
	return list, wrap(err, "read the audit")
}

// sql returns the query of the entries: of the rows of one request only the last outcome.
func (q AuditQuery) sql(dialect Dialect) (query string, args []any) {
	if q.Limit <= 0 {
		q.Limit = 100
	}
	rows, args := q.rows(dialect)
	args = append(args, q.Limit)
	return `SELECT id, ` + auditColumns + ` FROM (` + rows + `) a
		WHERE ` + lastOutcome + `
		ORDER BY started_at DESC, id DESC LIMIT ?` + fmt.Sprint(len(args)), args
}

// lastOutcome chooses of the rows of one request in "a" the last outcome.
const lastOutcome = `(minute IS NOT NULL OR request_id = '' OR NOT EXISTS (SELECT 1 FROM audit o
			WHERE o.request_id = a.request_id AND o.command = a.command AND o.minute IS NULL
				AND CASE WHEN o.outcome = 'asked' THEN 0 ELSE 1 END * 4611686018427387904 + o.id
				  > CASE WHEN a.outcome = 'asked' THEN 0 ELSE 1 END * 4611686018427387904 + a.id))`

// rows returns the query of the newest rows that q chooses.
func (q AuditQuery) rows(dialect Dialect) (query string, args []any) {
	before := int64(math.MaxInt64)
	if !q.Before.IsZero() {
		before = Micros(q.Before)
	}
	args = []any{q.OrgID, Micros(q.Since), before, q.Limit*rowsPerEntry + moreRows}
	bind := func(value any) string {
		args = append(args, value)
		return fmt.Sprintf("?%d", len(args))
	}
	var filters []auditFilter
	if q.Caller != "" {
		filters = append(filters, auditFilter{" AND lower(caller) = " + bind(strings.ToLower(q.Caller)), "audit_caller"})
	}
	if q.Command != "" {
		filters = append(filters, auditFilter{" AND command = " + bind(q.Command), "audit_command"})
	}
	if q.Changes {
		filters = append(filters, auditFilter{" AND changed = 1", "audit_changed"})
	}
	switch {
	case q.TeamID != 0:
		byID := auditFilter{" AND team_id <> 0 AND team_id = " + bind(q.TeamID), "audit_team"}
		bySlug := auditFilter{" AND team_id = 0 AND team = " + bind(q.Team), "audit_slug"}
		return `SELECT * FROM (` + byID.newest(dialect, filters) + `) t UNION ALL SELECT * FROM (` + bySlug.newest(dialect, filters) + `) u`, args
	case q.Team != "":
		filters = append(filters, auditFilter{" AND team = " + bind(q.Team), ""})
	}
	if len(filters) == 0 || filters[0].index == "" {
		return auditFilter{"", "audit_org"}.newest(dialect, filters), args
	}
	return filters[0].newest(dialect, filters[1:]), args
}

// An auditFilter is a condition that an index finds the rows of, newest first.
type auditFilter struct{ condition, index string }

// newest returns the query of the newest rows that the filter and the others choose.
func (f auditFilter) newest(dialect Dialect, others []auditFilter) string {
	from := "audit"
	if dialect == SQLite { // which has no statistics to choose by
		from += " INDEXED BY " + f.index
	}
	const newestFirst = ` ORDER BY started_at DESC, id DESC LIMIT `
	rows := `SELECT * FROM ` + from + ` WHERE org_id = ?1 AND started_at >= ?2 AND started_at < ?3` + f.condition + newestFirst
	if len(others) == 0 {
		return rows + `?4`
	}
	conditions := ""
	for _, other := range others {
		conditions += other.condition
	}
	return `SELECT * FROM (` + rows + strconv.Itoa(searchedRows) + `) n WHERE true` + conditions + newestFirst + `?4`
}

func scanEntry(row Row) (Entry, error) {
	var e Entry
	var at, changed, started int64
	var diff string
	err := row.Scan(&e.ID, &at, &e.OrgID, &e.Org, &e.TeamID, &e.Team, &e.CallerID, &e.Caller, &e.Channel, &e.Command,
		&e.Args, &e.Outcome, &e.Reason, &e.RequestID, &e.Count, &changed, &e.Source.Repo, &e.Source.Issue, &e.Source.Comment,
		&e.Workflow.Actor, &e.Workflow.Ref, &e.Workflow.WorkflowRef, &diff, &e.Undo, &started)
	e.At, e.Changed = FromMicros(started), changed != 0
	if err == nil {
		e.Diff, err = decodeDiff(diff)
	}
	return e, err
}
