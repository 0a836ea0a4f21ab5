package github

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/go-github/v41/github"
)

// A RepositoryList is the list of the repositories that may use a group, as it was read.
type RepositoryList struct {
	Repos []Repository
	// Complete says that the list is certainly whole: each of its pages counts as many
	// repositories as came. Only then may another list that is made of it replace it.
	Complete bool
	readAt   time.Time
}

// GroupRepositories lists all repositories that may use a group.
func (o *Org) GroupRepositories(ctx context.Context, id int64) ([]Repository, error) {
	list, err := o.GroupRepositoryList(ctx, id)
	return list.Repos, err
}

// GroupRepositoryList is GroupRepositories with whether the list is complete.
func (o *Org) GroupRepositoryList(ctx context.Context, id int64) (RepositoryList, error) {
	s, err := o.session(ctx)
	if err != nil {
		return RepositoryList{}, err
	}
	var mu sync.Mutex
	var counts []int
	list := RepositoryList{readAt: o.app.now()}
	found, err := listCounted(ctx, func(ctx context.Context, page github.ListOptions) ([]repositoryAnswer, int, *github.Response, error) {
		answer, resp, err := send[struct {
			Count        int                `json:"total_count"`
			Repositories []repositoryAnswer `json:"repositories"`
		}](ctx, s.main, http.MethodGet, o.groupPath(id)+"/repositories"+listQuery(page), nil)
		mu.Lock()
		counts = append(counts, answer.Count)
		mu.Unlock()
		return answer.Repositories, answer.Count, resp, err
	})
	if err != nil {
		return RepositoryList{}, o.app.failed(o.groupOp("list the repositories of", id), err)
	}
	list.Repos = make([]Repository, len(found))
	ids := make(map[int64]bool, len(found))
	for i, r := range found {
		list.Repos[i] = r.repository()
		list.Repos[i].Permission = "" // GitHub returns the App's own here
		ids[r.ID] = true
	}
	list.Complete = len(ids) == len(found) && !slices.ContainsFunc(counts, func(n int) bool { return n != len(found) })
	return list, nil
}

// SetGroupRepositories replaces the list of repositories. If ids is nil, the list becomes
// empty.
func (o *Org) SetGroupRepositories(ctx context.Context, id int64, ids []int64) error {
	if ids == nil {
		ids = []int64{} // nil would be sent as null
	}
	return o.write(ctx, o.groupOp("set the repositories of", id), func(ctx context.Context, s *session) (*github.Response, error) {
		body := github.SetRepoAccessRunnerGroupRequest{SelectedRepositoryIDs: ids}
		return s.main.Actions.SetRepositoryAccessRunnerGroup(ctx, o.loginSegment(), id, body)
	})
}

// listHolds is how old a list may be when another one that was made of it is sent. A request
// that waits longer for its turn is made again of a new one.
const listHolds = time.Second

// EditGroupRepositories replaces the list of repositories by the one that edit makes of it, in
// one request. list was read just now. Before each repeated attempt the list is read again, so
// that no attempt brings back what others changed meanwhile. If edit returns the ids that are
// in the list already, in any order, nothing is sent. It fails with Incomplete if a list that
// was read is not certainly whole.
func (o *Org) EditGroupRepositories(ctx context.Context, id int64, list RepositoryList, edit func([]Repository) []int64) error {
	ambiguous := false
	for attempt := 1; ; attempt++ {
		if !list.Complete {
			return &Error{Kind: Incomplete, Op: o.groupOp("set the repositories of", id), Message: "GitHub's list of them may not be whole", Ambiguous: ambiguous}
		}
		ids := edit(list.Repos)
		if sameIDs(ids, list.Repos) {
			return nil // so it is done, perhaps by an attempt whose answer was lost
		}
		err := o.SetGroupRepositories(onceBefore(ctx, list.readAt.Add(listHolds)), id, ids)
		if err == nil {
			return nil
		}
		failure := asError(err)
		ambiguous = ambiguous || failure.Ambiguous
		failure.Ambiguous = ambiguous
		again := failure.Kind == Stale || failure.Kind == Unavailable && failure.RetryAfter <= time.Second
		if attempt == maxAttempts || !again || failure.Kind != Stale && !backOff(ctx, attempt) {
			return failure
		}
		if list, err = o.GroupRepositoryList(ctx, id); err != nil {
			failure = asError(err)
			failure.Ambiguous = ambiguous
			return failure
		}
	}
}

// sameIDs reports whether the repositories are those with the ids.
func sameIDs(ids []int64, repos []Repository) bool {
	if len(ids) != len(repos) {
		return false
	}
	in := make(map[int64]bool, len(ids))
	for _, id := range ids {
		in[id] = true
	}
	return len(in) == len(ids) && !slices.ContainsFunc(repos, func(r Repository) bool { return !in[r.ID] })
}
