package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Over REST the answer of a dry run is that of the command, and says so beside the code. In a
// comment it is the preview, and the line that does it.
func TestDryRunOnChannels(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api")
	for _, body := range [][]string{nil, {`{"team":"platform","repos":["web"],"dry-run":true}`, "application/json"}, {"team=platform&repos=web&dry-run", "application/x-www-form-urlencoded"}} {
		line := "POST /api/v1/repos-set"
		if body == nil {
			line = "GET /api/v1/repos-set?team=platform&repos=web&dry-run=true"
		}
		a := w.ok("ghp_ada", line, body...)
		assert.Contains(t, a.text, `{"Code":200,"DryRun":true,"Response":{`, line)
		assert.Contains(t, a.text, `"added":["web"],"removed":["api"]`)
	}
	a := w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api")
	assert.NotContains(t, a.text, "DryRun")
	w.refused(http.StatusForbidden, "not_maintainer", "ghp_bob", "PATCH /api/v1/repos-set?team=platform&repos=web&dry-run=true")
	w.refused(http.StatusForbidden, "repo_not_permitted", "ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=docs&dry-run=true")
	w.refused(http.StatusBadRequest, "unknown_argument", "ghp_ada", "POST /api/v1/token-register?team=platform&dry-run=true")

	replies, reaction := w.say("ada", 1, "/runner-group repos-set web --dry-run --yes")
	assert.Equal(t, "rocket", reaction)
	assert.Contains(t, strings.Join(replies, ""), "nothing has changed yet")
	assert.Contains(t, strings.Join(replies, ""), "/runner-group repos-set web --yes\n")
	replies, _ = w.say("ada", 1, "/runner-group group-delete --dry-run")
	assert.Contains(t, strings.Join(replies, ""), "/runner-group group-delete --yes\n")
	_, reaction = w.say("ada", 1, "/runner-group token-jit x --dry-run")
	assert.Equal(t, "confused", reaction)
	assert.Equal(t, []string{"api"}, w.repos("platform"))
	a = w.ok("ghp_ada", "GET /api/v1/audit-list?team=platform&command=repos-set")
	assert.Equal(t, 4, strings.Count(a.text, `"outcome":"shown"`), a.text)
}
