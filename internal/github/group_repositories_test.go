package github_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

const listPath = "/orgs/acme/actions/runner-groups/5/repositories"

// listOf is GitHub's list of the repositories with those ids.
func listOf(count int, ids ...int) string {
	repos := ""
	for _, id := range ids {
		repos += fmt.Sprintf(`,{"id":%d,"name":"r%d","full_name":"acme/r%d"}`, id, id, id)
	}
	return fmt.Sprintf(`{"total_count":%d,"repositories":[%s]}`, count, repos[min(1, len(repos)):])
}

// with returns an edit that adds a repository.
func with(id int64) func([]github.Repository) []int64 {
	return func(repos []github.Repository) []int64 {
		ids := []int64{id}
		for _, r := range repos {
			if r.ID != id {
				ids = append(ids, r.ID)
			}
		}
		return ids
	}
}

// What was made of a list is not sent when the list is old: it is made again of a new one.
func TestEditGroupRepositoriesOfAnOldList(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	now := &clock{now: time.Now()}
	org := newApp(t, f.URL+"/", func(o *github.Options) { o.Clock = now.Now }).Org("acme", 77, "runner-admin")
	f.on("GET "+listPath, http.StatusOK, listOf(2, 1, 2))
	f.on("PUT "+listPath, http.StatusNoContent, "")
	list, err := org.GroupRepositoryList(t.Context(), 5)
	require.NoError(t, err)
	require.True(t, list.Complete)
	f.on("GET "+listPath, http.StatusOK, listOf(1, 2)) // somebody detached one
	now.Add(2 * time.Second)
	require.NoError(t, org.EditGroupRepositories(t.Context(), 5, list, with(3)))
	calls := f.calls()
	require.Len(t, calls, 3)
	assert.JSONEq(t, `{"selected_repository_ids":[3,2]}`, calls[2].body)
}

// A request that GitHub does not answer in time may still take effect, so it is not repeated.
func TestEditGroupRepositoriesTooLate(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	org := newApp(t, f.URL+"/", func(o *github.Options) { o.CallTimeout = 300 * time.Millisecond }).Org("acme", 77, "runner-admin")
	f.on("GET "+listPath, http.StatusOK, listOf(0))
	f.handle("PUT "+listPath, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	list, err := org.GroupRepositoryList(t.Context(), 5)
	require.NoError(t, err)
	err = org.EditGroupRepositories(t.Context(), 5, list, with(3))
	require.Equal(t, github.Timeout, github.KindOf(err))
	var failure *github.Error
	require.ErrorAs(t, err, &failure)
	assert.True(t, failure.Ambiguous)
	assert.Len(t, f.calls(), 2)
}

// Only a list of which all pages count as many repositories as came is complete.
func TestRepositoryListIsComplete(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body string
		want bool
	}{
		"empty":         {listOf(0), true},
		"whole":         {listOf(2, 1, 2), true},
		"not counted":   {listOf(0, 1, 2), false},
		"one too many":  {listOf(2, 1, 2, 3), false},
		"one is double": {listOf(2, 1, 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.on("GET "+listPath, http.StatusOK, test.body)
			org := newApp(t, f.URL+"/").Org("acme", 77, "runner-admin")
			list, err := org.GroupRepositoryList(t.Context(), 5)
			require.NoError(t, err)
			assert.Equal(t, test.want, list.Complete)
			if !test.want {
				assert.Equal(t, github.Incomplete, github.KindOf(org.EditGroupRepositories(t.Context(), 5, list, with(3))))
				assert.Len(t, f.calls(), 1, "nothing is changed")
			}
		})
	}
}
