package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A token that another OAuth App got, or that belongs to no person, is rejected.
func TestThreatConfusedDeputy(t *testing.T) {
	t.Parallel()
	sc := acme()
	sc.Users[0].Tokens = append(sc.Users[0].Tokens,
		ghsim.TokenSpec{Value: "ghu_ada", ClientID: "Iv1.other"},
		ghsim.TokenSpec{Value: "gho_other", ClientID: "another-oauth-app"},
		ghsim.TokenSpec{Value: "0123456789abcdef0123456789abcdef01234567", ClientID: "another-oauth-app"})
	w := newWorld(t, sc)
	for _, test := range []struct{ name, token, says string }{
		{"another App's user token", "ghu_ada", "another GitHub App"},
		{"another OAuth app's token", "gho_other", "OAuth app"},
		{"another OAuth app's token from before prefixes", "0123456789abcdef0123456789abcdef01234567", "OAuth app"},
		{"an installation's token, as GITHUB_TOKEN is", "ghs_16C7e42F292c6912E7710c838347Ae178B4a", "GITHUB_TOKEN"},
		{"an old installation's token", "v1.0123456789abcdef0123456789abcdef01234567", "GITHUB_TOKEN"},
		{"a refresh token", "ghr_ada", "refresh token"},
		{"a JSON Web Token", "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiI0MjQyIn0.c2lnbmF0dXJl", "JSON Web Token"},
		{"a bot's token", "ghp_robot", "a bot"},
		{"a suspended person's token", "ghp_sam", "Your account was suspended"},
		{"nobody's token", "ghp_nobody", "does not accept"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := w.refused(401, "bad_token", "Bearer "+test.token, "POST /api/v1/group-create?team=platform")
			assert.Contains(t, a.Error, test.says)
			assert.NotEmpty(t, a.header.Get("WWW-Authenticate"))
		})
	}
	assert.Empty(t, w.groupCalls())
	for _, token := range []string{"ghp_ada", "github_pat_ada", "gho_ada"} {
		w.ok(token, "GET /api/v1/whoami")
	}
}

// The limit is per person, for all tokens and channels together.
func TestThreatManyTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "SERVER_RATE_LIMIT=0.1")
	w.ok("ghp_ada", "GET /api/v1/whoami")
	for _, token := range []string{"ghp_ada", "github_pat_ada", "gho_ada"} {
		a := w.refused(429, "rate_limited", token, "GET /api/v1/whoami")
		assert.NotEmpty(t, a.header.Get("Retry-After"))
	}
	w.ok("ghp_bob", "GET /api/v1/whoami")
}

// The number of new tokens per minute is limited per address, which cannot be forged.
func TestThreatTokenGuessing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "SERVER_UNKNOWN_TOKEN_RATE=3")
	w.ok("ghp_ada", "GET /api/v1/whoami")
	codes := []int{}
	for i := range 5 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/api/v1/whoami", nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", fmt.Sprintf("Bearer ghp_guess%d", i))
		req.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i))
		res, err := w.client.Do(req)
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, res.Body)
		require.NoError(t, res.Body.Close())
		codes = append(codes, res.StatusCode)
	}
	assert.Equal(t, []int{401, 401, 429, 429, 429}, codes, "the good token was new once, too")
	w.ok("ghp_ada", "GET /api/v1/whoami")
}

// Repeated requests of an outsider fill neither the audit nor the disk.
func TestThreatAuditFlood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	const times = 60
	for range times {
		w.refused(403, "not_maintainer", "ghp_eve", "GET /api/v1/group-list?team=platform")
	}
	rows, count := 0, 0.0
	for _, e := range w.ok("ghp_ada", "GET /api/v1/audit-list?team=platform&limit=1000").Response["entries"].([]any) {
		if entry := e.(map[string]any); entry["caller"] == "eve" {
			rows++
			count += entry["count"].(float64)
		}
	}
	assert.LessOrEqual(t, rows, 2, "one row a minute")
	assert.EqualValues(t, times, count, "one entry counts them all")
}

// Neither the database nor the most detailed log contains a secret.
func TestThreatSecretsAtRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withKey(acme(), "ada", newSSHKey(t)))
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/token-register?team=platform")
	w.ok("ghp_ada", "POST /api/v1/token-remove?team=platform")
	w.ok("ghp_ada", "POST /api/v1/token-jit?team=platform&name=build-1")
	for _, line := range []string{"token-register", "token-register --encrypted", "token-jit build-2", "token-remove"} {
		replies, reaction := w.say("ada", 1, "/runner-group "+line)
		assert.Equal(t, "rocket", reaction, replies)
	}
	w.hub.Inject(ghsim.Fault{Method: "POST", Path: "token$", Status: 500, Times: -1})
	w.call("ghp_ada", "POST /api/v1/token-register?team=platform")
	files, err := filepath.Glob(filepath.Join(w.dir, "arm.db*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, secret := range append(w.hub.Secrets(), webhookSecret) {
			assert.NotContains(t, string(data), secret, filepath.Base(file))
		}
	}
	w.noSecrets() // and the log
}

// The server's own tokens have only the permissions they need: those for comments can only
// write issues of the admin repository.
func TestThreatNarrowTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	require.NoError(t, w.stop())
	type request struct {
		Permissions  map[string]string `json:"permissions"`
		Repositories []string          `json:"repositories"`
		IDs          []int64           `json:"repository_ids"`
	}
	var mu sync.Mutex
	var minted []request
	w.watch(func(e ghsim.Exchange) {
		if strings.HasSuffix(e.Request.URL.Path, "/access_tokens") {
			mu.Lock()
			defer mu.Unlock()
			var r request
			assert.NoError(t, json.Unmarshal(e.RequestBody, &r))
			minted = append(minted, r)
		}
	})
	w.start()
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	_, reaction := w.say("ada", 1, "/runner-group repos-add api")
	assert.Equal(t, "rocket", reaction)
	mu.Lock()
	defer mu.Unlock()
	var comments, rest int
	for _, r := range minted {
		require.NotEmpty(t, r.Permissions, "one that is not narrowed has all that the App has")
		assert.NotContains(t, r.Permissions, "organization_administration")
		switch {
		case r.Permissions["issues"] != "":
			comments++
			assert.NotContains(t, r.Permissions, "organization_self_hosted_runners")
			assert.Equal(t, 1, len(r.Repositories)+len(r.IDs), "only the admin repository")
		case r.Permissions["organization_self_hosted_runners"] == "write":
			rest++
		}
	}
	assert.Positive(t, comments)
	assert.Positive(t, rest)
}
