package commands

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func reposAdd() Command {
	return Define(Spec{
		Name: "repos-add", Method: http.MethodPatch, Legacy: true,
		Summary: "Attach repositories to the team's runner group",
		Details: "The team needs the permission on each that the operator asks for (admin, by default).",
		Needs:   Maintainer, Group: OwnsGroup, Effect: Changes, Example: "api,web",
		Sample: sampleCall().reposAdded([]string{"api", "web"}, doneItems([]string{"api", "web"})),
	}, runReposAdd)
}

func runReposAdd(ctx context.Context, call *Call, args ReposArgs) (Result, error) {
	repos, err := call.permitted(ctx, args.Repos)
	if err != nil {
		return Result{}, err
	}
	if err := call.mustBeSelected(ctx); err != nil {
		return Result{}, err
	}
	names := repoNames(repos)
	if call.Preview {
		return Result{Message: fmt.Sprintf("This would attach to the runner group %s: %s.", ofGroup(call.Group), list(names))}, nil
	}
	items := call.apply(ctx, names, func(ctx context.Context, i int) error {
		return call.Org.GitHub.AddGroupRepository(ctx, call.Group.GroupID, repos[i].ID)
	}, "attach the repository")
	items = call.explain(ctx, items, "attach the repository")
	result := call.reposAdded(names, items)
	if err := partial(items, result); err != nil {
		return Result{}, err
	}
	return result, nil
}

func (c *Call) reposAdded(names []string, items []Item) Result {
	result := c.reposAnswer(names, nil, nil, fmt.Sprintf("Attached to the runner group %s: %s.", ofGroup(c.Group), list(names)))
	result.Items = items
	return result
}

func reposRemove() Command {
	return Define(Spec{
		Name: "repos-remove", Method: http.MethodPatch, Legacy: true,
		Summary: "Detach repositories from the team's runner group",
		Details: "Names are looked up in the group's own list; one that is not in it counts as done.",
		Needs:   Maintainer, Group: OwnsGroup, Effect: Changes, Example: "web",
		Sample: sampleCall().reposRemoved([]string{"api", "web"}, nil, doneItems([]string{"api", "web"})),
	}, runReposRemove)
}

func runReposRemove(ctx context.Context, call *Call, args ReposArgs) (Result, error) {
	if err := call.mustBeSelected(ctx); err != nil {
		return Result{}, err
	}
	attached, err := call.attached(ctx)
	if err != nil {
		return Result{}, err
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
		return Result{Message: fmt.Sprintf("This would detach from the runner group %s: %s.", ofGroup(call.Group), list(names))}, nil
	}
	items := call.apply(ctx, names, func(ctx context.Context, i int) error {
		err := call.Org.GitHub.RemoveGroupRepository(ctx, call.Group.GroupID, targets[i].ID)
		if github.KindOf(err) == github.NotFound {
			return nil // detached meanwhile
		}
		return err
	}, "detach the repository")
	items = call.explain(ctx, items, "detach the repository")
	result := call.reposRemoved(names, absent, items)
	if err := partial(result.Items, result); err != nil {
		return Result{}, err
	}
	return result, nil
}

func (c *Call) reposRemoved(names, absent []string, items []Item) Result {
	message := fmt.Sprintf("Detached from the runner group %s: %s.", ofGroup(c.Group), list(names))
	if len(absent) > 0 {
		message += " These were not attached, so nothing was to be done: " + list(absent) + "."
	}
	result := c.reposAnswer(nil, names, absent, message)
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

func reposSet() Command {
	return Define(Spec{
		Name: "repos-set", Method: http.MethodPatch, Legacy: true,
		Summary: "Replace the list of repositories of the team's runner group",
		Details: "The answer names what was added and what was removed.",
		Needs:   Maintainer, Group: OwnsGroup, Effect: Destroys, Example: "api,web",
		Sample: sampleCall().reposReplaced([]string{"api", "web"}, []string{"web"}, []string{"docs"}, []string{"api"}),
	}, runReposSet)
}

func runReposSet(ctx context.Context, call *Call, args ReposArgs) (Result, error) {
	repos, err := call.permitted(ctx, args.Repos)
	if err != nil {
		return Result{}, err
	}
	if err := call.mustBeSelected(ctx); err != nil {
		return Result{}, err
	}
	before, err := call.attached(ctx)
	if err != nil {
		return Result{}, err
	}
	added, unchanged := difference(repos, before)
	removed, _ := difference(before, repos)
	if call.Preview {
		return Result{Message: fmt.Sprintf("This would change the repositories of the runner group %s. Added: %s. Removed: %s. Kept: %s.",
			ofGroup(call.Group), list(added), list(removed), list(unchanged))}, nil
	}
	if len(added)+len(removed) > 0 {
		ids := make([]int64, len(repos))
		for i, repo := range repos {
			ids[i] = repo.ID
		}
		if err := call.Org.GitHub.SetGroupRepositories(ctx, call.Group.GroupID, ids); err != nil {
			return Result{}, call.reposError(ctx, err, "replace the group's repositories")
		}
	}
	return call.reposReplaced(repoNames(repos), added, removed, unchanged), nil
}

func (c *Call) reposReplaced(names, added, removed, unchanged []string) Result {
	result := c.reposAnswer(added, removed, unchanged,
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
