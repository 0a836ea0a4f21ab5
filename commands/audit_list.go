package commands

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// AuditArgs are the arguments of audit-list.
type AuditArgs struct {
	Team    dispatch.Team  `arg:"team" doc:"the team's slug; owners of the organization may leave it out, for all of it" example:"platform"`
	Since   dispatch.Since `arg:"since" doc:"how far back: a date, a time, or how long ago (7d)" example:"7d"`
	Before  dispatch.Since `arg:"before" doc:"only what is older: a date, a time, or how long ago; the time of the last entry continues a list" example:"1d"`
	By      string         `arg:"by" doc:"only what this person requested: a login, in any case" example:"mona"`
	Command string         `arg:"command" doc:"only this command" example:"repos-add"`
	Changes bool           `arg:"changes" doc:"only what changed something or revealed a secret"`
	Limit   int            `arg:"limit" doc:"how many entries at most, the newest first (50; 1000 at most)" example:"50"`
}

// How many entries audit-list shows, and shows at most.
const (
	auditLimit    = 50
	auditLimitTop = 1000
)

// maxCaller bounds --by, in bytes: more than any caller's name has.
const maxCaller = 255

// checkAudit refuses more entries than one answer holds, a command that does not exist, and
// what is nobody's name.
func checkAudit(call *dispatch.Call, a AuditArgs) error {
	_, known := specOf(call, a.Command)
	switch {
	case a.Limit > auditLimitTop:
		return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s: at most %d.", call.ArgumentName("limit"), auditLimitTop)
	case len(a.By) > maxCaller || strings.ContainsAny(a.By, " \t"):
		return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s: %s is not a login.", call.ArgumentName("by"), dispatch.Quote(a.By))
	case a.Command != "" && !known:
		return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s: %s", call.ArgumentName("command"), call.Unknown(a.Command).Message)
	}
	return nil
}

// AuditEntry is one thing that was asked, in an answer.
type AuditEntry struct {
	At        time.Time `json:"at"`
	Caller    string    `json:"caller"`
	CallerID  int64     `json:"callerId"`
	Channel   string    `json:"channel"`
	Team      string    `json:"team"` // "" if the command is not about one
	TeamID    int64     `json:"teamId,omitempty"`
	Command   string    `json:"command"`
	Arguments string    `json:"arguments"`
	Outcome   string    `json:"outcome"` // done, refused, failed; shown: what it would do; asked: it was started, and no outcome is recorded
	Reason    string    `json:"reason,omitempty"`
	Changed   bool      `json:"changed"` // whether it changed something or revealed a secret
	RequestID string    `json:"requestId"`
	Link      *string   `json:"link"`  // the comment's address; null on other channels
	Count     int       `json:"count"` // how often within a minute, for refusals that are counted
	// Workflow is the job of GitHub Actions that the caller is.
	Workflow *AuditWorkflow `json:"workflow,omitempty"`
	// Diff is what it changed; nil if that was nothing.
	*store.Diff
	// Undo are the lines of a comment that reverse that, as of then.
	Undo string `json:"undo,omitempty"`
}

// An AuditWorkflow is what GitHub says of a job beside its repository and run.
type AuditWorkflow struct {
	Actor       string `json:"actor"` // who triggered it
	Ref         string `json:"ref"`
	WorkflowRef string `json:"workflowRef"`
}

// AuditListing is what audit-list answers.
type AuditListing struct {
	Team    string       `json:"team"` // "" for the whole organization
	Entries []AuditEntry `json:"entries"`
}

func auditList() dispatch.Command {
	sampleLink := "https://github.com/acme/runner-admin/issues/1#issuecomment-9001"
	return dispatch.Define(dispatch.Spec{
		Name: "audit-list", Method: http.MethodGet,
		Summary:  "Show the team's audit log, including denied requests",
		Task:     dispatch.TaskActivity,
		Refusals: []dispatch.Reason{dispatch.ReasonGroupNotOwned},
		Details:  "Each entry says what it changed, before and after, with ids and names, and how to reverse that if a command can. It links to its comment.",
		Needs:    dispatch.Maintainer, WholeOrg: true, Effect: dispatch.Reads,
		Sample: dispatch.Result{Response: AuditListing{Team: "platform", Entries: []AuditEntry{{
			At: sampleTime(), Caller: "mona", CallerID: 583231, Channel: string(dispatch.Comment), Team: "platform", Command: "repos-add",
			Arguments: "api,web team=platform", Outcome: "done", Changed: true, RequestID: "0b989ba4-242f-11e5-81e1-c7b6966d2516/0",
			TeamID: 5, Link: &sampleLink, Count: 1, Diff: &store.Diff{
				Group: &store.Named{ID: 7, Name: "platform"}, Before: []store.Part{},
				After: []store.Part{{Kind: store.PartRepo, ID: 3, Name: "api"}, {Kind: store.PartRepo, ID: 4, Name: "web"}},
			}, Undo: dispatch.Spec{}.Slash() + " repos-remove api,web --team platform",
		}}}},
	}, runAuditList, checkAudit)
}

func runAuditList(ctx context.Context, call *dispatch.Call, args AuditArgs) (dispatch.Result, error) {
	limit := args.Limit
	if limit == 0 {
		limit = auditLimit
	}
	now := call.Env.Now()
	command, _ := specOf(call, args.Command)
	found, err := call.Env.Store.AuditList(ctx, store.AuditQuery{
		OrgID: call.OrgID, TeamID: call.Team.ID, Team: call.Team.Slug,
		Since: args.Since.Time(now), Before: args.Before.Time(now),
		Caller: strings.TrimPrefix(args.By, "@"), Command: command.Name, Changes: args.Changes,
		Limit: limit,
	})
	if err != nil {
		return dispatch.Result{}, dispatch.StoreError(err)
	}
	of := fmt.Sprintf("for the team `%s`", call.Team.Slug)
	if call.Team.ID == 0 {
		of = "in " + call.Org.Name()
	}
	entries := make([]AuditEntry, 0, len(found))
	for _, e := range found {
		entries = append(entries, AuditEntryOf(e, call.Env.GitHubURL, call.Org.Name()))
	}
	return dispatch.Result{
		Response: AuditListing{Team: call.Team.Slug, Entries: entries},
		Message:  fmt.Sprintf("The newest %s %s. Times are UTC.", countOf(len(entries), "entry"), of),
		Tables:   auditTables(entries, call.Team.ID == 0),
	}, nil
}

// AuditEntryOf returns the entry as audit-list shows it. The link to its comment begins with
// the address of GitHub.
func AuditEntryOf(e store.Entry, githubURL, org string) AuditEntry {
	entry := AuditEntry{
		At: e.At.UTC(), Caller: e.Caller, CallerID: e.CallerID, Channel: e.Channel, Team: e.Team, TeamID: e.TeamID, Command: e.Command, Arguments: e.Args,
		Outcome: e.Outcome, Reason: e.Reason, Changed: e.Changed, RequestID: e.RequestID, Count: e.Count, Undo: e.Undo,
	}
	if !e.Diff.IsZero() {
		entry.Diff = &e.Diff
	}
	if e.Workflow != (store.WorkflowRun{}) {
		entry.Workflow = &AuditWorkflow{Actor: e.Workflow.Actor, Ref: e.Workflow.Ref, WorkflowRef: e.Workflow.WorkflowRef}
	}
	if e.Source.Comment != 0 {
		link := fmt.Sprintf("%s/%s/%s/issues/%d#issuecomment-%d", strings.TrimSuffix(githubURL, "/"), org, e.Source.Repo, e.Source.Issue, e.Source.Comment)
		entry.Link = &link
	}
	return entry
}

// auditTables show the entries to people, with their teams if there are several: first what
// changed something or revealed a secret.
func auditTables(entries []AuditEntry, teams bool) []dispatch.Table {
	var changes, others []AuditEntry
	for _, e := range entries {
		if e.Changed {
			changes = append(changes, e)
		} else {
			others = append(others, e)
		}
	}
	var tables []dispatch.Table
	if len(changes) > 0 {
		tables = append(tables, withChanges(auditTable("Changes", changes, teams), changes))
	}
	if len(others) > 0 {
		table := auditTable("Other requests", others, teams)
		table.Folded = len(changes) > 0
		tables = append(tables, table)
	}
	return tables
}

// auditTable shows entries, with the date once per day.
func auditTable(title string, entries []AuditEntry, teams bool) dispatch.Table {
	table := dispatch.Table{Title: fmt.Sprintf("%s (%d)", title, len(entries)), Header: []string{"When", "Who", "Command", "Outcome"}, CodeIn: []int{2}}
	if teams {
		table.Header = append(table.Header, "Team")
	}
	day := ""
	for _, e := range entries {
		outcome, link, when := e.Outcome, "", e.At.Format(time.TimeOnly)
		if e.Reason != "" {
			outcome += " (" + e.Reason + ")"
		}
		if e.Count > 1 {
			outcome += fmt.Sprintf(" ×%d", e.Count)
		}
		if e.Channel != string(dispatch.Comment) {
			outcome += ", " + e.Channel
		}
		if e.Link != nil {
			link = *e.Link
		}
		if date := e.At.Format(time.DateOnly); date != day {
			day, when = date, date+" "+when
		}
		line := e.Command + " " + e.Arguments
		if !teams { // all are about the team that the headline names
			line = strings.TrimSuffix(line, " team="+e.Team)
		}
		table.Rows = append(table.Rows, []string{when, e.Caller, strings.TrimSpace(line), outcome, e.Team})
		table.Links = append(table.Links, link)
	}
	return table
}

// withChanges adds to the table what each entry changed and how to undo it.
func withChanges(table dispatch.Table, entries []AuditEntry) dispatch.Table {
	width := len(table.Header)
	table.Header = append(table.Header, "Changed", "To undo it")
	table.Sentences = []int{width, width + 1}
	for i, e := range entries {
		table.Rows[i] = append(table.Rows[i][:width:width], changedNames(e.Diff), undoCell(e.Undo))
	}
	return table
}

// changedNames are the names of what was changed: - is what is gone, + what is new, and ~ what
// is different.
func changedNames(d *store.Diff) string {
	if d == nil {
		return ""
	}
	var names []string
	for _, side := range []struct {
		sign  string
		parts []store.Part
	}{{"-", without(d.Before, d.After)}, {"+", without(d.After, d.Before)}, {"~", without(d.After, without(d.After, d.Before))}} {
		for _, p := range side.parts {
			if p.Name != "" {
				names = append(names, side.sign+" "+dispatch.Quote(p.Name))
			}
		}
	}
	if more := len(names) + d.More - mostInline; more > 0 && len(names) > mostInline {
		names = append(names[:mostInline], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// maxUndoCell is how long the lines may be that a table shows, in bytes.
const maxUndoCell = 300

// undoCell shows the lines as code that can be pasted.
func undoCell(lines string) string {
	switch {
	case lines == "":
		return ""
	case len(lines) > maxUndoCell || strings.Contains(lines, "`"):
		return "REST shows the lines."
	}
	return "`" + strings.ReplaceAll(lines, "\n", "`, then `") + "`"
}
