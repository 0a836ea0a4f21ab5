package doctor_test

import (
	"net/http/httptest"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
	"github.com/actions-runner-manager/actions-runner-manager/server/connect"
	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

// Setup's checks cost the calls that Selection says.
func TestSelectionCosts(t *testing.T) {
	tests := []struct {
		name      string
		installed bool
		names     []string
		want      []string // the names of the result
		calls     int
	}{
		{"not installed", false, []string{"installation", "installation-permissions", "repositories", "admin-repo"}, []string{"installation"}, 2},
		{"installed", true, []string{"installation", "installation-permissions", "repositories"}, []string{"installation", "installation-permissions", "repositories"}, 1},
		{"admin repository", true, []string{"admin-repo"}, []string{"admin-repo"}, 1 + 2}, // the installation and its token are asked for once
		{"webhook", true, []string{"webhook"}, []string{"webhook", "deliveries"}, 1 + 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sc := acme()
			if !tt.installed {
				sc.Apps[0].Installations = nil
			}
			hub, err := ghsim.New(sc)
			require.NoError(t, err)
			front := httptest.NewServer(hub)
			t.Cleanup(func() { hub.Close(); front.Close() })
			c := config.Defaults()
			c.Org, c.AppID, c.PrivateKey, c.Chatops.AdminRepo = "acme", 4242, secret.New(appKey()), "runner-admin"
			c.GitHub.URL, c.GitHub.APIURL, c.GitHub.WebhookSecrets = front.URL, front.URL, []secret.Text{secret.New(webhookSecret)}
			gh, err := connect.GitHub(&c, nil, nil, "test", "test", zerolog.Nop())
			require.NoError(t, err)
			checks := doctor.Selection{
				Config: &c, Organization: c.Organizations()[0], App: github.AppInfo{Slug: "arm", HTMLURL: front.URL + "/apps/arm"},
				GitHub: gh, Org: gh.Org("acme", 0, "runner-admin"), Names: tt.names,
			}.Run(t.Context())
			var names []string
			for _, check := range checks {
				names = append(names, check.Name)
				assert.Equal(t, !tt.installed, check.Missing, check.Name)
			}
			assert.Equal(t, tt.want, names)
			assert.Len(t, hub.Calls(), tt.calls)
		})
	}
}
