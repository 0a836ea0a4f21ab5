package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// ReposSetArgs are the arguments of repos-set.
type ReposSetArgs struct {
	Team  dispatch.Team `arg:"team,required" doc:"the team's slug" example:"platform"`
	Repos []string      `arg:"repos,required,positional" doc:"all repositories that the group is to have, at least one, as name, org/name or address; to detach every one name them in repos-remove" example:"api,web"`
}

func reposSet() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "repos-set", Method: http.MethodPatch, Legacy: true,
		Summary:  "Replace the list of repositories of the team's runner group",
		Task:     dispatch.TaskRepos,
		Refusals: []dispatch.Reason{dispatch.ReasonRepoNotPermitted, dispatch.ReasonPublicRepo, dispatch.ReasonGroupNotSelected, dispatch.ReasonLimitReached},
		Details:  "The answer names what was added and what was removed. What stays keeps its end, if it has one. What a request attached may stay without the team's permission on it.",
		Needs:    dispatch.Maintainer, Group: dispatch.OwnsGroup, Trustable: true, Effect: dispatch.Destroys, Example: "api,web", Prefetch: prefetchRepos, Undo: undoReposSet,
		Sample: undoneBy(reposSetResult(sampleCall(), []string{"api", "web"}, []string{"web"}, []string{"docs"}, []string{"api"}), "repos-set api,docs"),
	}, runReposSet, func(call *dispatch.Call, a ReposSetArgs) error { return checkRepos(call, ReposArgs(a)) })
}

func runReposSet(ctx context.Context, call *dispatch.Call, args ReposSetArgs) (dispatch.Result, error) {
	lookup, _ := call.Prefetched.(*repoLookup)
	repos, items, err := permittedRepos(ctx, call, lookup, args.Repos)
	if err == nil {
		repos, err = keepRequested(ctx, call, repos, items)
	}
	if err == nil {
		err = dispatch.RefuseItems(items)
	}
	if err != nil {
		return dispatch.Result{}, err
	}
	if err := mustBeSelected(ctx, call); err != nil {
		return dispatch.Result{}, err
	}
	before, err := attachedRepos(ctx, call)
	if err != nil {
		return dispatch.Result{}, err
	}
	adds, keeps := difference(repos, before)
	removes, _ := difference(before, repos)
	if err := checkRepoLimit(call, keeps, adds); err != nil {
		return dispatch.Result{}, err
	}
	added, unchanged, removed := repoNames(adds), repoNames(keeps), repoNames(removes)
	if call.Preview && len(added)+len(removed) == 0 {
		result := reposSetResult(call, unchanged, nil, nil, unchanged)
		result.Needless = true
		return result, nil
	}
	if call.Preview {
		changes, tables := reposSetNames(added, removed)
		kept, table := sentenceOf("Kept", "Kept", unchanged, "repository")
		message := fmt.Sprintf("This would change the repositories of the runner group %s. %s %s", groupOfTeam(call.Group), changes, kept)
		return previewOf(reposSetResult(call, repoNames(repos), added, removed, unchanged), message, append(tables, table...)...), nil
	}
	known, err := accessOf(ctx, call)
	if err != nil {
		return dispatch.Result{}, err
	}
	plan := store.Diff{Before: repoParts(removes, known), After: repoParts(adds, nil), Same: repoParts(keeps, known)}
	if err := call.Begin(ctx, plan, nil, call.TheRepos()); err != nil {
		return dispatch.Result{}, err
	}
	if err := dropAccess(ctx, call, adds); err != nil {
		return dispatch.Result{}, err
	}
	// a list that is already as it should be counts as set: an older command must not undo it
	edits, err := setEdits(ctx, call, repos, adds, removes)
	if err != nil {
		return dispatch.Result{}, err
	}
	set := func(ctx context.Context) error {
		if len(added)+len(removed) == 0 {
			return call.Confirm(nil, edits...)
		}
		ids := make([]int64, len(repos))
		for i, repo := range repos {
			ids[i] = repo.ID
		}
		err := call.Org.GitHub.SetGroupRepositories(ctx, call.Group.GroupID, ids)
		return call.Confirm(err, edits...)
	}
	if err := call.Change(ctx, set, call.TheRepos()); err != nil {
		return dispatch.Result{}, reposError(ctx, call, err, "replace the group's repositories")
	}
	return reposSetResult(call, repoNames(repos), added, removed, unchanged), nil
}

func reposSetResult(c *dispatch.Call, names, added, removed, unchanged []string) dispatch.Result {
	message, tables := reposMessage("Set", names, "for", c)
	changes, changed := reposSetNames(added, removed)
	if len(added)+len(removed) == 0 {
		message, tables = sentenceOf("Nothing to change: the repositories of "+groupOfTeam(c.Group)+" are these already", "Repositories", names, "repository")
		changes = ""
	}
	result := reposResult(c, added, removed, unchanged, strings.TrimSpace(message+" "+changes))
	result.Items, result.Tables = doneItems(names), slices.Concat(tables, changed)
	return result
}

// reposSetNames says what is added and removed.
func reposSetNames(added, removed []string) (sentences string, tables []dispatch.Table) {
	more, tables := sentenceOf("Added", "Added", added, "repository")
	less, table := sentenceOf("Removed", "Removed", removed, "repository")
	return more + " " + less, append(tables, table...)
}

// setEdits are the edits of what the group is expected to be. An earlier attempt may have
// changed the list without a record, so a repeated one compares with what is on record.
func setEdits(ctx context.Context, c *dispatch.Call, repos, adds, removes []github.Repository) ([]store.Edit, error) {
	if c.First == nil {
		return listEdits(c, adds, removes), nil
	}
	expected, err := c.Env.Store.ExpectedOf(ctx, c.OrgID, c.Group.GroupID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, dispatch.StoreError(err)
	}
	var known []github.Repository
	for id, name := range expected.Repos {
		known = append(known, github.Repository{ID: id, Name: name})
	}
	gone, _ := difference(known, repos)
	return listEdits(c, repos, gone), nil
}

// listEdits are the edits of what the group is expected to be by which these repositories
// join and leave its list.
func listEdits(c *dispatch.Call, adds, removes []github.Repository) []store.Edit {
	var edits []store.Edit
	for _, repo := range adds {
		edits = append(edits, attached(c, repo))
	}
	for _, repo := range removes {
		edits = append(edits, detached(c, repo))
	}
	return edits
}

// difference returns those of a that are not in b, and those that are.
func difference(a, b []github.Repository) (only, both []github.Repository) {
	in := map[int64]bool{}
	for _, repo := range b {
		in[repo.ID] = true
	}
	for _, repo := range a {
		if in[repo.ID] {
			both = append(both, repo)
		} else {
			only = append(only, repo)
		}
	}
	return only, both
}
