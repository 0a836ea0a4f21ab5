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

func reposRemove() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "repos-remove", Method: http.MethodPatch, Legacy: true,
		Summary:  "Detach repositories from the team's runner group",
		Task:     dispatch.TaskRepos,
		Refusals: []dispatch.Reason{dispatch.ReasonRepoNotPermitted, dispatch.ReasonGroupNotSelected},
		Details:  "Names are looked up in the group's own list; one that is not in it counts as done.",
		Needs:    dispatch.Maintainer, Group: dispatch.OwnsGroup, Trustable: true, Effect: dispatch.Destroys, Example: "web",
		Sample: reposRemoveResult(sampleCall(), []string{"api", "web"}, nil, doneItems([]string{"api", "web"})),
	}, runReposRemove, checkRepos)
}

func runReposRemove(ctx context.Context, call *dispatch.Call, args ReposArgs) (dispatch.Result, error) {
	if err := mustBeSelected(ctx, call); err != nil {
		return dispatch.Result{}, err
	}
	attached, err := attachedRepos(ctx, call)
	if err != nil {
		return dispatch.Result{}, err
	}
	var targets []github.Repository
	var absent []string
	for _, text := range args.Repos {
		name, err := repoNamed(call, text)
		if repo, ok := findRepo(attached, name); ok && err == nil {
			targets = append(targets, repo)
		} else {
			absent = append(absent, text)
		}
	}
	names := repoNames(targets)
	if call.Preview {
		message, tables := sentenceOf("This would detach from the runner group "+groupOfTeam(call.Group), "To be detached", names, "repository")
		return dispatch.Result{Message: message, Tables: tables}, nil
	}
	if err := beginDetach(ctx, call, targets); err != nil {
		return dispatch.Result{}, err
	}
	items := call.ApplyEach(ctx, names, func(i int) []dispatch.Thing { return repoThings(call, targets[i:i+1]) }, func(ctx context.Context, i int) error {
		err := call.Org.GitHub.RemoveGroupRepository(ctx, call.Group.GroupID, targets[i].ID)
		if github.KindOf(err) == github.NotFound {
			err = nil // detached meanwhile
		}
		return call.Confirm(err, detached(call, targets[i]))
	}, "detach the repository")
	items = explainFailures(ctx, call, items, "detach the repository")
	result := reposRemoveResult(call, names, absent, items, renamedSince(ctx, call, absent, attached)...)
	if err := dispatch.PartialFailure(result.Items, result); err != nil {
		return dispatch.Result{}, err
	}
	return result, nil
}

// beginDetach begins to detach the repositories; a repeated attempt counts with all that
// the first one acted on, since what a newer command detached is not in the list any more.
func beginDetach(ctx context.Context, c *dispatch.Call, repos []github.Repository) error {
	targets := map[string]int64{}
	things := repoThings(c, repos)
	for _, repo := range repos {
		targets[strings.ToLower(repo.Name)] = repo.ID
	}
	for _, id := range c.FirstTargets() {
		things = append(things, c.ARepo(id))
	}
	return c.Begin(ctx, targets, things...)
}

func reposRemoveResult(c *dispatch.Call, names, absent []string, items []dispatch.Item, notes ...string) dispatch.Result {
	message, tables := reposMessage("Removed", names, "from", c)
	if len(absent) > 0 {
		sentence, table := sentenceOf("Not attached before", "Not attached before", absent, "repository")
		message, tables = message+" "+sentence, append(tables, table...)
	}
	message = strings.Join(append([]string{message}, notes...), " ")
	result := reposResult(c, nil, names, absent, message)
	result.Tables = tables
	result.Items = slices.Concat(items, doneItems(absent))
	return result
}

// renamedSince says which of the absent names is the former one of a repository that is
// attached.
func renamedSince(ctx context.Context, c *dispatch.Call, absent []string, attached []github.Repository) (notes []string) {
	none := func(int) (github.Move, bool) { return github.Move{}, false }
	for i, move := range formerNames(ctx, c, absent, none) {
		for _, repo := range attached {
			if move.Is(repo) {
				notes = append(notes, fmt.Sprintf("%s was renamed to `%s`, which is still attached. Use the new name to detach it.", dispatch.Quote(absent[i]), repo.Name))
			}
		}
	}
	return notes
}

func findRepo(repos []github.Repository, name string) (github.Repository, bool) {
	for _, repo := range repos {
		if strings.EqualFold(repo.Name, name) {
			return repo, true
		}
	}
	return github.Repository{}, false
}
