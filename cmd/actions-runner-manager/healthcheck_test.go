package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHealthcheck(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/livez" {
			http.Error(w, "draining", http.StatusServiceUnavailable)
			return
		}
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	port := func(s *httptest.Server) string {
		u, err := url.Parse(s.URL)
		require.NoError(t, err)
		return u.Port()
	}
	nowhere := "CONFIG_PATH=/nowhere.yml"
	tests := []struct {
		name    string
		file    string
		environ []string
		args    []string
		want    int
		stderr  string
	}{
		{"by the file", "org: acme\nserver: {port: " + port(plain) + "}", nil, nil, 0, ""},
		{"all interfaces", "org: acme\nserver: {address: 0.0.0.0, port: " + port(plain) + "}", nil, nil, 0, ""},
		{"by the environment, as in the image", "", []string{nowhere, "ARM_SERVER_ADDRESS=0.0.0.0", "ARM_ORG=acme", "PORT=" + port(plain)}, nil, 0, ""},
		{"only by the environment, broken elsewhere", "", []string{nowhere, "ARM_SERVER_PORT=" + port(plain), "ARM_APP_ID=1", "ARM_PRIVATE_KEY_FILE=/gone"}, nil, 0, ""},
		{"the file is broken elsewhere", "org: acme\nprivateKeyFile: /gone\nserver: {port: " + port(plain) + "}", nil, nil, 0, ""},
		{"over TLS, whose key is out of reach", "org: acme\nserver: {port: " + port(secure) + ", tls: {enabled: true, certFile: /gone, keyFile: /gone}}", nil, nil, 0, ""},
		{"not ready", "org: acme\nserver: {port: " + port(plain) + "}", nil, []string{"--ready"}, 1, "503 Service Unavailable to /readyz: draining"},
		{"nobody there", "org: acme\nserver: {port: 1}", nil, nil, 1, "no server listens at 127.0.0.1:1, where server.address and server.port"},
		{"nobody there, by PORT", "", []string{nowhere, "ARM_ORG=acme", "PORT=1"}, nil, 1, "no server listens at 127.0.0.1:1, where PORT says"},
		{"nobody there, since the file is broken", "org: acme\nprivateKeyFile: /gone\nserver: {port: 1}", nil, nil, 1, "no server starts with this configuration, as `config check` says: "},
		{"a free port", "org: acme\nserver: {port: 0}", nil, nil, 1, "no running server was found: server.port is 0"},
		{"a free port, and --url", "org: acme\nserver: {port: 0}", nil, []string{"--url", plain.URL + "/"}, 0, ""},
		{"--url before the configuration", "org: acme\nserver: {port: 1}", nil, []string{"--url", secure.URL}, 0, ""},
		{"--url to nobody", "", nil, []string{"--url", "http://127.0.0.1:1"}, 1, "no server listens at 127.0.0.1:1, where --url says it is"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"healthcheck"}, tt.args...)
			if tt.file != "" {
				args = append(args, "--config", configFile(t, tt.file))
			}
			got := do(t, tt.environ, args...)
			assert.Equal(t, tt.want, got.status, got.stderr)
			assert.Contains(t, got.stderr, tt.stderr)
			if tt.want == exitFine {
				assert.Regexp(t, `^ok: https?://127\.0\.0\.1:\d+/livez\n$`, got.stdout)
			}
		})
	}
}

// A server on a free port is found by what it wrote beside its database, until it ends.
func TestFreePortIsFound(t *testing.T) {
	path := configFile(t, "org: acme\nserver: {port: 0}\ngithub: {webhookSecret: 0123456789abcdef}\ndatabase: {url: 'sqlite:"+t.TempDir()+"/arm.db'}\n")
	payload := configFile(t, "{}")
	s := start(t, nil, "serve", "--config", path)
	assert.Equal(t, exitFine, do(t, nil, "healthcheck", "--config", path).status)
	got := do(t, nil, "replay", payload, "--config", path)
	assert.Contains(t, got.stderr, "503 Service Unavailable", "it is in set-up mode")

	assert.Equal(t, exitFine, s.end())
	for _, args := range [][]string{{"healthcheck"}, {"replay", payload}} {
		got := do(t, nil, append(args, "--config", path)...)
		assert.Equal(t, exitFailed, got.status)
		assert.Contains(t, got.stderr, "no running server was found: server.port is 0")
		assert.Contains(t, got.stderr, "--url")
	}
}
