package server_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A shiftedClock is the real clock with what a test adds to it.
type shiftedClock struct{ added atomic.Int64 }

func (c *shiftedClock) now() time.Time      { return time.Now().Add(time.Duration(c.added.Load())) }
func (c *shiftedClock) add(d time.Duration) { c.added.Add(int64(d)) }

var stepInPage = regexp.MustCompile(`data-step="([a-z-]+)" data-state="([a-z ]+)"`)

// checklist returns the states of the checklist.
func (w *world) checklist() map[string]string {
	w.t.Helper()
	status, _, page := w.open(w.url + "/setup")
	require.Equal(w.t, 200, status, page)
	states := map[string]string{}
	for _, found := range stepInPage.FindAllStringSubmatch(page, -1) {
		states[found[1]] = found[2]
	}
	require.Len(w.t, states, 6, page)
	return states
}

// await loads the checklist, as its script does, until a step is in the state.
func (w *world) await(clock *shiftedClock, step, state string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		clock.add(15 * time.Second)
		return w.checklist()[step] == state
	}, 20*time.Second, 100*time.Millisecond, "%s never becomes %s", step, state)
}

// create creates the App, and returns the address that GitHub redirected to.
func (w *world) create() (back, page string) {
	w.t.Helper()
	_, _, form := w.open(w.link())
	back = w.send(form)
	status, _, page := w.open(back)
	require.Equal(w.t, 200, status, page)
	return back, page
}

// Each tick of the checklist is caused from outside, and none comes before.
func TestSetupChecklist(t *testing.T) {
	t.Parallel()
	clock := &shiftedClock{}
	w := newSetupWorldAt(t, clock.now, "org: acme\n", "")
	_, page := w.create()
	assert.Contains(t, page, "Step 2 of 3")
	assert.Contains(t, page, "GitHub delivers no comments until the App is installed")
	assert.Contains(t, page, `/assets/setup.js`)
	assert.Contains(t, page, `<a href="/setup">Check again</a>`, "for browsers without JavaScript")
	clock.add(time.Minute)
	assert.Equal(t, map[string]string{
		"created": "done", "installed": "waiting", "permissions": "waiting", "webhook": "waiting", "admin-repository": "waiting", "command": "waiting",
	}, w.checklist())

	// Everything else is wrong at first.
	hook := ""
	w.hub.Update(func(st *ghsim.State) {
		app := st.Apps[0]
		hook, app.HookURL = app.HookURL, "http://127.0.0.1:1/hook"
		delete(app.Permissions, "issues")
		st.Org("acme").Repo("runner-admin").Visibility = "public"
	})
	_, err := w.hub.Install(w.slug(), "acme")
	require.NoError(t, err)
	w.await(clock, "installed", "done")
	w.await(clock, "permissions", "problem")
	w.await(clock, "webhook", "problem")
	_, _, page = w.open(w.url + "/setup")
	assert.Contains(t, page, "acme has not granted the App issues (write)")
	assert.Contains(t, page, "GitHub sends webhooks to http://127.0.0.1:1/hook")
	assert.Equal(t, "waiting", w.checklist()["admin-repository"], "it cannot be read without the permission")

	w.hub.Update(func(st *ghsim.State) {
		st.Apps[0].Permissions["issues"], st.Apps[0].Installations[0].Permissions["issues"] = "write", "write"
	})
	w.await(clock, "permissions", "done")
	w.await(clock, "admin-repository", "problem")
	_, _, page = w.open(w.url + "/setup")
	assert.Contains(t, page, "acme/runner-admin is public")
	w.hub.Update(func(st *ghsim.State) { st.Org("acme").Repo("runner-admin").Visibility = "private" })
	w.await(clock, "admin-repository", "done")
	assert.Equal(t, "waiting", w.checklist()["command"])

	w.hub.Update(func(st *ghsim.State) { st.Apps[0].HookURL = hook })
	_, err = w.hub.Deliver(t.Context(), "ping", map[string]any{"zen": "z"}, ghsim.DeliverOptions{App: w.slug(), Secret: "another"})
	require.NoError(t, err)
	assert.Equal(t, "problem", w.checklist()["webhook"], "one with a wrong signature does not count")
	_, err = w.hub.Deliver(t.Context(), "ping", map[string]any{"zen": "z"}, ghsim.DeliverOptions{App: w.slug()})
	require.NoError(t, err)
	w.await(clock, "webhook", "done")
	assert.Equal(t, "waiting", w.checklist()["command"])
	_, reaction := w.say("ada", 1, "/runner-group help")
	assert.Equal(t, "rocket", reaction)
	w.await(clock, "command", "done")
	_, _, page = w.open(w.url + "/setup")
	assert.Contains(t, page, "Done: all 6 checks passed")
}

// Without an admin repository the App is not expected to receive comments, and a command
// over REST is the first one. What anybody may ask for is none.
func TestSetupChecklistWithoutAdminRepository(t *testing.T) {
	t.Parallel()
	clock := &shiftedClock{}
	w := newSetupWorldAt(t, clock.now, "org: acme\n", "", "CHATOPS_ADMIN_REPO=")
	w.create()
	assert.Equal(t, "not needed", w.checklist()["admin-repository"])
	_, err := w.hub.Install(w.slug(), "acme")
	require.NoError(t, err)
	w.await(clock, "webhook", "done")
	w.await(clock, "permissions", "done")
	w.ok("", "GET /api/v1/status")
	w.refused(401, "bad_token", "ghp_nobody", "GET /api/v1/whoami")
	assert.Equal(t, "waiting", w.checklist()["command"])
	w.ok("ghp_ada", "GET /api/v1/whoami")
	w.await(clock, "command", "done")
}

// The checklist is only for the browser that came back from GitHub, for an hour.
func TestSetupCookie(t *testing.T) {
	t.Parallel()
	clock := &shiftedClock{}
	w := newSetupWorldAt(t, clock.now, "", "/nonexistent/config.yml", "ORG=acme")
	link := w.link()
	_, _, form := w.open(link)
	back := w.send(form)
	status, header, page := w.open(back)
	require.Equal(t, 200, status)
	assert.Contains(t, page, "BEGIN RSA")
	cookies := (&http.Response{Header: header}).Cookies()
	require.Len(t, cookies, 1)
	cookie := cookies[0]
	assert.True(t, cookie.HttpOnly)
	assert.False(t, cookie.Secure, "the publicURL is http")
	assert.Equal(t, http.SameSiteLaxMode, cookie.SameSite)
	assert.Equal(t, 3600, cookie.MaxAge)
	assert.GreaterOrEqual(t, len(cookie.Value), 26, "it cannot be guessed")
	assert.Empty(t, cookie.Domain)

	ours := w.client
	paths := []string{link, w.url + "/setup", back, w.url + "/setup/github-app.yml", w.url + "/setup/github-app.env"}
	closed := func(why string) {
		t.Helper()
		for _, path := range paths {
			status, header, page := w.open(path)
			assert.Equal(t, 403, status, "%s: %s", why, path)
			assert.NotContains(t, page, "BEGIN", path)
			assert.NotContains(t, page, "data-step", path)
			assert.Empty(t, header.Get("Set-Cookie"), path)
		}
	}
	w.client = browser(t)
	closed("another browser")
	at, err := url.Parse(w.url)
	require.NoError(t, err)
	w.client.Jar.SetCookies(at, []*http.Cookie{{Name: cookie.Name, Value: strings.Repeat("A", len(cookie.Value)), Path: "/"}})
	closed("a guess")

	w.client = ours
	for _, path := range paths {
		status, header, page := w.open(path)
		assert.Equal(t, 200, status, path)
		assert.Regexp(t, `BEGIN RSA|ARM_PRIVATE_KEY=`, page, path)
		assert.Equal(t, "no-store", header.Get("Cache-Control"), path)
	}
	clock.add(59 * time.Minute)
	w.checklist()
	clock.add(time.Minute)
	closed("an hour later")
}

// What could not be written can be downloaded, and is gone once that is confirmed.
func TestSetupSaved(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t, "", "/nonexistent/config.yml", "ORG=acme")
	w.create()
	_, header, lines := w.open(w.url + "/setup/github-app.yml")
	assert.Equal(t, `attachment; filename="github-app.yml"`, header.Get("Content-Disposition"))
	path := filepath.Join(t.TempDir(), "config.yml")
	require.NoError(t, os.WriteFile(path, []byte("org: acme\n"+lines), 0o600))
	fromFile, err := config.Load(path, nil)
	require.NoError(t, err, "the lines complete a configuration")
	_, _, lines = w.open(w.url + "/setup/github-app.env")
	fromEnvironment, err := config.Load("", append(strings.Split(strings.TrimSpace(lines), "\n"), "ARM_ORG=acme"))
	require.NoError(t, err)
	assert.Equal(t, fromFile.PrivateKey.Reveal(), fromEnvironment.PrivateKey.Reveal())
	assert.Equal(t, fromFile.ClientSecret.Reveal(), fromEnvironment.ClientSecret.Reveal())
	assert.NotEmpty(t, fromFile.ClientSecret.Reveal())

	confirm := func(header ...string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/setup/saved", nil)
		require.NoError(t, err)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		status, _, _ := w.read(w.client.Do(req))
		return status
	}
	ours := w.client
	w.client = browser(t)
	assert.Equal(t, 403, confirm(), "another browser")
	w.client = ours
	assert.Equal(t, 403, confirm("Sec-Fetch-Site", "cross-site"), "another site")
	assert.Equal(t, 403, confirm("Origin", "https://evil.example.com"), "another site, in an old browser")
	status, _, _ := w.open(w.url + "/setup/saved")
	assert.Equal(t, 405, status, "a link does not confirm")
	_, _, page := w.open(w.url + "/setup")
	assert.Contains(t, page, "BEGIN RSA")

	assert.Equal(t, 303, confirm("Sec-Fetch-Site", "same-origin"))
	_, _, page = w.open(w.url + "/setup")
	assert.NotContains(t, page, "BEGIN RSA")
	assert.NotContains(t, page, "ARM_PRIVATE_KEY=")
	assert.Equal(t, "done", w.checklist()["created"])
	for _, path := range []string{"/setup/github-app.yml", "/setup/github-app.env"} {
		status, _, text := w.open(w.url + path)
		assert.Equal(t, 404, status)
		assert.NotContains(t, text, "BEGIN")
	}
}

// The pages say what to do if the key was lost.
func TestSetupLostKey(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t, "org: acme\n", "")
	_, _, form := w.open(w.link())
	w.create()
	w.client = browser(t)
	_, _, closed := w.open(w.url + "/setup")
	for name, page := range map[string]string{"before": form, "after": closed} {
		assert.Contains(t, page, "Generate a private key", name)
		assert.Contains(t, page, w.hubURL+"/organizations/acme/settings/apps", name)
		assert.Contains(t, page, "ARM_PRIVATE_KEY_FILE", name)
	}
}
