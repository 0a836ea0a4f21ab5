package server_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// oauthCalls returns how many codes GitHub was asked about.
func (w *world) oauthCalls() (n int) {
	for _, c := range w.hub.Calls() {
		if c.Path == "/login/oauth/access_token" {
			n++
		}
	}
	return n
}

// An address begins so many sign-ins a minute, and brings as many codes.
func TestThreatSignInFlood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "SERVER_UNKNOWN_TOKEN_RATE=3", "SERVER_TRUSTED_PROXIES=127.0.0.1/32")
	from := func(b *consoleBrowser, address, path string) page {
		req := b.request(http.MethodGet, path, nil)
		req.Header.Set("X-Forwarded-For", address)
		return b.send(req)
	}
	b := w.browser()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for range 3 {
		assert.Equal(t, http.StatusSeeOther, from(b, "192.0.2.1", "/console/signin").status)
	}
	p := from(b, "192.0.2.1", "/console/signin")
	assert.Equal(t, http.StatusTooManyRequests, p.status)
	assert.NotEmpty(t, p.header.Get("Retry-After"))
	safePage(t, p)
	assert.Equal(t, http.StatusSeeOther, from(b, "192.0.2.2", "/console/signin").status, "another address")
	state := strings.Split(b.cookies()[flowCookie], ".")[0]
	flow := b.cookies()[flowCookie]
	for range 5 {
		b.setCookies(map[string]string{flowCookie: flow}) // as often as one likes
		p = from(b, "192.0.2.3", "/console/callback?code=guess&state="+state)
	}
	assert.Equal(t, http.StatusTooManyRequests, p.status)
	assert.Equal(t, 3, w.oauthCalls())
	w.advance(time.Minute)
	assert.Equal(t, http.StatusSeeOther, from(b, "192.0.2.1", "/console/signin").status)
}

// A person has at most 20 sessions, and beginning a sign-in leaves nothing in the database.
func TestThreatSignInFillsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "SERVER_UNKNOWN_TOKEN_RATE=1000")
	first := w.signIn("ada")
	for range 19 {
		w.signIn("ada")
	}
	bob := w.signIn("bob")
	require.True(t, first.signedIn())
	last := w.signIn("ada")
	assert.False(t, first.signedIn(), "the oldest goes")
	assert.True(t, last.signedIn())
	assert.True(t, bob.signedIn())
}

// A sign-in that GitHub refuses is a page with what to do, and nothing of the address is shown.
func TestThreatSignInRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "SERVER_UNKNOWN_TOKEN_RATE=1000")
	refused := func(status int, text, address string, b *consoleBrowser) {
		t.Helper()
		p := b.get(address)
		assert.Equal(t, status, p.status, p.body)
		assert.Contains(t, p.body, text)
		safePage(t, p)
		assert.False(t, b.signedIn())
	}
	b := w.browser()
	refused(http.StatusBadRequest, "You did not allow", strings.Replace(b.begin("ada"), "&login=ada", "&deny=1", 1), b)
	b = w.browser()
	state := urlOf(t, b.begin("ada")).Query().Get("state")
	p := b.get("/console/callback?error=%3Cscript%3Ealert(1)%3C/script%3E&error_description=Call+0800+EVIL&state=" + state)
	assert.Equal(t, http.StatusBadRequest, p.status)
	assert.NotContains(t, p.body, "alert(1)")
	assert.NotContains(t, p.body, "EVIL")
	b = w.browser()
	refused(http.StatusBadRequest, "no code", "/console/callback?state="+urlOf(t, b.begin("ada")).Query().Get("state"), b)

	for _, fault := range []struct {
		text string
		ghsim.Fault
		status int
	}{
		{"GitHub does not answer", ghsim.Fault{Path: "^/login/oauth/access_token", Status: http.StatusServiceUnavailable}, http.StatusBadGateway},
		{"GitHub does not answer", ghsim.Fault{Path: "^/login/oauth/access_token", Drop: true, Times: -1}, http.StatusBadGateway},
		{"GitHub", ghsim.Fault{Path: "^/user$", Status: http.StatusBadGateway, Times: -1}, http.StatusBadGateway},
		{"GitHub", ghsim.Fault{Path: "/memberships/ada$", Status: http.StatusBadGateway, Times: -1}, http.StatusBadGateway},
	} {
		w.hub.Inject(fault.Fault)
		b = w.browser()
		refused(fault.status, fault.text, b.begin("ada"), b)
		w.hub.ClearFaults()
	}

	w.hub.Inject(ghsim.Fault{Path: "^/login/oauth/access_token", Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {w.hubURL + "/elsewhere"}}})
	b = w.browser()
	refused(http.StatusBadGateway, "GitHub does not answer", b.begin("ada"), b)
	assert.Empty(t, w.hub.Unknown(), "the App's secret follows no redirect")

	w.hub.SetCallbackURLs(w.url+"/console/callback", "https://elsewhere.example/console/callback")
	secret := ""
	w.hub.Update(func(st *ghsim.State) { secret, st.Apps[0].ClientSecret = st.Apps[0].ClientSecret, "rotated" })
	b = w.browser()
	refused(http.StatusBadRequest, "client secret", b.begin("ada"), b)
	w.hub.Update(func(st *ghsim.State) { st.Apps[0].ClientSecret = secret })
	assert.True(t, w.signIn("ada").signedIn())
}

// Sessions outlive the server, and replicas share them.
func TestSignInOutlivesTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	b := w.signIn("ada")
	require.NoError(t, w.stop())
	w.start()
	assert.True(t, b.signedIn())
	b.post("/console/signout", url.Values{})
	assert.False(t, b.signedIn())
}

func TestReplicasShareSessions(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t)
	w := newWorld(t, acme(), "DATABASE_URL="+database)
	b := w.signIn("ada")
	first, stop := w.url, w.stop
	w.start()
	defer func() { assert.NoError(t, stop()) }()
	require.NotEqual(t, first, w.url)
	assert.True(t, b.signedIn(), "on the second server")
	b.post("/console/signout", url.Values{})
	w.url, b.w.url = first, first
	assert.False(t, b.signedIn(), "on the first server")
}

// What proves somebody is in no log, and in the database only as a hash.
func TestThreatSignInSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	b := w.browser()
	at := b.begin("ada")
	flow := b.cookies()[flowCookie]
	callback := b.at(at).header.Get("Location")
	b.get(callback)
	session := b.cookies()[sessionCookie]
	require.NotEmpty(t, session)
	var secrets []string
	for part := range strings.SplitSeq(flow, ".") {
		secrets = append(secrets, part)
	}
	secrets = append(secrets[:2], session, urlOf(t, callback).Query().Get("code"), w.env["CLIENT_SECRET"])
	b.get("/console/acme/platform")
	b.post("/console/signout", nil)
	b.get(callback)
	logged, stored := w.log.String(), w.snapshotFile()
	require.Contains(t, logged, "signed in to the console")
	for _, secret := range secrets {
		require.Greater(t, len(secret), 15)
		assert.NotContains(t, logged, secret)
		assert.NotContains(t, stored, secret)
		assert.NotContains(t, at, w.env["CLIENT_SECRET"])
	}
	for _, c := range w.hub.Calls() {
		if c.Auth == "user" {
			assert.Equal(t, "GET /user", c.String(), "the token is used for nothing else")
		}
	}
	assert.NotContains(t, b.get("/console").body, session)
}

// snapshotFile returns all bytes of the SQLite database and its log.
func (w *world) snapshotFile() string {
	w.t.Helper()
	var all []byte
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(filepath.Join(w.dir, "arm.db"+suffix))
		require.NoError(w.t, err)
		all = append(all, data...)
	}
	return string(all)
}

// While the App's client secret is not configured there is no console.
func TestConsoleIsOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "CLIENT_SECRET=")
	for _, path := range []string{"/console", "/console/signin", "/console/callback?code=x&state=y", "/console/acme/platform"} {
		p := w.browser().get(path)
		assert.Equal(t, http.StatusNotFound, p.status, path)
		assert.Contains(t, p.body, "doctor", path)
		safePage(t, p)
	}
}
