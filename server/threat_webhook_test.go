package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// commented writes a comment as ada, and returns the delivery with its payload once it is done.
func (w *world) commented(text string) (ghsim.Delivery, payload) {
	w.t.Helper()
	id, err := w.hub.Comment("acme", "runner-admin", 1, "ada", text)
	require.NoError(w.t, err)
	require.Eventually(w.t, func() bool { return w.finished(id) }, eventually, tick)
	d, outcome := w.delivery(id)
	assert.Equal(w.t, "accepted", outcome)
	return d, payloadOf(w.t, d)
}

// fresh gives the payload a new comment id.
func (p payload) fresh(id int64) payload { return p.set("comment.id", id) }

// A delivery is only accepted as GitHub sends it, signed with SHA-256.
func TestThreatForgedWebhook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	_, p := w.commented("/runner-group repos-add api")
	p.set("comment.body", "/runner-group repos-add web")
	for i, test := range []struct {
		name string
		o    ghsim.DeliverOptions
		want int
	}{
		{"no signature", ghsim.DeliverOptions{Unsigned: true}, 401},
		{"only SHA-1", ghsim.DeliverOptions{SHA1Only: true}, 401},
		{"another secret", ghsim.DeliverOptions{Secret: "guessed"}, 401},
		{"the signature of an empty secret", ghsim.DeliverOptions{Secret: " "}, 401},
		{"two signatures", ghsim.DeliverOptions{Secret: "guessed", Header: map[string][]string{"X-Hub-Signature-256": {"sha256=00", "sha256=01"}}}, 401},
		{"a GUID that would break out of a marker", ghsim.DeliverOptions{GUID: "x --><img src=x>"}, 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, outcome := w.deliver(p.fresh(int64(900+i)), test.o)
			assert.Equal(t, test.want, status, outcome)
		})
	}
	assert.Equal(t, []string{"api"}, w.repos("platform"))
}

// A signed delivery cannot be replayed under another GUID: the GUID is not signed, but the
// comment's id is.
func TestThreatReplay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	d, p := w.commented("/runner-group repos-add api")
	w.ok("ghp_ada", "PATCH /api/v1/repos-remove?team=platform&repos=api")
	for _, guid := range []string{d.GUID, ""} {
		got, err := w.hub.Deliver(t.Context(), "issue_comment", d.Payload, ghsim.DeliverOptions{GUID: guid})
		require.NoError(t, err)
		assert.Equal(t, 200, got.StatusCode)
		assert.Equal(t, "duplicate", outcomeOf(got))
	}
	status, _ := w.deliver(p.fresh(901), ghsim.DeliverOptions{Secret: "guessed"})
	assert.Equal(t, 401, status, "another id breaks the signature")
	assert.Empty(t, w.repos("platform"))
}

// Signed deliveries that are not a person's new comment in the admin repository of
// this installation are ignored, without a call to GitHub; only if another installation is
// named, GitHub is asked for it.
func TestThreatForeignWebhook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	d, _ := w.commented("/runner-group repos-add api")
	tests := []struct {
		name string
		path string
		to   any
	}{
		{"a comment that was edited", "action", "edited"},
		{"a comment that was deleted", "action", "deleted"},
		{"a bot's comment", "comment.user.type", "Bot"},
		{"an organization's comment", "comment.user.type", "Organization"},
		{"a bot as the sender", "sender.type", "Bot"},
		{"a comment through a GitHub App", "comment.performed_via_github_app", map[string]any{"id": 15368, "slug": "github-actions"}},
		{"another repository", "repository.full_name", "acme/api"},
		{"another organization's repository of that name", "repository.full_name", "globex/runner-admin"},
		{"another installation", "installation.id", 78},
		{"no installation", "installation", nil},
	}
	w.hub.ResetCalls()
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := payloadOf(t, d).fresh(int64(910+i)).set("comment.body", "/runner-group repos-add web").set(test.path, test.to)
			status, outcome := w.deliver(p, ghsim.DeliverOptions{})
			assert.Equal(t, "200 ignored", fmt.Sprint(status, " ", outcome))
		})
	}
	for _, call := range w.hub.Calls() {
		assert.Equal(t, "/orgs/acme/installation", call.Path)
	}
	assert.Len(t, w.hub.Calls(), 1)
	assert.Equal(t, []string{"api"}, w.repos("platform"))
}

// twoOrganizations is a server for acme and for globex, in which mal maintains the only team. In
// both everything has the same names.
func twoOrganizations(t *testing.T) *world {
	t.Helper()
	sc := acme()
	globex := sc.Organizations[0]
	globex.Login, globex.Owners, globex.Members = "globex", []string{"mal"}, nil
	globex.Teams = []ghsim.TeamSpec{{Name: "platform", Maintainers: []string{"mal"}, Repositories: map[string]string{"api": "admin"}}}
	sc.Users = append(sc.Users, ghsim.UserSpec{Login: "mal", Tokens: []ghsim.TokenSpec{{Value: "ghp_mal"}}})
	sc.Organizations = append(sc.Organizations, globex)
	sc.Apps[0].Installations = append(sc.Apps[0].Installations, ghsim.InstallationSpec{ID: 78, Org: "globex"})
	orgs, err := json.Marshal([]map[string]any{{"org": "acme"}, {"org": "globex"}})
	require.NoError(t, err)
	return newWorld(t, sc, "ORG=", "ORGS="+string(orgs))
}

// Organizations in one server are separate, even if everything in them has the same names.
func TestThreatTwoOrganizations(t *testing.T) {
	t.Parallel()
	w := twoOrganizations(t)

	w.ok("ghp_ada", "POST /api/v1/group-create?org=acme&team=platform")
	w.ok("ghp_mal", "POST /api/v1/group-create?org=globex&team=platform")
	before := w.snapshot("platform")
	w.refused(403, "not_maintainer", "ghp_mal", "GET /api/v1/group-list?org=acme&team=platform")
	w.refused(403, "not_maintainer", "ghp_mal", "PATCH /api/v1/repos-add?org=acme&team=platform&repos=api")
	w.refused(403, "owner_only", "ghp_mal", "POST /api/v1/group-adopt?org=acme&team=platform&group=legacy")
	w.refused(403, "repo_not_permitted", "ghp_mal", "PATCH /api/v1/repos-add?org=globex&team=platform&repos=acme/api")
	w.refused(400, "invalid_argument", "ghp_mal", "GET /api/v1/group-list?org=initech&team=platform")
	w.refused(400, "invalid_argument", "ghp_mal", "GET /api/v1/group-list?org=globex&team=acme/platform")
	w.refused(403, "not_member", "ghp_mal", "GET /api/v1/whoami?org=acme")

	// a comment in one organization cannot act on the other
	for _, line := range []string{"repos-add api --team platform --org acme", "repos-add acme/api --team platform", "repos-add api --team @acme/platform"} {
		id, err := w.hub.Comment("globex", "runner-admin", 2, "mal", "/runner-group "+line)
		require.NoError(t, err)
		d, _ := w.delivery(id)
		require.Eventually(t, func() bool { return w.reasonOf(d.GUID) != "nothing logged" }, eventually, tick, line)
		assert.NotEqual(t, "done", w.reasonOf(d.GUID), line)
		// a delivery of one installation cannot act for the other's repository
		p := payloadOf(t, d).fresh(950).set("repository.full_name", "acme/runner-admin").set("comment.body", "/runner-group repos-add api --team platform")
		_, outcome := w.deliver(p, ghsim.DeliverOptions{})
		assert.Equal(t, "ignored", outcome)
	}
	assert.Equal(t, before, w.snapshot("platform"))
	for _, call := range w.hub.Calls() {
		if call.Auth == "installation" {
			assert.NotContains(t, call.Path, map[int64]string{77: "globex", 78: "acme"}[call.InstallationID])
		}
	}
}

// A comment waits while the App's installation is suspended, and is answered afterwards.
func TestThreatSuspendedInstallation(t *testing.T) {
	t.Parallel()
	sc := acme()
	w := newWorld(t, sc)
	var once sync.Once
	suspend := func(at time.Time) {
		w.state(func(_ *ghsim.Org, st *ghsim.State) { st.Installation(77).SuspendedAt = at })
	}
	w.watch(func(e ghsim.Exchange) {
		if strings.HasSuffix(e.Request.URL.Path, "/teams/platform") {
			once.Do(func() { suspend(time.Now()) }) // between authorization and the change
		}
	})
	id, err := w.hub.Comment("acme", "runner-admin", 1, "ada", "/runner-group group-create")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return strings.Contains(w.log.String(), "create the runner group") || strings.Contains(w.log.String(), "suspended")
	}, eventually, tick)
	suspend(time.Time{})
	require.Eventually(t, func() bool { return w.finished(id) }, 2*eventually, tick)
	w.ok("ghp_ada", "GET /api/v1/group-list?team=platform")
}
