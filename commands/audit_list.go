package commands

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// AuditArgs are the arguments of audit-list.
type AuditArgs struct {
	Team  dispatch.Team  `arg:"team,required" doc:"the team's slug" example:"platform"`
	Since dispatch.Since `arg:"since" doc:"how far back: a date, a time, or how long ago (7d)" example:"7d"`
	Limit int            `arg:"limit" doc:"how many entries at most, the newest first (50; 1000 at most)" example:"50"`
}

// How many entries audit-list shows, and shows at most.
const (
	auditLimit    = 50
	auditLimitTop = 1000
)

// checkAudit refuses what is no slug, and more entries than one answer holds.
func checkAudit(call *dispatch.Call, a AuditArgs) error {
	if a.Limit > auditLimitTop {
		return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s: at most %d.", call.ArgumentName("limit"), auditLimitTop)
	}
	return nil
}

// AuditEntry is one thing that was asked, in an answer.
type AuditEntry struct {
	At        time.Time `json:"at"`
	Caller    string    `json:"caller"`
	CallerID  int64     `json:"callerId"`
	Channel   string    `json:"channel"`
	Command   string    `json:"command"`
	Arguments string    `json:"arguments"`
	Outcome   string    `json:"outcome"` // done, refused, failed; shown: what it would do; asked: it was started, and no outcome is recorded
	Reason    string    `json:"reason,omitempty"`
	RequestID string    `json:"requestId"`
	Count     int       `json:"count"` // how often within a minute, for refusals that are counted
}

// AuditListing is what audit-list answers.
type AuditListing struct {
	Team    string       `json:"team"`
	Entries []AuditEntry `json:"entries"`
}

func auditList() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "audit-list", Method: http.MethodGet,
		Summary: "Show the team's audit log, including denied requests",
		Needs:   dispatch.Maintainer, Effect: dispatch.Reads,
		Sample: dispatch.Result{Response: AuditListing{Team: "platform", Entries: []AuditEntry{{
			At: sampleTime(), Caller: "mona", CallerID: 583231, Channel: string(dispatch.Comment), Command: "repos-add", Arguments: "api,web team=platform",
			Outcome: "done", RequestID: "0b989ba4-242f-11e5-81e1-c7b6966d2516/0", Count: 1,
		}}}},
	}, runAuditList, checkAudit)
}

func runAuditList(ctx context.Context, call *dispatch.Call, args AuditArgs) (dispatch.Result, error) {
	limit := args.Limit
	if limit == 0 {
		limit = auditLimit
	}
	found, err := call.Env.Store.AuditList(ctx, store.AuditQuery{
		OrgID: call.OrgID, TeamID: call.Team.ID, Team: call.Team.Slug,
		Since: args.Since.Time(call.Env.Now()), Limit: limit,
	})
	if err != nil {
		return dispatch.Result{}, dispatch.StoreError(err)
	}
	entries := make([]AuditEntry, 0, len(found))
	table := dispatch.Table{Title: fmt.Sprintf("Entries (%d)", len(found)), Header: []string{"When (UTC)", "Who", "Channel", "Command", "Outcome"}}
	for _, e := range found {
		entries = append(entries, AuditEntry{
			At: e.At.UTC(), Caller: e.Caller, CallerID: e.CallerID, Channel: e.Channel, Command: e.Command, Arguments: e.Args,
			Outcome: e.Outcome, Reason: e.Reason, RequestID: e.RequestID, Count: e.Count,
		})
		outcome := e.Outcome
		if e.Reason != "" {
			outcome += " (" + e.Reason + ")"
		}
		if e.Count > 1 {
			outcome += fmt.Sprintf(" ×%d", e.Count)
		}
		table.Rows = append(table.Rows, []string{e.At.UTC().Format("2006-01-02 15:04:05"), e.Caller, e.Channel, e.Command + " " + e.Args, outcome})
	}
	return dispatch.Result{
		Response: AuditListing{Team: call.Team.Slug, Entries: entries},
		Message:  fmt.Sprintf("The newest %s for the team `%s`.", countOf(len(entries), "entry"), call.Team.Slug),
		Tables:   []dispatch.Table{table},
	}, nil
}
