package commands

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func reposAdd() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "repos-add", Method: http.MethodPatch, Legacy: true,
		Summary: "Attach repositories to the team's runner group",
		Details: "The team needs the permission on each that the operator asks for (admin, by default).",
		Needs:   dispatch.Maintainer, Group: dispatch.OwnsGroup, Effect: dispatch.Changes, Example: "api,web", Prefetch: prefetchRepos,
		Sample: reposAdded(sampleCall(), []string{"api", "web"}, doneItems([]string{"api", "web"})),
	}, runReposAdd)
}

func runReposAdd(ctx context.Context, call *dispatch.Call, args ReposArgs) (dispatch.Result, error) {
	repos, err := permitted(ctx, call, args.Repos)
	if err != nil {
		return dispatch.Result{}, err
	}
	if err := mustBeSelected(ctx, call); err != nil {
		return dispatch.Result{}, err
	}
	names := repoNames(repos)
	if call.Preview {
		return dispatch.Result{Message: fmt.Sprintf("This would attach to the runner group %s: %s.", ofGroup(call.Group), list(names))}, nil
	}
	items := call.Apply(ctx, names, func(ctx context.Context, i int) error {
		return call.Org.GitHub.AddGroupRepository(ctx, call.Group.GroupID, repos[i].ID)
	}, "attach the repository")
	items = explain(ctx, call, items, "attach the repository")
	result := reposAdded(call, names, items)
	if err := dispatch.Partial(items, result); err != nil {
		return dispatch.Result{}, err
	}
	return result, nil
}

func reposAdded(c *dispatch.Call, names []string, items []dispatch.Item) dispatch.Result {
	result := reposAnswer(c, names, nil, nil, fmt.Sprintf("Attached to the runner group %s: %s.", ofGroup(c.Group), list(names)))
	result.Items = items
	return result
}

func reposRemove() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "repos-remove", Method: http.MethodPatch, Legacy: true,
		Summary: "Detach repositories from the team's runner group",
		Details: "Names are looked up in the group's own list; one that is not in it counts as done.",
		Needs:   dispatch.Maintainer, Group: dispatch.OwnsGroup, Effect: dispatch.Changes, Example: "web",
		Sample: reposRemoved(sampleCall(), []string{"api", "web"}, nil, doneItems([]string{"api", "web"})),
	}, runReposRemove)
}

func runReposRemove(ctx context.Context, call *dispatch.Call, args ReposArgs) (dispatch.Result, error) {
	if err := mustBeSelected(ctx, call); err != nil {
		return dispatch.Result{}, err
	}
	attached, err := attached(ctx, call)
	if err != nil {
		return dispatch.Result{}, err
	}
	var targets []github.Repository
	var absent []string
	for _, text := range args.Repos {
		name, err := repoName(call.Org.Login, text)
		if repo, ok := findRepo(attached, name); ok && err == nil {
			targets = append(targets, repo)
		} else {
			absent = append(absent, text)
		}
	}
	names := repoNames(targets)
	if call.Preview {
		return dispatch.Result{Message: fmt.Sprintf("This would detach from the runner group %s: %s.", ofGroup(call.Group), list(names))}, nil
	}
	items := call.Apply(ctx, names, func(ctx context.Context, i int) error {
		err := call.Org.GitHub.RemoveGroupRepository(ctx, call.Group.GroupID, targets[i].ID)
		if github.KindOf(err) == github.NotFound {
			return nil // detached meanwhile
		}
		return err
	}, "detach the repository")
	items = explain(ctx, call, items, "detach the repository")
	result := reposRemoved(call, names, absent, items)
	if err := dispatch.Partial(result.Items, result); err != nil {
		return dispatch.Result{}, err
	}
	return result, nil
}

func reposRemoved(c *dispatch.Call, names, absent []string, items []dispatch.Item) dispatch.Result {
	message := fmt.Sprintf("Detached from the runner group %s: %s.", ofGroup(c.Group), list(names))
	if len(absent) > 0 {
		message += " These were not attached, so nothing was to be done: " + list(absent) + "."
	}
	result := reposAnswer(c, nil, names, absent, message)
	result.Items = slices.Concat(items, doneItems(absent))
	return result
}

func findRepo(repos []github.Repository, name string) (github.Repository, bool) {
	for _, repo := range repos {
		if strings.EqualFold(repo.Name, name) {
			return repo, true
		}
	}
	return github.Repository{}, false
}

func reposSet() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "repos-set", Method: http.MethodPatch, Legacy: true,
		Summary: "Replace the list of repositories of the team's runner group",
		Details: "The answer names what was added and what was removed.",
		Needs:   dispatch.Maintainer, Group: dispatch.OwnsGroup, Effect: dispatch.Destroys, Example: "api,web", Prefetch: prefetchRepos,
		Sample: reposReplaced(sampleCall(), []string{"api", "web"}, []string{"web"}, []string{"docs"}, []string{"api"}),
	}, runReposSet)
}

func runReposSet(ctx context.Context, call *dispatch.Call, args ReposArgs) (dispatch.Result, error) {
	repos, err := permitted(ctx, call, args.Repos)
	if err != nil {
		return dispatch.Result{}, err
	}
	if err := mustBeSelected(ctx, call); err != nil {
		return dispatch.Result{}, err
	}
	before, err := attached(ctx, call)
	if err != nil {
		return dispatch.Result{}, err
	}
	added, unchanged := difference(repos, before)
	removed, _ := difference(before, repos)
	if call.Preview {
		return dispatch.Result{Message: fmt.Sprintf("This would change the repositories of the runner group %s. Added: %s. Removed: %s. Kept: %s.",
			ofGroup(call.Group), list(added), list(removed), list(unchanged))}, nil
	}
	if len(added)+len(removed) > 0 {
		ids := make([]int64, len(repos))
		for i, repo := range repos {
			ids[i] = repo.ID
		}
		if err := call.Org.GitHub.SetGroupRepositories(ctx, call.Group.GroupID, ids); err != nil {
			return dispatch.Result{}, reposError(ctx, call, err, "replace the group's repositories")
		}
	}
	return reposReplaced(call, repoNames(repos), added, removed, unchanged), nil
}

func reposReplaced(c *dispatch.Call, names, added, removed, unchanged []string) dispatch.Result {
	result := reposAnswer(c, added, removed, unchanged,
		fmt.Sprintf("The runner group %s serves exactly: %s. Added: %s. Removed: %s.", ofGroup(c.Group), list(names), list(added), list(removed)))
	result.Items = doneItems(names)
	return result
}

// difference returns the names of those of a that are not in b, and of those that are.
func difference(a, b []github.Repository) (only, both []string) {
	in := map[int64]bool{}
	for _, repo := range b {
		in[repo.ID] = true
	}
	for _, repo := range a {
		if in[repo.ID] {
			both = append(both, repo.Name)
		} else {
			only = append(only, repo.Name)
		}
	}
	return only, both
}
