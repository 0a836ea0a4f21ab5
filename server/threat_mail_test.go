package server_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A reply by mail has the mail that is replied to below it. The commands in that are somebody
// else's, and do not run with the rights of the person who replies.
func TestThreatMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	for name, header := range map[string]string{
		"Outlook":          "________________________________\nVon: Bob <notifications@github.com>\nGesendet: Montag, 5. Januar 2026 10:00",
		"Original Message": "-----Original Message-----\nFrom: Bob <notifications@github.com>",
		"Gmail":            "On Mon, 5 Jan 2026 at 10:00 Bob <notifications@github.com>\nwrote:",
	} {
		replies, reaction := w.say("ada", 1, "Please do not.\r\n\r\n"+header+"\n\n/runner-group repos-add api --team platform\n")
		assert.Equal(t, "confused", reaction, name)
		require.Len(t, replies, 1, name)
		assert.Contains(t, replies[0], "**Not run:**")
		assert.Empty(t, w.repos("platform"), name)
	}
	replies, reaction := w.say("ada", 1, "/Runner-Group\u00a0Repos-Add web,\n\u200bapi,\n--team platform\n\nOn Monday Bob wrote:\n/runner-group repos-add docs --team platform")
	assert.Equal(t, "rocket", reaction, replies)
	assert.ElementsMatch(t, []string{"web", "api"}, w.repos("platform"))
	assert.Contains(t, replies[0], "**Not run:**")
}

// A server with another trigger neither answers nor runs the commands of this one, and spells
// its own everywhere.
func TestTrigger(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "CHATOPS_TRIGGER=Runners")
	id, err := w.hub.Comment("acme", "runner-admin", 1, "ada", "/runner-group group-create --team platform")
	require.NoError(t, err)
	_, outcome := w.delivery(id)
	assert.Equal(t, "ignored", outcome)

	_, reaction := w.say("ada", 1, "/runners group-create --team platform")
	assert.Equal(t, "rocket", reaction)
	for _, line := range []string{"help", "help repos-add", "repos-add --team platform", "repos-add --team", "nonsense", "group-delete --team platform"} {
		replies, _ := w.say("ada", 1, "/RUNNERS "+line)
		require.NotEmpty(t, replies, line)
		for _, reply := range replies {
			assert.NotContains(t, reply, "/runner-group", line)
		}
	}
	for _, path := range []string{"/", "/docs", "/openapi.json", "/api/v1/help"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+path, nil)
		require.NoError(t, err)
		res, err := w.client.Do(req)
		require.NoError(t, err)
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.NotContains(t, string(text), "/runner-group ", path)
	}
}
