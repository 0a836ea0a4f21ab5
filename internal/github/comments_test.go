package github_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func TestComments(t *testing.T) {
	s := newSim(t)
	org := newApp(t, s.url).Org("acme", 0, "runner-admin")
	ctx := t.Context()

	repo, err := org.AdminRepository(ctx)
	require.NoError(t, err)
	assert.Equal(t, "private", repo.Visibility)
	assert.True(t, repo.HasIssues)
	id, err := org.CreateComment(ctx, 1, "hi")
	require.NoError(t, err)
	require.NoError(t, org.React(ctx, id, "rocket"))
	require.NoError(t, org.React(ctx, id, "rocket"))
	comments, err := org.Comments(ctx, 1, time.Time{})
	require.NoError(t, err)
	require.Len(t, comments, 2)
	assert.Equal(t, "ada", comments[0].UserLogin)
	assert.Zero(t, comments[0].AppID)
	assert.Equal(t, "hi", comments[1].Body)
	assert.Equal(t, "Bot", comments[1].UserType)
	require.NoError(t, org.DeleteComment(ctx, id))
	assert.Equal(t, github.NotFound, github.KindOf(org.DeleteComment(ctx, id)))
	keys, err := org.UserKeys(ctx, "ada")
	require.NoError(t, err)
	assert.Equal(t, []string{"ssh-ed25519 AAAA"}, keys)

	none := newApp(t, s.url).Org("acme", 0, "")
	_, err = none.CreateComment(ctx, 1, "hi")
	assert.Equal(t, github.Invalid, github.KindOf(err))
	assert.ErrorContains(t, err, "chatops.adminRepo")
}
