package signin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/signin"
	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// anyone is a GitHub where every token is ada's, and everybody is a member.
type anyone struct{}

func (anyone) User(context.Context, string) (dispatch.Principal, error) {
	return dispatch.Principal{ID: 7, Login: "ada"}, nil
}
func (anyone) Member(context.Context, dispatch.Principal) error { return nil }

// newSignIn returns a sign-in, and what signs ada in: it returns the cookie of her session.
func newSignIn(t *testing.T, publicURL string) (*signin.SignIn, func(console http.Handler) *http.Cookie) {
	t.Helper()
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-www-form-urlencoded")
		_, _ = w.Write([]byte("access_token=ghu_x&token_type=bearer"))
	}))
	t.Cleanup(hub.Close)
	st, err := store.Open(t.Context(), store.Options{URL: storetest.SQLite(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	s := signin.New(signin.Options{
		ClientID: "Iv1", ClientSecret: secret.New("hush"), GitHubURL: hub.URL, PublicURL: publicURL, GitHub: anyone{}, Store: st, TTL: time.Hour, Rate: 30, Logger: zerolog.Nop(),
	})
	return s, func(console http.Handler) *http.Cookie {
		front := s.Handler(console)
		begun := httptest.NewRecorder()
		front.ServeHTTP(begun, httptest.NewRequest(http.MethodGet, signin.Path, nil))
		to, err := url.Parse(begun.Header().Get("Location"))
		require.NoError(t, err)
		assert.Equal(t, "S256", to.Query().Get("code_challenge_method"))
		assert.Equal(t, publicURL+signin.CallbackPath, to.Query().Get("redirect_uri"))
		back := httptest.NewRequest(http.MethodGet, signin.CallbackPath+"?code=c&state="+to.Query().Get("state"), nil)
		back.AddCookie(begun.Result().Cookies()[0])
		done := httptest.NewRecorder()
		front.ServeHTTP(done, back)
		require.Equal(t, http.StatusSeeOther, done.Code, done.Body)
		for _, c := range done.Result().Cookies() {
			if strings.HasSuffix(c.Name, "session") {
				return c
			}
		}
		t.Fatal("no session")
		return nil
	}
}

// The cookie is as safe as the address of the server lets it be.
func TestCookies(t *testing.T) {
	for _, tt := range []struct {
		url, name string
		secure    bool
	}{{"https://arm.example.com", "__Host-arm-session", true}, {"http://127.0.0.1:8080", "arm-session", false}} {
		_, signIn := newSignIn(t, tt.url)
		c := signIn(http.NotFoundHandler())
		assert.Equal(t, tt.name, c.Name)
		assert.Equal(t, tt.secure, c.Secure)
		assert.True(t, c.HttpOnly)
		assert.Equal(t, http.SameSiteLaxMode, c.SameSite)
		assert.Equal(t, "/", c.Path)
		assert.Empty(t, c.Domain)
		assert.Zero(t, c.MaxAge, "the browser forgets it when it is closed")
		assert.GreaterOrEqual(t, len(c.Value), 43, "256 bits")
	}
}

// What a page keeps for the next one is shown once. A request that is still on its way when its person
// signs out does not bring the session back.
func TestFlashAndSignOut(t *testing.T) {
	s, signIn := newSignIn(t, "https://arm.example.com")
	var front http.Handler
	do := func(method, path string, cookie *http.Cookie) *httptest.ResponseRecorder {
		req := httptest.NewRequest(method, "https://arm.example.com"+path, nil)
		req.AddCookie(cookie)
		w := httptest.NewRecorder()
		front.ServeHTTP(w, req)
		return w
	}
	var cookie *http.Cookie
	console := s.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, dispatch.Principal{ID: 7, Login: "ada"}, s.Person(r.Context()))
		switch r.URL.Path {
		case "/console/put":
			s.PutFlash(r.Context(), "done")
		case "/console/slow":
			assert.Equal(t, http.StatusSeeOther, do(http.MethodPost, signin.SignOutPath, cookie).Code)
			s.PutFlash(r.Context(), "late")
		}
		_, _ = w.Write([]byte("[" + s.TakeFlash(r.Context()) + "]"))
	}))
	front = s.Handler(console)
	cookie = signIn(console)
	keep := s.Require(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { s.PutFlash(r.Context(), "kept") }))
	req := httptest.NewRequest(http.MethodGet, "https://arm.example.com/console", nil)
	req.AddCookie(cookie)
	keep.ServeHTTP(httptest.NewRecorder(), req)
	assert.Equal(t, "[kept]", do(http.MethodGet, "/console", cookie).Body.String())
	assert.Equal(t, "[]", do(http.MethodGet, "/console", cookie).Body.String())
	do(http.MethodGet, "/console/slow", cookie)
	assert.Equal(t, http.StatusUnauthorized, do(http.MethodGet, "/console", cookie).Code)
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// A GitHub that does not answer in time is a page that says so.
func TestGitHubIsSlow(t *testing.T) {
	s, _ := newSignIn(t, "https://arm.example.com")
	s.Client.Transport = transport(func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded })
	front := s.Handler(http.NotFoundHandler())
	begun := httptest.NewRecorder()
	front.ServeHTTP(begun, httptest.NewRequest(http.MethodGet, signin.Path, nil))
	to, err := url.Parse(begun.Header().Get("Location"))
	require.NoError(t, err)
	back := httptest.NewRequest(http.MethodGet, signin.CallbackPath+"?code=c&state="+to.Query().Get("state"), nil)
	back.AddCookie(begun.Result().Cookies()[0])
	w := httptest.NewRecorder()
	front.ServeHTTP(w, back)
	assert.Equal(t, http.StatusGatewayTimeout, w.Code)
	assert.Contains(t, w.Body.String(), "did not answer in time")
}

// A proxy may change the Host. The address that browsers show is the public one.
func TestFormsBehindProxy(t *testing.T) {
	s, _ := newSignIn(t, "https://arm.example.com")
	reached := s.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for origin, want := range map[string]int{"https://arm.example.com": http.StatusNoContent, "https://evil.example": http.StatusForbidden} {
		req := httptest.NewRequest(http.MethodPost, "http://backend:8080/console/acme/platform/group-create", nil)
		req.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		reached.ServeHTTP(w, req)
		assert.Equal(t, want, w.Code, origin)
	}
}

// A database that does not answer is a page, and nobody is signed in.
func TestDatabaseIsGone(t *testing.T) {
	s, signIn := newSignIn(t, "https://arm.example.com")
	cookie := signIn(http.NotFoundHandler())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req := httptest.NewRequest(http.MethodGet, "https://arm.example.com/console", nil).WithContext(ctx)
	req.AddCookie(cookie)
	w := httptest.NewRecorder()
	s.Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("nobody is signed in") })).ServeHTTP(w, req)
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Contains(t, w.Body.String(), "<h1>Service Unavailable</h1>")
}
