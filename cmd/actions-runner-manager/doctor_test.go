package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Doctor reports what fails on standard output, and by its exit status.
func TestDoctor(t *testing.T) {
	path := configFile(t, "org: acme\npolicy: {registrationTokens: false}\n")
	got := do(t, nil, "doctor", "--config", path)
	assert.Equal(t, exitFailed, got.status)
	assert.Contains(t, got.stdout, "ok    configuration:")
	assert.Contains(t, got.stdout, "FAIL  app: no GitHub App is configured yet")
	assert.Empty(t, got.stderr)

	got = do(t, nil, "doctor", "--json", "--config", path)
	assert.Equal(t, exitFailed, got.status)
	var found struct {
		OK     bool
		Checks []map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &found))
	assert.False(t, found.OK)
	assert.NotEmpty(t, found.Checks)

	got = do(t, nil, "doctor", "--config", configFile(t, "org: a/b\n"))
	assert.Equal(t, exitFailed, got.status)
	assert.Contains(t, got.stdout, "FAIL  configuration:")
	assert.Equal(t, exitUsage, do(t, nil, "doctor", "now").status)
}
