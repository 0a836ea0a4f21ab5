package github_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// With the client ID only, the App learns its ID from GitHub.
func TestAppByClientID(t *testing.T) {
	s := newSim(t)
	var id string
	s.Update(func(st *ghsim.State) { id = st.Apps[0].ClientID })
	app := newApp(t, s.url, func(o *github.Options) { o.AppID, o.ClientID = 0, id })
	assert.Zero(t, app.ID())
	require.NoError(t, app.Ping(t.Context()))
	assert.Equal(t, int64(4242), app.ID())
}

func TestApp(t *testing.T) {
	s := newSim(t)
	app := newApp(t, s.url)
	ctx := t.Context()
	require.NoError(t, app.Ping(ctx))
	info, err := app.App(ctx)
	require.NoError(t, err)
	assert.Equal(t, int64(4242), info.ID)
	assert.Equal(t, "write", info.Permissions["organization_self_hosted_runners"])
	assert.Equal(t, []string{"issue_comment"}, info.Events)
	hook, err := app.HookConfig(ctx)
	require.NoError(t, err)
	assert.True(t, hook.HasSecret)
	skew, known := app.ClockSkew()
	assert.True(t, known)
	assert.InDelta(t, 0, skew.Seconds(), 3)
}
