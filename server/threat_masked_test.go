package server_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A token that somebody puts into the wrong place, on any channel, reaches no answer, no
// log, no table and no page.
func TestThreatMisplacedToken(t *testing.T) {
	t.Parallel()
	const token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	var answers []string
	keep := func(a answer) { answers = append(answers, a.text) }
	for _, request := range []string{
		"GET /api/v1/group-list?team=platform&token=" + token,
		"GET /api/v1/group-list?" + token + "=platform",
		"GET /api/v1/group-list?team=" + token,
		"GET /api/v1/" + token,
		"PATCH /api/v1/repos-add?team=platform&repos=api," + token,
		"POST /api/v1/token-jit?team=platform&name=" + token,
		"GET /api/v1/audit-list?team=platform&since=" + token,
	} {
		keep(w.call("ghp_ada", request))
	}
	keep(w.call("ghp_ada", "PATCH /api/v1/repos-add", `{"team":"platform","repos":["`+token+`"],"`+token+`":"x"}`))
	for _, line := range []string{token, "repos-add " + token, "group-list --team " + token, "group-list --" + token + " x"} {
		replies, _ := w.say("ada", 1, "/runner-group "+line)
		answers = append(answers, replies...)
	}
	status, _, page := w.open(w.url + "/" + token)
	assert.Equal(t, http.StatusNotFound, status)
	answers = append(answers, page)
	ada := w.signIn("ada")
	for _, form := range []url.Values{
		{"repos": {"api"}, "reason": {"use " + token}, "for": {"7d"}}, // of access-request, which another team reads
		{"repos": {token}}, {token: {"x"}}, {"repos": {"api"}, "for": {token}},
	} {
		answers = append(answers, ada.post("/console/acme/platform/access-request", form).body)
	}
	answers = append(answers, ada.get("/console/acme/-/requests-list?run=true").body, ada.get("/console/acme/platform/repos-add?repos="+token).body, ada.get("/console/acme/platform/"+token).body)
	keep(w.ok("ghp_ada", "GET /api/v1/requests-list"))
	keep(w.ok("ghp_ada", "GET /api/v1/audit-list?team=platform"))

	for _, text := range append(answers, w.log.String()) {
		assert.NotContains(t, text, token)
		assert.NotContains(t, strings.ToLower(text), strings.ToLower(token))
	}
	files, err := filepath.Glob(filepath.Join(w.dir, "arm.db*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.NotContains(t, string(data), token, filepath.Base(file))
	}
}
