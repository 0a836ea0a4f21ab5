package server_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The main job on both channels: a team creates its group, attaches repositories, gets
// tokens, and deletes the group.
func TestMainJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	created := w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	group := created.Response["group"].(map[string]any)
	assert.Equal(t, "platform", group["name"])
	assert.Equal(t, "selected", group["visibility"])
	w.refused(409, "group_exists", "ghp_ada", "POST /api/v1/group-create?team=platform")

	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api,acme/WEB")
	assert.ElementsMatch(t, []string{"api", "web"}, w.repos("platform"))
	listed := w.ok("ghp_ada", "GET /api/v1/group-list?team=platform")
	assert.Equal(t, []any{"api", "web"}, listed.Response["repos"])
	assert.Equal(t, []any{}, listed.Response["runners"])
	assert.Equal(t, group["id"], listed.Response["group"].(map[string]any)["id"])

	replies, reaction := w.say("ada", 1, "Please:\n\n/runner-group repos-set inner --yes\n/runner-group repos-add api,web\n")
	assert.Equal(t, "rocket", reaction, replies)
	require.Len(t, replies, 1)
	assert.Contains(t, replies[0], "@ada")
	assert.ElementsMatch(t, []string{"api", "inner", "web"}, w.repos("platform"))

	w.ok("ghp_ada", "PATCH /api/v1/repos-remove?team=platform&repos=web,nothing")
	assert.ElementsMatch(t, []string{"api", "inner"}, w.repos("platform"))

	token := w.ok("ghp_ada", "POST /api/v1/token-register?team=platform")
	assert.NotEmpty(t, token.Response["token"])
	assert.NotEmpty(t, token.Response["expires_at"])
	assert.Contains(t, token.Response["command"], "--runnergroup platform --token ")

	jit := w.ok("ghp_ada", "POST /api/v1/token-jit", `{"team":"platform","name":"build-1","labels":["linux","x64"]}`, "application/json")
	assert.NotEmpty(t, jit.Response["encoded_jit_config"])
	w.refused(409, "runner_exists", "ghp_ada", "POST /api/v1/token-jit?team=platform&name=build-1")
	w.refused(409, "group_not_empty", "ghp_ada", "DELETE /api/v1/group-delete?team=platform")

	who := w.ok("ghp_ada", "GET /api/v1/whoami")
	assert.Equal(t, []any{"platform"}, who.Response["teams"])

	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	w.ok("ghp_ada", "POST /api/v1/runners-transfer?team=platform&runners=build-1&to=web")
	w.ok("ghp_ada", "DELETE /api/v1/runners-remove?team=web&runners=build-1")

	replies, reaction = w.say("ada", 1, "/runner-group group-delete")
	assert.Equal(t, "confused", reaction, "it asks first")
	assert.Contains(t, strings.Join(replies, ""), "/runner-group group-delete --yes")
	_, reaction = w.say("ada", 1, "/runner-group group-delete --yes")
	assert.Equal(t, "rocket", reaction)
	w.refused(404, "group_not_found", "ghp_ada", "GET /api/v1/group-list?team=platform")
	audit := w.ok("ghp_ada", "GET /api/v1/audit-list?team=platform")
	assert.Greater(t, len(audit.Response["entries"].([]any)), 8)
}

// A token for a comment is in a separate comment, which is deleted later.
func TestSecretInComment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "CHATOPS_TOKEN_REPLY_TTL=1s")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	replies, reaction := w.say("ada", 1, "/runner-group token-register")
	assert.Equal(t, "rocket", reaction, replies)
	all := strings.Join(replies, "\n")
	assert.Contains(t, all, "./config.sh --url")
	require.Eventually(t, func() bool {
		for _, c := range w.hub.Comments("acme", "runner-admin", 1) {
			if strings.Contains(c.Body, "config.sh") {
				return false
			}
		}
		return true
	}, eventually, tick, "the comment with the token is deleted")
	require.Eventually(t, func() bool {
		for line := range strings.Lines(w.log.String()) {
			if strings.Contains(line, "ephemeral comment is deleted") {
				assert.Contains(t, line, `"org":"acme","repo":"runner-admin","issue":1`, "the log has its place")
				return true
			}
		}
		return false
	}, eventually, tick, "the deletion is logged")
}
