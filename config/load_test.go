package config

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func testPEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(testKey())}))
}

// write puts a configuration into a file; @KEY@ in it becomes base64 of a key's PEM.
func write(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yml")
	content = strings.ReplaceAll(content, "@KEY@", base64.StdEncoding.EncodeToString([]byte(testPEM())))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// load loads a configuration that must be right.
func load(t testing.TB, content string, environ ...string) *Config {
	t.Helper()
	c, err := Load(write(t, content), environ)
	require.NoError(t, err)
	return c
}

// mistakes loads a configuration that must be wrong and returns the lines without the folder.
func mistakes(t testing.TB, content string, environ ...string) []string {
	t.Helper()
	path := write(t, content)
	_, err := Load(path, environ)
	require.Error(t, err)
	require.IsType(t, Errors{}, err)
	return strings.Split(strings.ReplaceAll(err.Error(), path, "config.yml"), "\n")
}

func readTestdata(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(data)
}

func TestLoadAncestor(t *testing.T) {
	c := load(t, readTestdata(t, "legacy.yml"))
	want := Defaults()
	want.Org, want.AppID, want.InstallationID = "acme", 4242, 77
	want.Logging = Logging{Compress: true, Level: "info", LogDirectory: "/var/log/arm", MaxAge: 7, MaxBackups: 3, MaxSize: 10485760}
	want.Server.RateLimit = 2.5
	want.Server.PublicURL = "http://127.0.0.1:8080"
	want.PrivateKey = secret.New(testPEM())
	assert.Equal(t, want, *c)
	assert.True(t, c.Key().Equal(testKey()))
	assert.False(t, c.SetupMode())
}

func TestLoadFull(t *testing.T) {
	c := load(t, readTestdata(t, "full.yml"))
	want := Config{
		Org: "acme", AppID: 4242, InstallationID: 77, PrivateKey: secret.New(testPEM()),
		Logging: Logging{Compress: true, Ephemeral: true, Level: "debug", LogDirectory: "/var/log/arm", MaxAge: 8, MaxBackups: 4, MaxSize: 1048576},
		Server: Server{
			Address: "0.0.0.0", Port: 8443, RateLimit: 0.5, PublicURL: "https://arm.example.com",
			TrustedProxies: []netip.Prefix{
				netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("2001:db8::/32"),
			},
			UnknownTokenRate: 60, OAuthClients: []string{"178c6fc778ccc68e1d6a", "Iv1.0123456789abcdef"},
			MetricsAddress: ":9090", ShutdownTimeout: 90 * time.Second,
		},
		GitHub:  GitHub{URL: "https://ghes.example.com", OIDCIssuer: "https://sts.example.com/ghes", WebhookSecrets: []secret.Text{secret.New("first-webhook-secret"), secret.New("second-webhook-secret")}},
		Chatops: Chatops{AdminRepo: "runner-admin", Trigger: "runners", TokenReply: "encrypted", TokenReplyTTL: 10 * time.Minute, OwnersTeam: "admins"},
		Policy: Policy{
			Groups: "named", GroupName: "team-{team}", RepoPermission: "maintain", PublicRepos: true, RegistrationTokens: "adopted",
			Teams:               Teams{Allow: []string{"platform-*", "web"}, Deny: []string{"*-guests"}},
			OwnersActForAnyTeam: true, MembersRead: true, Confirm: []string{"group-delete"}, RemoveOffline: 7 * 24 * time.Hour,
			Approval: []string{"group-create", "repos-add"}, RequestTTL: 7 * 24 * time.Hour,
			Workflows: Workflows{MaxAge: 30 * 24 * time.Hour, SelfHosted: true},
		},
		Fleet:  Fleet{PollInterval: time.Minute, History: 30 * 24 * time.Hour},
		Alerts: Alerts{Issues: true, OfflineAfter: 10 * time.Minute}, Console: Console{SessionTTL: 4 * time.Hour},
		Database: Database{
			URL:            NewDatabaseURL("postgres://arm:database-password@db.example.com:5432/arm?sslmode=verify-full"),
			AuditRetention: 240 * time.Hour,
		},
	}
	assert.Equal(t, want, *c)
	assert.Equal(t, []Organization{{Org: "acme", InstallationID: 77, Chatops: want.Chatops, Policy: want.Policy}}, c.Organizations())
}

func TestLoadValues(t *testing.T) {
	tests := []struct {
		name, file string
		get        func(*Config) any
		want       any
	}{
		{"an empty section is as if it were not there", "org: acme\nserver:\n", func(c *Config) any { return c.Server.Port }, 8080},
		{"an empty value, too", "org: acme\nserver: {rateLimit: }\n", func(c *Config) any { return c.Server.RateLimit }, 5.0},
		{"port 0", "org: acme\nserver: {port: 0}\n", func(c *Config) any { return c.Server.Port }, 0},
		{"all interfaces", "org: acme\nserver: {address: ''}\n", func(c *Config) any { return c.Server.Address }, ""},
		{"IPv6 in brackets", "org: acme\nserver: {address: '[::1]'}\n", func(c *Config) any { return c.Server.ListenAddress() }, "[::1]:8080"},
		{"registrationTokens as a boolean", "org: acme\npolicy: {registrationTokens: false}\n", func(c *Config) any { return c.Policy.RegistrationTokens }, "false"},
		{"registrationTokens as text", "org: acme\npolicy: {registrationTokens: 'True'}\n", func(c *Config) any { return c.Policy.RegistrationTokens }, "true"},
		{"tokenReply off is no boolean", "org: acme\nchatops: {tokenReply: off}\n", func(c *Config) any { return c.Chatops.TokenReply }, "off"},
		{"one webhook secret", "org: acme\ngithub: {webhookSecret: abc}\n", func(c *Config) any { return c.GitHub.WebhookSecrets }, []secret.Text{secret.New("abc")}},
		{"digits as a webhook secret", "org: acme\ngithub: {webhookSecret: 0012}\n", func(c *Config) any { return c.GitHub.WebhookSecrets }, []secret.Text{secret.New("0012")}},
		{"no webhook secret", "org: acme\ngithub: {webhookSecret: ''}\n", func(c *Config) any { return len(c.GitHub.WebhookSecrets) }, 0},
		{"empty lists", "org: acme\npolicy: {confirm: []}\n", func(c *Config) any { return c.Policy.Confirm }, []string{}},
		{"a folder turns files on", "org: acme\nlogging: {logDirectory: logs}\n", func(c *Config) any { return c.Logging.Ephemeral }, false},
		{"a level of old", "org: acme\nlogging: {level: WARNING}\n", func(c *Config) any { return c.Logging.Level }, "warn"},
		{"an organization of digits", "org: 123\n", func(c *Config) any { return c.Org }, "123"},
		{"anchors, tags and CRLF", "org: &name acme\r\nchatops:\r\n  adminRepo: *name\r\n  tokenReply: !!str off\r\n", func(c *Config) any { return c.Chatops }, Chatops{"acme", "runner-group", "off", 5 * time.Minute, ""}},
		{"byte order mark", "\xef\xbb\xbforg: acme\n", func(c *Config) any { return c.Org }, "acme"},
		{"document markers", "---\n# a comment\norg: acme\n...\n", func(c *Config) any { return c.Org }, "acme"},
		{"an empty file is set-up mode", "", func(c *Config) any { return c.SetupMode() }, true},
		{"a file of comments, too", "# nothing yet\n", func(c *Config) any { return c.Organizations() }, []Organization(nil)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, tt.get(load(t, tt.file)))
		})
	}
}

func TestOrgsInherit(t *testing.T) {
	c := load(t, `
appID: 1
privateKey: "@KEY@"
chatops: {adminRepo: runner-admin, tokenReplyTTL: 2m}
policy: {confirm: [repos-set], teams: {deny: [guests]}}
orgs:
  - org: acme
    installationID: 7
  - org: globex
    chatops: {adminRepo: ops, trigger: ops-runners}
    policy: {registrationTokens: false, teams: {allow: [core]}}
`)
	orgs := c.Organizations()
	require.Len(t, orgs, 2)
	assert.Equal(t, Organization{Org: "acme", InstallationID: 7, Chatops: c.Chatops, Policy: c.Policy}, orgs[0])
	assert.Equal(t, Chatops{"ops", "ops-runners", "comment", 2 * time.Minute, ""}, orgs[1].Chatops)
	assert.Equal(t, "false", orgs[1].Policy.RegistrationTokens)
	assert.Equal(t, Teams{Allow: []string{"core"}, Deny: []string{"guests"}}, orgs[1].Policy.Teams)
	assert.Equal(t, []string{"repos-set"}, orgs[1].Policy.Confirm)
}

func TestPath(t *testing.T) {
	assert.Equal(t, "a.yml", Path("a.yml", []string{"CONFIG_PATH=b.yml"}))
	assert.Equal(t, "b.yml", Path("", []string{"CONFIG_PATH=b.yml"}))
	assert.Equal(t, "config.yml", Path("", []string{"CONFIG_PATH="}))
}

func TestLoadWithoutFile(t *testing.T) {
	t.Chdir(t.TempDir())

	c, err := Load("", []string{"ARM_ORG=acme"})
	require.NoError(t, err)
	assert.Equal(t, "acme", c.Org)

	c, err = Load("", nil)
	require.NoError(t, err, "set-up mode needs nothing")
	assert.True(t, c.SetupMode())

	_, err = Load("", []string{"CONFIG_PATH=gone.yml"})
	require.ErrorContains(t, err, "gone.yml: there is no such file")

	c, err = Load("gone.yml", []string{"ARM_ORG=acme"})
	require.NoError(t, err, "the environment is enough")
	assert.Contains(t, strings.Join(c.Warnings(), "\n"), "gone.yml")

	_, err = Load("", []string{"ARM_APP_ID=1"})
	require.EqualError(t, err, "privateKey: is missing, though appID or clientID is given: set privateKey, privateKeyFile or ARM_PRIVATE_KEY\n"+
		"org: is missing: set org (or ARM_ORG), or several in orgs")

	_, err = Load(".", nil)
	require.ErrorContains(t, err, ".: cannot be read: is a directory")
}
