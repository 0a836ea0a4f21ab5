package commands

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// RequestsListArgs are the arguments of requests-list.
type RequestsListArgs struct {
	Team  string `arg:"team" doc:"only requests about this team's group" example:"platform"`
	State string `arg:"state" doc:"only those in this state" values:"pending,approved,denied,withdrawn,expired,failed" example:"pending"`
}

// RequestListing is what requests-list answers.
type RequestListing struct {
	Requests []RequestInfo `json:"requests"` // the newest first
}

const (
	maxRequestsListed = 100
	maxRequestTeams   = 100
)

func requestsList() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "requests-list", Method: http.MethodGet,
		Summary:  "Show your requests, and those that you may decide",
		Task:     dispatch.TaskRepos,
		Refusals: []dispatch.Reason{dispatch.ReasonMissingArgument},
		Details:  "The newest 100. For access without an end, and for what is not approved, `until` is null.",
		Needs:    dispatch.Member, Effect: dispatch.Reads, Prefetch: prefetchRequestsList,
		Sample: requestsListResult(sampleCallWithSpecs(), []store.Request{sampleRequest()}, sampleTime()),
	}, runRequestsList)
}

// sampleCallWithSpecs is a call of a dispatcher that knows access-request.
func sampleCallWithSpecs() *dispatch.Call {
	call := sampleCall()
	call.Specs = func() []dispatch.Spec { return []dispatch.Spec{accessRequest().Spec} }
	return call
}

func runRequestsList(ctx context.Context, call *dispatch.Call, args RequestsListArgs) (dispatch.Result, error) {
	query := store.RequestQuery{OrgID: call.OrgID, Requester: call.Caller.ID, State: store.RequestState(args.State), Limit: maxRequestsListed}
	if args.Team != "" {
		slug, err := call.Slug("team", args.Team)
		if err != nil {
			return dispatch.Result{}, err
		}
		query.Team = slug
	}
	owner, err := call.Env.IsOwner(ctx, call)
	if err != nil {
		return dispatch.Result{}, err
	}
	query.Commands = owner
	query.All = owner && (call.Org.Policy.OwnersActForAnyTeam || accessNeedsOwner(call))
	if !query.All {
		decided := func() ([]int64, error) { return decidedTeams(ctx, call, query.Team) }
		if ahead, ok := call.Prefetched.(*teamsLookup); ok {
			decided = ahead.wait
		}
		if query.Teams, err = decided(); err != nil {
			return dispatch.Result{}, err
		}
	}
	found, err := call.Env.Store.Requests(ctx, query)
	if err != nil {
		return dispatch.Result{}, dispatch.StoreError(err)
	}
	return requestsListResult(call, found, call.Env.Now()), nil
}

// A teamsLookup are the ids of the teams whose requests the caller may decide, asked for beside
// the caller's authorization.
type teamsLookup struct{ wait func() ([]int64, error) }

func prefetchRequestsList(ctx context.Context, call *dispatch.Call, _ string, decoded any) any {
	args, ok := decoded.(RequestsListArgs)
	if !ok {
		return nil
	}
	look := sync.OnceValues(func() ([]int64, error) {
		team := ""
		if args.Team != "" {
			var err error
			if team, err = call.Slug("team", args.Team); err != nil {
				return nil, err
			}
		}
		return decidedTeams(ctx, call, team)
	})
	go func() { _, _ = look() }()
	return &teamsLookup{look}
}

// decidedTeams returns the ids of the teams whose requests the caller may decide: of one, or
// of all.
func decidedTeams(ctx context.Context, call *dispatch.Call, only string) ([]int64, error) {
	slugs, err := call.Env.Store.RequestTeams(ctx, call.OrgID)
	if err != nil {
		return nil, dispatch.StoreError(err)
	}
	if only != "" {
		slugs = slices.DeleteFunc(slugs, func(slug string) bool { return slug != only })
	}
	switch {
	case len(slugs) == 0:
		return nil, nil
	case len(slugs) > maxRequestTeams:
		return nil, dispatch.Refuse(dispatch.ReasonMissingArgument, "There are requests about the groups of more than %d teams: say which team with %s.", maxRequestTeams, call.Channel.Argument("team", "SLUG"))
	}
	records, err := call.Env.Ownership.MaintainedTeams(ctx, call, slugs)
	var ids []int64
	for _, record := range records {
		ids = append(ids, record.TeamID)
	}
	return ids, err
}

func requestsListResult(call *dispatch.Call, found []store.Request, now time.Time) dispatch.Result {
	listing := RequestListing{Requests: []RequestInfo{}}
	table := dispatch.Table{Title: "Requests (" + strconv.Itoa(len(found)) + ")", Header: []string{"Number", "State", "About", "By", "At", "Decided by", "Why"}, Sentences: []int{2}}
	for _, r := range found {
		info := requestInfo(call, r, now)
		listing.Requests = append(listing.Requests, info)
		why := info.Note
		if why == "" {
			why = info.Reason
		}
		table.Rows = append(table.Rows, []string{strconv.FormatInt(r.Number, 10), info.State, requestSentence(r), r.Requester, minuteOf(r.RequestedAt), info.DecidedBy, why})
	}
	if len(found) == 0 {
		return dispatch.Result{Response: listing, Message: "There are no requests of yours, and none that you may decide. `access-request` makes one."}
	}
	return dispatch.Result{
		Response: listing, Message: fmt.Sprintf("%s of yours, or that you may decide.", countOf(len(found), "request")), Tables: []dispatch.Table{table},
	}
}
