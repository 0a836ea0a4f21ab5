package github_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func TestRunners(t *testing.T) {
	s := newSim(t)
	org := newApp(t, s.url).Org("acme", 0, "")
	ctx := t.Context()
	_, _, _, group := s.ids()

	runners, err := org.GroupRunners(ctx, group)
	require.NoError(t, err)
	require.Len(t, runners, 2)
	assert.Equal(t, "r2", runners[1].Name)
	assert.True(t, runners[1].Busy)
	assert.Equal(t, []string{"self-hosted", "gpu"}, runners[1].Labels)
	require.NoError(t, org.MoveRunner(ctx, 1, runners[0].ID))
	require.NoError(t, org.RemoveRunner(ctx, runners[0].ID))
	assert.Equal(t, github.NotFound, github.KindOf(org.RemoveRunner(ctx, runners[0].ID)))

	registration, err := org.RegistrationToken(ctx)
	require.NoError(t, err)
	assert.NotEmpty(t, registration.Token.Reveal())
	assert.WithinDuration(t, time.Now().Add(time.Hour), registration.ExpiresAt, time.Minute)
	removal, err := org.RemovalToken(ctx)
	require.NoError(t, err)
	assert.NotEqual(t, registration.Token.Reveal(), removal.Token.Reveal())

	request := github.JITRequest{Name: "jit", GroupID: group, Labels: []string{"gpu"}, WorkFolder: "_work"}
	jit, err := org.JITConfig(ctx, request)
	require.NoError(t, err)
	assert.Equal(t, "jit", jit.Runner.Name)
	assert.NotEmpty(t, jit.EncodedConfig.Reveal())
	_, err = org.JITConfig(ctx, request)
	assert.Equal(t, github.Conflict, github.KindOf(err))
	assert.Empty(t, s.Unknown())
}

func TestRunnerDownloads(t *testing.T) {
	s := newSim(t)
	now := &clock{now: time.Now()}
	org := newApp(t, s.url, func(o *github.Options) { o.Clock = now.Now }).Org("acme", 0, "")
	list := func() (listed int) {
		s.ResetCalls()
		all, err := org.RunnerDownloads(t.Context())
		require.NoError(t, err)
		require.NotEmpty(t, all)
		assert.Equal(t, ghsim.RunnerVersion, all[0].Version())
		assert.Contains(t, all[0].URL, all[0].File)
		assert.Len(t, all[0].SHA256, 64)
		for _, call := range s.Calls() {
			if call.Path == "/orgs/acme/actions/runners/downloads" {
				listed++
			}
		}
		return listed
	}
	assert.Equal(t, 1, list())
	now.Add(59 * time.Minute)
	assert.Equal(t, 0, list(), "once an hour")
	now.Add(2 * time.Minute)
	assert.Equal(t, 1, list())
	assert.Empty(t, github.Download{File: "runner.zip"}.Version())
}
