package commands

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// TrustListing is what trust-list answers.
type TrustListing struct {
	Team   string      `json:"team"`
	Trusts []TrustInfo `json:"trusts"`
}

func trustList() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "trust-list", Method: http.MethodGet,
		Summary: "Show which workflows the team trusts, and with which commands",
		Task:    dispatch.TaskRepos,
		Details: "Trusts that expired are shown for another 30 days.",
		Needs:   dispatch.Maintainer, Group: dispatch.OwnsGroup, Effect: dispatch.Reads,
		Sample: trustListResult(sampleCall(), []store.Trust{sampleTrust()}, sampleTime()),
	}, func(ctx context.Context, call *dispatch.Call, _ TeamArgs) (dispatch.Result, error) {
		trusts, err := call.Env.Store.Trusts(ctx, call.OrgID, call.Team.ID)
		if err != nil {
			return dispatch.Result{}, dispatch.StoreError(err)
		}
		return trustListResult(call, trusts, call.Env.Now()), nil
	})
}

func trustListResult(c *dispatch.Call, trusts []store.Trust, now time.Time) dispatch.Result {
	listing := TrustListing{Team: c.Team.Slug, Trusts: []TrustInfo{}}
	for _, t := range trusts {
		listing.Trusts = append(listing.Trusts, trustInfo(t))
	}
	if len(trusts) == 0 {
		return dispatch.Result{Response: listing, Message: fmt.Sprintf("The team `%s` trusts no workflows. `trust-add` lets some act for it.", c.Team.Slug)}
	}
	return dispatch.Result{
		Response: listing, Message: fmt.Sprintf("The team `%s` has %s.", c.Team.Slug, countOf(len(trusts), "trust")),
		Tables: []dispatch.Table{trustTable(trusts, now)},
	}
}
