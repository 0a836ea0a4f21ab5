package commands

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

const (
	// minAccess is the least time that access lasts which has an end.
	minAccess = time.Minute
	// endsAtOnce is how many repositories one call detaches because their time is over, so
	// that people's commands on the group do not wait long. The next call detaches the rest.
	endsAtOnce = 10
)

// An accessPlan is what repos-add makes of the ends of repositories.
type accessPlan struct {
	until time.Time // of ending; zero: none

	ending  []github.Repository // that get this end
	forGood []github.Repository // that have none, and so keep none
	lost    []github.Repository // that had one, and have none now
	changed bool                // something that is attached already gets another end
	drops   []github.Repository // of which nothing stays on record
	known   map[int64]store.Access
}

// diff is what the plan changes, with the repositories that are attached now.
func (p accessPlan) diff(added []github.Repository) store.Diff {
	var d store.Diff
	isAdded := func(repo github.Repository) bool {
		return slices.ContainsFunc(added, func(a github.Repository) bool { return a.ID == repo.ID })
	}
	for _, repo := range slices.Concat(p.ending, p.lost) {
		if !isAdded(repo) {
			d.Before = append(d.Before, repoPart(repo, p.known[repo.ID]))
			d.After = append(d.After, repoPart(repo, store.Access{Until: p.until}))
		}
	}
	for _, repo := range added {
		d.After = append(d.After, repoPart(repo, store.Access{Until: p.until}))
	}
	return d
}

// planAccess says what becomes of the ends, if the repositories are attached for that long; 0:
// for good.
func planAccess(ctx context.Context, c *dispatch.Call, length time.Duration, added, unchanged []github.Repository) (accessPlan, error) {
	var plan accessPlan
	if length == 0 && !c.Recorded {
		return plan, nil
	}
	if !c.Recorded {
		return plan, dispatch.Refuse(dispatch.ReasonGroupNotOwned,
			"The runner group %s is found by its name and is not on record, so access to it cannot end by itself. An owner of %s can record it with `group-adopt`.", groupOfTeam(c.Group), c.Org.Login)
	}
	known, err := c.Env.Store.AccessOf(ctx, c.OrgID, c.Group.GroupID)
	if err != nil {
		return plan, dispatch.StoreError(err)
	}
	plan.known = known
	hasEnd := func(repo github.Repository) bool { return !known[repo.ID].Until.IsZero() }
	if length == 0 {
		for _, repo := range slices.Concat(added, unchanged) {
			if _, ok := known[repo.ID]; ok {
				plan.drops = append(plan.drops, repo)
			}
		}
		plan.lost = slices.DeleteFunc(slices.Clone(unchanged), func(repo github.Repository) bool { return !hasEnd(repo) })
		plan.changed = len(plan.lost) > 0
		return plan, nil
	}
	plan.until = endAfter(c, length)
	plan.ending = slices.Clone(added)
	for _, repo := range unchanged {
		if hasEnd(repo) {
			plan.ending, plan.changed = append(plan.ending, repo), true
		} else {
			plan.forGood = append(plan.forGood, repo)
		}
	}
	return plan, nil
}

// endAfter is when access of that length ends.
func endAfter(c *dispatch.Call, length time.Duration) time.Time {
	return beganAt(c).Add(length).UTC().Truncate(time.Microsecond) // as the database has it
}

// beganAt is from when on access counts: the start of the call, of a repeated one its first.
func beganAt(c *dispatch.Call) time.Time {
	if c.First != nil {
		return c.First.StartedAt
	}
	return c.Env.Now()
}

// record puts the plan on record, before GitHub is asked: whatever happens then, what was
// attached for a time is detached.
func (p accessPlan) record(ctx context.Context, c *dispatch.Call) error {
	var list []store.Access
	for _, repo := range p.ending {
		list = append(list, store.Access{
			OrgID: c.OrgID, TeamID: c.Team.ID, GroupID: c.Group.GroupID, RepoID: repo.ID, Repo: repo.Name,
			Until: p.until, By: c.Caller.Login, At: c.Env.Now(), Source: c.Source,
		})
	}
	err := c.Env.Store.PutAccess(ctx, list...)
	if errors.Is(err, store.ErrNotFound) {
		return dispatch.Refuse(dispatch.ReasonGroupNotFound, "The team `%s` does not own that runner group any more.", c.Team.Slug)
	}
	if err != nil {
		return dispatch.StoreError(err)
	}
	return dropAccess(ctx, c, p.drops)
}

// undo forgets the end of a repository that GitHub certainly did not attach.
func (p accessPlan) undo(ctx context.Context, c *dispatch.Call, repo github.Repository, err error) {
	if err == nil || p.until.IsZero() || dispatch.Ambiguous(err) {
		return
	}
	if err := dropAccess(context.WithoutCancel(ctx), c, []github.Repository{repo}); err != nil {
		zerolog.Ctx(ctx).Debug().Err(err).Msg("an end of access stays on record; when it comes there is nothing to detach")
	}
}

// sentences say what became of the ends, or in a preview what would; each begins with a blank.
func (p accessPlan) sentences(preview bool) (text string) {
	ending, forGood, lost := "Attached until ", "Attached without an end, as before", "Had an end, and has none now"
	if preview {
		ending, forGood, lost = "This would end at ", "Attached without an end, and would stay so", "Has an end, and would have none"
	}
	for _, part := range []struct {
		begin string
		repos []github.Repository
	}{
		{ending + minuteOf(p.until), p.ending},
		{forGood, p.forGood},
		{lost, p.lost},
	} {
		if len(part.repos) > 0 {
			sentence, _ := sentenceOf(part.begin, "", repoNames(part.repos), "repository")
			text += " " + sentence
		}
	}
	return text
}

// addTo adds to the result what became of the ends.
func (p accessPlan) addTo(result dispatch.Result) dispatch.Result {
	if answer, ok := result.Response.(ReposChanged); ok && len(p.ending) > 0 {
		answer.Until = &p.until
		result.Response = answer
	}
	result.Changed = result.Changed || p.changed
	return result
}

// minuteOf writes a time for people.
func minuteOf(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// dropAccess forgets the ends of the repositories. The caller has the team's lease.
func dropAccess(ctx context.Context, c *dispatch.Call, repos []github.Repository) error {
	var ids []int64
	for _, repo := range repos {
		ids = append(ids, repo.ID)
	}
	return dispatch.StoreError(c.Env.Store.DropAccess(ctx, c.OrgID, c.Group.GroupID, ids...))
}

// keepRequested adds the repositories that were refused although a request attached them: they
// may stay without the team's permission on them. Their items are not refused any more.
func keepRequested(ctx context.Context, c *dispatch.Call, repos []github.Repository, items []dispatch.Item) ([]github.Repository, error) {
	if !slices.ContainsFunc(items, func(item dispatch.Item) bool { return item.Reason == dispatch.ReasonRepoNotPermitted }) {
		return repos, nil
	}
	known, err := c.Env.Store.AccessOf(ctx, c.OrgID, c.Group.GroupID)
	if err != nil {
		return nil, dispatch.StoreError(err)
	}
	requested := false
	for _, a := range known {
		requested = requested || a.Request != 0
	}
	if !requested {
		return repos, nil
	}
	attached, err := attachedRepos(ctx, c)
	if err != nil {
		return nil, err
	}
	for i := range items {
		name, err := repoNamed(c, items[i].Item)
		repo, ok := findRepo(attached, name)
		if err != nil || !ok || items[i].Reason != dispatch.ReasonRepoNotPermitted || known[repo.ID].Request == 0 {
			continue
		}
		if err := c.Pin(dispatch.PinRepo, repo.Name, repo.ID); err != nil {
			items[i] = dispatch.Item{Item: items[i].Item, Error: dispatch.AsError(err).Message, Reason: dispatch.ReasonOf(err)}
			continue
		}
		items[i] = dispatch.Item{Item: items[i].Item}
		if !slices.ContainsFunc(repos, func(other github.Repository) bool { return other.ID == repo.ID }) {
			repos = append(repos, repo)
		}
	}
	return repos, nil
}

// endAccess detaches what is over now by the record, whatever it was when the call was made.
// One that is not attached any more counts as done.
func endAccess(ctx context.Context, call *dispatch.Call) (dispatch.Result, error) {
	over, err := call.Env.Store.AccessOver(ctx, call.OrgID, call.Group.GroupID, endsAtOnce)
	if err != nil {
		return dispatch.Result{}, dispatch.StoreError(err)
	}
	attached, err := attachedUnlessGone(ctx, call)
	if err != nil {
		return dispatch.Result{}, err
	}
	var targets, gone []github.Repository
	for id, a := range over {
		i := slices.IndexFunc(attached.Repos, func(repo github.Repository) bool { return repo.ID == id })
		if i < 0 {
			gone = append(gone, github.Repository{ID: id, Name: a.Repo})
		} else {
			targets = append(targets, attached.Repos[i]) // which may have another name by now
		}
	}
	byName := func(a, b github.Repository) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(targets, byName)
	slices.SortFunc(gone, byName)
	all := slices.Concat(targets, gone)
	if err := call.Begin(ctx, store.Diff{Before: repoParts(targets, over)}, nil, repoThings(call, all)...); err != nil {
		return dispatch.Result{}, err
	}
	for _, repo := range gone {
		_ = call.Confirm(nil, detached(call, repo))
	}
	items := reposChange{named: len(all), list: attached, changes: targets, settled: gone, detach: true}.apply(ctx, call)
	result := reposRemoveResult(call, repoNames(all), nil, items)
	if err := dispatch.PartialFailure(items, result); err != nil {
		return dispatch.Result{}, err
	}
	return result, nil
}

// attachedUnlessGone returns the group's list of repositories: none if somebody deleted the
// group on GitHub.
func attachedUnlessGone(ctx context.Context, call *dispatch.Call) (attached github.RepositoryList, err error) {
	if err = mustBeSelected(ctx, call); err == nil {
		attached, err = attachedList(ctx, call)
	}
	if dispatch.ReasonOf(err) != dispatch.ReasonGroupNotFound {
		return attached, err
	}
	gone, lookErr := ownership.New(call.Env).IsGone(ctx, call)
	if lookErr == nil && gone {
		return attached, nil
	}
	return attached, err
}
