package server_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// findings returns the kinds of the findings that count, as another process reads them.
func (w *world) findings() (kinds []string) {
	w.t.Helper()
	st, err := store.Open(w.t.Context(), store.Options{URL: w.env["DATABASE_URL"], Logger: zerolog.Nop()})
	require.NoError(w.t, err)
	defer st.Close()
	var org int64
	w.hub.Update(func(s *ghsim.State) { org = s.Org("acme").ID })
	list, err := st.Findings(w.t.Context(), org)
	require.NoError(w.t, err)
	kinds = []string{}
	for _, f := range list {
		if f.Counts() {
			kinds = append(kinds, f.Kind)
		}
	}
	return kinds
}

// awaitFindings waits until these findings count, and no others.
func (w *world) awaitFindings(want ...string) {
	w.t.Helper()
	var got []string
	if !assert.Eventually(w.t, func() bool {
		got = w.findings()
		return assert.ObjectsAreEqual(append([]string{}, want...), got)
	}, eventually, 100*time.Millisecond) {
		require.Equal(w.t, append([]string{}, want...), got)
	}
}

// Several servers on one database poll in turn: one polls, and if it stops another goes on.
func TestReplicasPoll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "FLEET_POLL_INTERVAL=1s", "DATABASE_URL="+storetest.Postgres(t))
	stopFirst := w.stop
	w.start()
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.hub.Update(org(func(o *ghsim.Org) { o.Group("platform").AllowsPublic = true }))
	w.awaitFindings("public_allowed")

	require.NoError(t, stopFirst())
	w.hub.Update(org(func(o *ghsim.Org) { o.Group("platform").Name = "renamed" }))
	w.awaitFindings("group_renamed", "public_allowed")
	w.ok("ghp_olga", "POST /api/v1/group-accept?team=platform")
	w.awaitFindings()
}

// A finding outlasts a restart, and what commands do beside the polls is none.
func TestFindingsOutlastRestarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "FLEET_POLL_INTERVAL=1s")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.hub.Update(org(func(o *ghsim.Org) { o.Group("platform").Repos = []int64{o.Repo("site").ID} }))
	w.awaitFindings("repo_attached_outside", "repo_public")
	require.NoError(t, w.stop())
	w.start()
	for range 5 {
		w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api,web")
		w.ok("ghp_ada", "PATCH /api/v1/repos-remove?team=platform&repos=api")
	}
	w.awaitFindings("repo_attached_outside", "repo_public")
	w.ok("ghp_ada", "PATCH /api/v1/repos-remove?team=platform&repos=site")
	w.awaitFindings()
}

// TestRemedies causes what a line can end, and ends it by the lines that group-check gives.
func TestRemedies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api,web,inner")
	w.hub.Update(org(func(o *ghsim.Org) {
		g := o.Group("platform")
		g.Repos = []int64{o.Repo("api").ID, o.Repo("web").ID, o.Repo("site").ID, o.Repo("docs").ID}
		g.RestrictedToWorkflows, g.SelectedWorkflows = true, []string{"acme/api/.github/workflows/ci.yml@refs/heads/main"}
		o.Repo("web").Archived = true
		o.Team("platform").Permissions[o.Repo("api").ID] = "push"
	}))
	w.add(ghsim.OrgSpec{RunnerGroups: []ghsim.GroupSpec{{Name: "platform", Runners: []ghsim.RunnerSpec{{Name: "stranger"}}}}})
	type finding struct{ Kind, Remedy string }
	check := func() (found []finding) {
		a := w.ok("ghp_ada", "GET /api/v1/group-check?team=platform")
		var answer struct{ Response struct{ Findings []finding } }
		require.NoError(t, json.Unmarshal([]byte(a.text), &answer))
		return answer.Response.Findings
	}
	found := check()
	kinds := map[string]bool{}
	for _, f := range found {
		kinds[f.Kind] = true
	}
	for _, kind := range []string{
		"repo_public", "runner_unexpected", "repo_attached_outside", "repo_permission_lost", "workflows_changed", "repo_archived", "repo_detached_outside",
	} {
		assert.True(t, kinds[kind], kind)
	}
	for _, f := range found {
		require.True(t, strings.HasPrefix(f.Remedy, "/runner-group "), "%s: %s", f.Kind, f.Remedy)
		id, err := w.hub.Comment("acme", "runner-admin", 2, "ada", f.Remedy)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return w.finished(id) }, eventually, tick, f.Remedy)
		d, _ := w.delivery(id)
		assert.Equal(t, "done", w.reasonOf(d.GUID), f.Remedy)
	}
	assert.Empty(t, check())
}
