package github_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func TestDeliveries(t *testing.T) {
	s := newSim(t)
	app := newApp(t, s.url)
	ctx := t.Context()
	s.PauseDeliveries(true)
	const n = 130
	for range n {
		_, err := s.Comment("acme", "runner-admin", 1, "ada", "hello")
		require.NoError(t, err)
	}
	require.NoError(t, s.Wait(ctx))
	first, next, err := app.Deliveries(ctx, "", true)
	require.NoError(t, err)
	require.Len(t, first, 100)
	require.NotEmpty(t, next)
	rest, end, err := app.Deliveries(ctx, next, true)
	require.NoError(t, err)
	assert.Len(t, rest, n-100)
	assert.Empty(t, end)
	d := first[0]
	assert.Equal(t, "issue_comment", d.Event)
	assert.Equal(t, "created", d.Action)
	assert.Equal(t, int64(77), d.InstallationID)
	assert.NotZero(t, d.RepositoryID)
	assert.True(t, d.Failed())
	require.NoError(t, app.Redeliver(ctx, d.ID))
	require.NoError(t, s.Wait(ctx))
	all, _, err := app.Deliveries(ctx, "", false)
	require.NoError(t, err)
	assert.Equal(t, d.GUID, all[0].GUID)
	assert.True(t, all[0].Redelivery)
	assert.Equal(t, github.NotFound, github.KindOf(app.Redeliver(ctx, 1)))
}
