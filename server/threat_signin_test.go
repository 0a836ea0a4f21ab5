package server_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

const (
	sessionCookie = "__Host-arm-session"
	flowCookie    = "__Host-arm-signin"
)

// begin begins a sign-in, and returns the address on GitHub that answers for the person.
func (b *consoleBrowser) begin(login string) string {
	b.w.t.Helper()
	p := b.at("/console/signin")
	require.Equal(b.w.t, http.StatusSeeOther, p.status, p.body)
	return p.header.Get("Location") + "&login=" + login
}

// callback returns the address that GitHub sends the person's browser back to.
func (b *consoleBrowser) callback(login string) string {
	b.w.t.Helper()
	return b.at(b.begin(login)).header.Get("Location")
}

// signedIn reports whether the console knows the browser's person.
func (b *consoleBrowser) signedIn() bool {
	b.w.t.Helper()
	p := b.at("/console")
	return p.status != http.StatusUnauthorized
}

// safePage checks the headers that every page of the console has.
func safePage(t *testing.T, p page) {
	t.Helper()
	policy := p.header.Get("Content-Security-Policy")
	for _, directive := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'", "script-src 'self'"} {
		assert.Contains(t, policy, directive)
	}
	assert.Equal(t, "DENY", p.header.Get("X-Frame-Options"))
	assert.Equal(t, "no-store", p.header.Get("Cache-Control"))
	assert.Equal(t, "nosniff", p.header.Get("X-Content-Type-Options"))
	assert.Empty(t, p.header.Get("ETag"))
}

// Nobody is signed in by a callback that their own browser did not ask for, or that was used.
func TestThreatSignInForged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	olga := w.browser()
	stolen := olga.callback("olga") // with a code that still works
	tests := []struct{ name, address string }{
		{"nothing was begun", "/console/callback?code=x&state=y"},
		{"no state", "/console/callback?code=x"},
		{"an empty state", "/console/callback?code=x&state="},
		{"the state of another browser: an attacker's account for the victim, or the reverse", stolen},
	}
	for _, begun := range []bool{false, true} {
		for _, tt := range tests {
			b := w.browser()
			if begun {
				b.begin("ada")
			}
			p := b.get(tt.address)
			assert.Equal(t, http.StatusBadRequest, p.status, tt.name)
			assert.Contains(t, p.body, `href="/console/signin"`, tt.name)
			safePage(t, p)
			assert.False(t, b.signedIn(), tt.name)
		}
	}
	b := w.browser()
	own := b.callback("ada")
	b.get("/console/callback?code=x&state=forged")
	flow := b.cookies()[flowCookie]
	require.NotEmpty(t, flow, "a forged callback does not disturb a sign-in that goes on")
	code := strings.Replace(own, "code=", "code=0", 1)
	other := w.browser()
	other.setCookies(map[string]string{flowCookie: flow})
	assert.Equal(t, http.StatusBadRequest, other.get(code).status, "a wrong code")

	require.Equal(t, http.StatusOK, b.get(own).status)
	assert.Empty(t, b.cookies()[flowCookie])
	assert.Equal(t, http.StatusBadRequest, b.at(own).status, "replayed in the same browser")
	b = w.browser()
	b.setCookies(map[string]string{flowCookie: flow})
	p := b.get(own)
	assert.Equal(t, http.StatusBadRequest, p.status, "replayed with a copy of the cookie: GitHub takes a code once")
	assert.False(t, b.signedIn())

	// The code of one sign-in is of no use in another: its verifier is another one.
	first, second := w.browser(), w.browser()
	code = urlOf(t, first.callback("ada")).Query().Get("code")
	mine := urlOf(t, second.callback("bob"))
	q := mine.Query()
	q.Set("code", code)
	mine.RawQuery = q.Encode()
	assert.Equal(t, http.StatusBadRequest, second.get(mine.String()).status)
	assert.False(t, second.signedIn())
}

func urlOf(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u
}

// A session that was put into the browser before is not the one that the sign-in makes.
func TestThreatSignInFixation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	attacker := w.signIn("bob")
	for _, planted := range []string{"made-up", attacker.cookies()[sessionCookie]} {
		victim := w.browser()
		victim.setCookies(map[string]string{sessionCookie: planted})
		require.Equal(t, http.StatusOK, victim.signIn("ada", "/console").status)
		assert.NotEqual(t, planted, victim.cookies()[sessionCookie])
		assert.True(t, victim.signedIn())
		other := w.browser()
		other.setCookies(map[string]string{sessionCookie: planted})
		assert.False(t, other.signedIn(), "the session before ends")
	}
}

// The cookie that is left after a sign-out is worth nothing; neither is one after the session's end.
func TestThreatSignInStolenCookie(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	thief := func(b *consoleBrowser) *consoleBrowser {
		copied := w.browser()
		copied.setCookies(b.cookies())
		require.True(t, copied.signedIn())
		return copied
	}
	one, two, other := w.signIn("ada"), w.signIn("ada"), w.signIn("bob")
	stolen := thief(one)
	p := one.post("/console/signout", nil)
	assert.Equal(t, http.StatusUnauthorized, p.status)
	safePage(t, p)
	assert.Empty(t, one.cookies()[sessionCookie])
	assert.False(t, stolen.signedIn())
	assert.True(t, two.signedIn(), "signed out here only")

	three := w.signIn("ada")
	stolen = thief(two)
	three.post("/console/signout", url.Values{"everywhere": {"true"}})
	assert.False(t, two.signedIn())
	assert.False(t, stolen.signedIn())
	assert.True(t, other.signedIn(), "another person")

	w.advance(7 * time.Hour)
	assert.True(t, other.signedIn())
	w.advance(time.Hour)
	assert.False(t, other.signedIn(), "8 hours after the sign-in, however it was used")
	assert.True(t, w.signIn("bob").signedIn())
}

// What leads elsewhere leads to the console's first page.
func TestThreatSignInOpenRedirect(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "SERVER_UNKNOWN_TOKEN_RATE=1000")
	b := w.browser()
	for _, back := range []string{
		"https://evil.example", "//evil.example", "///evil.example/console", `/\evil.example`, `\\evil.example`, "/console/../setup", "/console//evil.example/..",
		"/console.evil.example", "/consoles", "javascript:alert(1)", "http:/console", "/console@evil.example", "/console\r\nSet-Cookie: a=b", "/console/%2e%2e/setup",
		"/console/signout", "/console/signin?return=/console", "/console/callback?code=1", "/", "", " /console", "/console/\x00", "/console/" + strings.Repeat("a", 2_000),
		"/console/%5c%5cevil.example", "/console\t//evil.example", "/console/%0d%0aSet-Cookie:a",
	} {
		p := b.at(b.at("/console/signin?return="+url.QueryEscape(back)).header.Get("Location") + "&login=ada")
		p = b.at(p.header.Get("Location"))
		assert.Equal(t, http.StatusSeeOther, p.status, back)
		assert.Equal(t, "/console", p.header.Get("Location"), back)
	}
	for _, back := range []string{"/console/acme/platform", "/console/acme/platform/repos-add?repos=a%20b", "/console/all"} {
		assert.Equal(t, back, b.signIn("ada", back).url.RequestURI())
	}
	p := w.browser().get("/console/acme/platform?range=7d")
	assert.Contains(t, p.body, `href="/console/signin?return=%2Fconsole%2Facme%2Fplatform%3Frange%3D7d"`)
	p = w.browser().get("/console//evil.example")
	assert.NotContains(t, p.body, `href="//`)
}

// Forms of other sites change nothing, and no site can show the console in a frame.
func TestThreatSignInCrossOrigin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	b := w.signIn("ada")
	for _, header := range []http.Header{
		{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Origin": {"https://evil.example"}}, {"Origin": {"null"}},
	} {
		for _, path := range []string{"/console/signout", "/console/acme/platform/group-create"} {
			req := b.request(http.MethodPost, path, strings.NewReader("yes=true"))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			maps.Copy(req.Header, header)
			p := b.send(req)
			assert.Equal(t, http.StatusForbidden, p.status, "%s %s", path, header)
			safePage(t, p)
		}
	}
	assert.True(t, b.signedIn())
	var groups []string
	w.state(func(o *ghsim.Org, _ *ghsim.State) {
		for _, g := range o.Groups {
			groups = append(groups, g.Name)
		}
	})
	assert.False(t, slices.Contains(groups, "platform"))
	for _, path := range []string{"/console", "/console/acme/platform", "/console/nowhere/at/all", "/console/callback"} {
		safePage(t, b.get(path))
		safePage(t, w.browser().get(path))
	}
	assert.Equal(t, http.StatusMethodNotAllowed, b.get("/console/signout").status, "no link signs out")
	req := b.request(http.MethodGet, "/console", nil)
	req.Header.Set("Cookie", sessionCookie+"="+b.cookies()[sessionCookie]+"; "+sessionCookie+"=another")
	bare := w.browser()
	assert.Equal(t, http.StatusUnauthorized, bare.send(req).status, "two cookies of one name are nobody's")
}

// Only active members of an organization that is served get in, and only as long as they are.
func TestThreatSignInOutsider(t *testing.T) {
	t.Parallel()
	sc := acme()
	sc.Organizations[0].PendingMembers = []string{"zoe"}
	w := newWorld(t, sc)
	for _, login := range []string{"eve", "zoe"} {
		b := w.browser()
		p := b.signIn(login, "/console")
		assert.Equal(t, http.StatusForbidden, p.status, login)
		assert.Contains(t, p.body, "acme", login)
		safePage(t, p)
		assert.Empty(t, b.cookies()[sessionCookie], login)
	}
	kim, ada := w.signIn("kim"), w.signIn("ada")
	w.hub.Update(func(st *ghsim.State) {
		o := st.Org("acme")
		o.Members = slices.DeleteFunc(o.Members, func(m *ghsim.Member) bool { return m.User.Login == "kim" })
		for _, team := range o.Teams {
			team.Members = slices.DeleteFunc(team.Members, func(m *ghsim.TeamMember) bool { return m.User.Login == "kim" })
		}
		// Somebody else takes the login that ada gave up.
		st.User("ada").Login = "ada-lovelace"
		eve := st.User("eve")
		eve.Login = "ada"
		o.Members = append(o.Members, &ghsim.Member{User: eve, Role: "admin", State: "active"})
	})
	assert.Equal(t, http.StatusForbidden, kim.get("/console").status, "removed from the organization")
	assert.Equal(t, http.StatusForbidden, ada.get("/console").status, "the session is not the stranger's who has the login now")
}

// A person of one of two organizations gets in.
func TestThreatSignInTwoOrganizations(t *testing.T) {
	t.Parallel()
	sc := acme()
	globex := sc.Organizations[0]
	globex.Login, globex.Owners, globex.Members = "globex", []string{"mal"}, nil
	globex.Teams = []ghsim.TeamSpec{{Name: "platform", Maintainers: []string{"mal"}}}
	sc.Organizations = append(sc.Organizations, globex)
	sc.Apps[0].Installations = append(sc.Apps[0].Installations, ghsim.InstallationSpec{ID: 78, Org: "globex"})
	w := newWorld(t, sc, "ORG=", `ORGS=[{"org":"acme"},{"org":"globex"}]`)
	mal := w.signIn("mal")
	assert.Equal(t, http.StatusForbidden, mal.get("/console/acme/platform").status)
	p := w.browser().signIn("eve", "/console")
	assert.Equal(t, http.StatusForbidden, p.status)
	assert.Contains(t, p.body, "acme or globex")
}
