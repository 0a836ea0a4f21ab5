package server

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/queue"
	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// A failure for one organization does not stop the redeliveries of the others.
func TestSweepOverSeveralOrganizations(t *testing.T) {
	t.Parallel()
	admin := func(login string) ghsim.OrgSpec {
		return ghsim.OrgSpec{Login: login, Repositories: []ghsim.RepoSpec{{Name: "runner-admin", Issues: []ghsim.IssueSpec{{Title: "Runners"}}}}}
	}
	hub, err := ghsim.New(ghsim.Scenario{
		Organizations: []ghsim.OrgSpec{admin("acme"), admin("globex"), admin("initech")},
		Apps: []ghsim.AppSpec{{Name: "arm", ID: 4242, Installations: []ghsim.InstallationSpec{
			{ID: 77, Org: "acme"}, {ID: 78, Org: "globex", RateLimit: 20},
		}}},
	})
	require.NoError(t, err)
	front := httptest.NewUnstartedServer(hub)
	hub.URL = "http://" + front.Listener.Addr().String() // before anybody can ask
	front.Start()
	t.Cleanup(func() { hub.Close(); front.Close() })
	var keyText string
	repos := map[string]int64{}
	hub.Update(func(st *ghsim.State) {
		keyText = st.Apps[0].PrivateKey()
		for _, org := range st.Orgs {
			repos[org.Login] = org.Repo("runner-admin").ID
		}
	})
	c := config.Config{AppID: 4242, PrivateKey: secret.New(keyText)}
	base, err := url.Parse(front.URL)
	require.NoError(t, err)
	app, err := github.New(github.Options{BaseURL: base, AppID: 4242, Key: c.Key(), Logger: zerolog.Nop()})
	require.NoError(t, err)
	s := &sweeper{app: app, repos: map[*dispatch.Org]adminRepo{}}
	for _, login := range []string{"initech", "globex", "acme"} { // the first has no installation
		s.orgs = append(s.orgs, &dispatch.Org{Login: login, GitHub: app.Org(login, 0, "runner-admin")})
	}
	ours := func(login string, installation int64) bool {
		return s.Ours(queue.FailedDelivery{RepositoryID: repos[login], InstallationID: installation, Event: "issue_comment", Action: "created"})
	}
	_, err = s.Scope(t.Context())
	require.NoError(t, err)
	assert.True(t, ours("acme", 77))
	assert.True(t, ours("globex", 78))
	assert.False(t, ours("acme", 78), "another's installation")
	assert.False(t, ours("initech", 0))

	// What is in scope changes if an installation appears or is replaced.
	before, err := s.Scope(t.Context())
	require.NoError(t, err)
	appeared, err := hub.Install("arm", "initech")
	require.NoError(t, err)
	after, err := s.Scope(t.Context())
	require.NoError(t, err)
	assert.NotEqual(t, before, after)
	assert.True(t, ours("initech", appeared))
	again, err := s.Scope(t.Context())
	require.NoError(t, err)
	assert.Equal(t, after, again)
	replaced, err := hub.Reinstall("acme")
	require.NoError(t, err)
	again, err = s.Scope(t.Context())
	require.NoError(t, err)
	assert.NotEqual(t, after, again)
	assert.True(t, ours("acme", replaced))

	for i := range 25 { // which uses up what globex has
		_, _ = s.orgs[1].GitHub.Team(t.Context(), fmt.Sprintf("nobody-%d", i))
	}
	_, err = s.orgs[1].GitHub.AdminRepository(github.Background(t.Context()))
	require.Equal(t, github.RateLimited, github.KindOf(err))
	_, err = s.Scope(t.Context())
	require.NoError(t, err)
	assert.True(t, ours("acme", replaced))
	assert.True(t, ours("globex", 78), "its repository is known")
}
