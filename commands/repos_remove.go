package commands

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

func reposRemove() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "repos-remove", Method: http.MethodPatch, Legacy: true,
		Summary:  "Detach repositories from the team's runner group",
		Task:     dispatch.TaskRepos,
		Refusals: []dispatch.Reason{dispatch.ReasonRepoNotPermitted, dispatch.ReasonGroupNotSelected},
		Details:  "Names are looked up in the group's own list; one that is not in it counts as done.",
		Needs:    dispatch.Maintainer, Group: dispatch.OwnsGroup, Trustable: true, Effect: dispatch.Destroys, Example: "web", Undo: undoReposRemove,
		Sample: undoneBy(reposRemoveResult(sampleCall(), []string{"api", "web"}, nil, doneItems([]string{"api", "web"})), "repos-add api,web"),
	}, runReposRemove, checkRepos)
}

func runReposRemove(ctx context.Context, call *dispatch.Call, args ReposArgs) (dispatch.Result, error) {
	if call.EndsAccess {
		return endAccess(ctx, call)
	}
	if err := mustBeSelected(ctx, call); err != nil {
		return dispatch.Result{}, err
	}
	list, err := attachedList(ctx, call)
	if err != nil {
		return dispatch.Result{}, err
	}
	attached := list.Repos
	var targets, gone []github.Repository
	var absent []string
	for _, text := range args.Repos {
		name, err := repoNamed(call, text)
		if repo, ok := findRepo(attached, name); ok && err == nil {
			if err := call.Pin(dispatch.PinRepo, repo.Name, repo.ID); err != nil {
				return dispatch.Result{}, err
			}
			targets = append(targets, repo)
		} else if id := call.FirstTargets()[strings.ToLower(name)]; id != 0 && err == nil {
			gone = append(gone, github.Repository{ID: id, Name: name}) // the first attempt detached it
		} else {
			absent = append(absent, text)
		}
	}
	names := repoNames(slices.Concat(targets, gone))
	notes := slices.Concat(renamedSince(ctx, call, absent, attached), nearAttached(absent, attached, len(names) == 0))
	if call.Preview && len(targets) > 0 {
		message, tables := sentenceOf("This would detach from the runner group "+groupOfTeam(call.Group), "To be detached", names, "repository")
		return previewOf(reposRemoveResult(call, names, absent, nil), message, tables...), nil
	}
	if call.Preview {
		result := reposRemoveResult(call, nil, absent, nil, notes...)
		result.Needless = true
		return result, nil
	}
	known, err := accessOf(ctx, call)
	if err != nil {
		return dispatch.Result{}, err
	}
	if err := beginDetach(ctx, call, targets, known); err != nil {
		return dispatch.Result{}, err
	}
	for _, repo := range gone {
		_ = call.Confirm(nil, detached(call, repo))
	}
	items := reposChange{named: len(args.Repos), list: list, changes: targets, settled: gone, detach: true}.apply(ctx, call)
	result := reposRemoveResult(call, names, absent, items, notes...)
	if err := dispatch.PartialFailure(result.Items, result); err != nil {
		return dispatch.Result{}, err
	}
	return result, nil
}

// beginDetach begins to detach the repositories; a repeated attempt counts with all that
// the first one acted on, since what a newer command detached is not in the list any more.
func beginDetach(ctx context.Context, c *dispatch.Call, repos []github.Repository, known map[int64]store.Access) error {
	targets := map[string]int64{}
	things := repoThings(c, repos)
	for _, repo := range repos {
		targets[strings.ToLower(repo.Name)] = repo.ID
	}
	for _, id := range c.FirstTargets() {
		things = append(things, c.ARepo(id))
	}
	return c.Begin(ctx, store.Diff{Before: repoParts(repos, known)}, targets, things...)
}

func reposRemoveResult(c *dispatch.Call, names, absent []string, items []dispatch.Item, notes ...string) dispatch.Result {
	message, tables := reposMessage("Removed", names, "from", c)
	switch {
	case len(absent) == 0:
	case len(names) == 0:
		message, tables = sentenceOf("Nothing removed: not attached to "+groupOfTeam(c.Group), "Not attached", absent, "repository")
	default:
		sentence, table := sentenceOf("Not attached before", "Not attached before", absent, "repository")
		message, tables = message+" "+sentence, append(tables, table...)
	}
	message = strings.Join(append([]string{message}, notes...), " ")
	result := reposResult(c, nil, names, absent, message)
	result.Tables = tables
	result.Items = slices.Concat(items, doneItems(absent))
	result.Attention = len(names) == 0
	return result
}

// nearAttached says which attached repositories were probably meant by names that are not
// attached. If none is like one of them and nothing was done, it says what is attached.
func nearAttached(absent []string, attached []github.Repository, nothing bool) (notes []string) {
	names := repoNames(attached)
	for _, name := range absent {
		if near := dispatch.NearestItem(name, names); near != "" && len(notes) < mostInline {
			notes = append(notes, fmt.Sprintf("Did you mean `%s` instead of %s?", near, dispatch.Quote(name)))
		}
	}
	switch {
	case len(notes) > 0 || !nothing:
	case len(names) == 0:
		notes = []string{"No repository is attached."}
	case len(names) <= mostInline:
		notes = []string{"Attached: " + joinNames(names) + "."}
	default:
		notes = []string{fmt.Sprintf("`group-list` shows the %d that are attached.", len(names))}
	}
	return notes
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
