package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// TrustRemoveArgs are the arguments of trust-remove.
type TrustRemoveArgs struct {
	Team dispatch.Team `arg:"team,required" doc:"the team's slug" example:"platform"`
	ID   int           `arg:"id,required,positional" doc:"the trust's number, as trust-list shows it" example:"3"`
}

func trustRemove() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "trust-remove", Method: http.MethodDelete,
		Summary:  "End a trust, so that its workflows can do nothing for the team any more",
		Task:     dispatch.TaskRepos,
		Refusals: []dispatch.Reason{dispatch.ReasonTrustNotFound},
		Needs:    dispatch.Maintainer, Group: dispatch.OwnsGroup, Effect: dispatch.Destroys, Example: "3", Undo: undoTrustRemove,
		Sample: undoneBy(trustRemoveResult(sampleCall(), sampleTrust()), "trust-add acme/api --commands repos-add,token-jit --ref refs/heads/main --environment production --workflow .github/workflows/runners.yml --for 180d"),
	}, runTrustRemove)
}

// trustTarget names the trust that the first attempt was to end.
const trustTarget = "trust"

func runTrustRemove(ctx context.Context, call *dispatch.Call, args TrustRemoveArgs) (dispatch.Result, error) {
	trusts, err := call.Env.Store.Trusts(ctx, call.OrgID, call.Team.ID)
	if err != nil {
		return dispatch.Result{}, dispatch.StoreError(err)
	}
	i := slices.IndexFunc(trusts, func(t store.Trust) bool { return t.ID == int64(args.ID) })
	switch {
	case i < 0 && call.FirstTargets()[trustTarget] == int64(args.ID): // the first attempt ended it before it was cut off
		return dispatch.Result{Message: fmt.Sprintf("Removed trust %d.", args.ID), Changed: true}, nil
	case i < 0:
		return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonTrustNotFound, "The team `%s` has no trust %d. `trust-list` shows those it has.", call.Team.Slug, args.ID)
	case call.Preview:
		return previewOf(trustRemoveResult(call, trusts[i]), fmt.Sprintf("This would end trust %d: %s", args.ID, trustSentence(trusts[i]))), nil
	}
	if err := call.Begin(ctx, store.Diff{Before: []store.Part{trustPart(trusts[i])}}, map[string]int64{trustTarget: trusts[i].ID}, call.TheTrusts()); err != nil {
		return dispatch.Result{}, err
	}
	err = call.Change(ctx, func(ctx context.Context) error {
		return call.Env.Store.DeleteTrust(ctx, call.OrgID, call.Team.ID, trusts[i].ID)
	}, call.TheTrusts())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return dispatch.Result{}, dispatch.StoreError(err)
	}
	return trustRemoveResult(call, trusts[i]), nil
}

func trustRemoveResult(c *dispatch.Call, t store.Trust) dispatch.Result {
	message := fmt.Sprintf("Removed trust %d: jobs of %s %s may not use %s any more.", t.ID, dispatch.Quote(t.Repo), jobsOf(t), joinNames(t.Commands))
	return dispatch.Result{
		Response: TrustAnswer{Team: c.Team.Slug, Trust: trustInfo(t), Message: message},
		Message:  message, Changed: true,
	}
}
