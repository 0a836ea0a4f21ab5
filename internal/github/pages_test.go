package github_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

func TestPages(t *testing.T) {
	const n = 730
	s := newSim(t, func(sc *ghsim.Scenario) {
		platform := &sc.Organizations[0].RunnerGroups[0]
		for i := range n {
			name := fmt.Sprintf("many-%d", i)
			sc.Organizations[0].Repositories = append(sc.Organizations[0].Repositories, ghsim.RepoSpec{Name: name})
			platform.Repositories = append(platform.Repositories, name)
		}
	})
	org := newApp(t, s.url).Org("acme", 0, "runner-admin")
	_, _, _, group := s.ids()
	require.NoError(t, org.Warm(t.Context()))
	s.ResetCalls()
	repos, err := org.GroupRepositories(t.Context(), group)
	require.NoError(t, err)
	seen := map[int64]bool{}
	for _, r := range repos {
		seen[r.ID] = true
	}
	assert.Len(t, seen, n+1)
	assert.Len(t, s.Calls(), 8)

	since := time.Now().Add(-time.Minute)
	for range 230 {
		_, err := s.Comment("acme", "runner-admin", 1, "ada", "hello")
		require.NoError(t, err)
	}
	comments, err := org.Comments(t.Context(), 1, since)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, len(comments), 230, "go-github mistakes since for the page")
}
