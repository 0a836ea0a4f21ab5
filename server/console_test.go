package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// Somebody signed in sees and does what they may at this moment.
func TestThreatConsoleDemoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.runners("platform", "machine-1")
	ada := w.signIn("ada")
	p := ada.get("/console/acme/platform")
	require.Equal(t, http.StatusOK, p.status)
	require.Contains(t, p.body, "machine-1")

	w.state(func(org *ghsim.Org, _ *ghsim.State) { org.Team("platform").Members[0].Role = "member" })
	p = ada.get("/console/acme/platform")
	assert.Equal(t, http.StatusForbidden, p.status)
	assert.NotContains(t, p.body, "machine-1")
	assert.NotContains(t, ada.get("/console").body, "/console/acme/platform")
	p = ada.postOnce("/console/acme/platform/repos-add", url.Values{"repos": {"api"}})
	assert.Equal(t, "403 not_maintainer", fmt.Sprint(p.status, " ", p.reason()))
	assert.Empty(t, w.repos("platform"))
}

func TestThreatConsoleRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.runners("platform", "machine-1")
	ada := w.signIn("ada")
	require.Equal(t, http.StatusOK, ada.get("/console/acme/platform").status)
	w.state(func(org *ghsim.Org, _ *ghsim.State) {
		org.Members = slices.DeleteFunc(org.Members, func(m *ghsim.Member) bool { return m.User.Login == "ada" })
		for _, team := range org.Teams {
			team.Members = slices.DeleteFunc(team.Members, func(m *ghsim.TeamMember) bool { return m.User.Login == "ada" })
		}
	})
	for _, path := range []string{
		"/console", "/console/all", "/console/acme/platform", "/console/acme/platform/repos-add", "/console/acme/platform/add-runner",
		"/console/acme/-/repo-runners", "/console/acme/-/repo-runners?repo=api&run=true", "/console/acme/-/help?run=true",
	} {
		p := ada.get(path)
		assert.Equal(t, http.StatusForbidden, p.status, path)
		assert.NotContains(t, p.body, "machine-1", path)
	}
	assert.NotContains(t, ada.get("/console/acme/platform/live").body, "machine-1")
	assert.Equal(t, http.StatusForbidden, ada.postOnce("/console/acme/platform/repos-add", url.Values{"repos": {"api"}}).status)
}

// One organization's people see nothing of the other's, even if everything has the same names.
func TestThreatConsoleTwoOrganizations(t *testing.T) {
	t.Parallel()
	w := twoOrganizations(t)
	w.ok("ghp_ada", "POST /api/v1/group-create?org=acme&team=platform")
	w.runners("platform", "acme-machine")
	mal := w.signIn("mal")
	p := mal.post("/console/globex/platform/group-create", nil)
	require.Equal(t, http.StatusOK, p.status, p.body)
	require.Equal(t, "/console/globex/platform", p.url.Path)
	assert.NotContains(t, p.body, "acme-machine")
	p = mal.get("/console")
	assert.Contains(t, p.body, `href="/console/globex/platform"`)
	assert.NotContains(t, p.body, "/console/acme/platform")
	for _, path := range []string{"/console/acme/platform", "/console/acme/platform/runners-list?run=true", "/console/acme/-/audit-list?run=true"} {
		p = mal.get(path)
		assert.NotEqual(t, http.StatusOK, p.status, path)
		assert.NotContains(t, p.body, "acme-machine", path)
	}
	assert.NotContains(t, mal.get("/console/all").body, "/console/acme/")
	assert.Equal(t, http.StatusForbidden, mal.postOnce("/console/acme/platform/group-delete", url.Values{"yes": {"true"}}).status)
	require.Equal(t, http.StatusBadRequest, mal.postOnce("/console/globex/platform/group-list", url.Values{"org": {"acme"}}).status)
}

// A secret is in the one answer that it was made for: in no address, later page, log or database.
func TestThreatConsoleSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	ada := w.signIn("ada")
	require.Equal(t, http.StatusOK, ada.post("/console/acme/platform/group-create", nil).status)
	var secrets []string
	for command, form := range map[string]url.Values{"token-jit": {"name": {"job-1"}}, "token-register": {"name": {"vm-1"}}, "token-remove": {}} {
		p := ada.postOnce("/console/acme/platform/"+command, form)
		require.Equal(t, http.StatusOK, p.status, p.body)
		assert.Equal(t, "no-store", p.header.Get("Cache-Control"))
		assert.Empty(t, p.header.Get("Location"))
		before := len(secrets)
		for _, secret := range w.hub.Secrets() {
			if len(secret) > 20 && strings.Contains(p.body, secret) && !slices.Contains(secrets, secret) {
				secrets = append(secrets, secret)
			}
		}
		assert.Greater(t, len(secrets), before, "%s shows its secret: %s", command, p.body)
	}
	for _, path := range []string{"/console", "/console/acme/platform", "/console/acme/platform/token-jit", "/console/acme/platform/audit-list?run=true"} {
		p := ada.get(path)
		for _, secret := range secrets {
			assert.NotContains(t, p.body, secret, path)
		}
	}
	require.NoError(t, w.stop())
	files, err := filepath.Glob(filepath.Join(w.dir, "arm.db*"))
	require.NoError(t, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, secret := range secrets {
			assert.NotContains(t, string(data), secret, file)
		}
	}
}

// What one does on the console is in the audit, and counts towards the rate limit; what one looks
// at does not.
func TestConsoleAudit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "SERVER_RATE_LIMIT=1")
	ada := w.signIn("ada")
	require.Equal(t, http.StatusOK, ada.post("/console/acme/platform/group-create", nil).status)
	for range 5 {
		require.Equal(t, http.StatusOK, ada.get("/console/acme/platform").status)
	}
	limited := false
	for range 5 {
		p := ada.postOnce("/console/acme/platform/group-check", nil)
		limited = limited || p.reason() == "rate_limited" && p.status == http.StatusTooManyRequests && p.header.Get("Retry-After") != ""
	}
	assert.True(t, limited)
	var channels []string
	for _, call := range w.logged() {
		if call.Command == "group-create" {
			channels = append(channels, call.Channel)
		}
	}
	assert.Equal(t, []string{"console"}, channels)
}

// A page that was looked at lately needs two calls to GitHub that wait for one another, sign-in
// included, and less than 100 kB.
func TestConsoleCosts(t *testing.T) {
	w := newWorld(t, bigAcme(10, 100))
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("build-machine-%d", i))
	}
	w.runners("platform", names...)
	w.ok("ghp_ada", "PATCH /api/v1/repos-set", fmt.Sprintf(`{"team":"platform","repos":%q}`, someRepos(100)), "application/json")
	ada := w.signIn("ada")
	for _, path := range []string{"/console", "/console/acme/platform"} {
		require.Equal(t, http.StatusOK, ada.get(path).status)
		var sequence int
		for range 4 { // on a busy machine calls that are sent together may still not overlap
			w.ok("ghp_ada", "POST /api/v1/token-remove?team=platform") // nothing that GitHub said before it is given again
			w.hub.SetLatency(latency)
			w.hub.ResetCalls()
			p := ada.get(path)
			w.hub.SetLatency(0)
			require.Equal(t, http.StatusOK, p.status)
			assert.Less(t, len(p.body), 100_000)
			calls := slices.DeleteFunc(w.hub.Calls(), func(c ghsim.Call) bool { return c.Auth == "jwt" || c.Path == "/app" })
			for _, call := range calls {
				assert.False(t, call.Charged, "%s: %s", path, call)
			}
			sequence = ghsim.Sequence(calls)
			t.Logf("%s: %d calls, %d in sequence, %d bytes", path, len(calls), sequence, len(p.body))
			if sequence <= 2 {
				break
			}
		}
		assert.LessOrEqual(t, sequence, 2, path)
	}
}
