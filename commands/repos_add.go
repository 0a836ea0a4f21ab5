package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// ReposAddArgs are the arguments of repos-add.
type ReposAddArgs struct {
	Team        dispatch.Team `arg:"team,required" doc:"the team's slug" example:"platform"`
	Repos       []string      `arg:"repos,required,positional" doc:"repositories, as name, org/name or address" example:"api,web"`
	For         time.Duration `arg:"for" doc:"detach them after that time (90m, 2h, 7d)" example:"7d"`
	SkipRefused bool          `arg:"skip-refused" doc:"attach what may be attached, and list what is refused"`
}

func reposAdd() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "repos-add", Method: http.MethodPatch, Legacy: true,
		Summary:  "Attach repositories to the team's runner group",
		Task:     dispatch.TaskRepos,
		Refusals: []dispatch.Reason{dispatch.ReasonRepoNotPermitted, dispatch.ReasonPublicRepo, dispatch.ReasonGroupNotSelected, dispatch.ReasonLimitReached},
		Details: "The team needs a permission on each (policy.repoPermission, by default admin). If one is refused nothing is changed, unless refused ones are to be skipped. " +
			"With an end, they are detached when it is over. What is attached without an end stays so; what has an end gets the new one, or none if it is added again without.",
		Needs: dispatch.Maintainer, Group: dispatch.OwnsGroup, Trustable: true, Effect: dispatch.Changes, Example: "api,web", Prefetch: prefetchReposAdd, Undo: undoReposAdd,
		Sample: undoneBy(reposAddResult(sampleCall(), []string{"api", "web"}, nil, doneItems([]string{"api", "web"}), accessPlan{}), "repos-remove api,web"),
	}, runReposAdd, func(call *dispatch.Call, a ReposAddArgs) error {
		if a.For != 0 && a.For < minAccess {
			return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s: access lasts a minute at least.", call.ArgumentName("for"))
		}
		return checkRepos(call, ReposArgs{Team: a.Team, Repos: a.Repos})
	})
}

// A reposAddLookup is what repos-add asks for beside the caller's authorization.
type reposAddLookup struct {
	named    *repoLookup // nil: not asked
	attached *attachedLookup
}

// An attachedLookup is a group's list of repositories.
type attachedLookup struct {
	group int64
	done  chan struct{}
	list  github.RepositoryList
	err   error
}

func prefetchReposAdd(ctx context.Context, call *dispatch.Call, teamSlug string, decoded any) any {
	args, ok := decoded.(ReposAddArgs)
	if !ok {
		return nil
	}
	found := &reposAddLookup{}
	if len(args.Repos) > askEach {
		return found
	}
	found.named = askRepos(ctx, call, teamSlug, args.Repos)
	if len(args.Repos) >= manyRepos {
		return found // the list is needed as it is under the lease
	}
	// the group is not resolved yet; if the record leads to another one, this is not used
	if records, err := call.Env.Store.RecordsBySlug(ctx, call.OrgID, teamSlug); err == nil && len(records) == 1 && call.WasProvedIn(teamSlug, records[0].TeamID) {
		found.attached = askAttached(ctx, call, records[0].GroupID)
	}
	return found
}

func askAttached(ctx context.Context, c *dispatch.Call, group int64) *attachedLookup {
	lookup := &attachedLookup{group: group, done: make(chan struct{})}
	go func() {
		defer close(lookup.done)
		lookup.list, lookup.err = c.Org.GitHub.GroupRepositoryList(ctx, group)
	}()
	return lookup
}

func runReposAdd(ctx context.Context, call *dispatch.Call, args ReposAddArgs) (dispatch.Result, error) {
	lookup, _ := call.Prefetched.(*reposAddLookup)
	if lookup == nil {
		lookup = &reposAddLookup{}
	}
	early := lookup.attached != nil && lookup.attached.group == call.Group.GroupID
	if !early {
		lookup.attached = nil
		if hasList(call) {
			lookup.attached = askAttached(ctx, call, call.Group.GroupID)
		}
	}
	repos, checked, err := permittedRepos(ctx, call, lookup.named, args.Repos)
	if err != nil {
		return dispatch.Result{}, err
	}
	if refusal := dispatch.RefuseItems(checked); refusal != nil && (!args.SkipRefused || len(repos) == 0) {
		return dispatch.Result{}, withRest(call, refusal, repos)
	}
	if err := mustBeSelected(ctx, call); err != nil {
		return dispatch.Result{}, err
	}
	if lookup.attached == nil {
		lookup.attached = askAttached(ctx, call, call.Group.GroupID)
	}
	added, unchanged, err := splitAttached(ctx, call, repos, lookup.attached)
	if err == nil && early && (len(unchanged) > 0 || call.Org.Policy.Limits.Repos > 0) { // a command before this one may have changed that
		lookup.attached = askAttached(ctx, call, call.Group.GroupID)
		added, unchanged, err = splitAttached(ctx, call, repos, lookup.attached)
	}
	if err == nil {
		err = checkRepoLimit(call, lookup.attached.list.Repos, added)
	}
	if err != nil {
		return dispatch.Result{}, err
	}
	ends, err := planAccess(ctx, call, args.For, added, unchanged)
	if err != nil {
		return dispatch.Result{}, err
	}
	refused := slices.DeleteFunc(checked, func(item dispatch.Item) bool { return item.Error == "" })
	if call.Preview {
		message, tables := sentenceOf("This would add to "+groupOfTeam(call.Group), "To be added", repoNames(added), "repository")
		if len(added) == 0 {
			result := reposAddResult(call, nil, repoNames(unchanged), refused, ends)
			result.Needless = !ends.changed
			return result, nil
		}
		result := previewOf(reposAddResult(call, repoNames(added), repoNames(unchanged), nil, ends), message+ends.sentences(call.Preview), tables...)
		if args.SkipRefused {
			result = withRefused(result, refused)
		}
		return result, nil
	}
	targets := map[string]int64{}
	for _, repo := range added {
		targets[strings.ToLower(repo.Name)] = repo.ID
	}
	if err := call.Begin(ctx, ends.diff(added), targets, repoThings(call, repos)...); err != nil {
		return dispatch.Result{}, err
	}
	if err := ends.record(ctx, call); err != nil {
		return dispatch.Result{}, err
	}
	change := reposChange{named: len(args.Repos), list: lookup.attached.list, changes: added, settled: unchanged}
	change.failed = func(ctx context.Context, repo github.Repository, err error) { ends.undo(ctx, call, repo, err) }
	items := change.apply(ctx, call)
	result := reposAddResult(call, repoNames(added), repoNames(unchanged), items, ends)
	if err := dispatch.PartialFailure(items, result); err != nil {
		return dispatch.Result{}, err
	}
	if args.SkipRefused {
		result = withRefused(result, refused)
	}
	return result, nil
}

// splitAttached separates the repositories that are attached already. In a repeated attempt,
// those that the first one was to attach count as added.
func splitAttached(ctx context.Context, c *dispatch.Call, repos []github.Repository, attached *attachedLookup) (added, unchanged []github.Repository, err error) {
	if <-attached.done; attached.err != nil {
		return nil, nil, reposError(ctx, c, attached.err, "list the group's repositories")
	}
	for _, repo := range repos {
		isAttached := slices.ContainsFunc(attached.list.Repos, func(other github.Repository) bool { return other.ID == repo.ID })
		if isAttached && c.FirstTargets()[strings.ToLower(repo.Name)] != repo.ID {
			unchanged = append(unchanged, repo)
		} else {
			added = append(added, repo)
		}
	}
	return added, unchanged, nil
}

// withRest adds to a refusal how the repositories that are not refused can be attached. A
// comment's reply has the line that does it.
func withRest(c *dispatch.Call, err error, rest []github.Repository) error {
	var refusal *dispatch.Error
	if len(rest) == 0 || c.Channel == dispatch.Comment || !errors.As(err, &refusal) {
		return err
	}
	out := *refusal
	out.Message += " To attach the rest, repeat the command with " + c.Channel.Argument("skip-refused", "true") + "."
	return &out
}

// withRefused adds to the result what was skipped.
func withRefused(result dispatch.Result, refused []dispatch.Item) dispatch.Result {
	answer, _ := result.Response.(ReposChanged)
	answer.Refused = []RefusedRepo{}
	for _, item := range refused {
		answer.Refused = append(answer.Refused, RefusedRepo{Repo: item.Item, Reason: item.Reason, Error: item.Error})
	}
	if len(refused) > 0 {
		result.Message += fmt.Sprintf(" %s refused.", countOf(len(refused), "repository"))
		answer.Message = result.Message
	}
	result.Response, result.Items = answer, slices.Concat(result.Items, refused)
	return result
}

func reposAddResult(c *dispatch.Call, added, unchanged []string, items []dispatch.Item, ends accessPlan) dispatch.Result {
	message, tables := reposMessage("Added", added, "to", c)
	switch {
	case len(unchanged) == 0:
	case len(added) == 0:
		message, tables = sentenceOf("Nothing to add: attached to "+groupOfTeam(c.Group)+" already", "Attached already", unchanged, "repository")
	default:
		sentence, table := sentenceOf("Attached already", "Attached already", unchanged, "repository")
		message, tables = message+" "+sentence, append(tables, table...)
	}
	result := ends.addTo(reposResult(c, added, nil, unchanged, message+ends.sentences(c.Preview)))
	result.Items, result.Tables = items, tables
	return result
}
