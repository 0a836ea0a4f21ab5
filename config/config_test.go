package config

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAPIAddresses(t *testing.T) {
	tests := []struct{ name, url, api, wantREST, wantGraphQL string }{
		{"github.com", "https://github.com", "", "https://api.github.com/", "https://api.github.com/graphql"},
		{"with www and a slash", "https://www.GitHub.com/", "", "https://api.github.com/", "https://api.github.com/graphql"},
		{"Enterprise Server", "https://ghes.example.com", "", "https://ghes.example.com/api/v3/", "https://ghes.example.com/api/graphql"},
		{"simulator", "http://127.0.0.1:3000", "", "http://127.0.0.1:3000/api/v3/", "http://127.0.0.1:3000/api/graphql"},
		{"data residency", "https://octo.ghe.com", "", "https://api.octo.ghe.com/", "https://api.octo.ghe.com/graphql"},
		{"apiURL", "https://github.com", "http://127.0.0.1:3000", "http://127.0.0.1:3000/", "http://127.0.0.1:3000/graphql"},
		{"apiURL with a path", "https://github.com", "https://proxy/api/v3/", "https://proxy/api/v3/", "https://proxy/api/graphql"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := load(t, "org: acme\n", "ARM_GITHUB_URL="+tt.url, "ARM_GITHUB_API_URL="+tt.api)
			assert.Equal(t, tt.wantREST, c.APIBaseURL().String())
			assert.Equal(t, tt.wantGraphQL, c.GraphQLURL().String())
		})
	}
}

// Who issues the tokens of Actions: https://docs.github.com/en/actions/reference/security/oidc
func TestOIDCIssuer(t *testing.T) {
	for _, tt := range []struct{ name, url, issuer, want string }{
		{"github.com", "https://github.com", "", "https://token.actions.githubusercontent.com"},
		{"with www and a slash", "https://www.GitHub.com/", "", "https://token.actions.githubusercontent.com"},
		{"data residency", "https://octo.ghe.com", "", "https://token.actions.octo.ghe.com"},
		{"Enterprise Server", "https://ghes.example.com/", "", "https://ghes.example.com/_services/token"},
		{"simulator", "http://127.0.0.1:3000", "", "http://127.0.0.1:3000/_services/token"},
		{"an enterprise's own", "https://github.com", "https://token.actions.githubusercontent.com/octo/", "https://token.actions.githubusercontent.com/octo"},
		{"on loopback", "https://github.com", "http://localhost:3000", "http://localhost:3000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := load(t, "org: acme\n", "ARM_GITHUB_URL="+tt.url, "ARM_GITHUB_OIDC_ISSUER="+tt.issuer)
			assert.Equal(t, tt.want, c.OIDCIssuer())
		})
	}
}

func TestPublicURL(t *testing.T) {
	tests := []struct {
		name   string
		server Server
		port   int
		want   string
	}{
		{"given", Server{PublicURL: "https://arm.example.com", Port: 1}, 2, "https://arm.example.com"},
		{"address and port", Server{Address: "127.0.0.1", Port: 8080}, 0, "http://127.0.0.1:8080"},
		{"a free port", Server{Address: "127.0.0.1"}, 4711, "http://127.0.0.1:4711"},
		{"all interfaces", Server{Port: 8080}, 0, "http://localhost:8080"},
		{"all interfaces, IPv6", Server{Address: "::", Port: 8080}, 0, "http://localhost:8080"},
		{"the usual port", Server{Address: "arm.example.com", Port: 80}, 0, "http://arm.example.com"},
		{"TLS", Server{Address: "::1", Port: 443, TLS: TLS{Enabled: true}}, 0, "https://[::1]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, tt.server.BaseURL(tt.port))
		})
	}
}

func TestHasProxy(t *testing.T) {
	tests := []struct {
		name   string
		server Server
		want   bool
	}{
		{"no public address", Server{Address: "127.0.0.1", Port: 8080}, false},
		{"the own address", Server{Address: "127.0.0.1", Port: 8080, PublicURL: "http://127.0.0.1:8080"}, false},
		{"by another name", Server{Address: "127.0.0.1", Port: 8080, PublicURL: "http://localhost:8080"}, false},
		{"the machine's name", Server{Port: 80, PublicURL: "http://arm.example.com"}, false},
		{"with its own certificate", Server{Address: "0.0.0.0", Port: 443, TLS: TLS{Enabled: true}, PublicURL: "https://arm.example.com"}, false},
		{"https before http", Server{Address: "127.0.0.1", Port: 8080, PublicURL: "https://arm.example.com"}, true},
		{"another port", Server{Port: 8443, TLS: TLS{Enabled: true}, PublicURL: "https://arm.example.com"}, true},
		{"another host", Server{Address: "10.0.0.7", Port: 80, PublicURL: "http://arm.example.com"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, tt.server.HasProxy()) })
	}
}

func TestWarnings(t *testing.T) {
	const quiet = "org: acme\npolicy: {registrationTokens: adopted}\n"
	tests := []struct{ name, file, want string }{
		{"token for everybody, which is the default", "org: acme\n", ""},
		{"groups by name", quiet + "server: {port: 1}\n", ""},
		{"webhook secret, which set-up makes", quiet + "chatops: {adminRepo: a, tokenReply: 'off'}\n", ""},
		{"webhook secret", quiet + "chatops: {adminRepo: a, tokenReply: 'off'}\nappID: 1\nprivateKey: '" + base64.StdEncoding.EncodeToString([]byte(testPEM())) + "'\n", "github.webhookSecret is empty"},
		{"tokens in comments", quiet + "chatops: {adminRepo: a}\ngithub: {webhookSecret: 0123456789abcdef}\n", "chatops.tokenReply is comment"},
		{"a secret that is guessed", quiet + "github: {webhookSecret: [0123456789abcdef, a]}\n", "github.webhookSecret is shorter than 16 characters"},
		{"plain http", quiet + "server: {publicURL: 'http://arm.example.com'}\n", "server.publicURL is http"},
		{"plain http to GitHub", quiet + "github: {url: 'http://ghes.example.com'}\n", "github.url is http"},
		{"a simulator", quiet + "github: {url: 'http://127.0.0.1:3000'}\n", ""},
		{"every proxy", quiet + "server: {trustedProxies: [0.0.0.0/0]}\n", "server.trustedProxies trusts every address"},
		{"named", "org: acme\npolicy: {registrationTokens: false, groups: named}\n", "policy.groups is named"},
		{"below admin", "org: acme\npolicy: {registrationTokens: false, repoPermission: push}\n", "policy.repoPermission is below admin"},
		{"public", "org: acme\npolicy: {registrationTokens: false, publicRepos: true}\n", "policy.publicRepos is true"},
		{"secrets for self-hosted runners", "org: acme\npolicy: {registrationTokens: false, workflows: {selfHosted: true}}\n", "policy.workflows.selfHosted is true"},
		{"owners", "org: acme\npolicy: {registrationTokens: false, ownersActForAnyTeam: true}\n", "policy.ownersActForAnyTeam is true"},
		{"issues without a place", quiet + "alerts: {issues: true}\n", "alerts.issues is true, but chatops.adminRepo is empty"},
		{"issues about nothing", quiet + "alerts: {issues: true}\nfleet: {pollInterval: 0}\nchatops: {adminRepo: a, tokenReply: 'off'}\ngithub: {webhookSecret: 0123456789abcdef}\n", "fleet.pollInterval is 0"},
		{"one of several", "orgs: [{org: acme}, {org: globex, policy: {publicRepos: true}}]\npolicy: {registrationTokens: false}\n", "policy.publicRepos of globex is true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			warnings := load(t, tt.file).Warnings()
			if tt.want == "" {
				assert.Empty(t, warnings)
				return
			}
			if assert.Len(t, warnings, 1, strings.Join(warnings, "\n")) {
				assert.Contains(t, warnings[0], tt.want)
			}
		})
	}
}

func TestNotes(t *testing.T) {
	assert.Empty(t, load(t, "org: acme\npolicy: {registrationTokens: adopted}\n").Notes())
	for file, want := range map[string]string{
		"org: acme\n": "policy.registrationTokens is true",
		"orgs: [{org: acme}, {org: globex, policy: {registrationTokens: true}}]\npolicy: {registrationTokens: false}\n": "policy.registrationTokens of globex is true",
	} {
		notes := load(t, file).Notes()
		if assert.Len(t, notes, 1) {
			assert.Contains(t, notes[0], want)
		}
	}
}

func TestReference(t *testing.T) {
	byName := map[string]Key{}
	for _, key := range Reference() {
		assert.NotEmpty(t, key.Doc, key.Name)
		assert.True(t, strings.HasSuffix(key.Doc, "."), "%s: the text is a sentence", key.Name)
		byName[key.Name] = key
	}
	for name, want := range map[string]Key{
		"org":                    {Env: "ARM_ORG"},
		"appID":                  {Env: "ARM_APP_ID"},
		"server.oauthClients":    {Env: "ARM_SERVER_OAUTH_CLIENTS", Default: "[178c6fc778ccc68e1d6a]"},
		"logging.maxSize":        {Env: "ARM_LOGGING_MAX_SIZE", Default: "10485760"},
		"chatops.trigger":        {Env: "ARM_CHATOPS_TRIGGER", Default: "runner-group"},
		"chatops.tokenReplyTTL":  {Env: "ARM_CHATOPS_TOKEN_REPLY_TTL", Default: "5m"},
		"database.url":           {Env: "ARM_DATABASE_URL", Default: "sqlite:actions-runner-manager.db"},
		"database.urlFile":       {Env: "ARM_DATABASE_URL_FILE"},
		"policy.teams.allow":     {Env: "ARM_POLICY_TEAMS_ALLOW", Default: "[*]"},
		"server.shutdownTimeout": {Env: "ARM_SERVER_SHUTDOWN_TIMEOUT", Default: "25s"},
	} {
		got := byName[name]
		assert.Equal(t, want.Env, got.Env, name)
		assert.Equal(t, want.Default, got.Default, name)
	}
}
