package github_test

import (
	"cmp"
	"net/http"
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

func TestRunnerLabels(t *testing.T) {
	s := newSim(t)
	org := newApp(t, s.url).Org("acme", 0, "")
	ctx := t.Context()
	found, err := org.RunnersNamed(ctx, "r2")
	require.NoError(t, err)
	require.Len(t, found, 1)
	r := found[0]
	_, _, _, group := s.ids()
	assert.Equal(t, github.Runner{
		ID: 2, Name: "r2", OS: "linux", Status: "online", Busy: true, Labels: []string{"self-hosted", "gpu"}, ReadOnlyLabels: []string{"self-hosted"},
		Version: ghsim.RunnerVersion, GroupID: group,
	}, r)
	tests := []struct {
		name string
		do   func() ([]github.RunnerLabel, error)
		want []string
	}{
		{"list", func() ([]github.RunnerLabel, error) { return org.RunnerLabels(ctx, r.ID) }, []string{"self-hosted", "gpu"}},
		{"add", func() ([]github.RunnerLabel, error) { return org.AddRunnerLabels(ctx, r.ID, []string{"GPU", "a b/c"}) }, []string{"self-hosted", "gpu", "a b/c"}},
		{"remove", func() ([]github.RunnerLabel, error) { return org.RemoveRunnerLabel(ctx, r.ID, "a b/c") }, []string{"self-hosted", "gpu"}},
		{"set", func() ([]github.RunnerLabel, error) { return org.SetRunnerLabels(ctx, r.ID, []string{"x"}) }, []string{"self-hosted", "x"}},
		{"set none", func() ([]github.RunnerLabel, error) { return org.SetRunnerLabels(ctx, r.ID, nil) }, []string{"self-hosted"}},
		{"clear", func() ([]github.RunnerLabel, error) { return org.ClearRunnerLabels(ctx, r.ID) }, []string{"self-hosted"}},
	}
	for _, tt := range tests {
		labels, err := tt.do()
		require.NoError(t, err, tt.name)
		var names []string
		for _, l := range labels {
			names = append(names, l.Name)
		}
		assert.Equal(t, tt.want, names, tt.name)
	}
	_, err = org.RemoveRunnerLabel(ctx, r.ID, "gone")
	assert.Equal(t, github.NotFound, github.KindOf(err))
	assert.Empty(t, s.Unknown())

	s.OldRunners = true
	found, err = org.RunnersNamed(ctx, "r2")
	require.NoError(t, err)
	assert.Empty(t, found[0].Version)
	assert.True(t, github.RunnerLabel{Name: "Self-Hosted"}.ReadOnly(), "old servers do not say")
	assert.False(t, github.RunnerLabel{Name: "linux", Type: "custom"}.ReadOnly())
}

func TestUserPermission(t *testing.T) {
	s := newSim(t, func(sc *ghsim.Scenario) { sc.Organizations[0].BasePermission = "none" })
	org := newApp(t, s.url).Org("acme", 0, "")
	for login, want := range map[string]string{"ada": github.PermissionAdmin, "bob": github.PermissionAdmin, "olga": github.PermissionAdmin, "pete": ""} {
		got, err := org.UserPermission(t.Context(), "API", login)
		require.NoError(t, err)
		assert.Equal(t, want, got.Permission, login)
		assert.NotZero(t, got.UserID)
	}
	s.Update(func(st *ghsim.State) { st.Org("acme").Repo("api").Rename("core") })
	for _, repo := range []string{"api", "nope"} {
		s.ResetCalls()
		_, err := org.UserPermission(t.Context(), repo, "ada")
		assert.Equal(t, github.NotFound, github.KindOf(err), repo)
		assert.Len(t, s.Calls(), 1, "nothing is asked of where it is now")
	}
	groups, err := org.GroupsVisibleTo(t.Context(), "core")
	require.NoError(t, err)
	assert.Len(t, groups, 3)
	groups, err = org.GroupsVisibleTo(t.Context(), "bare")
	require.NoError(t, err)
	assert.Len(t, groups, 2)
}

func TestVersions(t *testing.T) {
	ordered := []string{"", "2", "2.9.1", "2.10", "2.10.0", "2.323.0", "3"}
	for i, a := range ordered {
		for j, b := range ordered {
			assert.Equal(t, cmp.Compare(i, j), github.CompareVersions(a, b), a+" "+b)
		}
	}
	downloads := []github.Download{{File: "x.zip"}, {File: "r-2.9.0.zip"}, {File: "r-2.10.0.tar.gz"}}
	assert.Equal(t, "2.10.0", github.LatestVersion(downloads))
	assert.Empty(t, github.LatestVersion(nil))
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

	now.Add(2 * time.Hour)
	s.Inject(ghsim.Fault{Path: "/actions/runners/downloads$", Status: http.StatusNotFound, Times: 1})
	for range 2 { // a server without this list is asked no more often
		_, err := org.RunnerDownloads(t.Context())
		assert.Equal(t, github.NotFound, github.KindOf(err))
	}
	now.Add(2 * time.Hour)
	assert.Equal(t, 1, list())
}
