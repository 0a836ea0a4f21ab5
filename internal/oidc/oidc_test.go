package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

const audience = "https://arm.example.com"

// A world is a simulated GitHub and a verifier of its tokens, whose clock can be set ahead.
type world struct {
	*Verifier
	hub   *ghsim.Server
	t     testing.TB
	ahead atomic.Int64
}

func newWorld(t testing.TB, client *http.Client) *world {
	t.Helper()
	hub, err := ghsim.New(ghsim.Scenario{Organizations: []ghsim.OrgSpec{{Login: "acme", Repositories: []ghsim.RepoSpec{{Name: "web"}}}}})
	require.NoError(t, err)
	front := httptest.NewUnstartedServer(hub)
	hub.URL = "http://" + front.Listener.Addr().String() // before anybody can ask
	front.Start()
	t.Cleanup(func() {
		hub.Close()
		front.Close()
	})
	w := &world{hub: hub, t: t}
	w.Verifier, err = New(Options{Issuer: hub.ActionsIssuer(), Audience: audience, Client: client, Clock: w.clock})
	require.NoError(t, err)
	return w
}

func (w *world) clock() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

func (w *world) token(claims map[string]any) string {
	w.t.Helper()
	token, err := w.hub.ActionsToken(ghsim.ActionsJob{Repository: "acme/web", Audience: audience, RunID: 7, Actor: "bob", Environment: "production", Claims: claims})
	require.NoError(w.t, err)
	return token
}

// calls counts how often the issuer's documents were asked for.
func (w *world) calls() int { return len(w.hub.Calls()) }

func TestVerify(t *testing.T) {
	w := newWorld(t, nil)
	token := w.token(nil)
	assert.True(t, IsToken(token))
	claims, err := w.Verify(t.Context(), token)
	require.NoError(t, err)
	assert.Equal(t, "workflow:acme/web@7", claims.Name())
	assert.Equal(t, ".github/workflows/ci.yml", claims.Workflow())
	assert.Equal(t, "bob", claims.Actor)
	assert.Equal(t, "production", claims.Environment)
	assert.NotEmpty(t, claims.ID)
	assert.WithinDuration(t, time.Now().Add(5*time.Minute), claims.Expires, time.Minute)
	assert.Equal(t, 2, w.calls(), "discovery and keys")
	_, err = w.Verify(t.Context(), w.token(nil))
	require.NoError(t, err)
	assert.Equal(t, 2, w.calls())
}

// The 60 seconds of leeway hold on both sides.
func TestLeeway(t *testing.T) {
	w := newWorld(t, nil)
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	for _, tt := range []struct {
		name, claim string
		in          time.Duration
		want        string
	}{
		{"expired within it", "exp", -55 * time.Second, ""},
		{"expired", "exp", -65 * time.Second, "expired"},
		{"valid soon", "nbf", 55 * time.Second, ""},
		{"not yet valid", "nbf", 65 * time.Second, "not valid before"},
		{"issued soon", "iat", 55 * time.Second, ""},
		{"issued in the future", "iat", 65 * time.Second, "future"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.Verify(t.Context(), w.token(map[string]any{tt.claim: at(tt.in)}))
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			var refused *RefusedError
			require.ErrorAs(t, err, &refused)
			assert.Contains(t, refused.Message, tt.want)
		})
	}
}

func TestClaimsThatAreNone(t *testing.T) {
	w := newWorld(t, nil)
	for name, claims := range map[string]map[string]any{
		"an id that is no number": {"repository_id": "web"},
		"a negative id":           {"repository_owner_id": "-1"},
		"an id that is a list":    {"repository_id": []int{1}},
		"no repository":           {"repository": nil},
		"a path":                  {"repository": "acme/web/x"},
		"no run":                  {"run_id": nil},
		"a long claim":            {"ref": strings.Repeat("x", 2_000)},
		"a time as text":          {"exp": "tomorrow"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.Verify(t.Context(), w.token(claims))
			var refused *RefusedError
			require.ErrorAs(t, err, &refused)
		})
	}
}

// Tokens with unknown keys, whatever their number, make the issuer be asked once in 10 s; and
// all wait for one look.
func TestUnknownKeys(t *testing.T) {
	w := newWorld(t, nil)
	_, err := w.Verify(t.Context(), w.token(nil))
	require.NoError(t, err)
	require.NoError(t, w.hub.RotateActionsKey(true))
	w.hub.HideActionsKey(true)
	w.ahead.Add(int64(refreshEvery))
	w.hub.ResetCalls()
	w.hub.Inject(ghsim.Fault{Path: "jwks$", Delay: 50 * time.Millisecond})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := w.Verify(t.Context(), w.token(nil))
			var refused *RefusedError
			assert.ErrorAs(t, err, &refused)
		})
	}
	all.Wait()
	assert.Equal(t, 1, w.calls())

	w.hub.HideActionsKey(false)
	_, err = w.Verify(t.Context(), w.token(nil))
	require.Error(t, err, "the issuer was asked a moment ago")
	w.ahead.Add(int64(refreshEvery))
	_, err = w.Verify(t.Context(), w.token(nil))
	require.NoError(t, err)
}

// With the issuer down or slow, known keys stay good, and others are refused in time.
func TestIssuerDown(t *testing.T) {
	for name, fault := range map[string]ghsim.Fault{
		"down":     {Status: http.StatusServiceUnavailable, Times: -1},
		"broken":   {Drop: true, Times: -1},
		"slow":     {Delay: time.Minute, Times: -1},
		"moved":    {Status: http.StatusFound, Header: http.Header{"Location": {"/elsewhere"}}, Times: -1},
		"no JSON":  {Status: http.StatusOK, Body: "<html>", Times: -1},
		"no keys":  {Status: http.StatusOK, Body: `{"keys":[]}`, Times: -1},
		"too long": {Status: http.StatusOK, Body: `{"keys":[` + strings.Repeat(" ", maxDocument) + `]}`, Times: -1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, &http.Client{Timeout: 300 * time.Millisecond})
			_, err := w.Verify(t.Context(), w.token(nil))
			require.NoError(t, err)
			known := w.token(nil)
			require.NoError(t, w.hub.RotateActionsKey(true))
			fault.Path = "^/_services/token"
			w.hub.Inject(fault)
			w.ahead.Add(int64(refreshEvery))
			for range 2 {
				_, err = w.Verify(t.Context(), w.token(nil))
				var keys *KeysError
				require.ErrorAs(t, err, &keys)
				assert.Positive(t, keys.RetryAfter)
				assert.LessOrEqual(t, keys.RetryAfter, refreshEvery)
				_, err = w.Verify(t.Context(), known)
				require.NoError(t, err)
			}
			require.Error(t, w.Check(t.Context()))
			w.hub.ClearFaults()
			require.NoError(t, w.Check(t.Context()))
		})
	}
}

// A caller who hangs up does not take the look at the issuer away from others.
func TestCallerGone(t *testing.T) {
	w := newWorld(t, nil)
	w.hub.Inject(ghsim.Fault{Path: "jwks$", Delay: 100 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Verify(ctx, w.token(nil))
	var keys *KeysError
	require.ErrorAs(t, err, &keys)
	require.ErrorIs(t, err, context.Canceled)
	_, err = w.Verify(t.Context(), w.token(nil))
	require.NoError(t, err)
	assert.Equal(t, 2, w.calls())
}

// A key that the issuer withdrew stops to count within the hour, and nobody waits for that.
func TestWithdrawnKey(t *testing.T) {
	w := newWorld(t, nil)
	long := map[string]any{"exp": time.Now().Add(4 * time.Hour).Unix()}
	old := w.token(long)
	_, err := w.Verify(t.Context(), old)
	require.NoError(t, err)
	require.NoError(t, w.hub.RotateActionsKey(false))
	w.ahead.Add(int64(refreshAfter))
	_, err = w.Verify(t.Context(), old)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := w.Verify(t.Context(), old)
		return err != nil
	}, 30*time.Second, time.Millisecond)
}

func TestIssuerAddress(t *testing.T) {
	for address, want := range map[string]bool{
		"https://token.actions.githubusercontent.com": true,
		"http://127.0.0.1:3000/_services/token":       true,
		"http://localhost:3000":                       true,
		"http://[::1]:3000":                           true,
		"http://ghes.example.com/_services/token":     false,
		"http://127.0.0.1.example.com":                false,
		"ftp://localhost":                             false,
		"":                                            false,
	} {
		_, err := New(Options{Issuer: address, Audience: audience})
		assert.Equal(t, want, err == nil, address)
	}
}

// The issuer's documents are refused if they are another issuer's, and keys that cannot be
// for RS256 are left out.
func TestDocuments(t *testing.T) {
	for _, tt := range []struct{ name, discovery, keys, says string }{
		{"another issuer", `{"issuer":"https://evil.example.com","jwks_uri":"ISSUER/keys"}`, `{}`, "calls itself"},
		{"keys on the way of anybody", `{"issuer":"ISSUER","jwks_uri":"http://evil.example.com/keys"}`, `{}`, "https"},
		{"no address of keys", `{"issuer":"ISSUER"}`, `{}`, "https"},
		{"a short key", `{"issuer":"ISSUER","jwks_uri":"ISSUER/keys"}`, `{"keys":[{"kty":"RSA","kid":"a","n":"` + strings.Repeat("A", 170) + `w","e":"AQAB"}]}`, "no key"},
		{"a key for encryption", `{"issuer":"ISSUER","jwks_uri":"ISSUER/keys"}`, `{"keys":[{"kty":"RSA","kid":"a","use":"enc","n":"` + strings.Repeat("-", 342) + `","e":"AQAB"}]}`, "no key"},
		{"a symmetric key", `{"issuer":"ISSUER","jwks_uri":"ISSUER/keys"}`, `{"keys":[{"kty":"oct","kid":"a","k":"c2VjcmV0"},{"kty":"strange"},7]}`, "no key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var server *httptest.Server
			server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				text := tt.keys
				if strings.HasSuffix(r.URL.Path, "openid-configuration") {
					text = tt.discovery
				}
				fmt.Fprint(w, strings.ReplaceAll(text, "ISSUER", server.URL))
			}))
			defer server.Close()
			v, err := New(Options{Issuer: server.URL, Audience: audience})
			require.NoError(t, err)
			err = v.Check(t.Context())
			require.Error(t, err)
			assert.Contains(t, err.Error(), tt.says)
		})
	}
}

func TestSameLetters(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"production", "Production", true},
		{"PRODUCTION", "production", true},
		{"über", "ÜBER", true},
		{"k", "\u212a", false},             // the Kelvin sign
		{"staging", "\u017ftaging", false}, // a long s
		{"i", "\u0130", false},
		{"production", "production ", false},
		{"", "production", false},
	} {
		assert.Equal(t, tt.want, sameLetters(tt.a, tt.b), "%q %q", tt.a, tt.b)
	}
}

func TestFileOf(t *testing.T) {
	c := Claims{Repository: "acme/web"}
	for ref, want := range map[string]string{
		"acme/web/.github/workflows/ci.yml@refs/heads/main":      ".github/workflows/ci.yml",
		"ACME/Web/.github/workflows/ci.yml@refs/heads/main":      ".github/workflows/ci.yml",
		"acme/web/.github/workflows/ci.yml@0123abc":              ".github/workflows/ci.yml",
		"acme/web/.github/workflows/a@b.yml@refs/heads/x@y":      ".github/workflows/a@b.yml",
		"acme/web/.github/workflows/a.yml@refs/heads/b.yml@main": ".github/workflows/a.yml",
		"acme/api/.github/workflows/ci.yml@refs/heads/main":      "",
		"evil/web/.github/workflows/ci.yml@refs/heads/main":      "",
		"acme/web/ci.yml@refs/heads/main":                        "",
		"acme/web/.github/workflows/ci.yml":                      "",
		"x/acme/web/.github/workflows/ci.yml@refs/heads/main":    "",
		"dynamic/github-code-scanning/codeql@refs/heads/main":    "",
		"": "",
	} {
		assert.Equal(t, want, c.fileOf(ref), ref)
	}
}

// Whatever a token holds, it is refused in a sentence, without a panic.
func FuzzVerify(f *testing.F) {
	w := newWorld(f, nil)
	token := w.token(nil)
	if _, err := w.Verify(f.Context(), token); err != nil {
		f.Fatal(err)
	}
	parts := strings.Split(token, ".")
	f.Add(token)
	f.Add(parts[0] + "." + parts[1] + ".")
	f.Add("eyJhbGciOiJub25lIn0." + parts[1] + ".")
	f.Add("eyJ.eyJ.")
	f.Fuzz(func(t *testing.T, text string) {
		if text == token {
			return
		}
		_, err := w.Verify(t.Context(), text)
		var refused *RefusedError
		if !errors.As(err, &refused) || refused.Message == "" {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

// BenchmarkVerify measures a token whose key is known: it must stay under 0.2 ms.
func BenchmarkVerify(b *testing.B) {
	w := newWorld(b, nil)
	token := w.token(nil)
	if _, err := w.Verify(b.Context(), token); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := w.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

func TestMismatch(t *testing.T) {
	trust := store.Trust{OrgID: 1, RepoID: 2, Ref: "refs/heads/main", Commands: []string{"repos-add"}, Expires: time.Unix(1000, 0)}
	job := Claims{
		OwnerID: 1, RepositoryID: 2, Repository: "acme/web", Ref: "refs/heads/main", Event: "push", RunnerEnvironment: "self-hosted",
		JobWorkflowRef: "acme/web/.github/workflows/ci.yml@refs/heads/main",
	}
	use := Use{Command: "repos-add", Now: time.Unix(999, 0)}
	assert.Empty(t, job.Mismatch(trust, use))
	use.Reveals = true
	assert.Len(t, job.Mismatch(trust, use), 1)
	use.SelfHosted = true
	assert.Empty(t, job.Mismatch(trust, use))
	use.Now = trust.Expires
	assert.Len(t, job.Mismatch(trust, use), 1)
	assert.Len(t, Claims{}.Mismatch(trust, Use{Command: "group-list", Now: trust.Expires}), 7)
}
