package commands

import (
	"context"
	"fmt"
	"net/http"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func groupCreate() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "group-create", Aliases: []string{"group-add"}, Method: http.MethodPost, Legacy: true,
		Summary: "Create the team's runner group",
		Details: "The group is visible to selected repositories only, none at first. The team owns it from then on.",
		Needs:   dispatch.Maintainer, Effect: dispatch.Changes,
		Sample: createResult(sampleCall(), sampleGroup()),
	}, runGroupCreate)
}

func runGroupCreate(ctx context.Context, call *dispatch.Call, _ TeamArgs) (dispatch.Result, error) {
	name := call.Org.Policy.GroupNameOf(call.Team.Slug)
	if call.Recorded {
		group, err := call.Org.GitHub.Group(ctx, call.Group.GroupID)
		switch {
		case err == nil && !call.FirstStart.IsZero() && !call.Group.At.Before(call.FirstStart):
			return createResult(call, group), nil // by this very request, before it was cut off
		case err == nil:
			return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonGroupExists, "The team `%s` owns the runner group %s already, so there is nothing to do. `group-list` shows it.", call.Team.Slug, dispatch.Quote(group.Name))
		case github.KindOf(err) != github.NotFound:
			return dispatch.Result{}, dispatch.GitHubError(err, "look at the team's runner group")
		}
		// the recorded group is gone: a new one takes its place
	}
	if call.Preview {
		return dispatch.Result{Message: fmt.Sprintf("This would create the runner group %s for the team `%s`.", dispatch.Quote(name), call.Team.Slug)}, nil
	}
	group, err := ownership.New(call.Env).Create(ctx, call, name)
	if err != nil {
		return dispatch.Result{}, err
	}
	return createResult(call, group), nil
}

func createResult(call *dispatch.Call, group github.Group) dispatch.Result {
	message := fmt.Sprintf("Created runner group %s. Team `%s` owns it.", dispatch.Quote(group.Name), call.Team.Slug)
	return dispatch.Result{
		Response: GroupAnswer{Team: call.Team.Slug, Group: groupInfo(group), Message: message},
		Message:  message,
		Notes:    []string{"Attach repositories with `repos-add`, then get a runner with `token-jit`."},
		Changed:  true,
	}
}
