package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// repoTarget is the kind of a request's targets that are repositories.
const repoTarget = "repo"

// A RequestMade is the answer to what waits for a decision.
type RequestMade struct {
	Request int64  `json:"request"` // its number
	State   string `json:"state"`
}

// A RequestDecided is what the commands that decide a request answer.
type RequestDecided struct {
	Request   int64      `json:"request"`
	State     string     `json:"state"`
	Team      string     `json:"team"`
	Added     []string   `json:"added,omitzero"`     // repositories that were attached
	Unchanged []string   `json:"unchanged,omitzero"` // attached already
	Until     *time.Time `json:"until,omitzero"`     // when they are detached; left out: never
	Result    any        `json:"result,omitzero"`    // what the command answered
	Message   string     `json:"message"`
	Undo      string     `json:"undo,omitempty"`
}

// RequestInfo is a request in an answer.
type RequestInfo struct {
	ID          int64          `json:"id"`
	Kind        string         `json:"kind"` // access or command
	Team        string         `json:"team"` // whose group it is about
	Command     string         `json:"command"`
	Arguments   map[string]any `json:"arguments"`
	Repos       []string       `json:"repos"`
	Reason      string         `json:"reason"`
	RequestedBy string         `json:"requestedBy"`
	RequestedAt time.Time      `json:"requestedAt"`
	Until       *time.Time     `json:"until"` // when the access that was approved ends; null: never, or not approved
	State       string         `json:"state"`
	DecidedBy   string         `json:"decidedBy"` // "" if nobody decided it
	DecidedAt   *time.Time     `json:"decidedAt"`
	Note        string         `json:"note"` // why it was denied or failed
}

func requestInfo(call *dispatch.Call, r store.Request, now time.Time) RequestInfo {
	info := RequestInfo{
		ID: r.Number, Kind: r.Kind, Team: r.TeamSlug, Command: r.Command, Arguments: map[string]any{}, Repos: targetNames(r.TargetsOf(repoTarget)),
		Reason: r.Reason, RequestedBy: r.Requester, RequestedAt: r.RequestedAt.UTC(), State: string(r.StateAt(now)), Note: r.Note,
	}
	if r.State != store.RequestDeciding {
		info.DecidedBy, info.DecidedAt = r.DecidedBy, moment(r.DecidedAt)
	}
	if r.State == store.RequestApproved {
		info.Until = moment(r.Until)
	}
	spec, _ := specOf(call, r.Command)
	for _, a := range r.Arguments {
		if p, _ := spec.Param(a.Name); p.Kind == dispatch.KindList {
			info.Arguments[a.Name] = a.Values
		} else {
			info.Arguments[a.Name] = strings.Join(a.Values, ",")
		}
	}
	return info
}

// moment returns the time for an answer; nil if it is zero.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func targetNames(targets []store.RequestTarget) []string {
	names := []string{}
	for _, t := range targets {
		names = append(names, t.Name)
	}
	return names
}

// A requestRight is what the caller is to a request.
type requestRight struct{ mine, decides bool }

// requestOf returns the request of that number, and the caller's right to it. That there is
// none has the same answer as that the caller may neither see nor decide it.
func requestOf(ctx context.Context, call *dispatch.Call, number int) (store.Request, requestRight, error) {
	r, err := call.Env.Store.RequestOf(ctx, call.OrgID, int64(number))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return r, requestRight{}, dispatch.StoreError(err)
	}
	right := requestRight{}
	if err == nil {
		right.mine = r.RequesterID == call.Caller.ID
		if right.decides, err = mayDecide(ctx, call, r); err != nil {
			return r, right, err
		}
	}
	if !right.mine && !right.decides {
		return r, right, dispatch.Refuse(dispatch.ReasonRequestNotFound, "There is no request %d, or you may neither see nor decide it. `requests-list` shows those that you may.", number)
	}
	if call.Team.ID == 0 {
		call.Team = github.Team{ID: r.TeamID, Slug: r.TeamSlug} // for the audit
	}
	return r, right, nil
}

// mayDecide reports whether the caller may decide the request, as of this moment: a maintainer
// of the team for access to its group, an owner for a command.
func mayDecide(ctx context.Context, call *dispatch.Call, r store.Request) (bool, error) {
	owner, err := call.Env.IsOwner(ctx, call)
	if err != nil || r.Kind == store.CommandRequest {
		return owner, err
	}
	if owner && accessNeedsOwner(call) {
		return true, nil
	}
	slug := r.TeamSlug
	if record, err := call.Env.Store.RecordOf(ctx, call.OrgID, r.TeamID); err == nil {
		slug = record.TeamSlug
	}
	team, ok, err := call.Env.ProveMaintainer(ctx, call, r.TeamID, slug)
	if ok {
		call.Team = team
	}
	return ok, err
}

// accessNeedsOwner reports whether only an owner may approve access to a team's group.
func accessNeedsOwner(call *dispatch.Call) bool {
	return slices.Contains(call.Org.Policy.Approval, "repos-add")
}

// undecided refuses a request that was decided already, unless this very call decides it.
func undecided(call *dispatch.Call, r store.Request) error {
	state := r.StateAt(call.Env.Now())
	switch {
	case r.State == store.RequestDeciding && r.Holder != call.ID:
		return dispatch.Refuse(dispatch.ReasonRequestDecided, "Request %d is being approved by %s at this moment.", r.Number, dispatch.Quote(r.DecidedBy))
	case state == store.RequestPending:
		return nil
	case state == store.RequestExpired:
		return dispatch.Refuse(dispatch.ReasonRequestDecided, "Request %d expired at %s, because nobody had decided it. Request it again.", r.Number, minuteOf(r.ExpiresAt))
	}
	return dispatch.Refuse(dispatch.ReasonRequestDecided, "Request %d is decided: %s by %s at %s.", r.Number, state, dispatch.Quote(r.DecidedBy), minuteOf(r.DecidedAt))
}

// decide makes the event happen to the request. It refuses if somebody else was faster.
func decide(ctx context.Context, call *dispatch.Call, r store.Request, d store.Decision) error {
	moved, err := call.Env.Store.MoveRequest(ctx, call.OrgID, r.Number, d)
	if err != nil {
		return dispatch.StoreError(err)
	}
	if moved {
		if d.Event != store.HoldRequest && d.Event != store.ReleaseRequest {
			call.NoteChange(theRequest(r))
			if d.Event == store.FailRequest {
				call.Replan(func(d *store.Diff) { d.After = failedParts(d.After) })
			}
			if call.Env.TellOutcomes != nil {
				call.Env.TellOutcomes()
			}
		}
		return nil
	}
	now, err := call.Env.Store.RequestOf(ctx, call.OrgID, r.Number)
	if err != nil {
		return dispatch.StoreError(err)
	}
	if err := undecided(call, now); err != nil {
		return err
	}
	return dispatch.Refuse(dispatch.ReasonBusy, "Request %d is being decided. Try again in a minute.", r.Number)
}

// failedParts are the parts after an approval that failed.
func failedParts(parts []store.Part) []store.Part {
	parts = slices.Clone(parts)
	for i := range parts {
		if parts[i].Kind == store.PartRequest {
			parts[i].State = string(store.RequestFailed)
		}
	}
	return parts
}

// theRequest is the request as a thing that commands change.
func theRequest(r store.Request) dispatch.Thing {
	return dispatch.ARequest(r.OrgID, r.Number)
}

// repeated reports whether this very call brought the request to that state, before it was
// cut off.
func repeated(call *dispatch.Call, r store.Request, state store.RequestState) bool {
	return call.Repeated && r.State == state && strings.EqualFold(r.DecidedBy, call.Caller.Login)
}

func decidedResult(r store.Request, state store.RequestState, message string) dispatch.Result {
	return dispatch.Result{
		Response: RequestDecided{Request: r.Number, State: string(state), Team: r.TeamSlug, Message: message},
		Message:  message, Changed: true,
	}
}

// requestSentence says what a request is about.
func requestSentence(r store.Request) string {
	if r.Kind == store.AccessRequest {
		text := fmt.Sprintf("%s may use the runner group of team `%s`", joinNames(targetNames(r.TargetsOf(repoTarget))), r.TeamSlug)
		if r.Length > 0 {
			text += " for " + LengthOf(r.Length)
		}
		return text
	}
	return dispatch.RequestedCommand(r)
}

func sampleRequest() store.Request {
	return store.Request{
		Number: 17, Kind: store.AccessRequest, State: store.RequestPending, TeamSlug: "platform", Command: "access-request",
		Arguments: []store.RequestArg{{Name: "team", Values: []string{"platform"}}, {Name: "repos", Values: []string{"api"}}, {Name: "for", Values: []string{"7d"}}},
		Targets:   []store.RequestTarget{{Kind: repoTarget, Name: "api", ID: 3}}, Reason: "nightly training", Length: 7 * 24 * time.Hour,
		Requester: "kim", RequestedAt: sampleTime(), ExpiresAt: sampleTime().Add(14 * 24 * time.Hour),
	}
}
