package commands

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// RequestApproveArgs are the arguments of request-approve.
type RequestApproveArgs struct {
	ID  int           `arg:"id,required,positional" doc:"the request's number" example:"17"`
	For time.Duration `arg:"for" doc:"how long the access lasts from now: not longer than was requested" example:"2d"`
}

func requestApprove() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "request-approve", Method: http.MethodPost,
		Summary: "Approve a request, which does at once what it asks for",
		Task:    dispatch.TaskRepos,
		Refusals: []dispatch.Reason{
			dispatch.ReasonRequestNotFound, dispatch.ReasonRequestDecided, dispatch.ReasonOwnerOnly, dispatch.ReasonRepoNotPermitted, dispatch.ReasonPublicRepo,
			dispatch.ReasonGroupNotFound, dispatch.ReasonGroupNotSelected, dispatch.ReasonNotMember, dispatch.ReasonLimitReached,
		},
		Details: "For maintainers of the team whose group it is about. The rights of both sides are checked at this moment. If one is missing, the request has failed. Nobody approves their own request.",
		Needs:   dispatch.Member, Effect: dispatch.Changes, Example: "17", Undo: undoRequestApprove,
		Sample: undoneBy(approvedResult(sampleCall(), sampleRequest(), accessGiven{added: []string{"api"}, until: sampleTime()}), "repos-remove api"),
	}, runRequestApprove, func(call *dispatch.Call, a RequestApproveArgs) error {
		if a.For != 0 && a.For < minAccess {
			return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s: access lasts a minute at least.", call.ArgumentName("for"))
		}
		return nil
	})
}

func runRequestApprove(ctx context.Context, call *dispatch.Call, args RequestApproveArgs) (dispatch.Result, error) {
	r, right, err := requestOf(ctx, call, args.ID)
	if err != nil {
		return dispatch.Result{}, err
	}
	if repeated(call, r, store.RequestApproved) && r.Kind == store.CommandRequest {
		return decidedResult(r, store.RequestApproved, fmt.Sprintf("Approved request %d of %s.", r.Number, dispatch.Quote(r.Requester))), nil
	}
	if repeated(call, r, store.RequestApproved) {
		return approvedResult(call, r, accessGiven{added: targetNames(r.TargetsOf(repoTarget)), until: r.Until}), nil
	}
	if err := mayApprove(ctx, call, r, right, args); err != nil {
		return dispatch.Result{}, err
	}
	if args.For == 0 {
		args.For = r.Length
	}
	if call.Preview && r.Kind == store.CommandRequest {
		result, err := runRequested(ctx, call, r)
		if err != nil {
			return dispatch.Result{}, err
		}
		result.Message = fmt.Sprintf("This would approve request %d of %s: %s. %s", r.Number, dispatch.Quote(r.Requester), requestSentence(r), result.Message)
		return result, nil
	}
	if call.Preview {
		given, err := giveAccess(ctx, call, r, args.For)
		if err != nil {
			return dispatch.Result{}, err
		}
		r.Length = args.For
		return previewOf(approvedResult(call, r, given), fmt.Sprintf("This would approve request %d of %s: %s.", r.Number, dispatch.Quote(r.Requester), requestSentence(r))), nil
	}
	if r.Kind == store.CommandRequest {
		return approveCommand(ctx, call, r)
	}
	return approveAccess(ctx, call, r, args.For)
}

// mayApprove checks all that can be checked before anything is held.
func mayApprove(ctx context.Context, call *dispatch.Call, r store.Request, right requestRight, args RequestApproveArgs) error {
	owner, err := call.Env.IsOwner(ctx, call)
	switch {
	case err != nil:
		return err
	case right.mine:
		return dispatch.Refuse(dispatch.ReasonPolicy, "Nobody approves their own request. Somebody else who may decide request %d has to.", r.Number)
	case r.Kind == store.AccessRequest && accessNeedsOwner(call) && !owner:
		return dispatch.Refuse(dispatch.ReasonOwnerOnly, "Only owners of %s may approve request %d (policy.approval has `repos-add`).", call.Org.Name(), r.Number)
	}
	if err := undecided(call, r); err != nil {
		return err
	}
	if args.For != 0 && (r.Kind != store.AccessRequest || r.Length != 0 && args.For > r.Length) {
		return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s: request %d is for %s; an approval may only shorten that.", call.ArgumentName("for"), r.Number, LengthOf(r.Length))
	}
	return nil
}

// approveAccess holds the request and carries it out, under the lease of the team.
func approveAccess(ctx context.Context, call *dispatch.Call, r store.Request, length time.Duration) (dispatch.Result, error) {
	if _, err := call.Env.AcquireTeam(ctx, call, r.TeamID); err != nil {
		return dispatch.Result{}, err
	}
	err := call.Env.ProveAgain(ctx, call, func() error {
		_, _, err := requestOf(ctx, call, int(r.Number))
		return err
	})
	if err != nil {
		return dispatch.Result{}, err
	}
	if err := decide(ctx, call, r, store.Decision{Event: store.HoldRequest, By: call.Caller.Login, Holder: call.ID}); err != nil {
		return dispatch.Result{}, err
	}
	given, err := giveAccess(ctx, call, r, length)
	d := store.Decision{Event: store.ApproveRequest, By: call.Caller.Login, Holder: call.ID, Until: given.until}
	if err != nil {
		refusal := dispatch.AsError(err)
		d.Event, d.Note, d.Until = store.FailRequest, refusal.Message, time.Time{}
		if refusal.Reason.Transient() && !given.changed {
			d.Event = store.ReleaseRequest
		}
	}
	// what GitHub did is recorded even if the caller's time is up
	recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordDecision)
	defer cancel()
	if failed := decide(recording, call, r, d); failed != nil && err == nil {
		err = failed // what began it is found and ended by the server
	}
	if err != nil {
		return dispatch.Result{}, err
	}
	return approvedResult(call, r, given), nil
}

// recordDecision bounds how long an outcome is tried to be written.
const recordDecision = 10 * time.Second

func approvedResult(call *dispatch.Call, r store.Request, given accessGiven) dispatch.Result {
	message := fmt.Sprintf("Approved request %d of %s: %s may use the runner group %s", r.Number, dispatch.Quote(r.Requester), joinNames(targetNames(r.TargetsOf(repoTarget))), groupOfTeam(call.Group))
	if given.until.IsZero() {
		message += "."
	} else {
		message += " until " + minuteOf(given.until) + "."
	}
	if len(given.forGood) > 0 {
		message += " Attached by the team without an end, and so they stay: " + joinNames(given.forGood) + "."
	}
	return dispatch.Result{
		Response: RequestDecided{
			Request: r.Number, State: string(store.RequestApproved), Team: r.TeamSlug,
			Added: append([]string{}, given.added...), Unchanged: append([]string{}, given.unchanged...), Until: moment(given.until), Message: message,
		},
		Message: message, Changed: true,
	}
}
