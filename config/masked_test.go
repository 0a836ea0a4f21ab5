package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMasked(t *testing.T) {
	c := load(t, readTestdata(t, "full.yml"))
	out, err := c.Masked()
	require.NoError(t, err)
	text := string(out)
	for _, hidden := range []string{"webhook-secret", "database-password", "MII", "BEGIN"} {
		assert.NotContains(t, text, hidden)
	}
	for _, shown := range []string{
		"org: acme\n", "privateKey: \"[secret]\"\n", "shutdownTimeout: 1m30s\n", "auditRetention: 240h\n",
		"- 10.0.0.0/8\n", "postgres://arm:[secret]@db.example.com:5432/arm?sslmode=verify-full", "adminRepo: runner-admin\n",
	} {
		assert.Contains(t, text, shown)
	}

	// What is printed is a configuration again, but for the secrets.
	c = load(t, "org: acme\npolicy: {registrationTokens: true}\n")
	out, err = c.Masked()
	require.NoError(t, err)
	assert.Contains(t, string(out), "registrationTokens: true\n")
	again := load(t, string(out))
	again.Server.TrustedProxies, again.GitHub.WebhookSecrets, again.Policy.Teams.Deny, again.Orgs = nil, nil, nil, nil
	assert.Equal(t, c, again)
}
