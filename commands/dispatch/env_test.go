package dispatch

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// An App that is not installed is the first thing that a new operator meets.
func TestNotInstalled(t *testing.T) {
	org := &Org{Login: "acme"}
	e := AsError(org.notInstalled(&github.Error{Kind: github.NotFound}))
	assert.Equal(t, "The GitHub App is not installed in acme, so it can do nothing there. An owner of acme can install it; "+
		"`actions-runner-manager doctor` shows the operator the page.", e.Message)
	assert.Equal(t, ReasonGitHubError, e.Reason)
	assert.True(t, e.Permanent)
	e = AsError(org.notInstalled(errors.New("no route")))
	assert.Equal(t, "GitHub failed when asked to find the App's installation in acme. Try again in a minute; repeating a command is safe.", e.Message)
}
