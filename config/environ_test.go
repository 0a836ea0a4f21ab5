package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

func TestVariable(t *testing.T) {
	for key, want := range map[string]string{
		"org":                         "ARM_ORG",
		"appID":                       "ARM_APP_ID",
		"privateKeyFile":              "ARM_PRIVATE_KEY_FILE",
		"server.tls.certFile":         "ARM_SERVER_TLS_CERT_FILE",
		"server.oauthClients":         "ARM_SERVER_OAUTH_CLIENTS",
		"server.publicURL":            "ARM_SERVER_PUBLIC_URL",
		"github.caFile":               "ARM_GITHUB_CA_FILE",
		"github.apiURL":               "ARM_GITHUB_API_URL",
		"github.oidcIssuer":           "ARM_GITHUB_OIDC_ISSUER",
		"policy.workflows.selfHosted": "ARM_POLICY_WORKFLOWS_SELF_HOSTED",
		"github.webhookSecret":        "ARM_GITHUB_WEBHOOK_SECRET",
		"chatops.tokenReplyTTL":       "ARM_CHATOPS_TOKEN_REPLY_TTL",
		"chatops.ownersTeam":          "ARM_CHATOPS_OWNERS_TEAM",
		"policy.ownersActForAnyTeam":  "ARM_POLICY_OWNERS_ACT_FOR_ANY_TEAM",
		"policy.teams.allow":          "ARM_POLICY_TEAMS_ALLOW",
		"database.urlFile":            "ARM_DATABASE_URL_FILE",
		"a.newURLFile":                "ARM_A_NEW_URL_FILE",
		"policy.membersRead":          "ARM_POLICY_MEMBERS_READ",
	} {
		assert.Equal(t, want, variable(key), key)
	}
}

func TestEnvironmentAlone(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := Load("", []string{
		"ARM_ORG=acme", "ARM_APP_ID=4242", "ARM_PRIVATE_KEY=" + testPEM(), "ARM_LOGGING_COMPRESSION=true",
		"ARM_SERVER_PORT=0", "ARM_SERVER_TRUSTED_PROXIES=10.0.0.0/8, ::1", "ARM_SERVER_SHUTDOWN_TIMEOUT=1s",
		"ARM_GITHUB_WEBHOOK_SECRET=one, two,", "ARM_POLICY_TEAMS_ALLOW=a*,b", "ARM_POLICY_REGISTRATION_TOKENS=adopted",
		"ARM_DATABASE_URL=postgres://u:p@h/d", "ARM_CHATOPS_ADMIN_REPO=", "ARM_UNKNOWN=x", "ARM_SERVER=x", "PORT=1",
	})
	require.NoError(t, err)
	assert.Equal(t, int64(4242), c.AppID)
	assert.True(t, c.Key().Equal(testKey()))
	assert.True(t, c.Logging.Compress)
	assert.Equal(t, 0, c.Server.Port, "ARM_SERVER_PORT wins over PORT")
	assert.Equal(t, "127.0.0.1", c.Server.Address)
	assert.Empty(t, c.Server.PublicURL, "a free port is not known yet")
	assert.Equal(t, "http://127.0.0.1:4711", c.Server.BaseURL(4711))
	assert.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}, c.Server.TrustedProxies)
	assert.Equal(t, time.Second, c.Server.ShutdownTimeout)
	assert.Equal(t, []secret.Text{secret.New("one"), secret.New("two")}, c.GitHub.WebhookSecrets)
	assert.Equal(t, []string{"a*", "b"}, c.Policy.Teams.Allow)
	assert.Equal(t, "adopted", c.Policy.RegistrationTokens)
	assert.Equal(t, "postgres://u:p@h/d", c.Database.URL.Reveal())
}

// Every key can be set in the environment: a value that no key accepts must be refused
// under the name of each variable, or arrive.
func TestEveryKeyHasAVariable(t *testing.T) {
	seen := map[string]bool{}
	for _, key := range Reference() {
		assert.False(t, seen[key.Env], "%s has the variable of another key", key.Name)
		seen[key.Env] = true
		c, err := Load(write(t, "org: acme\n"), []string{key.Env + "=\x01"})
		if err != nil {
			assert.Contains(t, err.Error(), key.Env, "the mistake names the variable")
			continue
		}
		assert.NotEqual(t, load(t, "org: acme\n").valueOf(key.Name), c.valueOf(key.Name), key.Name)
	}
}

func (c *Config) valueOf(key string) (value any) {
	leaves(reflect.ValueOf(*c), "", func(_ field, v reflect.Value, k string) {
		if k == key {
			value = v.Interface()
		}
	})
	return value
}

func TestEnvironmentWins(t *testing.T) {
	c := load(t, "org: acme\nserver: {port: 1, address: 127.0.0.2}\npolicy: {confirm: [repos-set]}\n",
		"ARM_ORG=globex", "ARM_SERVER_PORT=2", "ARM_POLICY_CONFIRM=group-delete", "PORT=3")
	assert.Equal(t, "globex", c.Org)
	assert.Equal(t, 2, c.Server.Port)
	assert.Equal(t, "127.0.0.2", c.Server.Address)
	assert.Equal(t, []string{"group-delete"}, c.Policy.Confirm)
}

func TestPort(t *testing.T) {
	tests := []struct {
		name, file string
		environ    []string
		want       string
	}{
		{"PORT listens everywhere", "org: acme\n", []string{"PORT=5000"}, ":5000"},
		{"an address is kept", "org: acme\nserver: {address: 127.0.0.1}\n", []string{"PORT=5000"}, "127.0.0.1:5000"},
		{"so is one of the environment", "org: acme\n", []string{"PORT=5000", "ARM_SERVER_ADDRESS=::1"}, "[::1]:5000"},
		{"the file's port wins", "org: acme\nserver: {port: 1}\n", []string{"PORT=5000"}, "127.0.0.1:1"},
		{"a variable's port wins", "org: acme\n", []string{"PORT=5000", "ARM_SERVER_PORT=2"}, "127.0.0.1:2"},
		{"an unused PORT may be anything", "org: acme\nserver: {port: 1}\n", []string{"PORT=tcp://x"}, "127.0.0.1:1"},
		{"an empty PORT is none", "org: acme\n", []string{"PORT="}, "127.0.0.1:8080"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, load(t, tt.file, tt.environ...).Server.ListenAddress())
		})
	}
	assert.Equal(t, []string{"PORT: server.port: must be a whole number"}, mistakes(t, "org: acme\n", "PORT=http"))
}

func TestOrgsFromEnvironment(t *testing.T) {
	c := load(t, "orgs: [{org: old}]\nchatops: {adminRepo: a}\n",
		"ARM_ORGS=[\n\t{\"org\": \"acme\", \"installationID\": 7, \"policy\": {\"registrationTokens\": false, \"teams\": {\"deny\": [\"x\"]}}},\n\t{\"org\":\"globex\"}\n]",
		"ARM_POLICY_GROUPS=named")
	require.Len(t, c.Orgs, 2)
	assert.Equal(t, "acme", c.Orgs[0].Org)
	assert.Equal(t, int64(7), c.Orgs[0].InstallationID)
	assert.Equal(t, "false", c.Orgs[0].Policy.RegistrationTokens)
	assert.Equal(t, "a", c.Orgs[1].Chatops.AdminRepo)
	assert.Equal(t, "named", c.Orgs[1].Policy.Groups, "entries inherit from the environment, too")

	for value, want := range map[string]string{
		"acme":                      `ARM_ORGS: orgs: must be JSON, such as [{"org":"acme"},{"org":"globex"}]`,
		`{"org":"acme"}`:            "ARM_ORGS: orgs: must be a list of organizations, each with org",
		`["acme"]`:                  "ARM_ORGS: orgs[0]: must be a mapping of keys to values",
		`[{"org":"acme","orgs":1}]`: "ARM_ORGS: orgs[0].orgs: is not a key; did you mean org?",
		`[{"policy":{}}]`:           "ARM_ORGS: orgs[0].org: is missing",
	} {
		assert.Equal(t, []string{want}, mistakes(t, "", "ARM_ORGS="+value), value)
	}
}

func TestSecretFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	key, hook, db := file("key.pem", testPEM()), file("hook", "s3cret\n"), file("db", "sqlite:x.db\r\n")

	c := load(t, "org: acme\nappID: 1\nprivateKey: ''\nprivateKeyFile: "+key+"\ngithub: {webhookSecretFile: "+hook+"}\ndatabase: {urlFile: "+db+"}\n")
	assert.True(t, c.Key().Equal(testKey()))
	assert.Equal(t, []secret.Text{secret.New("s3cret")}, c.GitHub.WebhookSecrets)
	assert.Equal(t, NewDatabaseURL("sqlite:x.db"), c.Database.URL)

	c = load(t, "org: acme\ngithub: {webhookSecretFile: ["+hook+", "+db+"]}\n")
	assert.Equal(t, []secret.Text{secret.New("s3cret"), secret.New("sqlite:x.db")}, c.GitHub.WebhookSecrets)

	c = load(t, "org: acme\ngithub: {webhookSecretFile: gone}\ndatabase: {url: 'sqlite:y.db'}\n",
		"ARM_GITHUB_WEBHOOK_SECRET=other", "ARM_DATABASE_URL_FILE="+db)
	assert.Equal(t, []secret.Text{secret.New("other")}, c.GitHub.WebhookSecrets, "the environment's value wins over the file's file")
	assert.Equal(t, NewDatabaseURL("sqlite:x.db"), c.Database.URL, "the environment's file wins over the file's value")

	assert.Equal(t, []string{
		"ARM_DATABASE_URL_FILE: database.urlFile: the file cannot be read: no such file or directory",
		"ARM_GITHUB_WEBHOOK_SECRET_FILE: github.webhookSecretFile: ARM_GITHUB_WEBHOOK_SECRET says the same already: keep one of them",
		"ARM_PRIVATE_KEY_FILE: privateKeyFile: the file " + filepath.Join(dir, "empty") + " is empty",
	}, mistakes(t, "org: acme\nappID: 1\n", "ARM_DATABASE_URL_FILE=gone",
		"ARM_GITHUB_WEBHOOK_SECRET=a", "ARM_GITHUB_WEBHOOK_SECRET_FILE=b", "ARM_PRIVATE_KEY_FILE="+file("empty", "\n")))
}

// What a platform puts into the environment for others is ignored with a warning.
func TestForeignVariables(t *testing.T) {
	c := load(t, "org: acme\npolicy: {registrationTokens: adopted}\n",
		"ARM_SERVER_PORT=tcp://10.0.0.1:8080", "ARM_SERVER_ADDRESS=udp://[fd00::1]:53", "PORT=tcp://10.0.0.1:1", "DATABASE_URL=postgres://u:hush@h/d")
	assert.Equal(t, 8080, c.Server.Port)
	assert.Equal(t, "127.0.0.1", c.Server.Address)
	warnings := strings.Join(c.Warnings(), "\n")
	assert.Len(t, c.Warnings(), 4, warnings)
	for _, want := range []string{"ARM_SERVER_PORT is ignored", "ARM_SERVER_ADDRESS is ignored", "\nPORT is ignored", "set ARM_DATABASE_URL to the value of DATABASE_URL"} {
		assert.Contains(t, "\n"+warnings, want)
	}
	assert.NotContains(t, warnings, "hush")

	for _, given := range []string{"ARM_DATABASE_URL=sqlite:x.db", "DATABASE_URL="} {
		c = load(t, "org: acme\npolicy: {registrationTokens: adopted}\n", "DATABASE_URL=postgres://u:p@h/d", given)
		assert.Empty(t, c.Warnings(), given)
	}
	assert.NotEmpty(t, mistakes(t, "org: acme\n", "ARM_SERVER_PORT=tcp://there:8080"), "no address of a Service")
}

// A client id takes the place of the App's id, also if it was given as that.
func TestClientID(t *testing.T) {
	key := "privateKey: |\n  " + strings.ReplaceAll(strings.TrimSpace(testPEM()), "\n", "\n  ") + "\n"
	const quiet = "org: acme\npolicy: {registrationTokens: adopted}\n"
	for _, id := range []string{"Iv1.0123456789abcdef", "Iv23liABCdefGHIjklMN"} {
		c := load(t, quiet+key+"clientID: "+id+"\n")
		assert.Equal(t, id, c.ClientID)
		assert.Empty(t, c.Warnings())
		assert.False(t, c.SetupMode())
		for name, c := range map[string]*Config{
			"file": load(t, quiet+key+"appID: "+id+"\n"), "environment": load(t, quiet+key+"appID: 7\n", "ARM_APP_ID="+id),
		} {
			assert.Equal(t, id, c.ClientID, name)
			require.Len(t, c.Warnings(), 1, name)
			assert.Contains(t, c.Warnings()[0], "set clientID to it")
		}
	}
	assert.Contains(t, mistakes(t, "org: acme\nclientID: Iv1.0123456789abcdef\n")[0], "privateKey")
	assert.Contains(t, mistakes(t, "org: acme\nappID: Iv1.0123456789abcdef\nclientID: Iv1.fedcba9876543210\n"+key)[0], "not the one that clientID has")
	assert.Contains(t, mistakes(t, "org: acme\nappID: Iv2\n"+key)[0], "must be a whole number")
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"7d": 7 * 24 * time.Hour, "1d12h": 36 * time.Hour, "1.5d": 36 * time.Hour, "90m": 90 * time.Minute, "9600h": 9600 * time.Hour,
	} {
		assert.Equal(t, want, load(t, "org: acme\ndatabase: {auditRetention: "+text+"}\n").Database.AuditRetention, text)
	}
	for _, text := range []string{"d", "7", "7days", "1h2d", "NaNd", "Infd", "1e9d", "d7", "7d7d", "1d-2h"} {
		assert.NotEmpty(t, mistakes(t, "org: acme\ndatabase: {auditRetention: "+text+"}\n"), text)
	}
}

// A slip in a variable's name is reported. Variables of others that begin with ARM_ are not.
func TestMisspeltVariables(t *testing.T) {
	c := load(t, "org: acme\npolicy: {registrationTokens: adopted}\n",
		"ARM_SERVER_PRT=1", "ARM_GITHUB_WEBHOOKSECRET_FILE=x", "ARM_APPID=7", "ARM_LOGGING_COMPRESSION=true", "ARM_SERVER_TLS_ENABLE=",
		"ARM_CLIENT_ID=0F8FAD5B-d9cb-469f-a165-70867728950e", "ARM_CLIENT_SECRET=x", "ARM_TENANT_ID=x", "ARM_SUBSCRIPTION_ID=x", "ARM_ENVIRONMENT=x", "ARM_USE_OIDC=x",
		"ARM_USE_MSI=x", "ARM_ACCESS_KEY=x", "ARM_SAS_TOKEN=x", "ARM_PARTNER_ID=x", "ARM_ARCH=x", "ARM_OS=x", "ARM_PORT=x", "SERVER_PRT=1",
		"ARM_ORGANIZATION=acme", "ARM_DATABASE_DSN=x", "ARM_ADMIN_REPO=x", "ARM_CLIENT_CERTIFICATE_PATH=x", "ARM_METADATA_HOST=x", "ARM_MSI_ENDPOINT=x")
	assert.Equal(t, []string{
		"ARM_CLIENT_ID is ignored: its value is a client id of Azure; set clientID in the file if the App has one.",
		"ARM_ADMIN_REPO is no variable that is known, and is ignored; did you mean ARM_CHATOPS_ADMIN_REPO?",
		"ARM_APPID is no variable that is known, and is ignored; did you mean ARM_APP_ID?",
		"ARM_DATABASE_DSN is no variable that is known, and is ignored; did you mean ARM_DATABASE_URL?",
		"ARM_GITHUB_WEBHOOKSECRET_FILE is no variable that is known, and is ignored; did you mean ARM_GITHUB_WEBHOOK_SECRET_FILE?",
		"ARM_ORGANIZATION is no variable that is known, and is ignored; did you mean ARM_ORG?",
		"ARM_SERVER_PRT is no variable that is known, and is ignored; did you mean ARM_SERVER_PORT?",
	}, c.Warnings())
	assert.Equal(t, 8080, c.Server.Port)
}
