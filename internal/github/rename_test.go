package github_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// An organization that is renamed is found by its id: at once, and after a restart if its id
// is known.
func TestRenamedOrganization(t *testing.T) {
	s := newSim(t)
	clock := &clock{now: time.Now()}
	var log buffer
	options := func(o *github.Options) { o.Clock, o.Logger = clock.Now, zerolog.New(&log) }
	org := newApp(t, s.url, options).Org("acme", 0, "runner-admin")
	_, _, _, group := s.ids()
	require.NoError(t, org.Warm(t.Context()))
	assert.Empty(t, org.Renamed())
	id := org.ID()
	s.Update(func(st *ghsim.State) { st.Org("acme").Login = "acme-inc" })
	clock.Add(2 * time.Second)

	all := func(org *github.Org) {
		t.Helper()
		_, err := org.Membership(t.Context(), "ada") // which is asked for before anybody is refused
		require.NoError(t, err)
		team, err := org.Team(t.Context(), "platform")
		require.NoError(t, err)
		m, err := org.TeamMembershipBySlug(t.Context(), "platform", "ada")
		require.NoError(t, err)
		assert.Equal(t, team.ID, m.TeamID)
		_, err = org.GroupRepositories(t.Context(), group)
		require.NoError(t, err)
		repo, err := org.TeamRepository(t.Context(), "platform", "api")
		require.NoError(t, err)
		assert.Equal(t, "admin", repo.Permission)
		_, err = org.AdminRepository(t.Context())
		require.NoError(t, err)
		comment, err := org.CreateComment(t.Context(), 1, "hello")
		require.NoError(t, err)
		require.NoError(t, org.DeleteComment(t.Context(), comment))
	}
	all(org)
	const told = "acme is now called acme-inc: change `org` to acme-inc"
	assert.Equal(t, told, org.Renamed())
	assert.Contains(t, log.String(), told)
	installation, err := org.Installation(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "acme-inc", installation.Login)
	_, err = org.Team(t.Context(), "nothing")
	assert.Equal(t, github.NotFound, github.KindOf(err))

	for _, installationID := range []int64{0, 77} {
		again := newApp(t, s.url).Org("acme", installationID, "runner-admin")
		again.Remember(id)
		all(again)
		assert.Equal(t, told, again.Renamed())
	}
	unknown := newApp(t, s.url).Org("acme", 0, "runner-admin")
	_, err = unknown.Installation(t.Context())
	assert.Equal(t, github.NotFound, github.KindOf(err), "a name is no proof")
	require.ErrorContains(t, err, "If "+told)
}

// A name that another organization took is not followed.
func TestReusedOrganizationName(t *testing.T) {
	s := newSim(t)
	first := newApp(t, s.url).Org("acme", 0, "")
	require.NoError(t, first.Warm(t.Context()))
	s.Update(func(st *ghsim.State) { st.Org("acme").Login = "acme-inc" })
	require.NoError(t, s.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{{Login: "acme", Owners: []string{"ada"}}}}))
	s.Update(func(st *ghsim.State) {
		other := *st.Installation(77)
		other.ID, other.Org = 99, st.Org("acme")
		other.App.Installations = append(other.App.Installations, &other)
	})
	again := newApp(t, s.url).Org("acme", 0, "")
	again.Remember(first.ID())
	installation, err := again.Installation(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 77, installation.ID)
	assert.Equal(t, "acme-inc", installation.Login)
}

// Looking for a rename after answers of 404 is bounded.
func TestNotFoundIsNoFlood(t *testing.T) {
	s := newSim(t)
	clock := &clock{now: time.Now()}
	org := newApp(t, s.url, func(o *github.Options) { o.Clock = clock.Now }).Org("acme", 77, "")
	require.NoError(t, org.Warm(t.Context()))
	s.ResetCalls()
	const requests = 200
	for range requests {
		_, err := org.Membership(t.Context(), "nobody")
		require.Equal(t, github.NotFound, github.KindOf(err))
	}
	assert.LessOrEqual(t, len(s.Calls())-requests, 20)
}

// A write to a repository that moved goes to its new address as the same write: a comment
// with a secret must not be taken for deleted.
func TestWritesFollowRedirects(t *testing.T) {
	for _, status := range []int{http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		f := newFake(t)
		f.on("DELETE /repos/acme/runner-admin/issues/comments/5", status, `{"message":"Moved Permanently"}`, "Location", f.URL+"/repositories/9/issues/comments/5")
		f.on("DELETE /repositories/9/issues/comments/5", http.StatusNoContent, "")
		org := newApp(t, f.URL).Org("acme", 0, "runner-admin")
		require.NoError(t, org.DeleteComment(t.Context(), 5))
		calls := f.calls()
		require.Len(t, calls, 2)
		assert.Equal(t, "/repositories/9/issues/comments/5", calls[1].path)
		assert.Equal(t, http.MethodDelete, calls[1].method)
	}
}
