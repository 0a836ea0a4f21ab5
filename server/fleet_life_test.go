package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// lastPoll returns a function that says when the group platform was polled last.
func (w *world) lastPoll() func() time.Time {
	st := w.database()
	var org, group int64
	w.hub.Update(func(s *ghsim.State) { org, group = s.Org("acme").ID, s.Org("acme").Group("platform").ID })
	return func() time.Time {
		p, err := st.Poll(w.t.Context(), org, group)
		require.NoError(w.t, err)
		return p.At
	}
}

// TestRunnerGoesOffline is the life of a finding with the default times: a runner that is
// offline for 16 minutes is a finding, in the metrics and in an issue that mentions the team
// once. When it is back the issue is closed an hour later, and it is opened again if the
// runner is offline again.
func TestRunnerGoesOffline(t *testing.T) {
	t.Parallel()
	metrics := freeAddress(t)
	w := newWorld(t, acme(), "ALERTS_ISSUES=true", "FLEET_POLL_INTERVAL=1m", "SERVER_METRICS_ADDRESS="+metrics)
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/token-register?team=platform")
	w.addRunner("build-1", "online")
	w.addRunner("build-2", "online")
	warnings := func(n string) {
		t.Helper()
		line := `arm_findings{org="acme",severity="warning",team="platform"} ` + n
		require.Eventually(t, func() bool {
			w.advance(5 * time.Second) // scrapes are answered from memory for a moment
			return strings.Contains(strings.Join(fleetSeries(t, metrics), "\n"), line)
		}, eventually, 10*tick, line)
	}
	mentioned := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool { _, comments := w.alertIssues(); return len(comments) == n }, eventually, tick)
	}
	lastPoll := w.lastPoll()
	pass := func(minutes int) { // or a little more, with a poll in each
		t.Helper()
		for range minutes {
			before := lastPoll()
			w.advance(time.Minute)
			require.Eventually(t, func() bool {
				w.advance(time.Second) // the poll before may have ended only now
				return lastPoll().After(before)
			}, eventually, 5*tick)
		}
	}
	set := func(status string) {
		w.hub.SetRunner("acme", "build-1", func(r *ghsim.Runner) { r.Status = status })
	}
	pass(2)
	set("offline")
	pass(10)
	issues, _ := w.alertIssues()
	assert.Empty(t, issues)
	assert.Empty(t, w.findings())
	pass(8)
	warnings("1")
	w.alertIs("open", "Runner `build-1` is offline")
	mentioned(1)

	set("online")
	pass(2)
	warnings("0")
	w.alertIs("open", "Nothing is wrong")
	w.advance(45 * time.Minute)
	pass(1)
	issues, _ = w.alertIssues()
	assert.Equal(t, "open", issues[0].State)
	w.advance(15 * time.Minute)
	w.alertIs("closed", "Nothing is wrong")

	set("offline")
	pass(19)
	w.alertIs("open", "Runner `build-1` is offline")
	mentioned(2)
	_, comments := w.alertIssues()
	for _, comment := range comments {
		assert.Equal(t, 1, strings.Count(comment, "@acme/platform"))
	}
}
