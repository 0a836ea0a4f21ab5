package server_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// alerting are the settings of a server that soon finds what is wrong and opens issues.
func alerting(more ...string) []string {
	return append([]string{"ALERTS_ISSUES=true", "FLEET_POLL_INTERVAL=1s", "ALERTS_OFFLINE_AFTER=1s"}, more...)
}

// addRunner puts a runner into the group platform.
func (w *world) addRunner(name, status string) {
	w.t.Helper()
	require.NoError(w.t, w.hub.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{{
		Login: "acme", RunnerGroups: []ghsim.GroupSpec{{Name: "platform", Runners: []ghsim.RunnerSpec{{Name: name, Status: status}}}},
	}}}))
}

// alertIssues returns copies of the issues about runner groups, with their comments.
func (w *world) alertIssues() (issues []ghsim.Issue, comments []string) {
	w.hub.Update(func(st *ghsim.State) {
		for _, i := range st.Org("acme").Repo("runner-admin").Issues {
			if !strings.HasPrefix(i.Title, "Runner group") {
				continue
			}
			issues = append(issues, *i)
			for _, c := range i.Comments {
				comments = append(comments, c.Body)
			}
		}
	})
	return issues, comments
}

// alertIs waits until there is one issue in that state whose body has the text.
func (w *world) alertIs(state, text string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		issues, _ := w.alertIssues()
		return len(issues) == 1 && issues[0].State == state && strings.Contains(issues[0].Body, text)
	}, 2*eventually, tick, "no issue that is %s and says %q", state, text)
}

// The issue of a team, from outside: opened with one mention, closed, reopened. Runners that
// are offline for too long are removed, and listed in it.
func TestAlertIssue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), alerting("POLICY_REMOVE_OFFLINE=1h")...)
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/token-register?team=platform")
	w.addRunner("build-1", "offline")
	w.addRunner("build-2", "online")
	w.alertIs("open", "Runner `build-1` is offline")
	mentioned := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool { _, comments := w.alertIssues(); return len(comments) == n }, eventually, tick)
	}
	mentioned(1)
	issues, comments := w.alertIssues()
	assert.Contains(t, comments[0], "@acme/platform: ")
	assert.Equal(t, []string{"team:platform", "runner-health"}, issues[0].Labels)

	// Its line works as it is, and it needs no team: the label names it.
	replies, reaction := w.say("ada", issues[0].Number, "/runner-group group-list")
	assert.Equal(t, "rocket", reaction)
	assert.Len(t, replies, 1)

	w.hub.SetRunner("acme", "build-1", func(r *ghsim.Runner) { r.Status = "online" })
	w.alertIs("open", "Nothing is wrong")
	w.advance(61 * time.Minute)
	w.alertIs("closed", "Nothing is wrong")

	w.hub.SetRunner("acme", "build-1", func(r *ghsim.Runner) { r.Status = "offline" })
	w.alertIs("open", "Runner `build-1` is offline")
	polled := func() int {
		n := 0
		for _, c := range w.hub.Calls() {
			if strings.HasSuffix(c.Path, "/runners") {
				n++
			}
		}
		return n
	}
	for range 6 { // in steps after which no poll was missed; the first poll may have begun before
		before := polled()
		w.advance(10*time.Minute + time.Second)
		require.Eventually(t, func() bool { return polled() > before+1 }, eventually, tick)
	}
	w.alertIs("open", "- `build-1`, offline since")
	w.hub.Update(func(st *ghsim.State) { assert.Nil(t, st.Org("acme").Runner("build-1")) })
	audit := w.ok("ghp_ada", "GET /api/v1/audit-list?team=platform&command=runners-remove")
	assert.Contains(t, audit.text, `"schedule"`)
}

// What others named mentions nobody, loads nothing, and is no command.
func TestThreatAlertNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), alerting()...)
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/token-register?team=platform")
	const hostile = "x`@acme/others <img src=https://evil.example/x> ```\n/runner-group group-delete --yes"
	w.addRunner("up", "online")
	w.addRunner(hostile, "offline")
	w.alertIs("open", "is offline")
	require.Eventually(t, func() bool { _, comments := w.alertIssues(); return len(comments) == 1 }, eventually, tick)
	issues, comments := w.alertIssues()
	assert.NotContains(t, comments[0], "@acme/others")
	assert.NotContains(t, comments[0], "<img")
	assert.NotContains(t, issues[0].Body, "\n/runner-group")
	before, _, _ := strings.Cut(issues[0].Body, "```")
	assert.NotContains(t, before, "@acme/others")
	assert.NotContains(t, before, "<img")
	w.ok("ghp_ada", "GET /api/v1/group-list?team=platform") // it still exists
}

// The issue names repositories, runners and teams, so only members of the admin repository
// may read it.
func TestThreatAlertReadable(t *testing.T) {
	t.Parallel()
	sc := acme()
	sc.Organizations[0].Repositories[6].Visibility = "internal"
	w := newWorld(t, sc, alerting()...)
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.addRunner("build-1", "offline")
	require.Eventually(t, func() bool { return w.log.contains("the admin repository is not private") }, eventually, tick)
	issues, _ := w.alertIssues()
	assert.Empty(t, issues)
}

// Two servers keep one issue.
func TestAlertReplicas(t *testing.T) {
	t.Parallel()
	w := newReplicas(t, acme(), alerting()...)
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/token-register?team=platform")
	w.addRunner("build-1", "offline")
	w.alertIs("open", "build-1")
	require.Eventually(t, func() bool { _, comments := w.alertIssues(); return len(comments) > 0 }, eventually, tick)
	for _, state := range []string{"online", "offline", "online"} {
		w.hub.SetRunner("acme", "build-1", func(r *ghsim.Runner) { r.Status = state })
		w.alertIs("open", map[string]string{"online": "Nothing is wrong", "offline": "build-1"}[state])
	}
	_, comments := w.alertIssues()
	assert.Len(t, comments, 1)
}

// A server that is killed while it creates the issue, and again while it mentions the team,
// leaves one issue with one comment.
func TestCrashAlert(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short")
	}
	t.Parallel()
	w := newCrashWorld(t, storetest.SQLite(t), acme(), alerting()...)
	p := w.run()
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/token-register?team=platform")
	killed := w.killWhen(p, isPost("/issues", "needs attention"))
	w.addRunner("build-1", "offline")
	w.gone(killed)
	p = w.run()
	killed = w.killWhen(p, isPost("/comments", "arm:mention"))
	w.gone(killed)
	w.run()
	var looked atomic.Bool
	look := func(e ghsim.Exchange) {
		if e.Request.Method == http.MethodGet && strings.HasSuffix(e.Request.URL.Path, "/comments") {
			looked.Store(true)
		}
	}
	w.onExchange.Store(&look)
	require.Eventually(t, looked.Load, 2*eventually, tick)
	w.hub.SetRunner("acme", "build-1", func(r *ghsim.Runner) { r.Status = "online" })
	w.alertIs("open", "Nothing is wrong")
	_, comments := w.alertIssues()
	assert.Len(t, comments, 1)
}

// A team is told before a trust ends: once for each of the two times, over restarts.
func TestAlertTrustEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), alerting()...)
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", trustWeb+"&for=30d")
	again := func(comments int) {
		t.Helper()
		require.NoError(t, w.stop())
		w.start()
		require.Eventually(t, func() bool {
			told := 0
			_, all := w.alertIssues()
			for _, c := range all {
				told += strings.Count(c, "Trust 1 ends soon: jobs of `acme/web` on `refs/heads/main` may use")
			}
			return told == comments
		}, 2*eventually, tick, "%d comments on the end of the trust", comments)
	}
	w.advance(17 * 24 * time.Hour)
	again(1)
	_, comments := w.alertIssues()
	assert.Contains(t, comments[0], "@acme/platform: ")
	assert.Contains(t, comments[0], "`/runner-group trust-add web --commands group-list,repos-add,token-jit --ref refs/heads/main --team platform`")
	w.advance(2 * time.Hour)
	again(1)
	w.advance(12*24*time.Hour + 12*time.Hour)
	again(2)
}
