package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// Somebody without a right to a group may poll its pages as often as they like: GitHub is not asked
// for more than a person's rate limit allows, and then hardly at all.
func TestThreatConsolePolling(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "POLICY_MEMBERS_READ=true")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.runners("platform", "machine-1")
	for _, login := range []string{"pete", "olga"} {
		b := w.signIn(login)
		for _, path := range []string{"/console/acme/platform", "/console/acme/platform/live", "/console/acme/secret-none/live", "/console/acme/platform/add-runner/live?name=machine-1&since=0", "/console/acme/platform/add-runner"} {
			b.at(path)
		}
		w.hub.ResetCalls()
		for i := range 60 {
			path := []string{"/console/acme/platform", "/console/acme/platform/live", "/console/acme/platform/add-runner/live?name=machine-1&since=0"}[i%3]
			p := b.at(path)
			assert.Contains(t, []int{http.StatusForbidden, http.StatusTooManyRequests}, p.status, login)
			assert.NotContains(t, p.body, "machine-1", login)
		}
		for _, call := range w.hub.Calls() {
			assert.NotContains(t, call.Path, "runner-groups", login)
		}
		assert.LessOrEqual(t, len(w.hub.Calls()), 6, "%s: %v", login, w.hub.Calls())
	}
}

// A maintainer who was demoted polls on: nothing is shown, and neither GitHub nor the audit gets more.
func TestThreatConsoleDemotedPolls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.runners("platform", "machine-1")
	ada := w.signIn("ada")
	require.Equal(t, http.StatusOK, ada.at("/console/acme/platform").status)
	w.state(func(org *ghsim.Org, _ *ghsim.State) { org.Team("platform").Members[0].Role = "member" })
	ada.at("/console/acme/platform/live")
	w.hub.ResetCalls()
	for range 40 {
		p := ada.at("/console/acme/platform/live")
		assert.NotEqual(t, http.StatusOK, p.status)
		assert.NotContains(t, p.body, "machine-1")
	}
	assert.LessOrEqual(t, len(w.hub.Calls()), 3, "%v", w.hub.Calls())
	entries, _ := w.ok("ghp_olga", "GET /api/v1/audit-list?command=runners-list").Response["entries"].([]any)
	assert.NotEmpty(t, entries)
	assert.LessOrEqual(t, len(entries), 4, "what is alike is one entry a minute: %v", entries)
}

// With policy.membersRead a plain member reads the group: no button, audit, trust or request of others.
func TestThreatConsoleMember(t *testing.T) {
	t.Parallel()
	for _, members := range []bool{true, false} {
		w := newWorld(t, acme(), fmt.Sprint("POLICY_MEMBERS_READ=", members))
		w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
		w.runners("platform", "machine-1")
		w.ok("ghp_ada", "POST /api/v1/trust-add?team=platform&repo=api&commands=repos-add&ref=refs/heads/trusted-branch")
		w.ok("ghp_bob", "GET /api/v1/whoami")
		bob := w.signIn("bob")
		for _, path := range []string{"/console/acme/platform", "/console/acme/platform/live", "/console/acme/platform/audit-list?run=true", "/console/acme/platform/trust-list?run=true", "/console"} {
			p := bob.at(path)
			if path != "/console" && (!members || strings.Contains(path, "?")) {
				assert.Contains(t, []int{http.StatusForbidden, http.StatusTooManyRequests}, p.status, path)
				assert.NotContains(t, p.body, "machine-1", path)
			}
			if !members && path == "/console" {
				assert.NotContains(t, p.body, `/console/acme/platform"`, path)
			}
			assert.NotContains(t, p.body, "trusted-branch", path)
			assert.NotContains(t, p.body, "group-create team", path)
			if !strings.Contains(path, "?") && path != "/console" {
				assert.NotContains(t, p.body, `action="/console/acme/platform/`, path)
				assert.NotContains(t, p.body, `href="/console/acme/platform/add-runner`, path)
			}
		}
	}
}
