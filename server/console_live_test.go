package server_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// part asks for the parts of a page that refresh, as the page's script does.
func (b *consoleBrowser) part(address, etag string) page {
	b.w.t.Helper()
	req := b.request(http.MethodGet, address, nil)
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	return b.send(req)
}

// Fifty looks of several viewers at once cost one call for the runners; each viewer's rights are
// asked for. What did not change is a 304, and who signed out gets nothing.
func TestConsoleLive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "POLICY_MEMBERS_READ=true")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.runners("platform", "build-1")
	const path = "/console/acme/platform/live"
	viewers := []*consoleBrowser{w.signIn("ada"), w.signIn("ada"), w.signIn("bob")}
	for _, b := range viewers {
		require.Equal(t, http.StatusOK, b.part(path, "").status)
	}
	etag := viewers[0].part(path, "").header.Get("ETag")
	w.ok("ghp_ada", "POST /api/v1/token-remove?team=platform") // nothing that GitHub said before it is given again
	w.hub.ResetCalls()
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			p := viewers[i%len(viewers)].part(path, etag)
			assert.Contains(t, []int{http.StatusOK, http.StatusNotModified}, p.status, p.body)
		})
	}
	all.Wait()
	runners, rights := 0, map[string]bool{}
	for _, call := range w.hub.Calls() {
		if strings.Contains(call.Path, "/actions/runner-groups/") {
			runners++
		}
		if _, login, found := strings.Cut(call.Path, "/memberships/"); found {
			rights[login] = true
		}
	}
	assert.Equal(t, 1, runners)
	assert.Equal(t, map[string]bool{"ada": true, "bob": true}, rights)

	w.state(func(org *ghsim.Org, _ *ghsim.State) { org.Team("platform").Members = nil })
	assert.Equal(t, http.StatusForbidden, viewers[2].part(path, etag).status)
	viewers[0].post("/console/signout", url.Values{})
	assert.Equal(t, http.StatusUnauthorized, viewers[0].part(path, etag).status, "so the script says it")
}

// The guide shows its secret once, and finds the runner when it is online.
func TestConsoleAddRunner(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	ada := w.signIn("ada")
	require.Contains(t, ada.get("/console/acme/platform/add-runner").body, "Get the lines")
	p := ada.post("/console/acme/platform/add-runner", url.Values{"kind": {"permanent"}, "os": {"linux"}, "arch": {"x64"}, "name": {"build-1"}, "labels": {"gpu\r\nbig"}})
	require.Equal(t, http.StatusOK, p.status, p.body)
	assert.Equal(t, "/console/acme/platform/add-runner", p.url.RequestURI())
	assert.Equal(t, "no-store", p.header.Get("Cache-Control"))
	assert.Contains(t, p.body, "--name build-1 --labels gpu,big")
	_, rest, found := strings.Cut(p.body, `data-live="`)
	require.True(t, found)
	path, _, _ := strings.Cut(rest, `"`)
	path = html.UnescapeString(path)
	var shown []string
	for _, secret := range w.hub.Secrets() {
		if len(secret) > 10 && strings.Contains(p.body, secret) {
			shown = append(shown, secret)
		}
	}
	require.NotEmpty(t, shown)
	for _, later := range []string{path, strings.Replace(path, "/live", "", 1), "/console/acme/platform", "/console/acme/platform/audit-list?run=true"} {
		body := ada.get(later).body
		for _, secret := range shown {
			assert.NotContains(t, later+body, secret, later)
		}
	}
	w.noSecrets()
	assert.Contains(t, ada.part(path, "").body, "Waiting for runner build-1")
	w.runners("platform", "build-1")
	w.ok("ghp_ada", "POST /api/v1/token-remove?team=platform") // nothing that GitHub said before it is given again
	assert.Contains(t, ada.part(path, "").body, `data-say="Runner build-1 is online"`)

	for _, login := range []string{"bob", "olga"} {
		other := w.signIn(login)
		assert.Equal(t, http.StatusForbidden, other.postOnce("/console/acme/platform/add-runner", url.Values{"kind": {"job"}, "name": {"x"}}).status, login)
	}
}

// The page of a group has the chart of its polls, and what is out of the ordinary is no error.
func TestConsoleChart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	ada := w.signIn("ada")
	for _, name := range []string{"", "24h", "7d", "30d", "1000y", "%22%3E%3Cb%3E"} {
		p := ada.get("/console/acme/platform?range=" + name)
		require.Equal(t, http.StatusOK, p.status)
		assert.Contains(t, p.body, "this server does not poll runners")
		assert.Contains(t, p.body, `href="?range=30d#chart"`)
		assert.NotContains(t, p.body, `"><b>`)
	}
}
