package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSecretsAreMasked(t *testing.T) {
	const hidden = "hunter2"
	values := struct {
		Secret Secret
		List   []Secret
		URL    DatabaseURL
	}{hidden, []Secret{hidden}, "postgres://u:" + hidden + "@h/d"}

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%t", "%c"} {
		fmt.Fprintf(&out, verb+" "+verb+"\n", values, &values)
		fmt.Fprintf(&out, verb+" "+verb+"\n", values.Secret, values.URL)
	}
	logger := zerolog.New(&out)
	logger.Info().Interface("i", values).Any("a", values.Secret).Stringer("s", values.Secret).Stringer("u", values.URL).Msg("")
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "s", values.Secret, "v", values)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "s", values.Secret, "v", values)
	require.NoError(t, json.NewEncoder(&out).Encode(values))
	encoded, err := yaml.Marshal(values)
	require.NoError(t, err)
	out.Write(encoded)

	assert.NotContains(t, out.String(), hidden)
	assert.NotContains(t, out.String(), fmt.Sprintf("%x", hidden))
	assert.Contains(t, out.String(), masked)
	assert.Equal(t, hidden, values.Secret.Reveal())
	assert.Empty(t, Secret("").String(), "an empty secret is seen to be empty")
	assert.Equal(t, masked, values.Secret.GoString())
}

func TestDatabaseURL(t *testing.T) {
	tests := []struct {
		url  DatabaseURL
		want string
	}{
		{"", ""},
		{"sqlite:/var/lib/arm.db", "sqlite:/var/lib/arm.db"},
		{"postgres://h/d?sslmode=require", "postgres://h/d?sslmode=require"},
		{"postgres://u@h/d", "postgres://u@h/d"},
		{"postgres://u:p@h:1/d", "postgres://u:[secret]@h:1/d"},
		{"postgresql://h/d?user=u&password=p&sslpassword=q", "postgresql://h/d?user=u&password=[secret]&sslpassword=[secret]"},
		{"postgres://h/d?p%61ssword=p", "postgres://h/d?p%61ssword=[secret]"},
		{"postgres://u:p#@h/d", "[secret]"},
		{"host=h password=p", "[secret]"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, tt.url.String(), tt.url.Reveal())
		assert.Equal(t, tt.want, tt.url.GoString())
	}
}

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
