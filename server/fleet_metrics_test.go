package server_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// freeAddress is one that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// fleetSeries returns the lines of a scrape that are about runner groups.
func fleetSeries(t *testing.T, address string) []string {
	t.Helper()
	return series(t, address, `group_runners|findings`)
}

// series returns the lines of a scrape that begin with arm_ and match the pattern.
func series(t *testing.T, address, pattern string) []string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, 200, res.StatusCode, "%s", text)
	lines := regexp.MustCompile(`(?m)^arm_(`+pattern+`).*$`).FindAllString(string(text), -1)
	slices.Sort(lines)
	return lines
}

// What is attached past its end is counted, and found, until GitHub has detached it.
func TestOverdueAccess(t *testing.T) {
	t.Parallel()
	metrics := freeAddress(t)
	w := newWorld(t, acme(), "SERVER_METRICS_ADDRESS="+metrics, "FLEET_POLL_INTERVAL=1m")
	shows := func(line string) func() bool {
		return func() bool { return slices.Equal([]string{line}, series(t, metrics, "access_overdue")) }
	}
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api&for=1h")
	w.hub.Inject(ghsim.Fault{Method: http.MethodDelete, Path: "/repositories/", Times: -1, Status: http.StatusBadGateway})
	assert.True(t, shows("arm_access_overdue 0")())
	w.advance(time.Hour + 2*time.Minute)
	assert.Eventually(t, shows("arm_access_overdue 1"), eventually, 10*tick)
	assert.Contains(t, w.ok("ghp_ada", "GET /api/v1/group-check?team=platform").text, `"access_overdue"`)
	w.hub.ClearFaults()
	w.advance(2 * time.Minute)
	assert.Eventually(t, shows("arm_access_overdue 0"), eventually, 10*tick)
	assert.Empty(t, w.repos("platform"))
	assert.NotContains(t, w.ok("ghp_ada", "GET /api/v1/group-check?team=platform").text, `"access_overdue"`)
}

// Every replica shows all groups, also one that does not poll, and none that is gone.
func TestFleetMetrics(t *testing.T) {
	t.Parallel()
	first, second := freeAddress(t), freeAddress(t)
	w := newWorld(t, acme(), "DATABASE_URL="+storetest.Postgres(t), "SERVER_METRICS_ADDRESS="+first, "FLEET_POLL_INTERVAL=1s", "ALERTS_OFFLINE_AFTER=1s")
	stopFirst := w.stop
	w.env["SERVER_METRICS_ADDRESS"] = second
	w.start()
	stopSecond := w.stop
	w.stop = func() error { return errors.Join(stopFirst(), stopSecond()) }

	assert.Empty(t, fleetSeries(t, first))
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api")
	w.runners("platform", "b1", "b2", "b3")
	w.hub.SetRunner("acme", "b1", func(r *ghsim.Runner) { r.Busy = true })
	w.hub.SetRunner("acme", "b2", func(r *ghsim.Runner) { r.Status = "offline" })
	want := []string{
		`arm_findings{org="acme",severity="critical",team="platform"} 3`, // unexpected runners
		`arm_findings{org="acme",severity="info",team="platform"} 0`,
		`arm_findings{org="acme",severity="warning",team="platform"} 1`, // one is offline
		`arm_group_runners_outdated{org="acme",team="platform"} 0`,
		`arm_group_runners{org="acme",state="busy",team="platform"} 1`,
		`arm_group_runners{org="acme",state="idle",team="platform"} 1`,
		`arm_group_runners{org="acme",state="offline",team="platform"} 1`,
	}
	for _, address := range []string{first, second} {
		assert.Eventually(t, func() bool { return slices.Equal(want, fleetSeries(t, address)) }, eventually, 10*tick)
		assert.Equal(t, want, fleetSeries(t, address))
	}

	w.ok("ghp_olga", "POST /api/v1/group-release?team=platform")
	for _, address := range []string{first, second} {
		assert.Eventually(t, func() bool { return len(fleetSeries(t, address)) == 0 }, eventually, 10*tick)
	}
}
