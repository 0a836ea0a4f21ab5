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
	ID        int64     // given by the database
	At        time.Time // in a list: when the request was first recorded
	OrgID     int64
	Org       string
	Team      string // slug
	TeamID    int64  // 0 if the team was not known yet
	CallerID  int64
	Caller    string // login, "operator" or "workflow:OWNER/NAME@RUN"
	Channel   string
	Command   string
	Args      string // without secrets; cut at 1 kB
	Outcome   string // Asked, Done, Refused or Failed
	Reason    string
	RequestID string // joins what was asked and its outcome
	Count     int    // how many this row counts; 0 is taken as 1
	Changed   bool   // whether it changed something or revealed a secret
	Source    Source // the comment that it came from; zero: none
	// Workflow is the job of GitHub Actions that the caller is; zero: it is none.
	Workflow WorkflowRun
	Diff     Diff   // what it changed; cut if that is much
	Undo     string // the lines that reverse that, to be pasted into a comment; empty if there are none
}

// A WorkflowRun is what GitHub says of a job beside its repository and run.
type WorkflowRun struct {
	Actor       string // login of who triggered it
	Ref         string // refs/heads/main
	WorkflowRef string // OWNER/NAME/.github/workflows/FILE@REF
}

// A Source is the comment in the organization's admin repository that holds a command.
type Source struct {
	Repo    string // name, without the organization
	Issue   int    // number
	Comment int64  // id
}

// The outcomes of an entry. Asked is written before the command starts.
const (
	Asked   = "asked"
	Done    = "done"
	Refused = "refused"
	Failed  = "failed"
)

const maxAuditText = 1024 // bytes; texts may come from outside

const auditColumns = `at, org_id, org, team_id, team, caller_id, caller, channel, command, args, outcome, reason, request_id, count,
	changed, repo, issue, comment_id, actor, ref, workflow_ref, diff, undo, started_at`

// auditValues are the values of the arguments that [Store.auditArgs] returns. All rows of a
// request start when the first was written.
const auditValues = `?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23,
	coalesce((SELECT min(o.started_at) FROM audit o
		WHERE CAST(?13 AS TEXT) <> '' AND o.request_id = ?13 AND o.command = ?9 AND o.minute IS NULL), CAST(?1 AS BIGINT))`

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
	changed := 0
	if e.Changed {
		changed = 1
	}
	if len(e.Undo) > maxUndo { // half a line is none
		e.Undo = ""
	}
	return []any{
		Micros(e.At), e.OrgID, cut(e.Org), e.TeamID, cut(e.Team), e.CallerID, cut(e.Caller), e.Channel, cut(e.Command),
		cut(e.Args), e.Outcome, cut(e.Reason), cut(e.RequestID), max(e.Count, 1),
		changed, cut(e.Source.Repo), e.Source.Issue, e.Source.Comment,
		cut(e.Workflow.Actor), cut(e.Workflow.Ref), cut(e.Workflow.WorkflowRef), e.Diff.encode(), clean(e.Undo),
	}
}

// clean masks tokens in text, and replaces what PostgreSQL cannot store.
func clean(text string) string {
	return secret.MaskTokens(strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD"))
}

// cut cleans text. If it is longer than maxAuditText, it is cut between characters and ends
// in "…".
func cut(text string) string {
	text = clean(text)
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
