package commands

import (
	"context"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// manyRepos is from how many named repositories on a command sends one request with the
// group's whole list, in place of one request for each repository that it changes.
const manyRepos = 5

// A reposChange attaches repositories to the call's group or detaches them.
type reposChange struct {
	named   int                   // how many the command names
	list    github.RepositoryList // of the group, read under the lease
	changes []github.Repository   // to attach or detach
	settled []github.Repository   // nothing is asked of GitHub for these
	detach  bool
	// failed, if set, is called for each change that GitHub did not confirm.
	failed func(context.Context, github.Repository, error)
}

func (r reposChange) doing() string {
	if r.detach {
		return "detach the repository"
	}
	return "attach the repository"
}

// apply makes the change, and returns what became of each repository: first those of changes.
func (r reposChange) apply(ctx context.Context, c *dispatch.Call) []dispatch.Item {
	items, done := r.applyAtOnce(ctx, c)
	if !done {
		things := func(i int) []dispatch.Thing { return repoThings(c, r.changes[i:i+1]) }
		items = c.ApplyEach(ctx, repoNames(r.changes), things, func(ctx context.Context, i int) error {
			repo := r.changes[i]
			err := r.applyOne(ctx, c, repo)
			r.noteFailed(ctx, repo, err)
			return c.Confirm(err, r.edit(c, repo))
		}, r.doing())
		items = explainFailures(ctx, c, items, r.doing())
	}
	c.NoteChange(repoThings(c, r.settled)...) // an older command must not undo it
	return append(items, doneItems(repoNames(r.settled))...)
}

// applyAtOnce makes the change by one request. It reports false if nothing was changed and
// single requests are to be sent: there are few, GitHub's list may not be whole, or GitHub
// refused the list, perhaps for one of its repositories.
func (r reposChange) applyAtOnce(ctx context.Context, c *dispatch.Call) ([]dispatch.Item, bool) {
	if r.named < manyRepos || len(r.changes) < 2 || !r.list.Complete {
		return nil, false
	}
	err := c.Change(ctx, func(ctx context.Context) error {
		return c.Org.GitHub.EditGroupRepositories(ctx, c.Group.GroupID, r.list, r.edited)
	}, repoThings(c, r.changes)...)
	if err == nil {
		for _, repo := range r.changes {
			_ = c.Confirm(nil, r.edit(c, repo))
		}
		return doneItems(repoNames(r.changes)), true
	}
	if !dispatch.Ambiguous(err) {
		switch github.KindOf(err) {
		case github.Stale, github.Incomplete:
			return nil, false
		case github.NotFound, github.Conflict, github.Invalid:
			if err = reposError(ctx, c, err, r.doing()); dispatch.ReasonOf(err) == dispatch.ReasonGitHubError {
				return nil, false // the group has a list, so it is some repository
			}
		}
	}
	failure := dispatch.AsError(dispatch.GitHubError(err, r.doing()))
	items := make([]dispatch.Item, len(r.changes))
	for i, repo := range r.changes {
		items[i] = dispatch.Item{Item: repo.Name, Error: failure.Message, Reason: failure.Reason, Failure: failure}
		r.noteFailed(ctx, repo, err)
	}
	return items, true
}

// edited returns the ids of the list that the change makes of this one. It keeps whatever
// else is attached.
func (r reposChange) edited(list []github.Repository) []int64 {
	kept, _ := difference(list, r.changes)
	ids := make([]int64, 0, len(list)+len(r.changes))
	for _, repo := range kept {
		ids = append(ids, repo.ID)
	}
	if r.detach {
		return ids
	}
	for _, repo := range r.changes {
		ids = append(ids, repo.ID)
	}
	return ids
}

// applyOne changes one repository. One that is detached already counts as done.
func (r reposChange) applyOne(ctx context.Context, c *dispatch.Call, repo github.Repository) error {
	if !r.detach {
		return c.Org.GitHub.AddGroupRepository(ctx, c.Group.GroupID, repo.ID)
	}
	return dispatch.IgnoreNotFound(c.Org.GitHub.RemoveGroupRepository(ctx, c.Group.GroupID, repo.ID))
}

func (r reposChange) noteFailed(ctx context.Context, repo github.Repository, err error) {
	if err != nil && r.failed != nil {
		r.failed(ctx, repo, err)
	}
}

// edit is the edit of what the group is expected to be. What the list held besides is none: if
// somebody attached it on GitHub's pages, the fleet's checks still say so.
func (r reposChange) edit(c *dispatch.Call, repo github.Repository) store.Edit {
	if r.detach {
		return detached(c, repo)
	}
	return attached(c, repo)
}
