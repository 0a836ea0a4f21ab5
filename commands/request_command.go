package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// RequestApproval implements [dispatch.Env].RequestApproval.
func RequestApproval(ctx context.Context, call *dispatch.Call, targets []store.RequestTarget) (dispatch.Result, error) {
	now := call.Env.Now()
	r := store.Request{
		OrgID: call.OrgID, Kind: store.CommandRequest, TeamID: call.Team.ID, TeamSlug: call.Team.Slug, GroupID: call.Group.GroupID, Command: call.Spec.Name,
		Arguments: call.GivenArgs(), Targets: targets, RequesterID: call.Caller.ID, Requester: call.Caller.Login,
		RequestedAt: now, ExpiresAt: now.Add(call.Org.Policy.RequestTTL), Source: call.Source,
	}
	text, err := json.Marshal([]any{r.Kind, r.Command, r.Arguments, r.Targets})
	if err != nil {
		return dispatch.Result{}, err
	}
	sum := sha256.Sum256(text)
	r.Digest = hex.EncodeToString(sum[:16])
	return addRequest(ctx, call, r)
}

// approveCommand runs the command as the requester, with the arguments and ids that it had
// when it was requested. All checks are made again.
func approveCommand(ctx context.Context, call *dispatch.Call, r store.Request) (dispatch.Result, error) {
	if err := call.Begin(ctx, requestDiff(r, store.RequestApproved), nil, theRequest(r)); err != nil {
		return dispatch.Result{}, err
	}
	if err := decide(ctx, call, r, store.Decision{Event: store.HoldRequest, By: call.Caller.Login, Holder: call.ID}); err != nil {
		return dispatch.Result{}, err
	}
	result, err := runRequested(ctx, call, r)
	d := store.Decision{Event: store.ApproveRequest, By: call.Caller.Login, Holder: call.ID}
	if err != nil {
		refusal := dispatch.AsError(err)
		d.Event, d.Note = store.FailRequest, refusal.Message
		if refusal.Reason.Transient() && !slices.ContainsFunc(refusal.Items, func(i dispatch.Item) bool { return i.Done }) {
			d.Event = store.ReleaseRequest
		}
	}
	recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordDecision)
	defer cancel()
	if failed := decide(recording, call, r, d); failed != nil && err == nil {
		err = failed
	}
	if err != nil {
		return dispatch.Result{}, err
	}
	message := fmt.Sprintf("Approved request %d of %s. %s", r.Number, dispatch.Quote(r.Requester), result.Message)
	return dispatch.Result{
		Response: RequestDecided{Request: r.Number, State: string(store.RequestApproved), Team: r.TeamSlug, Result: result.Response, Message: message},
		Message:  message, Tables: result.Tables, Notes: result.Notes, Changed: true,
	}.WithUndo(result.Undo), nil
}

func runRequested(ctx context.Context, call *dispatch.Call, r store.Request) (dispatch.Result, error) {
	requester, err := maintainerOf(ctx, call, r)
	if err != nil {
		return dispatch.Result{}, err
	}
	var args dispatch.Args
	for _, a := range r.Arguments {
		args.Add(a.Name, a.Values...)
	}
	return call.Dispatch(ctx, dispatch.Request{
		ID: call.ID + "/" + r.Command, Channel: call.Channel, Command: r.Command, Org: call.Org.Login, Caller: requester, Args: args,
		Source: r.Source, Approved: append([]store.RequestTarget{}, r.Targets...), Repeated: call.Repeated, Limited: true, Preview: call.Preview,
	})
}

// maintainerOf returns the requester under the login that they have now, by their id: the login
// on record may be somebody else's. The command itself proves what they may do.
func maintainerOf(ctx context.Context, call *dispatch.Call, r store.Request) (dispatch.Principal, error) {
	lost := dispatch.Refuse(dispatch.ReasonNotMaintainer, "%s does not maintain team `%s` any more.", dispatch.Quote(r.Requester), r.TeamSlug)
	team, err := call.Org.GitHub.Team(ctx, r.TeamSlug)
	if err == nil && team.ID != r.TeamID {
		return dispatch.Principal{}, lost
	}
	var users []github.User
	if err == nil {
		users, err = call.Org.GitHub.TeamMaintainers(ctx, team.Slug)
	}
	if dispatch.IgnoreNotFound(err) != nil {
		return dispatch.Principal{}, dispatch.GitHubError(err, "look up the requester")
	}
	for _, user := range users {
		if user.ID == r.RequesterID {
			return dispatch.Principal{ID: user.ID, Login: user.Login}, nil
		}
	}
	return dispatch.Principal{}, lost
}
