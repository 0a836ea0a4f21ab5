package commands

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// An accessGiven is what became of a request for access.
type accessGiven struct {
	added     []string // attached now
	unchanged []string // attached already
	forGood   []string // of those: attached by the team itself, without an end
	until     time.Time
	changed   bool // something was attached, also if the request failed
}

// giveAccess attaches the repositories of the request to the group, if both sides have the
// right at this moment. In a preview it only checks that. The team needs no permission on
// them. The call must have the team's lease.
func giveAccess(ctx context.Context, call *dispatch.Call, r store.Request, length time.Duration) (accessGiven, error) {
	var given accessGiven
	if err := checkSameGroup(ctx, call, r); err != nil {
		return given, err
	}
	repos, err := requestedRepos(ctx, call, r)
	if err != nil {
		return given, err
	}
	if err := mustBeSelected(ctx, call); err != nil {
		return given, err
	}
	before, err := attachedRepos(ctx, call)
	if err != nil {
		return given, err
	}
	adds, keeps := difference(repos, before)
	if err := checkRepoLimit(call, before, adds); err != nil {
		return given, err
	}
	targets := map[string]int64{}
	for _, repo := range repos {
		targets[strings.ToLower(repo.Name)] = repo.ID
	}
	given.added, given.unchanged = repoNames(adds), repoNames(keeps)
	if length > 0 {
		given.until = endAfter(call, length)
	}
	if call.Preview {
		return given, nil
	}
	plan := requestDiff(r, store.RequestApproved)
	for _, repo := range adds {
		plan.After = append(plan.After, repoPart(repo, store.Access{Until: given.until, Request: r.Number}))
	}
	if err := call.Begin(ctx, plan, targets, repoThings(call, repos)...); err != nil {
		return given, err
	}
	if given.forGood, err = recordAccess(ctx, call, r, adds, keeps, given.until); err != nil {
		return given, err
	}
	err = attachRequested(ctx, call, adds, &given)
	return given, err
}

// checkSameGroup finds the group, and refuses if the team owns another one now.
func checkSameGroup(ctx context.Context, call *dispatch.Call, r store.Request) error {
	record, err := call.Env.Store.RecordOf(ctx, call.OrgID, r.TeamID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return dispatch.StoreError(err)
	}
	if err != nil || record.GroupID != r.GroupID {
		return dispatch.Refuse(dispatch.ReasonGroupNotFound, "Team `%s` does not own the runner group any more that the request is about. Request it again.", r.TeamSlug)
	}
	call.Group, call.Recorded = record, true
	return call.CheckTeamPolicy(github.Team{ID: record.TeamID, Slug: record.TeamSlug})
}

// requestedRepos returns the repositories of the request as they are now, by their ids. It
// refuses if the requester is no member any more or lost admin permission on one of them.
func requestedRepos(ctx context.Context, call *dispatch.Call, r store.Request) ([]github.Repository, error) {
	m, err := call.Org.GitHub.Membership(ctx, r.Requester)
	if dispatch.IgnoreNotFound(err) != nil {
		return nil, dispatch.GitHubError(err, "look up the requester")
	}
	if err != nil || m.State != github.StateActive {
		return nil, dispatch.Refuse(dispatch.ReasonNotMember, "%s is no active member of %s any more.", dispatch.Quote(r.Requester), call.Org.Name())
	}
	targets := r.TargetsOf(repoTarget)
	repos, errs := make([]github.Repository, len(targets)), make([]error, len(targets))
	var g errgroup.Group
	g.SetLimit(8)
	for i, target := range targets {
		g.Go(func() error {
			repos[i], errs[i] = requestedRepo(ctx, call, r, target)
			return nil
		})
	}
	_ = g.Wait()
	items := make([]dispatch.Item, len(targets))
	for i, err := range errs {
		items[i].Item = targets[i].Name
		if reason := dispatch.ReasonOf(err); reason == dispatch.ReasonRepoNotPermitted || reason == dispatch.ReasonPublicRepo {
			items[i].Error, items[i].Reason = dispatch.AsError(err).Message, reason
		} else if err != nil {
			return nil, err
		}
	}
	return repos, dispatch.RefuseItems(items)
}

func requestedRepo(ctx context.Context, call *dispatch.Call, r store.Request, target store.RequestTarget) (github.Repository, error) {
	lost := dispatch.Refuse(dispatch.ReasonRepoNotPermitted, "%s does not have admin permission any more on the repository %s that the request is about, or it does not exist any more.",
		dispatch.Quote(r.Requester), dispatch.Quote(target.Name))
	repo, err := call.Org.GitHub.RepositoryByID(ctx, target.ID)
	if dispatch.IgnoreNotFound(err) != nil {
		return repo, dispatch.GitHubError(err, "look up the repository")
	}
	if err != nil || repo.ID != target.ID {
		return repo, lost
	}
	got, err := call.Org.GitHub.UserPermission(ctx, repo.Name, r.Requester)
	switch kind := github.KindOf(err); {
	case kind == github.NotFound, kind == github.Invalid:
		return repo, lost
	case err != nil:
		return repo, dispatch.GitHubError(err, "look up the requester's permission")
	case got.UserID != 0 && got.UserID != r.RequesterID, !github.PermissionAtLeast(got.Permission, github.PermissionAdmin):
		return repo, lost
	}
	return repo, checkPublic(call, repo, repo.Name)
}

// recordAccess records until when the repositories are attached by the request, before GitHub
// is asked. What the team attached itself stays as it is if it has no end, and otherwise gets
// the later end of both.
func recordAccess(ctx context.Context, call *dispatch.Call, r store.Request, adds, keeps []github.Repository, until time.Time) (forGood []string, err error) {
	on, err := call.Env.Store.AccessOf(ctx, call.OrgID, call.Group.GroupID)
	if err != nil {
		return nil, dispatch.StoreError(err)
	}
	var rows []store.Access
	var before, after []store.Part // of what is attached already
	for _, repo := range slices.Concat(adds, keeps) {
		isAdded := slices.ContainsFunc(adds, func(a github.Repository) bool { return a.ID == repo.ID })
		old, has := on[repo.ID]
		end := until
		switch {
		case !isAdded && !has:
			forGood = append(forGood, repo.Name)
			continue
		case !isAdded && !until.IsZero() && (old.Until.IsZero() || old.Until.After(until)):
			end = old.Until
		}
		row := store.Access{
			OrgID: call.OrgID, TeamID: r.TeamID, GroupID: r.GroupID, RepoID: repo.ID, Repo: repo.Name,
			Until: end, Request: r.Number, By: call.Caller.Login, Source: r.Source,
		}
		if rows = append(rows, row); !isAdded {
			before, after = append(before, repoPart(repo, old)), append(after, repoPart(repo, row))
		}
	}
	call.Replan(func(d *store.Diff) { d.Before, d.After = append(d.Before, before...), append(d.After, after...) })
	err = call.Env.Store.PutAccess(ctx, rows...)
	if errors.Is(err, store.ErrNotFound) {
		return nil, dispatch.Refuse(dispatch.ReasonGroupNotFound, "Team `%s` does not own the runner group any more.", r.TeamSlug)
	}
	return forGood, dispatch.StoreError(err)
}

// attachRequested attaches the repositories. If some fail, what is on record of those that
// GitHub does not have in the group is forgotten.
func attachRequested(ctx context.Context, call *dispatch.Call, adds []github.Repository, given *accessGiven) error {
	items := call.ApplyEach(ctx, repoNames(adds), func(i int) []dispatch.Thing { return repoThings(call, adds[i:i+1]) }, func(ctx context.Context, i int) error {
		err := call.Org.GitHub.AddGroupRepository(ctx, call.Group.GroupID, adds[i].ID)
		return call.Confirm(err, attached(call, adds[i]))
	}, "attach the repository")
	items = explainFailures(ctx, call, items, "attach the repository")
	failure := dispatch.PartialFailure(items, dispatch.Result{})
	if failure == nil {
		return nil
	}
	given.changed = slices.ContainsFunc(items, func(i dispatch.Item) bool { return i.Done })
	now, err := attachedRepos(ctx, call)
	if err != nil {
		return failure // what is on record stays, so that an end comes
	}
	missing, there := difference(adds, now)
	given.changed = len(there) > 0
	var ids []int64
	for _, repo := range missing {
		ids = append(ids, repo.ID)
	}
	if err := call.Env.Store.DropAccess(ctx, call.OrgID, call.Group.GroupID, ids...); err != nil {
		return dispatch.StoreError(err)
	}
	failure.Result = nil
	return failure
}
