package github_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// Answers may be given again for five seconds, but a write of ours ends that at once. Others are
// always asked for.
func TestAllowRecent(t *testing.T) {
	s := newSim(t)
	at := &clock{now: time.Now()}
	org := newApp(t, s.url, func(o *github.Options) { o.Clock = at.Now }).Org("acme", 0, "")
	team, _, web, group := s.ids()
	recent := github.AllowRecent(t.Context())
	calls := func(read func() error) int {
		t.Helper()
		require.NoError(t, org.Warm(t.Context()))
		s.ResetCalls()
		require.NoError(t, read())
		return len(s.Calls())
	}
	read := func() error { _, err := org.GroupRepositories(recent, group); return err }
	assert.Equal(t, 1, calls(read))
	assert.Zero(t, calls(read))
	at.Add(4 * time.Second)
	assert.Zero(t, calls(read))
	at.Add(2 * time.Second)
	assert.Equal(t, 1, calls(read))
	assert.Equal(t, 1, calls(func() error { _, err := org.GroupRepositories(t.Context(), group); return err }), "who did not allow it")
	require.NoError(t, org.AddGroupRepository(t.Context(), group, web))
	assert.Equal(t, 1, calls(read))
	assert.Equal(t, 1, calls(func() error { _, err := org.TeamMembership(t.Context(), team, "ada"); return err }))
}
