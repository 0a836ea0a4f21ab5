package github_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func TestGroups(t *testing.T) {
	s := newSim(t)
	org := newApp(t, s.url).Org("acme", 77, "")
	ctx := t.Context()
	_, api, web, platform := s.ids()

	made, err := org.CreateGroup(ctx, github.NewGroup{Name: "new"})
	require.NoError(t, err)
	assert.Equal(t, github.VisibilitySelected, made.Visibility)
	assert.False(t, made.AllowsPublicRepositories)
	_, err = org.CreateGroup(ctx, github.NewGroup{Name: "new"})
	assert.Equal(t, github.Conflict, github.KindOf(err))

	groups, err := org.Groups(ctx)
	require.NoError(t, err)
	assert.Len(t, groups, 4)
	assert.True(t, groups[0].Default)
	found, err := org.GroupByName(ctx, "EVERYWHERE")
	require.NoError(t, err)
	assert.True(t, found.Inherited)
	_, err = org.GroupByName(ctx, "nothing")
	assert.Equal(t, github.NotFound, github.KindOf(err))

	public := true
	workflows := []string{"acme/api/.github/workflows/ci.yml@main"}
	changed, err := org.UpdateGroup(ctx, made.ID, github.GroupChange{Name: "new", AllowsPublicRepositories: &public, Workflows: &workflows})
	require.NoError(t, err)
	assert.True(t, changed.AllowsPublicRepositories)
	assert.True(t, changed.RestrictedToWorkflows)
	assert.Equal(t, workflows, changed.SelectedWorkflows)
	_, err = org.UpdateGroup(ctx, made.ID, github.GroupChange{Name: "new", Workflows: &[]string{}})
	require.NoError(t, err)
	again, err := org.Group(ctx, made.ID)
	require.NoError(t, err)
	assert.False(t, again.RestrictedToWorkflows)
	assert.True(t, again.AllowsPublicRepositories)

	require.NoError(t, org.AddGroupRepository(ctx, platform, web))
	repos, err := org.GroupRepositories(ctx, platform)
	require.NoError(t, err)
	require.Len(t, repos, 2)
	assert.Equal(t, "api", repos[0].Name)
	require.NoError(t, org.RemoveGroupRepository(ctx, platform, api))
	repos, err = org.GroupRepositories(ctx, platform)
	require.NoError(t, err)
	require.Len(t, repos, 1)
	require.NoError(t, org.SetGroupRepositories(ctx, platform, nil))
	repos, err = org.GroupRepositories(ctx, platform)
	require.NoError(t, err)
	assert.Empty(t, repos)

	require.NoError(t, org.DeleteGroup(ctx, made.ID))
	assert.Equal(t, github.NotFound, github.KindOf(org.DeleteGroup(ctx, made.ID)))
	assert.Empty(t, s.Unknown())
}
