package server_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

// /readyz, status and doctor describe a broken database in the same words. Only doctor and
// the log show the cause.
func TestReadinessHasOneWording(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("", "GET /api/v1/status")
	path := filepath.Join(w.dir, "arm.db")
	require.NoError(t, os.Rename(path, path+".away"))
	require.NoError(t, os.Mkdir(path, 0o700))
	t.Cleanup(func() { // before the server ends
		assert.NoError(t, os.Remove(path))
		assert.NoError(t, os.Rename(path+".away", path))
	})

	var ready struct {
		Status  string
		Reasons []string
	}
	require.Eventually(t, func() bool { // it looks once a second
		res, err := w.client.Get(w.url + "/readyz")
		require.NoError(t, err)
		defer res.Body.Close()
		require.NoError(t, json.NewDecoder(res.Body).Decode(&ready))
		return res.StatusCode == http.StatusServiceUnavailable
	}, eventually, 50*time.Millisecond)
	require.Len(t, ready.Reasons, 1)
	status := w.refused(http.StatusServiceUnavailable, "unavailable", "", "GET /api/v1/status")

	var environ []string
	for name, value := range w.env {
		environ = append(environ, "ARM_"+name+"="+value)
	}
	c, err := config.Load("", environ)
	d := doctor.Run(t.Context(), c, err, "test")
	at := slices.IndexFunc(d.Checks, func(c doctor.Check) bool { return c.Name == "database" })
	require.GreaterOrEqual(t, at, 0)
	assert.False(t, d.Checks[at].OK)
	assert.Contains(t, d.Checks[at].Detail, path, "doctor is the operator's")

	remedy, _, _ := strings.Cut(d.Checks[at].Remedy[1:], " More: ") // but for its capital, and the link
	remedy = strings.TrimSuffix(remedy, ".")
	for channel, reason := range map[string]string{"/readyz": ready.Reasons[0], "status": status.Error} {
		assert.Contains(t, reason, remedy, channel)
		assert.NotContains(t, reason, w.dir, channel)
		assert.NotContains(t, reason, "replaced", channel)
	}
	assert.True(t, w.log.contains("was removed or replaced"), "the cause is in the log")
}

// Behind a proxy that is not trusted, the server works, and /readyz says what is wrong.
func TestReadinessNamesUntrustedProxy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	type answer struct {
		Status           string
		Reasons, Details []string
	}
	ready := func() (probe answer) {
		t.Helper()
		res, err := w.client.Get(w.url + "/readyz")
		require.NoError(t, err)
		defer res.Body.Close()
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.NoError(t, json.NewDecoder(res.Body).Decode(&probe))
		return probe
	}
	w.ok("ghp_ada", "GET /api/v1/whoami")
	assert.Empty(t, ready().Details)

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/api/v1/status", nil)
	require.NoError(t, err)
	req.Header.Set("X-Forwarded-For", "203.0.113.9")
	res, err := w.client.Do(req)
	require.NoError(t, err)
	res.Body.Close()
	got := ready()
	assert.Equal(t, "ok", got.Status)
	assert.Empty(t, got.Reasons)
	require.Len(t, got.Details, 1)
	assert.Contains(t, got.Details[0], "server.trustedProxies")
	assert.True(t, w.log.contains("add it to server.trustedProxies"))
}
