package github_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func TestUser(t *testing.T) {
	s := newSim(t)
	app := newApp(t, s.url)
	tests := []struct {
		name, token, login, client string
		kind                       github.Kind
	}{
		{name: "classic", token: "ghp_ada", login: "ada"},
		{name: "OAuth", token: "gho_ada", login: "ada", client: "178c6fc778ccc68e1d6a"},
		{name: "unknown", token: "ghp_nobody", kind: github.Unauthorized},
		{name: "empty", token: "", kind: github.Unauthorized},
		{name: "with a line break", token: "ghp_ada\r\nX-Evil: 1", kind: github.Unauthorized},
		{name: "not ASCII", token: "ghp_adä", kind: github.Unauthorized},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			user, err := app.User(t.Context(), tt.token)
			assert.Equal(t, tt.kind, github.KindOf(err))
			assert.Equal(t, tt.login, user.Login)
			assert.Equal(t, tt.client, user.OAuthClientID)
			if err == nil {
				assert.Equal(t, "User", user.Type)
				assert.NotZero(t, user.ID)
			}
		})
	}
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
	assert.Equal(t, "json", hook.ContentType)
	assert.True(t, hook.HasSecret)
	skew, known := app.ClockSkew()
	assert.True(t, known)
	assert.InDelta(t, 0, skew.Seconds(), 3)
}

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
	assert.Equal(t, github.Membership{Role: github.RoleAdmin, State: github.StateActive}, owner)
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
	require.NoError(t, org.UpdateComment(ctx, id, "ho"))
	comments, err := org.Comments(ctx, 1, time.Time{})
	require.NoError(t, err)
	require.Len(t, comments, 2)
	assert.Equal(t, "ada", comments[0].UserLogin)
	assert.Zero(t, comments[0].AppID)
	assert.Equal(t, "ho", comments[1].Body)
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

func TestConvertManifest(t *testing.T) {
	s := newSim(t)
	manifest := `{"name":"New","url":"https://arm.example.com","hook_attributes":{"url":"https://arm.example.com/api/github/hook"},
		"redirect_url":"https://arm.example.com/setup/callback","default_events":["issue_comment"],"default_permissions":{"metadata":"read"}}`
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.PostForm(s.url+"/organizations/acme/settings/apps/new?state=x", url.Values{"manifest": {manifest}})
	require.NoError(t, err)
	resp.Body.Close()
	to, err := resp.Location()
	require.NoError(t, err)

	base, err := url.Parse(s.url)
	require.NoError(t, err)
	got, err := github.ConvertManifest(t.Context(), github.Options{BaseURL: base}, to.Query().Get("code"))
	require.NoError(t, err)
	assert.NotZero(t, got.ID)
	assert.Equal(t, "new", got.Slug)
	assert.Equal(t, "acme", got.Owner)
	assert.Contains(t, got.PEM.Reveal(), "PRIVATE KEY")
	assert.NotEmpty(t, got.WebhookSecret.Reveal())
	assert.NotContains(t, fmt.Sprintf("%+v", got), got.WebhookSecret.Reveal())
	_, err = github.ConvertManifest(t.Context(), github.Options{BaseURL: base}, to.Query().Get("code"))
	assert.Equal(t, github.NotFound, github.KindOf(err), "a code serves once")
}
