package console_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// part gets parts of a page, as its script does. etag is that of the last answer.
func (s *site) part(login, path, etag string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodGet, path, nil)
	r.Header.Set("As", login)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	w := httptest.NewRecorder()
	s.console.ServeHTTP(w, r)
	return w
}

// setRunner changes the state of a runner.
func (s *site) setRunner(name, status string, busy bool) {
	s.Hub.Update(func(st *ghsim.State) {
		r := st.Org("acme").Runner(name)
		r.Status, r.Busy = status, busy
	})
}

// What did not change is a 304, and what did is the same HTML as on the page.
func TestLiveGroup(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Must("ada", "group-create team=platform")
	s.AddRunner("platform", "build-1", "online", false)
	const path = "/console/acme/platform/live"
	assert.Contains(t, s.get("ada", "/console/acme/platform").Body.String(), `data-live="`+path+`" data-every="15"`)

	first := s.part("ada", path, "")
	require.Equal(t, http.StatusOK, first.Code)
	assert.Equal(t, "no-store", first.Header().Get("Cache-Control"))
	assert.Contains(t, first.Body.String(), `data-say="1 idle, 0 busy, 0 offline"`)
	page := s.get("ada", "/console/acme/platform").Body.String()
	for _, part := range []string{`<dl id="counts"`, `<div id="runner-list"`} {
		_, rest, found := strings.Cut(first.Body.String(), part)
		require.True(t, found)
		assert.Contains(t, page, part+rest[:200])
	}
	etag := first.Header().Get("ETag")
	s.Advance(6 * time.Second)
	same := s.part("ada", path, etag)
	assert.Equal(t, http.StatusNotModified, same.Code)
	assert.Empty(t, same.Body.String())

	s.setRunner("build-1", "online", true)
	s.Advance(6 * time.Second)
	changed := s.part("ada", path, etag)
	require.Equal(t, http.StatusOK, changed.Code)
	assert.Contains(t, changed.Body.String(), `data-say="0 idle, 1 busy, 0 offline"`)
	assert.NotEqual(t, etag, changed.Header().Get("ETag"))
}

// Fifty viewers cost one call for what the group holds; the rights of each are asked for.
func TestLiveIsShared(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(p *dispatch.Policy) { p.MembersRead = true })
	s.Must("ada", "group-create team=platform")
	s.AddRunner("platform", "build-1", "online", false)
	s.Advance(6 * time.Second)
	for _, login := range []string{"ada", "bob"} {
		require.Equal(t, http.StatusOK, s.part(login, "/console/acme/platform/live", "").Code) // what is new costs more
	}
	s.Advance(6 * time.Second)
	s.Hub.ResetCalls()
	var viewers sync.WaitGroup
	for i := range 50 {
		login := []string{"ada", "bob"}[i%2]
		viewers.Go(func() { assert.Equal(t, http.StatusOK, s.part(login, "/console/acme/platform/live", "").Code) })
	}
	viewers.Wait()
	for range 10 { // and those who come a little later
		assert.Equal(t, http.StatusOK, s.part("ada", "/console/acme/platform/live", "").Code)
	}
	assert.Equal(t, 1, s.calls("/runners"))
	assert.Positive(t, s.calls("/memberships/ada"))
	assert.Positive(t, s.calls("/memberships/bob"))

	s.Hub.Update(func(st *ghsim.State) { st.Org("acme").Team("platform").Members = nil })
	s.Hub.ResetCalls()
	assert.Equal(t, http.StatusForbidden, s.part("bob", "/console/acme/platform/live", "").Code, "rights are not remembered")
	assert.Zero(t, s.calls("/runners"))
}

// calls counts the calls to GitHub whose paths end so.
func (s *site) calls(end string) (n int) {
	for _, call := range s.Hub.Calls() {
		if strings.HasSuffix(call.Path, end) {
			n++
		}
	}
	return n
}

// What cannot be shown for the moment is no entry of the audit: an open page asks again and again.
func TestLiveFailures(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Must("ada", "group-create team=platform")
	require.Equal(t, http.StatusOK, s.part("ada", "/console/acme/platform/live", "").Code)
	s.Advance(6 * time.Second)
	s.Hub.Inject(ghsim.Fault{Path: "^/orgs/acme/actions/runner-groups", Times: -1, Status: http.StatusBadGateway})
	w := s.part("ada", "/console/acme/platform/live", "")
	assert.Equal(t, http.StatusBadGateway, w.Code)
	s.Hub.ClearFaults()
	assert.NotContains(t, s.get("ada", "/console/acme/platform/audit-list?run=true").Body.String(), "runners-list")
}

func TestLiveRefusals(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Must("ada", "group-create team=platform")
	for _, path := range []string{"/console/acme/platform/live", "/console/acme/platform/add-runner/live?since=1", "/console/acme/platform/add-runner?since=1", "/console/acme/platform/add-runner"} {
		assert.Equal(t, http.StatusForbidden, s.part("bob", path, "").Code, path)
		assert.Equal(t, http.StatusSeeOther, s.part("", path, "").Code, path)
		assert.Equal(t, http.StatusBadRequest, s.part("ada", strings.Replace(path, "acme", "other", 1), "").Code, path)
	}
	s.signIn.PutFlash(t.Context(), "")
	w := s.post("ada", "/console/acme/platform/repos-add", "repos=api")
	require.Equal(t, http.StatusSeeOther, w.Code)
	s.Hub.Update(func(st *ghsim.State) { st.Org("acme").Team("platform").Members = nil })
	assert.NotEqual(t, http.StatusOK, s.part("ada", "/console/acme/platform/live", "").Code)
	assert.NotEmpty(t, s.signIn.kept["ada"], "the answer of the last command is for the page")
}

func TestLiveHome(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Must("ada", "group-create team=platform", "group-create team=web")
	s.AddRunner("platform", "build-1", "online", true)
	assert.Contains(t, s.get("ada", "/console").Body.String(), `data-live="/console/live" data-every="60"`)
	w := s.part("ada", "/console/live", "")
	require.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), `<div id="groups-acme">`)
	assert.Contains(t, w.Body.String(), `<tr id="group-acme-platform">`)
	assert.Equal(t, http.StatusNotModified, s.part("ada", "/console/live", w.Header().Get("ETag")).Code)
}

// The guide: lines once, then it waits, and turns green when the runner is online.
func TestAddRunner(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Must("ada", "group-create team=platform")
	s.AddRunner("platform", "build-0", "online", false)
	guide := s.get("ada", "/console/acme/platform/add-runner").Body.String()
	for _, field := range []string{`name="kind" value="permanent" checked`, `name="kind" value="job"`, `name="os"`, `name="arch"`, `name="name"`, `name="labels"`} {
		assert.Contains(t, guide, field)
	}
	tests := []struct {
		name, form   string
		want, secret string
		wait         string // the name in the path that is polled
		job          bool
	}{
		{"a machine that stays", "kind=permanent&os=linux&arch=&name=build-1&labels=gpu", "--name build-1 --labels gpu", "--token ", "build-1", false},
		{"without a name", "kind=permanent&os=win&arch=x64&name=&labels=", "config.cmd --unattended", "--token ", "", false},
		{"for one job", "kind=job&os=linux&arch=&name=job-1&labels=gpu", "./run.sh --jitconfig ", "--jitconfig ", "job-1", true},
		{"for one job, without a name", "kind=job&os=win&arch=&name=&labels=", `.\run.cmd`, "--jitconfig ", "job-", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := s.post("ada", "/console/acme/platform/add-runner", tt.form)
			require.Equal(t, http.StatusOK, w.Code, w.Body.String())
			page := w.Body.String()
			assert.Contains(t, page, tt.want)
			_, rest, found := strings.Cut(page, tt.secret)
			require.True(t, found)
			secret := strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(" <\n", r) })[0]
			require.Greater(t, len(secret), 10)
			path := pathIn(t, page)
			assert.NotContains(t, path, secret)
			assert.True(t, strings.HasPrefix(nameIn(path), tt.wait), path)
			assert.Equal(t, tt.job, strings.Contains(path, "kind=job"))
			for _, other := range []string{path, strings.Replace(path, "/live", "", 1), "/console/acme/platform", "/console/acme/platform/audit-list?run=true"} {
				assert.NotContains(t, s.part("ada", other, "").Body.String(), secret, other)
			}
			assert.Empty(t, s.signIn.kept)
			assert.Contains(t, page, `first-runner.md#a-`)
			assert.NotContains(t, page, "[Your first runner]", "Markdown is for comments")

			assert.Contains(t, s.part("ada", path, "").Body.String(), "Waiting for ")
			name := nameIn(path)
			if !tt.job {
				if name == "" {
					name = "any"
				}
				s.AddRunner("platform", name, "offline", false)
				s.Advance(6 * time.Second)
				assert.Contains(t, s.part("ada", path, "").Body.String(), "Runner "+name+" is registered, but not online yet")
			}
			s.Advance(3 * time.Minute)
			assert.Contains(t, s.part("ada", path, "").Body.String(), "It takes longer than usual")
			s.setRunner(name, "online", false)
			s.Advance(6 * time.Second)
			arrived := s.part("ada", path, "").Body.String()
			assert.Contains(t, arrived, `class="notice good" data-say="Runner `+name+` is online"`)
			assert.Contains(t, arrived, `data-live=""`, "there is nothing more to wait for")
			assert.Contains(t, s.get("ada", strings.Replace(path, "/live", "", 1)).Body.String(), "Runner "+name+" is online", "without a script")
		})
	}
}

// What does not come, and what is gone again.
func TestAddRunnerEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Must("ada", "group-create team=platform")
	lost := pathIn(t, s.post("ada", "/console/acme/platform/add-runner", "kind=permanent&name=build-1").Body.String())
	job := pathIn(t, s.post("ada", "/console/acme/platform/add-runner", "kind=job&name=job-1").Body.String())
	s.Hub.Update(func(st *ghsim.State) { st.Org("acme").Runners = nil })
	s.Advance(30 * time.Second)
	assert.Contains(t, s.part("ada", job, "").Body.String(), "Runner job-1 is gone again")
	assert.Contains(t, s.part("ada", lost, "").Body.String(), "Waiting for runner build-1")
	s.Advance(time.Hour)
	ended := s.part("ada", lost, "").Body.String()
	assert.Contains(t, ended, "The runner did not come")
	assert.Contains(t, ended, `data-live=""`)
}

// A refusal shows the guide again, with what was chosen.
func TestAddRunnerRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(p *dispatch.Policy) { p.RegistrationTokens = "false" })
	s.Must("ada", "group-create team=platform")
	w := s.post("ada", "/console/acme/platform/add-runner", "kind=permanent&os=osx&name=build-1&labels=")
	assert.Equal(t, http.StatusForbidden, w.Code)
	for _, part := range []string{"403 policy", `role="alert"`, `<option value="osx" selected>`, `value="build-1"`} {
		assert.Contains(t, w.Body.String(), part)
	}
	w = s.post("ada", "/console/acme/platform/add-runner", "kind=job&name=-x")
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Contains(t, w.Body.String(), `value="job" checked`)
	assert.Equal(t, http.StatusForbidden, s.post("bob", "/console/acme/platform/add-runner", "kind=job&name=x").Code)
	assert.Equal(t, http.StatusBadRequest, s.post("ada", "/console/other/platform/add-runner", "kind=job&name=x").Code)
	w = s.get("ada", `/console/acme/platform/add-runner?since=1&name=<b>&after=x`)
	assert.Equal(t, http.StatusOK, w.Code)
	assert.NotContains(t, w.Body.String(), "<b>")
	assert.NotContains(t, strconv.Quote(w.Body.String()), `\u003cb`)
}

// pathIn returns the path that the page polls.
func pathIn(t *testing.T, page string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, `data-live="`)
	require.True(t, found, page)
	path, _, _ := strings.Cut(rest, `"`)
	return strings.ReplaceAll(path, "&amp;", "&")
}

func nameIn(path string) string {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	return r.URL.Query().Get("name")
}
