package commands

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

func groupCreate() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "group-create", Aliases: []string{"group-add"}, Method: http.MethodPost, Legacy: true,
		Summary:  "Create the team's runner group",
		Task:     dispatch.TaskOwnGroup,
		Refusals: []dispatch.Reason{dispatch.ReasonGroupExists, dispatch.ReasonGroupNotOwned},
		Details:  "The group is visible to selected repositories only, none at first. The team owns it from then on.",
		Needs:    dispatch.Maintainer, Effect: dispatch.Changes, Prefetch: prefetchGroups, Undo: undoGroupCreate,
		Sample: undoneBy(createResult(sampleCall(), sampleGroup()), "group-delete"),
	}, runGroupCreate)
}

// prefetchGroups begins to ask for the groups of the organization: what GitHub creates must be
// newer than all of them. It returns how to wait for them.
func prefetchGroups(ctx context.Context, call *dispatch.Call, _ string, _ any) any {
	var groups github.KnownGroups
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		groups, err = call.Org.GitHub.FirstGroups(ctx)
	}()
	return func() (github.KnownGroups, error) { <-done; return groups, err }
}

func runGroupCreate(ctx context.Context, call *dispatch.Call, _ TeamArgs) (dispatch.Result, error) {
	name := call.Org.Policy.GroupNameOf(call.Team.Slug)
	if call.Recorded {
		group, err := call.Org.GitHub.Group(ctx, call.Group.GroupID)
		switch {
		case err == nil && call.First != nil && !call.Group.At.Before(call.First.StartedAt):
			call.Replan(createdGroup(call, group))
			return createResult(call, group), nil // by this very request, before it was cut off
		case err == nil:
			return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonGroupExists, "The team `%s` owns the runner group %s already, so there is nothing to do. `group-list` shows it.", call.Team.Slug, dispatch.Quote(group.Name))
		case github.KindOf(err) != github.NotFound:
			return dispatch.Result{}, dispatch.GitHubError(err, "look at the team's runner group")
		}
		// the recorded group is gone: a new one takes its place
	}
	if call.Preview {
		return previewCreate(ctx, call, name)
	}
	plan := store.Diff{After: []store.Part{teamPart(call), {Kind: store.PartGroup, Name: name}}}
	if err := call.Begin(ctx, plan, nil, call.TheGroup()); err != nil {
		return dispatch.Result{}, err
	}
	groups, err := knownGroups(ctx, call)
	if err != nil {
		return dispatch.Result{}, err
	}
	group, err := ownership.New(call.Env).Create(ctx, call, name, groups)
	if err != nil {
		return dispatch.Result{}, err
	}
	call.Replan(createdGroup(call, group))
	return createResult(call, group), nil
}

// createdGroup completes what the call changed.
func createdGroup(call *dispatch.Call, group github.Group) func(*store.Diff) {
	return func(d *store.Diff) { d.After = []store.Part{teamPart(call), groupPart(group)} }
}

// knownGroups returns what is known of the organization's groups before one is created. A
// recorded group that GitHub did not find must not be one of them.
func knownGroups(ctx context.Context, call *dispatch.Call) (github.KnownGroups, error) {
	ask, ok := call.Prefetched.(func() (github.KnownGroups, error))
	if !ok {
		ask = func() (github.KnownGroups, error) { return call.Org.GitHub.FirstGroups(ctx) }
	}
	known, err := ask()
	if err == nil && call.Recorded && known.Count > len(known.Groups) {
		known.Groups, err = call.Org.GitHub.Groups(ctx)
		known.Count = len(known.Groups)
	}
	if err != nil {
		return known, dispatch.GitHubError(err, "list the runner groups")
	}
	if call.Recorded && slices.ContainsFunc(known.Groups, func(g github.Group) bool { return g.ID == call.Group.GroupID }) {
		return known, ownership.NotGone(call, nil)
	}
	return known, nil
}

func previewCreate(ctx context.Context, call *dispatch.Call, name string) (dispatch.Result, error) {
	groups, err := call.Org.GitHub.Groups(ctx)
	if err != nil {
		return dispatch.Result{}, dispatch.GitHubError(err, "list the runner groups")
	}
	if err := ownership.CheckName(call, name, groups); err != nil {
		return dispatch.Result{}, err
	}
	group := github.Group{Name: name, Visibility: github.VisibilitySelected, AllowsPublicRepositories: call.Org.Policy.PublicRepos}
	return previewOf(createResult(call, group), fmt.Sprintf("This would create the runner group %s for the team `%s`.", dispatch.Quote(name), call.Team.Slug)), nil
}

func createResult(call *dispatch.Call, group github.Group) dispatch.Result {
	message := fmt.Sprintf("Created runner group %s. Team `%s` owns it.", dispatch.Quote(group.Name), call.Team.Slug)
	return dispatch.Result{
		Response: GroupAnswer{Team: call.Team.Slug, Group: groupInfo(group), Message: message},
		Message:  message,
		Notes:    []string{"Attach repositories with `repos-add`, then set up a runner with `token-register`, or with `token-jit` one that does one job. " + firstRunner("") + " shows how."},
		Changed:  true,
	}
}
