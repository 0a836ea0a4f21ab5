package server_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// If GitHub refuses a token that is good, the answer has GitHub's reason and the link that
// it gives, and no guess that contradicts them.
func TestTokenRefusedByGitHub(t *testing.T) {
	t.Parallel()
	const sso = "https://github.com/orgs/acme/sso?authorization_request=A0B1"
	tests := []struct {
		name, message, header string
		says                  []string
		never                 string
	}{
		{
			name: "IP allow list", says: []string{"IP allow list", "`Although you appear", "'acme' organization", "not permitted to access this resource.`"},
			message: "Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow list enabled, " +
				"and your IP address is not permitted to access this resource.",
		},
		{
			name: "single sign-on", header: "required; url=" + sso, says: []string{"single sign-on", "protected by organization SAML enforcement", sso},
			message: "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization.",
		},
		{
			name: "single sign-on without a link", says: []string{"single sign-on", "Configure SSO"},
			message: "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization.",
		},
		{
			name: "a link to another host", header: "required; url=https://github.com.evil.example/sso", never: "evil",
			says: []string{"single sign-on"}, message: "Resource protected by organization SAML enforcement.",
		},
		{name: "a link with a user", header: "required; url=https://evil@github.com/sso", never: "evil", says: []string{"`no`"}, message: "no"},
		{name: "a link without TLS", header: "required; url=http://github.com/sso", never: "http://", says: []string{"`no`"}, message: "no"},
		{name: "a script", header: "required; url=javascript:alert(1)", never: "javascript", says: []string{"`no`"}, message: "no"},
		{name: "suspension", says: []string{"suspended", "`Sorry. Your account was suspended.`"}, message: "Sorry. Your account was suspended."},
		{name: "another reason", says: []string{"GitHub says: `You shall not pass.`"}, message: "You shall not pass."},
		{name: "a reason with a token", says: []string{"GitHub says: "}, never: "ghp_ada", message: "<b>ghp_ada0123456789012345678901234567890123</b> @acme"},
	}
	w := newWorld(t, acme())
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fault := ghsim.Fault{Path: "^/user$", Status: http.StatusForbidden, Header: http.Header{}, Body: `{"message":` + strconv.Quote(tt.message) + `}`}
			if tt.header != "" {
				fault.Header.Set("X-GitHub-SSO", tt.header)
			}
			w.hub.Inject(fault)
			t.Cleanup(w.hub.ClearFaults)
			answer := w.refused(http.StatusUnauthorized, "bad_token", "ghp_"+strconv.Itoa(i), "GET /api/v1/whoami")
			for _, want := range tt.says {
				assert.Contains(t, answer.Error, want)
			}
			for _, guess := range []string{"mistyped", "expired", "revoked", "<b>", "@acme"} {
				assert.NotContains(t, answer.Error, guess)
			}
			if tt.never != "" {
				assert.NotContains(t, answer.Error, tt.never)
			}
			assert.Less(t, len(answer.Error), 700)
		})
	}
}

// A token's own rate limit is not the App's: the answer says whose it is, and GitHub is not
// asked again while it lasts.
func TestTokenRateLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	limited := ghsim.Fault{Path: "^/user$", Status: http.StatusForbidden, Times: -1, Header: http.Header{}, Body: `{"message":"API rate limit exceeded for user ID 1001."}`}
	limited.Header.Set("X-RateLimit-Remaining", "0")
	limited.Header.Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(10*time.Minute).Unix(), 10))
	w.hub.Inject(limited)
	w.hub.ResetCalls()
	for range 2 {
		answer := w.refused(http.StatusServiceUnavailable, "github_rate_limited", "ghp_ada", "GET /api/v1/whoami")
		assert.Contains(t, answer.Error, "your own token is used up, not this server's")
		assert.Contains(t, answer.Error, "`API rate limit exceeded for user ID 1001.`")
		assert.NotContains(t, answer.Error, "this App")
	}
	asked := 0
	for _, call := range w.hub.Calls() {
		if call.Path == "/user" {
			asked++
		}
	}
	assert.Equal(t, 1, asked)

	w.hub.ClearFaults()
	secondary := ghsim.SecondaryLimit(http.StatusTooManyRequests, 30*time.Second)
	secondary.Path = "^/user$"
	w.hub.Inject(secondary)
	answer := w.refused(http.StatusServiceUnavailable, "github_rate_limited", "ghp_bob", "GET /api/v1/whoami")
	assert.Contains(t, answer.Error, "your own token")
	assert.Equal(t, "30", answer.header.Get("Retry-After"))
}
