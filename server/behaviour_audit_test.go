package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// audited returns who did what and how it ended, oldest first, with a link for what came
// from a comment.
func (w *world) audited(token, query string) (got []string) {
	w.t.Helper()
	entries, _ := w.ok(token, "GET /api/v1/audit-list?"+query).Response["entries"].([]any)
	for _, entry := range entries {
		e := entry.(map[string]any)
		if e["command"] == "audit-list" {
			continue
		}
		link, has := e["link"]
		require.True(w.t, has, "every entry has one")
		line := fmt.Sprint(e["caller"], " ", e["command"], " ", e["team"], " ", e["outcome"])
		if link != nil {
			line += fmt.Sprint(" ", link)
		}
		got = append([]string{line}, got...)
	}
	return got
}

// Filters of audit-list, and the comment that an entry came from.
func TestAuditListFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	id, err := w.hub.Comment("acme", "runner-admin", 1, "ada", "/runner-group repos-add api\n/runner-group group-list\n/runner-group repos-add docs")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return w.reaction(1, id) != "" }, eventually, tick)
	mallory, err := w.hub.Comment("acme", "runner-admin", 1, "bob", "/runner-group group-delete --yes")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return w.reaction(1, mallory) != "" }, eventually, tick)
	w.ok("ghp_ada", "POST /api/v1/token-register?team=platform")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	link := func(id int64) string {
		return fmt.Sprintf(" %s/acme/runner-admin/issues/1#issuecomment-%d", w.hubURL, id)
	}

	created, added := "ada group-create platform done", "ada repos-add platform done"+link(id)
	token := "ada token-register platform done"
	assert.Equal(t, []string{
		created, added, "ada group-list platform done" + link(id), "ada repos-add platform refused" + link(id),
		"bob group-delete platform refused" + link(mallory), token,
	}, w.audited("ghp_ada", "team=platform"))
	assert.Equal(t, []string{created, added, token}, w.audited("ghp_ada", "team=platform&changes"))
	assert.Equal(t, []string{"bob group-delete platform refused" + link(mallory)}, w.audited("ghp_ada", "team=platform&by=Bob"))
	assert.Equal(t, []string{created}, w.audited("ghp_ada", "team=platform&command=group-add&by=ada"))
	assert.Equal(t, []string{created, added, token, "ada group-create web done"}, w.audited("ghp_olga", "changes=true"), "an owner sees the whole organization")

	// A page goes on where the last one ended.
	first := w.ok("ghp_ada", "GET /api/v1/audit-list?team=platform&changes&limit=1").Response["entries"].([]any)
	require.Len(t, first, 1)
	before := url.QueryEscape(fmt.Sprint(first[0].(map[string]any)["at"]))
	assert.Equal(t, []string{added}, w.audited("ghp_ada", "team=platform&changes&limit=1&before="+before))

	for _, query := range []string{"limit=1001", "limit=-1", "limit=1e3", "since=yesterday", "before=-1h", "command=repo-add", "by=" + strings.Repeat("a", 300), "by=a%20b", "changes=perhaps"} {
		w.refused(http.StatusBadRequest, "invalid_argument", "ghp_ada", "GET /api/v1/audit-list?team=platform&"+query)
	}
}

// Without a team audit-list is for owners. Others get the usual answer, which depends on
// the channel.
func TestAuditListWithoutTeam(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	charged := w.charged()
	for _, token := range []string{"ghp_ada", "ghp_kim", "ghp_eve"} {
		w.refused(http.StatusBadRequest, "missing_argument", token, "GET /api/v1/audit-list?by=ada")
		assert.LessOrEqual(t, charged(), 4)
		w.refused(http.StatusBadRequest, "missing_argument", token, "GET /api/v1/audit-list?by=ada")
		assert.Zero(t, charged(), "none for a minute")
	}
	w.refused(http.StatusForbidden, "not_maintainer", "ghp_olga", "GET /api/v1/audit-list?team=platform")

	replies, reaction := w.say("olga", 2, "/runner-group audit-list --changes")
	assert.Equal(t, "rocket", reaction)
	assert.Contains(t, replies[0], "| platform |")
	assert.Contains(t, replies[0], "| web |")
	_, reaction = w.say("olga", 1, "/runner-group audit-list")
	assert.Equal(t, "confused", reaction, "the issue's label names a team")
	replies, reaction = w.say("ada", 2, "/runner-group audit-list")
	assert.Equal(t, "confused", reaction)
	assert.Contains(t, replies[0], "--team platform", "she maintains two")
	replies, reaction = w.say("ada", 2, "/runner-group audit-list web --changes")
	assert.Equal(t, "rocket", reaction)
	assert.Contains(t, replies[0], "group-create")
}
