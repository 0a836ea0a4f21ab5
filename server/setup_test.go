package server_test

import (
	"context"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim/web"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
	"github.com/actions-runner-manager/actions-runner-manager/server"
)

var (
	linkInLog = regexp.MustCompile(`http://[^"]+/setup\?token=[A-Za-z0-9]+`)
	action    = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
	manifest  = regexp.MustCompile(`name="manifest" value="([^"]+)"`)
	install   = regexp.MustCompile(`href="([^"]+/installations/new)"`)
)

// newSetupWorld starts a server without an App. file is the content of its configuration at
// path. If path is empty, it is config.yml in a temporary folder.
func newSetupWorld(t *testing.T, file, path string, settings ...string) *world {
	t.Helper()
	return newSetupWorldAt(t, nil, file, path, settings...)
}

// newSetupWorldAt does the same with another clock; nil is the real one.
func newSetupWorldAt(t *testing.T, clock func() time.Time, file, path string, settings ...string) *world {
	t.Helper()
	sc := acme()
	sc.Apps = nil
	hub, err := ghsim.New(sc)
	require.NoError(t, err)
	web.Attach(hub)
	checkContract(t, hub)
	front := httptest.NewUnstartedServer(hub)
	hub.URL = "http://" + front.Listener.Addr().String() // before anybody can ask
	front.Start()
	w := &world{t: t, hub: hub, hubURL: front.URL, log: &lockedBuffer{}, dir: t.TempDir(), client: browser(t)}
	if path == "" {
		path = filepath.Join(w.dir, "config.yml")
	}
	if file != "" {
		require.NoError(t, os.WriteFile(path, []byte(file), 0o644))
	}
	environ := []string{
		"ARM_SERVER_PORT=0", "ARM_LOGGING_LEVEL=debug", "ARM_GITHUB_URL=" + front.URL, "ARM_GITHUB_API_URL=" + front.URL,
		"ARM_CHATOPS_ADMIN_REPO=runner-admin", "ARM_DATABASE_URL=" + storetest.SQLiteAt(t, filepath.Join(w.dir, "arm.db")),
	}
	for _, setting := range settings {
		environ = append(environ, "ARM_"+setting)
	}
	load := func() (*config.Config, error) {
		return config.Load("", append(environ, "CONFIG_PATH="+path, "ARM_ORGS="))
	}
	c, err := config.Load(existing(path), environ)
	require.NoError(t, err)
	listening := make(chan string, 1)
	s, err := server.New(t.Context(), server.Options{
		Config: c, ConfigPath: path, Reload: load, Version: "test", Log: w.log, Clock: clock, Listening: func(url string) { listening <- url },
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	w.url = <-listening
	w.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		assert.NoError(t, w.stop())
		hub.Close()
		front.Close()
		w.noSecrets()
	})
	return w
}

func existing(path string) string {
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// browser returns a client that does not follow redirects, so that a test sees each step.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (w *world) link() string {
	w.t.Helper()
	found := linkInLog.FindAllString(w.log.String(), -1)
	require.NotEmpty(w.t, found, "the link is in the log")
	return found[len(found)-1]
}

func (w *world) open(address string) (int, http.Header, string) {
	w.t.Helper()
	return w.read(w.client.Get(address))
}

func (w *world) read(res *http.Response, err error) (int, http.Header, string) {
	w.t.Helper()
	require.NoError(w.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	return res.StatusCode, res.Header, string(body)
}

// send sends the page's form to GitHub, and returns the address that GitHub redirects to.
func (w *world) send(page string) string {
	w.t.Helper()
	to, form := action.FindStringSubmatch(page), manifest.FindStringSubmatch(page)
	require.NotNil(w.t, to, page)
	require.NotNil(w.t, form, page)
	status, header, body := w.read(w.client.PostForm(html.UnescapeString(to[1]), url.Values{"manifest": {html.UnescapeString(form[1])}}))
	require.Equal(w.t, http.StatusFound, status, body)
	return header.Get("Location")
}

// Setup leads from no App to a working command, and only once.
func TestSetup(t *testing.T) {
	t.Parallel()
	const before = "# ours\norg: acme # the company\ngithub:\n  webhookSecret: \"\"\n  caFile: ''   # none\npolicy: {repoPermission: admin}\n"
	w := newSetupWorld(t, before, "", "LOGGING_LEVEL=fatal")
	link := w.link()
	assert.True(t, strings.HasPrefix(link, w.url+"/setup?token="))
	w.refused(503, "setup", "ghp_ada", "POST /api/v1/group-create?team=platform")

	for _, closed := range []string{"/setup", "/setup?token=", "/setup?token=wrong", "/setup/callback", "/setup/callback?code=x&state=y"} {
		status, _, body := w.open(w.url + closed)
		assert.Equal(t, 403, status, closed)
		assert.NotContains(t, body, "manifest", closed)
		assert.Contains(t, body, "log", "it says that the link is in the log")
	}

	status, header, page := w.open(link)
	require.Equal(t, 200, status, page)
	assert.NotContains(t, page, "Warning: ", "the file can be written")
	second := config.Defaults()
	second.Server.Port, second.Database.URL = 0, config.NewDatabaseURL("sqlite:"+filepath.Join(w.dir, "arm.db"))
	_, err := server.New(t.Context(), server.Options{Config: &second, Log: io.Discard})
	require.ErrorContains(t, err, "in use by another server", "even before there is an App")
	assert.Contains(t, header.Get("Content-Security-Policy"), "form-action 'self' "+w.hubURL)
	assert.NotContains(t, header.Get("Content-Security-Policy"), "unsafe")
	assert.Equal(t, "no-store", header.Get("Cache-Control"))
	assert.Equal(t, "no-referrer", header.Get("Referrer-Policy"))
	assert.NotContains(t, page, "<script")
	assert.JSONEq(t, `{"name":"acme runner manager","url":"`+w.url+`","public":false,
		"description":"Lets teams of acme manage their own groups of self-hosted runners.",
		"hook_attributes":{"url":"`+w.url+`/api/github/hook","active":true},"redirect_url":"`+w.url+`/setup/callback","callback_urls":["`+w.url+`/console/callback"],
		"default_permissions":{"metadata":"read","issues":"write","members":"read","organization_self_hosted_runners":"write"},
		"default_events":["issue_comment"]}`, html.UnescapeString(manifest.FindStringSubmatch(page)[1]))

	back := w.send(page)
	assert.True(t, strings.HasPrefix(back, w.url+"/setup/callback?"), back)
	forged, err := url.Parse(back)
	require.NoError(t, err)
	query := forged.Query()
	query.Set("state", "forged")
	forged.RawQuery = query.Encode()
	status, _, _ = w.open(forged.String())
	assert.Equal(t, 403, status, "the state is checked")

	status, header, done := w.open(back)
	require.Equal(t, 200, status, done)
	assert.Equal(t, "no-store", header.Get("Cache-Control"))
	assert.NotContains(t, done, "PRIVATE KEY")
	ours := w.client
	w.client = browser(t)
	status, _, _ = w.open(back)
	assert.Equal(t, 403, status, "the state is good once")
	status, header, closed := w.open(link)
	assert.Equal(t, 403, status, "so is the link")
	assert.Contains(t, closed, "A GitHub App is configured already")
	assert.Contains(t, header.Get("Content-Security-Policy"), "form-action 'none'")

	w.client = ours
	path := filepath.Join(w.dir, "config.yml")
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, line := range []string{"# ours\n", "org: acme # the company\n", "  caFile: ''   # none\n", "policy: {repoPermission: admin}\n", "appID: ", "-----BEGIN RSA PRIVATE KEY-----"} {
		assert.Contains(t, string(written), line)
	}
	c, err := config.Load(path, nil)
	require.NoError(t, err)
	require.Len(t, c.GitHub.WebhookSecrets, 1)
	w.hub.View(func(st *ghsim.State) {
		app := st.Apps[len(st.Apps)-1]
		assert.Equal(t, []string{w.url + "/console/callback"}, app.CallbackURLs)
		assert.Equal(t, []string{app.ClientID, app.ClientSecret}, []string{c.ClientID, c.ClientSecret.Reveal()}, "they switch the console on")
	})
	files, err := filepath.Glob(filepath.Join(w.dir, ".config*"))
	require.NoError(t, err)
	assert.Empty(t, files, "nothing is left beside it")

	at := install.FindStringSubmatch(done)
	require.NotNil(t, at, done)
	status, _, body := w.read(w.client.Post(at[1], "application/x-www-form-urlencoded", strings.NewReader("org=acme")))
	require.Equal(t, http.StatusSeeOther, status, body)
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api")
	replies, reaction := w.say("ada", 1, "/runner-group group-list")
	assert.Equal(t, "rocket", reaction, replies)
}

// Setup does not start if the database is broken.
func TestSetupNeedsDatabase(t *testing.T) {
	t.Parallel()
	c := config.Defaults()
	c.Org, c.Server.Port, c.Database.URL = "acme", 0, config.NewDatabaseURL("sqlite:/nonexistent/arm.db")
	_, err := server.New(t.Context(), server.Options{Config: &c, Log: io.Discard})
	require.ErrorContains(t, err, "database.url")
}

// If no organization is configured, the page asks for one.
func TestSetupAsksForOrganization(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t, "", "")
	link := w.link()
	_, _, page := w.open(link)
	assert.Contains(t, page, `name="org"`)
	assert.NotContains(t, page, "manifest")
	for _, odd := range []string{"a/b", "../x", "<b>", strings.Repeat("x", 101)} {
		_, _, page = w.open(link + "&org=" + url.QueryEscape(odd))
		assert.NotContains(t, page, "manifest", odd)
	}
	_, _, page = w.open(link + "&org=acme")
	status, _, done := w.open(w.send(page))
	require.Equal(t, 200, status, done)
	c, err := config.Load(filepath.Join(w.dir, "config.yml"), nil)
	require.NoError(t, err)
	assert.Equal(t, "acme", c.Org)
	assert.False(t, c.SetupMode())
}

// If the file cannot be written, the page shows the lines to the browser that created the
// App, and the server uses it.
func TestSetupShowsWhatItCannotWrite(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file, path, settings, want string
		mode                             os.FileMode
	}{
		{name: "no such folder", path: "/nonexistent/config.yml", settings: "ORG=acme", want: "no such file"},
		{name: "written in another way", file: "github: {caFile: ''}\norg: acme\n", want: "a format that setup cannot add to"},
		{name: "read-only", file: "org: acme\n", mode: 0o444, want: "the file is read-only"},
		{name: "the environment wins", settings: "GITHUB_WEBHOOK_SECRET=another", file: "org: acme\n", want: "environment variables override it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newSetupWorld(t, tt.file, tt.path, strings.Fields(tt.settings)...)
			if tt.mode != 0 {
				require.NoError(t, os.Chmod(filepath.Join(w.dir, "config.yml"), tt.mode))
			}
			_, _, page := w.open(w.link())
			assert.Contains(t, page, tt.want, "the page warns before the App is created")
			assert.NotContains(t, page, "is then written to", "it says one thing only")
			back := w.send(page)
			status, header, done := w.open(back)
			require.Equal(t, 200, status, done)
			assert.Equal(t, "no-store", header.Get("Cache-Control"))
			assert.Contains(t, done, tt.want)
			assert.Contains(t, done, "-----BEGIN RSA PRIVATE KEY-----")
			assert.Contains(t, done, "ARM_PRIVATE_KEY=")
			assert.Contains(t, done, "ARM_CLIENT_ID=")
			assert.Contains(t, done, "ARM_CLIENT_SECRET=")
			assert.Contains(t, done, "ARM_GITHUB_WEBHOOK_SECRET=")
			_, _, again := w.open(back)
			assert.Contains(t, again, "-----BEGIN RSA PRIVATE KEY-----", "it survives a reload")
			w.client = browser(t)
			_, _, again = w.open(back)
			assert.NotContains(t, again, "BEGIN", "other browsers do not get it")
			_, err := w.hub.Install(w.slug(), "acme")
			require.NoError(t, err)
			w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
			_, reaction := w.say("ada", 1, "/runner-group group-list")
			assert.Equal(t, "rocket", reaction, "webhooks with the new secret are accepted")
		})
	}
}

// slug returns the slug of the newest App.
func (w *world) slug() (slug string) {
	w.hub.Update(func(st *ghsim.State) { slug = st.Apps[len(st.Apps)-1].Slug })
	return slug
}

// Setup does not replace an App that the file has got in the meantime.
func TestSetupKeepsExistingApp(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t, "org: acme\n", "")
	_, _, page := w.open(w.link())
	back := w.send(page)
	const other = "org: acme\nappID: 7\nprivateKeyFile: key.pem\n"
	path := filepath.Join(w.dir, "config.yml")
	require.NoError(t, os.WriteFile(path, []byte(other), 0o600))
	status, _, done := w.open(back)
	assert.Equal(t, 409, status, done)
	status, _, _ = w.open(w.link())
	assert.Equal(t, 409, status)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, other, string(text))
}

// Only one of two browsers succeeds, and a failure of GitHub can be retried.
func TestSetupOnce(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t, "org: acme\n", "")
	_, _, page := w.open(w.link())
	w.hub.Inject(ghsim.Fault{Path: "/app-manifests/", Status: 503, Times: 1})
	status, _, failed := w.open(w.send(page))
	assert.Equal(t, 502, status)
	assert.Contains(t, failed, "GitHub did not answer")
	assert.Contains(t, failed, "Start again")

	_, _, page = w.open(w.link())
	first := w.send(strings.ReplaceAll(page, "acme runner manager", "one"))
	_, _, page = w.open(w.link())
	second := w.send(strings.ReplaceAll(page, "acme runner manager", "two"))
	statuses := make(chan int, 2)
	for _, back := range []string{first, second} {
		go func() {
			res, err := http.Get(back)
			if err != nil {
				statuses <- 0
				return
			}
			res.Body.Close()
			statuses <- res.StatusCode
		}()
	}
	assert.ElementsMatch(t, []int{200, 403}, []int{<-statuses, <-statuses})
	w.hub.Update(func(st *ghsim.State) { assert.Len(t, st.Apps, 1) })
}
