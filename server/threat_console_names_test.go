package server_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A name from GitHub, and a reason, is neither a link nor a button, whatever marks are in it.
func TestThreatConsoleLinksInNames(t *testing.T) {
	t.Parallel()
	const path = "/console/acme/platform"
	for _, evil := range []string{
		"[Sign in](https://evil.example/)", "https://evil.example/x", "javascript:alert(1)",
		"a` https://evil.example/ `b", "`/runner-group group-release --team platform`", "` `/runner-group group-release --team platform` `",
		"/runner-group group-release --team platform", "/runner-group repos-add web --team platform",
	} {
		w := newWorld(t, acme(), "POLICY_APPROVAL=repos-add")
		w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
		w.runners("platform", evil)
		ada := w.signIn("ada")
		p := ada.post(path+"/repos-add", url.Values{"repos": {"api"}, "reason": {evil}})
		all := p.body
		p = ada.post("/console/acme/-/access-request", url.Values{"team": {"platform"}, "repos": {"api"}, "reason": {evil}})
		all += p.body
		w.state(func(org *ghsim.Org, _ *ghsim.State) {
			group := org.Group("platform")
			group.Name, group.RestrictedToWorkflows, group.SelectedWorkflows = evil, true, []string{evil}
			for _, r := range org.Runners {
				r.Version, r.OS, r.Labels, r.Status = evil, evil, append(r.Labels, evil), "offline"
			}
		})
		for _, path := range []string{
			"/console", path, path + "/group-check?run=true", path + "/runners-list?run=true", path + "/group-list?run=true", path + "/audit-list?run=true",
			"/console/acme/-/requests-list?run=true&state=all", path + "/runners-transfer?run=true&runners=" + url.QueryEscape(evil), path + "/live",
			path + "/runners-label?runners=" + url.QueryEscape(evil), path + "/add-runner?since=1&name=" + url.QueryEscape(evil),
		} {
			p := ada.get(path)
			require.NotEqual(t, http.StatusInternalServerError, p.status, path)
			all += p.body
		}
		for command, form := range map[string]url.Values{
			"runners-remove": {"runners": {evil}}, "runners-label": {"runners": {evil}, "add": {evil}}, "repos-remove": {"repos": {evil}}, "group-workflows": {"workflows": {evil}},
			"trust-add": {"repo": {evil}, "commands": {"repos-add"}, "ref": {evil}}, "token-jit": {"name": {evil}, "labels": {evil}}, "group-accept": {},
			"add-runner": {"kind": {"job"}, "name": {evil}},
		} {
			p := ada.postOnce("/console/acme/platform/"+command, form)
			require.NotEqual(t, http.StatusInternalServerError, p.status, command)
			all += p.body
			if p.status == http.StatusSeeOther {
				all += ada.get(p.header.Get("Location")).body
			}
		}
		assert.Contains(t, html.UnescapeString(all), evil)
		for _, link := range regexp.MustCompile(`.{60}(href|action|formaction|src|data-live)="(https?://[a-z.]*evil|javascript:)[^"]*"`).FindAllString(all, -1) {
			t.Errorf("%s: %s", evil, link)
		}
		assert.NotContains(t, all, `action="/console/acme/platform/group-release"`, evil)
		assert.NotContains(t, all, `>repos-add web<`, evil)
	}
}

// A runner that is called like a flag has no button, least of all one for all that are offline.
func TestThreatConsoleFlagInName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.runners("platform", "--offline", "build-1")
	w.state(func(org *ghsim.Org, _ *ghsim.State) {
		for _, r := range org.Runners {
			r.Status = "offline"
		}
	})
	p := w.signIn("ada").get("/console/acme/platform/group-check?run=true")
	require.Equal(t, http.StatusOK, p.status)
	assert.Contains(t, p.body, ">runners-remove build-1<")
	assert.NotContains(t, p.body, `name="offline"`)
}
