package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A person without a group, and a team without one, see what to do first.
func TestEmptyStates(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	page := s.get("ada", "/console").Body.String()
	assert.Contains(t, page, "No runner group yet")
	assert.Contains(t, page, `<a href="/console/all">all groups</a>`, "an owner need not maintain a team")
	assert.Contains(t, page, `action="/console/acme/-/group-create"`)
	w := s.get("ada", "/console/acme/platform")
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), `action="/console/acme/platform/group-create"`)

	w = s.post("ada", "/console/acme/-/group-create", "team=platform")
	require.Equal(t, http.StatusSeeOther, w.Code)
	assert.Equal(t, "/console/acme/platform", w.Header().Get("Location"), "the person goes on with the new group")
	page = s.get("ada", "/console/acme/platform").Body.String()
	assert.Contains(t, page, "The group has no runner")
	assert.Contains(t, page, "/console/acme/platform/add-runner")
	assert.Contains(t, page, "No repository may use the group yet")
	assert.Contains(t, s.get("ada", "/console").Body.String(), `href="/console/acme/platform"`)
	assert.Contains(t, s.get("olga", "/console/all").Body.String(), "platform")
}

// The page of a team shows what is its own, to its maintainers only.
func TestOtherTeams(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Must("ada", "group-create team=platform", "repos-add team=platform repos=api", "trust-add team=platform repo=web ref=main commands=repos-add")
	s.Must("bob", "group-create team=others")
	s.AddRunner("platform", "build-1", "online", false)
	s.AddRunner("others", "secret-machine", "online", false)

	for _, path := range []string{"/console", "/console/acme/platform", "/console/acme/platform/audit-list?run=true", "/console/acme/-/requests-list?run=true"} {
		page := s.get("ada", path).Body.String()
		assert.NotContains(t, page, "others", path)
		assert.NotContains(t, page, "secret-machine", path)
	}
	for _, login := range []string{"ada", "olga", "eve"} {
		for _, path := range []string{"/console/acme/others", "/console/acme/missing"} {
			w := s.get(login, path)
			assert.Equal(t, http.StatusForbidden, w.Code, "%s %s", login, path)
			assert.Contains(t, w.Body.String(), "403 not_maintainer")
			assert.NotContains(t, w.Body.String(), "secret-machine")
		}
	}
	here, missing := s.get("ada", "/console/acme/others").Body.String(), s.get("ada", "/console/acme/missing").Body.String()
	assert.Equal(t, anonymous(here, "others"), anonymous(missing, "missing"), "whether a team exists does not show")
	assert.Equal(t, http.StatusForbidden, s.get("eve", "/console").Code)
	assert.Equal(t, http.StatusForbidden, s.get("ada", "/console/all").Code)
	assert.NotContains(t, s.get("ada", "/console").Body.String(), "/console/all")
}

// anonymous leaves out of a page what differs from visit to visit.
func anonymous(page, team string) string {
	page = strings.ReplaceAll(page, team, "TEAM")
	page = regexp.MustCompile(`request <code>[a-z0-9]+</code>`).ReplaceAllString(page, "")
	return regexp.MustCompile(`Checked at [0-9:]+ UTC`).ReplaceAllString(page, "")
}

// Members of the team see its page without buttons, if the policy lets members read.
func TestMembers(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(p *dispatch.Policy) { p.MembersRead = true })
	s.Must("ada", "group-create team=platform", "repos-add team=platform repos=api", "trust-add team=platform repo=web ref=main commands=repos-add")
	s.AddRunner("platform", "build-1", "online", false)
	assert.Contains(t, s.get("bob", "/console").Body.String(), `href="/console/acme/platform"`)
	for range 2 { // before and after he was proved
		w := s.get("bob", "/console/acme/platform")
		require.Equal(t, http.StatusOK, w.Code)
		_, main, _ := strings.Cut(w.Body.String(), "<main")
		main, _, _ = strings.Cut(main, "</main>")
		assert.Contains(t, main, "build-1")
		assert.Contains(t, main, "api")
		for _, absent := range []string{"<form", "<button", "<input", "trust", "ada"} {
			assert.NotContains(t, main, absent)
		}
	}
	for _, entry := range s.audit() {
		assert.NotEqual(t, "bob", entry.Caller, "his page asks for nothing that he may not see")
	}
}

func (s *site) audit() []store.Entry {
	s.t.Helper()
	id, err := s.Env.Orgs[0].ID(s.t.Context())
	require.NoError(s.t, err)
	list, err := s.Env.Store.AuditList(s.t.Context(), store.AuditQuery{OrgID: id, Limit: 1000})
	require.NoError(s.t, err)
	return list
}

// Somebody who is demoted or leaves while signed in sees nothing more.
func TestDemoted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Must("ada", "group-create team=platform")
	s.AddRunner("platform", "build-1", "online", false)
	require.Equal(t, http.StatusOK, s.get("ada", "/console/acme/platform").Code)
	s.Hub.Update(func(st *ghsim.State) { st.Org("acme").Team("platform").Members[0].Role = "member" })
	w := s.get("ada", "/console/acme/platform")
	assert.Equal(t, http.StatusForbidden, w.Code)
	assert.NotContains(t, w.Body.String(), "build-1")
	assert.Equal(t, http.StatusForbidden, s.post("ada", "/console/acme/platform/repos-add", "repos=api").Code)
	assert.NotContains(t, s.get("ada", "/console").Body.String(), "/console/acme/platform\"")
}

// Findings offer the commands that they name, and the requests theirs.
func TestRemedies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Must("ada", "group-create team=platform", "group-create team=web")
	s.AddRunner("platform", "build-1", "offline", false)
	page := s.get("ada", "/console/acme/platform/group-check?run=true").Body.String()
	assert.Contains(t, page, "build-1")

	s.Must("bob", "group-create team=others")
	s.Hub.Update(func(st *ghsim.State) {
		org := st.Org("acme")
		org.Team("others").Permissions = map[int64]string{org.Repo("docs").ID: "admin"}
	})
	s.Must("bob", "access-request team=platform repos=docs reason=<b>training</b> for=2h")
	page = s.get("ada", "/console/acme/platform").Body.String()
	assert.Contains(t, page, "Request 1")
	assert.Contains(t, page, "&lt;b&gt;training&lt;/b&gt;")
	w := s.post("ada", "/console/acme/platform/request-approve", "id=1")
	require.Equal(t, http.StatusSeeOther, w.Code, w.Body.String())
	page = s.get("ada", "/console/acme/platform").Body.String()
	assert.Contains(t, page, "docs")
	assert.Contains(t, page, "until "+s.Now().Add(2*time.Hour).UTC().Format("2006-01-02"))
	assert.NotContains(t, page, "Waiting for a decision")
}

// Names from GitHub are text, wherever they appear.
func TestHTMLInNames(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	s.Must("ada", "group-create team=platform", "repos-add team=platform repos=api")
	s.AddRunner("platform", evil, "offline", false)
	s.Hub.Update(func(st *ghsim.State) {
		org := st.Org("acme")
		org.Group("platform").Name = evil
		org.Repo("api").Name = evil
		org.Team("platform").Name = evil
		for _, r := range org.Runners {
			r.Version, r.OS, r.Labels = evil, evil, append(r.Labels, evil)
		}
	})
	for _, path := range []string{
		"/console", "/console/acme/platform", "/console/acme/platform/group-check?run=true", "/console/acme/platform/group-list?run=true",
		"/console/acme/platform/runners-list?run=true", "/console/acme/platform/repos-add?repos=" + `%22%3E%3Cscript%3E`,
		"/console/acme/%22%3E%3Cscript%3E/repos-add", "/console/%22%3E%3Cscript%3E/platform/repos-add", "/console/acme/platform/%22%3E%3Cscript%3E",
	} {
		w := s.get("ada", path)
		page := w.Body.String()
		assert.NotContains(t, page, "<script>", path)
		assert.NotContains(t, page, "<img src=x", path)
		if strings.HasSuffix(path, "platform") {
			assert.Contains(t, page, "&lt;img src=x", path)
		}
	}
}
