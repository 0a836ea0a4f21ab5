package console_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/console"
)

// A signIn is a sign-in in which the header As says who the browser's person is.
type signIn struct {
	person func(login string) dispatch.Principal
	mu     sync.Mutex
	kept   map[string]string // by login
}

type personKey struct{}

func (s *signIn) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		login := r.Header.Get("As")
		if login == "" {
			http.Redirect(w, r, console.Path+"/signin", http.StatusSeeOther)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), personKey{}, s.person(login))))
	})
}

func (*signIn) Person(ctx context.Context) dispatch.Principal {
	person, _ := ctx.Value(personKey{}).(dispatch.Principal)
	return person
}

func (s *signIn) PutFlash(ctx context.Context, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[s.Person(ctx).Login] = text
}

func (s *signIn) TakeFlash(ctx context.Context) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer delete(s.kept, s.Person(ctx).Login)
	return s.kept[s.Person(ctx).Login]
}

// A site is the console on the kit's dispatcher.
type site struct {
	*commandtest.Kit
	t       *testing.T
	console http.Handler
	signIn  *signIn
}

func newSite(t *testing.T, change ...func(*dispatch.Policy)) *site {
	k := commandtest.New(t, change...)
	s := &site{Kit: k, t: t, signIn: &signIn{person: k.Caller, kept: map[string]string{}}}
	s.console = console.New(console.Options{
		Dispatcher: k.Dispatcher, SignIn: s.signIn, Store: k.Env.Store, Orgs: []string{"acme"}, GitHubURL: k.Env.GitHubURL, Version: "test",
		Clock: k.Now, Logger: zerolog.Nop(), Member: func(context.Context, dispatch.Principal) error { return nil },
	})
	return s
}

// get opens a page as the person of that login.
func (s *site) get(login, path string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.send(login, httptest.NewRequestWithContext(s.t.Context(), http.MethodGet, path, nil))
}

// post sends a form as the person of that login: "repos=api&repos=web".
func (s *site) post(login, path, form string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.send(login, r)
}

func (s *site) send(login string, r *http.Request) *httptest.ResponseRecorder {
	s.t.Helper()
	r.Header.Set("As", login)
	w := httptest.NewRecorder()
	s.console.ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther {
		page := w.Body.String()
		assert.Equal(s.t, 1, strings.Count(page, "<h1>"), "a page has one heading: %s", r.URL)
		assert.Equal(s.t, "no-store", w.Header().Get("Cache-Control"))
		assert.Contains(s.t, w.Header().Get("Content-Security-Policy"), "form-action 'self'")
		assert.NotContains(s.t, page, "style=", "nothing is written inline")
	}
	return w
}

// Every command has a form with a field for each of its arguments, and a change runs by it.
func TestForms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, spec := range s.Specs() {
		for _, team := range []string{"platform", "-"} {
			w := s.get("ada", "/console/acme/"+team+"/"+spec.Name)
			require.Equal(t, http.StatusOK, w.Code, spec.Name)
			page := w.Body.String()
			for _, p := range spec.Params {
				assert.NotContains(t, []string{"yes", "empty", "run"}, p.Name, "the form uses this name for itself")
				shown := p.Name != "team" || team == "-"
				if p.Name == dispatch.DryRun {
					shown = spec.Effect == dispatch.Changes
				}
				assert.Equal(t, shown, strings.Contains(page, `name="`+p.Name+`"`), "%s %s", spec.Name, p.Name)
			}
			for name := range strings.SplitSeq(page, "<label for=\"") {
				if id, _, ok := strings.Cut(name, `"`); ok && strings.HasPrefix(id, "f-") {
					assert.Contains(t, page, `id="`+id+`"`)
				}
			}
		}
	}
}

// A command that succeeded leads to a page that shows its answer once.
func TestRun(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := s.post("ada", "/console/acme/platform/group-create", "")
	require.Equal(t, http.StatusSeeOther, w.Code, w.Body.String())
	require.Equal(t, "/console/acme/platform", w.Header().Get("Location"))
	assert.True(t, s.HasGroup("platform"))
	assert.Contains(t, s.get("ada", "/console/acme/platform").Body.String(), "Created runner group")
	assert.NotContains(t, s.get("ada", "/console/acme/platform").Body.String(), "Created runner group")

	w = s.post("ada", "/console/acme/platform/repos-add", url.Values{"repos": {"api\r\nweb"}, "for": {""}}.Encode())
	require.Equal(t, http.StatusSeeOther, w.Code, w.Body.String())
	assert.ElementsMatch(t, []string{"api", "web"}, s.Repos("platform"))
}

// What is refused says what the command says, with the status and in the form that was sent.
func TestRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Must("ada", "group-create team=platform")
	w := s.post("ada", "/console/acme/platform/repos-add", "repos=api,docs,site&for=2h")
	assert.Equal(t, http.StatusForbidden, w.Code)
	page := w.Body.String()
	for _, part := range []string{"403 repo_not_permitted", "<code>docs</code>", "<code>site</code>", `value="2h"`, ">api,docs,site</textarea>", `role="alert"`} {
		assert.Contains(t, page, part)
	}
	assert.Empty(t, s.Repos("platform"))

	assert.Equal(t, http.StatusForbidden, s.post("bob", "/console/acme/platform/repos-add", "repos=api").Code)
	assert.Equal(t, http.StatusBadRequest, s.post("ada", "/console/acme/platform/repos-add", "repos=api&shape=round").Code)
	assert.Equal(t, http.StatusBadRequest, s.post("ada", "/console/acme/platform/repos-add", "repos=api&team=web").Code, "the path says which team")
	assert.Equal(t, http.StatusBadRequest, s.get("ada", "/console/other/platform/repos-add").Code)
	assert.Equal(t, http.StatusNotFound, s.get("ada", "/console/acme/platform/repos-ad").Code)
	assert.Equal(t, http.StatusSeeOther, s.get("", "/console/acme/platform/repos-add").Code)
}

// What destroys is run only after the person saw what would change.
func TestConfirm(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Must("ada", "group-create team=platform", "repos-add team=platform repos=api")
	for _, spec := range s.Specs() {
		if spec.Effect != dispatch.Destroys {
			continue
		}
		form := url.Values{"repos": {"web"}, "runners": {"r1"}, "id": {"1"}, "to": {"web"}, "workflows": {"acme/api/.github/workflows/ci.yml@refs/heads/main"}}
		for name := range form {
			if _, takes := spec.Param(name); !takes {
				form.Del(name)
			}
		}
		w := s.post("ada", "/console/acme/platform/"+spec.Name, form.Encode())
		assert.NotEqual(t, http.StatusSeeOther, w.Code, spec.Name)
	}
	assert.Equal(t, []string{"api"}, s.Repos("platform"))

	w := s.post("ada", "/console/acme/platform/repos-set", "repos=web")
	require.Equal(t, http.StatusOK, w.Code)
	page := w.Body.String()
	for _, part := range []string{"Nothing has changed yet", "api", "web", `<input type="hidden" name="repos" value="web">`, `name="yes"`} {
		assert.Contains(t, page, part)
	}
	w = s.post("ada", "/console/acme/platform/repos-set", "repos=web&yes=true")
	require.Equal(t, http.StatusSeeOther, w.Code)
	assert.Equal(t, []string{"web"}, s.Repos("platform"))

	w = s.post("ada", "/console/acme/platform/group-delete", "yes=true")
	require.Equal(t, http.StatusSeeOther, w.Code)
	assert.Equal(t, "/console", w.Header().Get("Location"))
}

// A dry run changes nothing and shows the form again.
func TestDryRun(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Must("ada", "group-create team=platform")
	w := s.post("ada", "/console/acme/platform/repos-add", "repos=api&dry-run=true")
	require.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), "Nothing has changed yet")
	assert.Empty(t, s.Repos("platform"))
}

// A secret is in the answer that it was made for, and nowhere else.
func TestSecretOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Must("ada", "group-create team=platform")
	w := s.post("ada", "/console/acme/platform/token-jit", "name=job-1")
	require.Equal(t, http.StatusOK, w.Code)
	_, rest, found := strings.Cut(w.Body.String(), "--jitconfig ")
	require.True(t, found)
	secret, _, _ := strings.Cut(rest, "<")
	require.Greater(t, len(secret), 20)
	for _, path := range []string{"/console", "/console/acme/platform", "/console/acme/platform/token-jit", "/console/acme/platform/audit-list?run=true"} {
		assert.NotContains(t, s.get("ada", path).Body.String(), secret, path)
	}
	assert.Empty(t, s.signIn.kept)
}

// What a command did can be undone with the buttons below its answer.
func TestUndo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Must("ada", "group-create team=platform", "repos-add team=platform repos=api")
	require.Equal(t, http.StatusSeeOther, s.post("ada", "/console/acme/platform/repos-add", "repos=web").Code)
	page := s.get("ada", "/console/acme/platform").Body.String()
	_, undo, found := strings.Cut(page, "Undo:")
	require.True(t, found, page)
	assert.Contains(t, undo[:400], `action="/console/acme/platform/repos-remove"`)
	assert.Contains(t, undo[:400], `name="repos" value="web"`)
}
