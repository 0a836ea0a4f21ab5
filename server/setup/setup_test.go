package setup

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// A link is valid for an hour, and only until the next one.
func TestSetupLink(t *testing.T) {
	c := config.Defaults()
	c.Org, c.Server.PublicURL = "acme", "https://arm.example.com"
	var log bytes.Buffer
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	u := New(Options{
		Config: &c, PublicURL: c.Server.PublicURL, Log: zerolog.New(&log).Level(zerolog.FatalLevel),
		Now: func() time.Time { return now }, Stopping: func() bool { return false },
	})
	u.RenewLink()
	first := u.token
	assert.Contains(t, log.String(), "https://arm.example.com/setup?token="+first+`"`, "at any level")
	get := func(address string) int {
		w := httptest.NewRecorder()
		u.ServeHTTP(w, httptest.NewRequest(http.MethodGet, address, nil))
		return w.Code
	}
	assert.Equal(t, 200, get("/setup?token="+first))
	now = now.Add(linkLife)
	assert.Equal(t, 403, get("/setup?token="+first), "an hour later")
	u.RenewLink()
	assert.NotEqual(t, first, u.token)
	assert.Contains(t, log.String(), u.token)
	assert.Equal(t, 403, get("/setup?token="+first))
	assert.Equal(t, 200, get("/setup?token="+u.token))

	state := u.newAttempt("acme")
	now = now.Add(stateLife)
	assert.Equal(t, 403, get(CallbackPath+"?code=x&state="+state), "a state that is too old")
	for range 3 * maxStates {
		u.newAttempt("acme")
	}
	assert.LessOrEqual(t, len(u.states), maxStates)
	u.finish()
	assert.Equal(t, 403, get("/setup?token="))
	logged := log.Len()
	u.RenewLink()
	assert.Equal(t, logged, log.Len(), "no link after the end")
}

// The cookie of a server with https never travels without it, and the session ends with the
// process.
func TestCookieIsSecure(t *testing.T) {
	for address, want := range map[string]bool{"https://arm.example.com": true, "http://127.0.0.1:8080": false} {
		u := New(Options{PublicURL: address, Now: time.Now})
		w := httptest.NewRecorder()
		s := &session{result: result{file: "secret", environment: "secret"}}
		u.startSession(w, s)
		u.Close()
		assert.Nil(t, u.session)
		assert.Empty(t, s.result, "the end of the process erases what was not saved")
		cookie := w.Result().Cookies()[0]
		assert.Equal(t, want, cookie.Secure, address)
		assert.True(t, cookie.HttpOnly, address)
	}
}

func TestAddApp(t *testing.T) {
	n := newAppKeys{id: 7, pem: "-----BEGIN RSA PRIVATE KEY-----\nMII=\n-----END RSA PRIVATE KEY-----\n", webhookSecret: "s"}
	const key = "appID: 7\nprivateKey: |\n  -----BEGIN RSA PRIVATE KEY-----\n  MII=\n  -----END RSA PRIVATE KEY-----\n"
	const hook = "github:\n  webhookSecret: \"s\"\n"
	tests := []struct{ name, text, want, err string }{
		{name: "no file", text: "", want: hook + key},
		{name: "only comments", text: "# a\n\n# b", want: "# a\n\n# b\n" + hook + key},
		{name: "empty keys go", text: "appID: 0\nprivateKey: \"\"\norg: a\n", want: "org: a\n" + hook + key},
		{name: "a section", text: "github:\n    url: https://x\norg: a\n", want: "github:\n    webhookSecret: \"s\"\n    url: https://x\norg: a\n" + key},
		{name: "a section that is empty", text: "github: # later\norg: a\n", want: "github: # later\n  webhookSecret: \"s\"\norg: a\n" + key},
		{name: "an older secret goes", text: "github:\n  webhookSecret:\n    - x\n    - y\n  url: https://x\n", want: hook + "  url: https://x\n" + key},
		{name: "a section in braces", text: "github: {url: https://x}\n", err: "cannot add to"},
		{name: "braces", text: "{org: a}\n", err: "cannot add to"},
		{name: "no YAML", text: "a: [", err: "not valid YAML"},
		{name: "an App", text: "appID: 4\n", err: "already"},
		{name: "a key", text: "privateKeyFile: x\n", err: "already"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := addApp(tt.text, n)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

// The client id and secret are written, and replace what is empty or left over.
func TestAddAppWithClient(t *testing.T) {
	n := newAppKeys{id: 7, pem: "-----BEGIN", clientID: "Iv23liABCdefGHIjklMN", clientSecret: "s"}
	got, err := addApp("clientID: \"\"\nclientSecretFile: /old\norg: a\n", n)
	require.NoError(t, err)
	assert.Equal(t, "org: a\nappID: 7\nclientID: \"Iv23liABCdefGHIjklMN\"\nclientSecret: \"s\"\nprivateKey: |\n  -----BEGIN\n", got)
}

// A file that another process created or changed in the meantime is not overwritten.
func TestEditIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yml")
	require.NoError(t, os.WriteFile(path, []byte("theirs"), 0o600))
	require.Error(t, edit{path, true, nil, []byte("ours")}.write())
	require.Error(t, edit{path, false, []byte("before"), []byte("ours")}.write())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "theirs", string(text))
	require.NoError(t, edit{path, false, []byte("theirs"), []byte("ours")}.write())
}

// Enterprise Server has Apps under another path.
func TestInstallURL(t *testing.T) {
	tests := []struct{ name, github, page, want string }{
		{"github.com", "https://github.com", "https://github.com/apps/arm", "https://github.com/apps/arm/installations/new"},
		{"Enterprise Server", "https://ghes.example.com", "https://ghes.example.com/github-apps/arm", "https://ghes.example.com/github-apps/arm/installations/new"},
		{"no page", "https://github.com", "", "https://github.com/apps/arm/installations/new"},
		{"another host's page", "https://ghes.example.com", "https://evil.example.com/apps/arm", "https://ghes.example.com/github-apps/arm/installations/new"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := config.Defaults()
			c.GitHub.URL = tt.github
			u := &Setup{Options: Options{Config: &c}}
			assert.Equal(t, tt.want, u.installURL(github.Manifest{Slug: "arm", HTMLURL: tt.page}))
		})
	}
}
