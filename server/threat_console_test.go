package server_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// Only the answer "true" confirms what asks first, however often and in whichever order it is given.
func TestThreatConsoleConfirm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	ada := w.signIn("ada")
	for _, yes := range []string{"", "&yes=", "&yes=false", "&yes=no", "&yes=0", "&yes=false&yes=true", "&yes=+true"} {
		form, err := url.ParseQuery("repos=api" + yes)
		require.NoError(t, err)
		p := ada.postOnce("/console/acme/platform/repos-set", form)
		assert.Equal(t, http.StatusOK, p.status, yes)
		assert.Contains(t, p.body, "Nothing has changed yet", yes)
		assert.Empty(t, w.repos("platform"), yes)
	}
	p := ada.postOnce("/console/acme/platform/repos-set", url.Values{"repos": {"api"}, "yes": {"true"}})
	require.Equal(t, http.StatusSeeOther, p.status, p.body)
	assert.Equal(t, []string{"api"}, w.repos("platform"))
}

// A body that comes with the beginning of a sign-in, for which nobody needs a right, is not stored.
func TestThreatSignInBody(t *testing.T) { // sets the folder of temporary files
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	w := newWorld(t, acme())
	var head bytes.Buffer
	form := multipart.NewWriter(&head)
	_, err := form.CreateFormFile("return", "x")
	require.NoError(t, err)
	const size = 80 << 20 // more than net/http keeps of a form in memory
	body, sent := io.Pipe()
	stop := make(chan struct{})
	go func() {
		_, err := io.Copy(sent, io.MultiReader(&head, io.LimitReader(zeros{}, size)))
		if err == nil {
			<-stop // so that a server that wants the whole form has what came of it
		}
		_ = sent.CloseWithError(err)
	}()
	b := w.browser()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	req := b.request(http.MethodGet, "/console/signin", body)
	req.Header.Set("Content-Type", form.FormDataContentType())
	answer := make(chan error, 1)
	go func() {
		res, err := b.client.Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		answer <- err
	}()
	answered := false
	assert.Eventually(t, func() bool {
		select {
		case <-answer: // before the body ended
			answered = true
		default:
		}
		files, err := os.ReadDir(folder)
		require.NoError(t, err)
		return answered || len(files) > 0
	}, 30*time.Second, 10*time.Millisecond)
	close(stop)
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, file := range files {
		assert.NotContains(t, file.Name(), "multipart")
	}
	assert.True(t, answered)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Every answer of the console, redirects, parts and errors too, may be stored nowhere, framed nowhere
// and led from nowhere.
func TestThreatConsoleHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	ada, bob := w.signIn("ada"), w.signIn("bob")
	answers := map[string]page{
		"nobody":      w.browser().at("/console/acme/platform/live"),
		"sign-in":     w.browser().at("/console/signin"),
		"callback":    w.browser().at("/console/callback?code=x&state=y"),
		"sign-out":    ada.at("/console/signout"),
		"page":        ada.at("/console/acme/platform"),
		"part":        ada.at("/console/acme/platform/live"),
		"no part":     bob.at("/console/acme/platform/live"),
		"no group":    bob.at("/console/acme/platform"),
		"led on":      ada.at("/console/acme"),
		"no page":     ada.at("/console/acme/platform/a/b"),
		"command":     ada.postOnce("/console/acme/platform/repos-add", url.Values{"repos": {"api"}}),
		"bad command": ada.postOnce("/console/acme/platform/repos-add", url.Values{"repos": {"nope"}}),
		"signed out":  ada.postOnce("/console/signout", nil),
	}
	for name, p := range answers {
		assert.Equal(t, "no-store", p.header.Get("Cache-Control"), name)
		assert.Contains(t, p.header.Get("Content-Security-Policy"), "frame-ancestors 'none'", name)
		assert.Equal(t, "DENY", p.header.Get("X-Frame-Options"), name)
		assert.Equal(t, "nosniff", p.header.Get("X-Content-Type-Options"), name)
		assert.Equal(t, "no-referrer", p.header.Get("Referrer-Policy"), name)
	}
}

// If GitHub is down, slow or says to wait, every page says what to do.
func TestConsoleGitHubFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	ada := w.signIn("ada")
	require.Equal(t, http.StatusOK, ada.get("/console/acme/platform").status)
	for name, fault := range map[string]ghsim.Fault{
		"500": {Status: 500, Times: -1}, "a broken connection": {Drop: true, Times: -1}, "no JSON": {Status: 200, Body: "<html>", Times: -1},
		"limited": ghsim.SecondaryLimit(403, 7*time.Second), "limited, 429": ghsim.SecondaryLimit(429, 7*time.Second),
	} {
		for _, path := range []string{
			"/console", "/console/all", "/console/acme/platform", "/console/acme/platform/live", "/console/acme/platform/add-runner",
			"/console/acme/platform/repos-add", "/console/acme/platform/group-check?run=true", "POST /console/acme/platform/repos-add",
		} {
			w.hub.ClearFaults()
			fault.Path, fault.Times = `^/(orgs|organizations|teams|repos)/`, -1
			w.hub.Inject(fault)
			var p page
			if post, is := strings.CutPrefix(path, "POST "); is {
				p = ada.postOnce(post, url.Values{"repos": {"api"}})
			} else {
				p = ada.at(path)
			}
			at := fmt.Sprint(name, ": ", path, ": ", p.status, " ", p.body)
			assert.Contains(t, []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusTooManyRequests}, p.status, at)
			assert.Regexp(t, `[Tt]ry again|Try it again`, p.body, at)
			if strings.HasPrefix(name, "limited") {
				assert.NotEmpty(t, p.header.Get("Retry-After"), at)
			}
		}
	}
}

// Who was renamed since the sign-in learns what to do.
func TestConsoleRenamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	ada := w.signIn("ada")
	w.hub.Update(func(st *ghsim.State) { st.User("ada").Login = "ada-lovelace" })
	for _, path := range []string{"/console", "/console/acme/platform", "/console/acme/platform/repos-add"} {
		p := ada.get(path)
		assert.Equal(t, http.StatusForbidden, p.status, path)
		assert.Contains(t, p.body, "sign out and in again", path)
	}
	renamed := w.signIn("ada-lovelace")
	assert.Equal(t, http.StatusOK, renamed.get("/console/acme/platform").status)
}

// HEAD does not use up what is shown once.
func TestConsoleHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	ada := w.signIn("ada")
	require.Equal(t, http.StatusSeeOther, ada.postOnce("/console/acme/platform/group-create", nil).status)
	p := ada.send(ada.request(http.MethodHead, "/console/acme/platform", nil))
	require.Equal(t, http.StatusOK, p.status)
	assert.Contains(t, ada.get("/console/acme/platform").body, `class="notice good"`)
	p = ada.send(ada.request(http.MethodOptions, "/console/acme/platform/repos-add", nil))
	assert.Equal(t, "405 GET, HEAD, POST", fmt.Sprint(p.status, " ", p.header.Get("Allow")))
}

// If GitHub fails for one of two organizations, the page of all groups says so. It does not say that
// the person owns the other only, or none.
func TestConsoleOneOrganizationFails(t *testing.T) {
	t.Parallel()
	sc := acme()
	globex := sc.Organizations[0]
	globex.Login, globex.Owners, globex.Members, globex.Teams = "globex", []string{"olga", "pete"}, nil, nil
	sc.Organizations = append(sc.Organizations, globex)
	sc.Apps[0].Installations = append(sc.Apps[0].Installations, ghsim.InstallationSpec{ID: 78, Org: "globex"})
	w := newWorld(t, sc, "ORG=", `ORGS=[{"org":"acme"},{"org":"globex"}]`)
	olga, pete := w.signIn("olga"), w.signIn("pete")
	w.hub.Inject(ghsim.Fault{Path: "^/orgs/globex/", Status: http.StatusInternalServerError, Times: -1})
	p := olga.get("/console/all")
	assert.Equal(t, http.StatusOK, p.status)
	assert.Contains(t, p.body, "Adopt a group")
	assert.Contains(t, p.body, "your membership in globex")
	p = pete.get("/console/all")
	assert.Equal(t, http.StatusBadGateway, p.status)
	assert.Contains(t, p.body, "Try again in a minute")
}
