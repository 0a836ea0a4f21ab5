package github_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func TestConvertManifest(t *testing.T) {
	s := newSim(t)
	manifest := `{"name":"New","url":"https://arm.example.com","hook_attributes":{"url":"https://arm.example.com/api/github/hook"},
		"redirect_url":"https://arm.example.com/setup/callback","default_events":["issue_comment"],"default_permissions":{"metadata":"read"}}`
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.PostForm(s.url+"/organizations/acme/settings/apps/new?state=x", url.Values{"manifest": {manifest}})
	require.NoError(t, err)
	resp.Body.Close()
	to, err := resp.Location()
	require.NoError(t, err)

	base, err := url.Parse(s.url)
	require.NoError(t, err)
	got, err := github.ConvertManifest(t.Context(), github.Options{BaseURL: base}, to.Query().Get("code"))
	require.NoError(t, err)
	assert.NotZero(t, got.ID)
	assert.Equal(t, "new", got.Slug)
	assert.Contains(t, got.PEM.Reveal(), "PRIVATE KEY")
	assert.NotEmpty(t, got.WebhookSecret.Reveal())
	assert.NotContains(t, fmt.Sprintf("%+v", got), got.WebhookSecret.Reveal())
	_, err = github.ConvertManifest(t.Context(), github.Options{BaseURL: base}, to.Query().Get("code"))
	assert.Equal(t, github.NotFound, github.KindOf(err), "a code works once")
}
