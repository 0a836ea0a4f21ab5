package rest

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/oidc"
)

// fakeWorkflows answers by what the token's signature says.
type fakeWorkflows map[string]error

func (f fakeWorkflows) Verify(_ context.Context, token string) (oidc.Claims, error) {
	return oidc.Claims{Repository: "acme/web", RepositoryID: 5, RunID: "7"}, f[token]
}

func TestWorkflowTokens(t *testing.T) {
	const (
		good, bad, unknown, broken = "eyJh.eyJz.good", "eyJh.eyJz.bad", "eyJh.eyJz.unknown", "eyJh.eyJz.broken"
		issuer                     = "https://token.actions.example.com"
	)
	users := &fakeUsers{}
	workflows := fakeWorkflows{
		bad:     &oidc.RefusedError{Message: "This JSON Web Token expired."},
		unknown: &oidc.KeysError{Issuer: issuer, RetryAfter: 7 * time.Second, Cause: errors.New("down")},
		broken:  errors.New("broken"),
	}
	i := NewIdentity(IdentityOptions{Users: users, Workflows: workflows, UnknownTokenRate: 1})
	authenticate := func(token string) (dispatch.Principal, error) {
		return i.Authenticate(t.Context(), []string{token}, netip.Addr{})
	}
	for _, header := range []string{good, "token " + good, "Bearer " + good} {
		caller, err := authenticate(header)
		require.NoError(t, err)
		assert.Equal(t, "workflow:acme/web@7", caller.Login)
		assert.True(t, caller.Known())
		assert.Zero(t, caller.ID, "a job is no person")
		assert.EqualValues(t, 5, caller.Workflow.RepositoryID)
	}
	for range 3 { // new tokens of jobs are not counted: GitHub is not asked about them
		_, err := authenticate(bad)
		assert.Equal(t, dispatch.ReasonBadToken, dispatch.ReasonOf(err))
		assert.ErrorContains(t, err, "expired")
	}
	_, err := authenticate(unknown)
	refusal := dispatch.AsError(err)
	assert.Equal(t, dispatch.ReasonGitHubError, refusal.Reason)
	assert.Equal(t, http.StatusServiceUnavailable, refusal.Status())
	assert.Equal(t, 7*time.Second, refusal.RetryAfter)
	assert.Contains(t, refusal.Message, issuer)
	_, err = authenticate(broken)
	assert.Equal(t, dispatch.ReasonInternal, dispatch.AsError(err).Reason)
	assert.Empty(t, users.asked)

	_, err = NewIdentity(IdentityOptions{Users: users}).Authenticate(t.Context(), []string{good}, netip.Addr{})
	assert.Equal(t, dispatch.ReasonBadToken, dispatch.ReasonOf(err), "no jobs can be verified")
	assert.Empty(t, users.asked)
}
