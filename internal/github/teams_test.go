package github_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func TestTeams(t *testing.T) {
	s := newSim(t)
	org := newApp(t, s.url).Org("acme", 0, "runner-admin")
	ctx := t.Context()
	teamID, api, web, _ := s.ids()

	installation, err := org.Installation(ctx)
	require.NoError(t, err)
	assert.Equal(t, int64(77), installation.ID)
	assert.Equal(t, "all", installation.RepositorySelection)

	team, err := org.Team(ctx, "platform")
	require.NoError(t, err)
	assert.Equal(t, teamID, team.ID)
	assert.False(t, team.CreatedAt.IsZero())
	same, err := org.TeamByID(ctx, teamID)
	require.NoError(t, err)
	assert.Equal(t, team, same)
	_, err = org.Team(ctx, "nobody")
	assert.Equal(t, github.NotFound, github.KindOf(err))

	memberships := []struct {
		login, role, state string
		kind               github.Kind
	}{
		{login: "ada", role: github.RoleMaintainer, state: github.StateActive},
		{login: "bob", role: github.RoleMember, state: github.StateActive},
		{login: "pete", role: github.RoleMaintainer, state: github.StatePending},
		{login: "eve", kind: github.NotFound},
	}
	for _, want := range memberships {
		byID, err := org.TeamMembership(ctx, teamID, want.login)
		assert.Equal(t, want.kind, github.KindOf(err), want.login)
		assert.Equal(t, want.role, byID.Role, want.login)
		assert.Equal(t, want.state, byID.State, want.login)
		bySlug, err := org.TeamMembershipBySlug(ctx, "platform", want.login)
		assert.Equal(t, want.kind, github.KindOf(err), want.login)
		assert.Equal(t, want.role, bySlug.Role, want.login)
		if err == nil {
			assert.Equal(t, teamID, bySlug.TeamID, want.login)
		}
	}
	owner, err := org.Membership(ctx, "olga")
	require.NoError(t, err)
	assert.NotZero(t, owner.UserID)
	assert.Equal(t, github.Membership{UserID: owner.UserID, Role: github.RoleAdmin, State: github.StateActive}, owner)
	maintainers, err := org.TeamMaintainers(ctx, "platform")
	require.NoError(t, err)
	require.Len(t, maintainers, 1)
	assert.Equal(t, "ada", maintainers[0].Login)

	repo, err := org.TeamRepository(ctx, "platform", "API")
	require.NoError(t, err)
	assert.Equal(t, api, repo.ID)
	assert.Equal(t, "api", repo.Name)
	assert.Equal(t, "private", repo.Visibility)
	assert.Equal(t, "admin", repo.Permission)
	_, err = org.TeamRepository(ctx, "platform", "bare")
	assert.Equal(t, github.NotFound, github.KindOf(err))
	repos, err := org.TeamRepositories(ctx, "platform")
	require.NoError(t, err)
	require.Len(t, repos, 2)
	assert.Equal(t, web, repos[1].ID)
	assert.Equal(t, "push", repos[1].Permission)
	assert.False(t, repos[1].Private)
	assert.Empty(t, s.Unknown())
}
