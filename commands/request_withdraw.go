package commands

import (
	"context"
	"fmt"
	"net/http"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// RequestArgs are the arguments of the commands on one request.
type RequestArgs struct {
	ID int `arg:"id,required,positional" doc:"the request's number" example:"17"`
}

func requestWithdraw() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "request-withdraw", Method: http.MethodPost,
		Summary:  "Take back a request that you made",
		Task:     dispatch.TaskRepos,
		Refusals: []dispatch.Reason{dispatch.ReasonRequestNotFound, dispatch.ReasonRequestDecided},
		Needs:    dispatch.Member, Effect: dispatch.Changes, Example: "17",
		Sample: decidedResult(sampleRequest(), store.RequestWithdrawn, "Withdrew request 17."),
	}, runRequestWithdraw)
}

func runRequestWithdraw(ctx context.Context, call *dispatch.Call, args RequestArgs) (dispatch.Result, error) {
	r, right, err := requestOf(ctx, call, args.ID)
	if err != nil {
		return dispatch.Result{}, err
	}
	if !right.mine {
		return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonPolicy, "Only %s may take back request %d. Deny it with `request-deny`.", dispatch.Quote(r.Requester), r.Number)
	}
	done := decidedResult(r, store.RequestWithdrawn, fmt.Sprintf("Withdrew request %d: %s.", r.Number, requestSentence(r)))
	if repeated(call, r, store.RequestWithdrawn) {
		return done, nil
	}
	if err := undecided(call, r); err != nil {
		return dispatch.Result{}, err
	}
	if call.Preview {
		return previewOf(done, fmt.Sprintf("This would withdraw request %d: %s.", r.Number, requestSentence(r))), nil
	}
	if err := call.Begin(ctx, requestDiff(r, store.RequestWithdrawn), nil, theRequest(r)); err != nil {
		return dispatch.Result{}, err
	}
	return done, decide(ctx, call, r, store.Decision{Event: store.WithdrawRequest, By: call.Caller.Login})
}
