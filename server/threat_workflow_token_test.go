package server_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// TestThreatWorkflowToken holds which tokens are taken at all. One that is not costs GitHub
// nothing but its keys.
func TestThreatWorkflowToken(t *testing.T) {
	t.Parallel()
	w := trusting(t)
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	kid, public := w.issuerKey()
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	forged := func(method jwt.SigningMethod, key any, header map[string]any) string {
		token := jwt.NewWithClaims(method, claimsOf(t, w.job()))
		for name, value := range header {
			token.Header[name] = value
		}
		signed, err := token.SignedString(key)
		require.NoError(t, err)
		return "Bearer " + signed
	}
	minute := func(n int) int64 { return w.now().Add(time.Duration(n) * time.Minute).Unix() }
	valid := w.job()
	for _, tt := range []struct{ name, token, want, says string }{
		{"another audience", w.job(func(j *ghsim.ActionsJob) { j.Audience = "https://sts.example.com" }), "401 bad_token", "audience"},
		{"an audience with a slash at its end", w.job(func(j *ghsim.ActionsJob) { j.Audience += "/" }), "401 bad_token", "audience"},
		{"two audiences", w.job(claim("aud", []string{w.url, "https://sts.example.com"})), "401 bad_token", "audience"},
		{"no audience", w.job(claim("aud", nil)), "401 bad_token", "audience"},
		{"another issuer", w.job(claim("iss", "https://token.actions.evil.example")), "401 bad_token", "issuer"},
		{"the algorithm none", forged(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, map[string]any{"kid": kid}), "401 bad_token", "algorithm"},
		{"HS256 with the public key", forged(jwt.SigningMethodHS256, publicPEM, map[string]any{"kid": kid}), "401 bad_token", "algorithm"},
		{"RS384", forged(jwt.SigningMethodRS384, own, map[string]any{"kid": kid}), "401 bad_token", "algorithm"},
		{"another key under the known id", forged(jwt.SigningMethodRS256, own, map[string]any{"kid": kid}), "401 bad_token", "signature"},
		{"an unknown key", forged(jwt.SigningMethodRS256, own, map[string]any{"kid": "mine"}), "401 bad_token", "key"},
		{"no key id", forged(jwt.SigningMethodRS256, own, nil), "401 bad_token", "key"},
		{"a key of its own in the header", forged(jwt.SigningMethodRS256, own, map[string]any{"jwk": jwk(&own.PublicKey)}), "401 bad_token", ""},
		{"a changed token", changed(valid), "401 bad_token", "signature"},
		{"expired", w.job(claim("exp", minute(-2))), "401 bad_token", "expired"},
		{"expired a moment ago", w.job(claim("exp", w.now().Add(-20*time.Second).Unix())), "", ""},
		{"without an end", w.job(claim("exp", nil)), "401 bad_token", "expires"},
		{"not yet valid", w.job(claim("nbf", minute(2))), "401 bad_token", "not valid before"},
		{"issued in the future", w.job(claim("iat", minute(2))), "401 bad_token", "future"},
		{"issued by a clock that is ahead", w.job(claim("iat", w.now().Add(20*time.Second).Unix())), "", ""},
		{"without a repository", w.job(claim("repository_id", nil)), "401 bad_token", "repository"},
		{"an App's own token", "Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiI0MjQyIn0.c2lnbmF0dXJl", "401 bad_token", "issuer"},
		{"no JSON", "Bearer eyJhbGciOiJSUzI1NiJ9.eyJ.x", "401 bad_token", "malformed"},
		{"too long", "Bearer eyJhbGciOiJSUzI1NiJ9." + strings.Repeat("A", 20_000) + ".x", "401 bad_token", "longer"},
		{"another way to send it", strings.TrimPrefix(valid, "Bearer "), "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.hub.ResetCalls()
			a := w.call(tt.token, "GET /api/v1/whoami")
			w.is(t, tt.want, a)
			assert.Contains(t, a.Error, tt.says)
			if tt.want != "" {
				assert.NotEmpty(t, a.header.Get("WWW-Authenticate"))
				assert.Empty(t, w.caused(), "only keys are asked for")
			}
		})
	}
}

// caused returns the calls since the last reset that somebody's request caused, but those for
// the keys of tokens: the server itself looks at the App and at the admin repository.
func (w *world) caused() (paths []string) {
	for _, call := range w.hub.Calls() {
		itself := strings.HasPrefix(call.Path, "/app") || strings.HasSuffix(call.Path, "/runner-admin") || asksForItself(call.Path)
		if !itself && !strings.HasPrefix(call.Path, issuer) {
			paths = append(paths, call.Path)
		}
	}
	return paths
}

// changed returns a token with other claims under the same signature.
func changed(token string) string {
	parts := strings.Split(token, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	payload = []byte(strings.Replace(string(payload), "refs/heads/main", "refs/heads/evil", 1))
	parts[1] = base64.RawURLEncoding.EncodeToString(payload)
	return strings.Join(parts, ".")
}

func claimsOf(t *testing.T, token string) jwt.MapClaims {
	t.Helper()
	claims := jwt.MapClaims{}
	_, _, err := jwt.NewParser().ParseUnverified(strings.TrimPrefix(token, "Bearer "), claims)
	require.NoError(t, err)
	return claims
}

// issuerKey returns the key that tokens are signed with, from the issuer's documents.
func (w *world) issuerKey() (id string, key *rsa.PublicKey) {
	w.t.Helper()
	w.job() // makes it
	res, err := http.Get(w.hub.ActionsIssuer() + "/.well-known/jwks")
	require.NoError(w.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	var set struct{ Keys []struct{ Kid, N string } }
	require.NoError(w.t, json.Unmarshal(text, &set))
	n, err := base64.RawURLEncoding.DecodeString(set.Keys[0].N)
	require.NoError(w.t, err)
	return set.Keys[0].Kid, &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}
}

func jwk(key *rsa.PublicKey) map[string]any {
	return map[string]any{"kty": "RSA", "alg": "RS256", "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": "AQAB"}
}

// The issuer is asked for its keys once in 10 seconds at most, and needed for new keys only.
func TestThreatWorkflowKeys(t *testing.T) {
	t.Parallel()
	w := trusting(t)
	w.ok(w.job(), "GET /api/v1/whoami")
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	garbage := func(i int) string {
		token := jwt.NewWithClaims(jwt.SigningMethodRS256, claimsOf(t, w.job()))
		token.Header["kid"] = fmt.Sprint("unknown-", i)
		signed, err := token.SignedString(own)
		require.NoError(t, err)
		return signed
	}
	w.advance(11 * time.Second)
	w.hub.ResetCalls()
	for i := range 50 {
		w.refused(401, "bad_token", garbage(i), "GET /api/v1/whoami")
	}
	assert.Equal(t, 1, w.issuerCalls())

	w.advance(11 * time.Second)
	w.hub.Inject(ghsim.Fault{Path: "^" + issuer, Status: 503, Times: -1})
	known := w.job()
	require.NoError(t, w.hub.RotateActionsKey(true))
	w.hub.ResetCalls()
	for range 3 {
		w.ok(known, "GET /api/v1/whoami")
		a := w.refused(503, "github_error", w.job(), "GET /api/v1/whoami")
		assert.NotEmpty(t, a.header.Get("Retry-After"))
		assert.Contains(t, a.Error, "issuer")
	}
	assert.Equal(t, 1, w.issuerCalls())

	w.hub.ClearFaults()
	w.advance(11 * time.Second)
	w.ok(w.job(), "GET /api/v1/whoami")
	w.ok(known, "GET /api/v1/whoami")

	require.NoError(t, w.hub.RotateActionsKey(false)) // the key before is withdrawn
	w.advance(61 * time.Minute)
	require.Eventually(t, func() bool {
		return w.call(w.job(), "GET /api/v1/whoami").Code == 200
	}, eventually, tick)
}

// issuerCalls counts how often the keys were asked for since the last reset.
func (w *world) issuerCalls() (n int) {
	for _, call := range w.hub.Calls() {
		if strings.Contains(call.Path, issuer) {
			n++
		}
	}
	return n
}
