package commands

import (
	"context"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// RequestDenyArgs are the arguments of request-deny.
type RequestDenyArgs struct {
	ID     int    `arg:"id,required,positional" doc:"the request's number" example:"17"`
	Reason string `arg:"reason" doc:"why, for the person who requested it" example:"reserved"`
}

func requestDeny() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "request-deny", Method: http.MethodPost,
		Summary:  "Deny a request",
		Task:     dispatch.TaskRepos,
		Refusals: []dispatch.Reason{dispatch.ReasonRequestNotFound, dispatch.ReasonRequestDecided},
		Details:  "For those who may approve it.",
		Needs:    dispatch.Member, Effect: dispatch.Changes, Example: "17 --reason reserved",
		Sample: decidedResult(sampleRequest(), store.RequestDenied, "Denied request 17."),
	}, runRequestDeny, func(call *dispatch.Call, a RequestDenyArgs) error {
		if utf8.RuneCountInString(a.Reason) > maxReason {
			return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s: %d characters at most.", call.ArgumentName("reason"), maxReason)
		}
		return nil
	})
}

func runRequestDeny(ctx context.Context, call *dispatch.Call, args RequestDenyArgs) (dispatch.Result, error) {
	r, right, err := requestOf(ctx, call, args.ID)
	if err != nil {
		return dispatch.Result{}, err
	}
	if !right.decides {
		return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonPolicy, "You requested %d yourself. Take it back with `request-withdraw`.", r.Number)
	}
	done := decidedResult(r, store.RequestDenied, fmt.Sprintf("Denied request %d of %s: %s.", r.Number, dispatch.Quote(r.Requester), requestSentence(r)))
	if repeated(call, r, store.RequestDenied) {
		return done, nil
	}
	if err := undecided(call, r); err != nil {
		return dispatch.Result{}, err
	}
	if call.Preview {
		return previewOf(done, fmt.Sprintf("This would deny request %d: %s.", r.Number, requestSentence(r))), nil
	}
	if err := call.Begin(ctx, requestDiff(r, store.RequestDenied), nil, theRequest(r)); err != nil {
		return dispatch.Result{}, err
	}
	return done, decide(ctx, call, r, store.Decision{Event: store.DenyRequest, By: call.Caller.Login, Note: args.Reason})
}
