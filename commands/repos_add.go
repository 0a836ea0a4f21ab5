package commands

import (
	"context"
	"fmt"
	"net/http"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func reposAdd() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "repos-add", Method: http.MethodPatch, Legacy: true,
		Summary:  "Attach repositories to the team's runner group",
		Task:     dispatch.TaskRepos,
		Refusals: []dispatch.Reason{dispatch.ReasonRepoNotPermitted, dispatch.ReasonPublicRepo, dispatch.ReasonGroupNotSelected},
		Details:  "The team needs a permission on each (policy.repoPermission, by default admin).",
		Needs:    dispatch.Maintainer, Group: dispatch.OwnsGroup, Effect: dispatch.Changes, Example: "api,web", Prefetch: prefetchRepos,
		Sample: reposAddResult(sampleCall(), []string{"api", "web"}, doneItems([]string{"api", "web"})),
	}, runReposAdd, checkRepos)
}

func runReposAdd(ctx context.Context, call *dispatch.Call, args ReposArgs) (dispatch.Result, error) {
	repos, err := permittedRepos(ctx, call, args.Repos)
	if err != nil {
		return dispatch.Result{}, err
	}
	if err := mustBeSelected(ctx, call); err != nil {
		return dispatch.Result{}, err
	}
	names := repoNames(repos)
	if call.Preview {
		return dispatch.Result{Message: fmt.Sprintf("This would add to %s: %s.", groupOfTeam(call.Group), joinNames(names))}, nil
	}
	if err := call.Begin(ctx, nil, repoThings(call, repos)...); err != nil {
		return dispatch.Result{}, err
	}
	items := call.ApplyEach(ctx, names, func(i int) []dispatch.Thing { return repoThings(call, repos[i:i+1]) }, func(ctx context.Context, i int) error {
		return call.Org.GitHub.AddGroupRepository(ctx, call.Group.GroupID, repos[i].ID)
	}, "attach the repository")
	items = explainFailures(ctx, call, items, "attach the repository")
	result := reposAddResult(call, names, items)
	if err := dispatch.PartialFailure(items, result); err != nil {
		return dispatch.Result{}, err
	}
	return result, nil
}

func reposAddResult(c *dispatch.Call, names []string, items []dispatch.Item) dispatch.Result {
	message, tables := reposMessage("Added", names, "to", c)
	result := reposResult(c, names, nil, nil, message)
	result.Items, result.Tables = items, tables
	return result
}
