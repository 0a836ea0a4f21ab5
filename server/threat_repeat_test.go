package server_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// onEach runs the test with one server on SQLite, and with two replicas on PostgreSQL that
// get the requests in turns. The team platform has a group.
func onEach(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	onEachOf(t, acme, test)
}

// onEachOf is onEach in another organization.
func onEachOf(t *testing.T, scenario func() ghsim.Scenario, test func(t *testing.T, w *world)) {
	t.Helper()
	for name, start := range map[string]func(t *testing.T) *world{
		"sqlite":       func(t *testing.T) *world { return newWorld(t, scenario()) },
		"two replicas": func(t *testing.T) *world { return newReplicas(t, scenario()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
			test(t, w)
		})
	}
}

// answered waits for the last reaction to a comment and returns it with the reply.
func (w *world) answered(issue int, id int64, before int) (reply, reaction string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		reaction = w.reaction(issue, id)
		return reaction != ""
	}, 2*eventually, tick)
	for _, c := range w.hub.Comments("acme", "runner-admin", issue)[before:] {
		if c.Author.Type == "Bot" {
			reply += c.Body
		}
	}
	return reply, reaction
}

// comment writes a comment and does not wait for its answer.
func (w *world) comment(issue int, text string) (id int64, before int) {
	w.t.Helper()
	before = len(w.hub.Comments("acme", "runner-admin", issue))
	id, err := w.hub.Comment("acme", "runner-admin", issue, "ada", text)
	require.NoError(w.t, err)
	return id, before
}

// A repeated repos-set does not overwrite a newer one, also one that found its list set.
func TestThreatRepeatedSetOverNewer(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		for _, already := range []string{"inner", "web"} {
			w.ok("ghp_ada", "PATCH /api/v1/repos-set?team=platform&repos="+already)
			w.hub.Inject(ghsim.Fault{
				Method: http.MethodPut, Path: `/runner-groups/\d+/repositories$`, Status: 403,
				Header: http.Header{"Retry-After": {"2"}}, Body: `{"message":"You have exceeded a secondary rate limit."}`,
			})
			failed := strings.Count(w.log.String(), `"reason":"github_rate_limited"`)
			id, before := w.comment(1, "/runner-group repos-set api --yes")
			require.Eventually(t, func() bool { return strings.Count(w.log.String(), `"reason":"github_rate_limited"`) > failed }, eventually, tick)
			w.ok("ghp_ada", "PATCH /api/v1/repos-set?team=platform&repos=web")
			reply, reaction := w.answered(1, id, before)
			assert.Equal(t, "confused", reaction)
			assert.Contains(t, reply, "· `superseded`")
			assert.Equal(t, []string{"web"}, w.repos("platform"))
		}
	})
}

// A repeated repos-add yields only to newer commands on the same repositories.
func TestThreatRepeatedAddBesideNewer(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.hub.Inject(ghsim.Fault{
			Method: http.MethodPut, Path: `/repositories/\d+$`, Status: 403,
			Header: http.Header{"Retry-After": {"2"}}, Body: `{"message":"You have exceeded a secondary rate limit."}`,
		})
		id, before := w.comment(1, "/runner-group repos-add api")
		require.Eventually(t, func() bool { return strings.Contains(w.log.String(), "github_rate_limited") }, eventually, tick)
		w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=web")
		w.ok("ghp_ada", "GET /api/v1/group-list?team=platform") // reads supersede nothing
		reply, reaction := w.answered(1, id, before)
		assert.Equal(t, "rocket", reaction, reply)
		assert.ElementsMatch(t, []string{"api", "web"}, w.repos("platform"))
	})
}

// GitHub deletes the group, but answers 502. The team creates its group again. The repeated
// group-delete does not delete the new one.
func TestThreatRepeatedDeleteOfANewGroup(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		old := w.groupID("platform")
		w.hub.Inject(ghsim.Fault{Method: http.MethodDelete, Path: `/runner-groups/\d+$`, DropAfter: true})
		w.hub.Inject(ghsim.Fault{Method: http.MethodDelete, Path: `/runner-groups/\d+$`, Status: 502, Times: 2})
		w.hub.Inject(ghsim.Fault{Method: http.MethodGet, Path: `/runner-groups/\d+$`, Status: 502, Times: 3}) // so that it cannot look
		id, before := w.comment(1, "/runner-group group-delete --yes")
		require.Eventually(t, func() bool { return w.groupID("platform") == 0 }, eventually, tick)
		require.Eventually(t, func() bool {
			return w.call("ghp_ada", "POST /api/v1/group-create?team=platform").Code == http.StatusOK
		}, eventually, tick)
		created := w.groupID("platform")
		require.NotEqual(t, old, created)
		reply, reaction := w.answered(1, id, before)
		assert.Equal(t, "confused", reaction, reply)
		assert.Contains(t, reply, "`superseded`")
		assert.Equal(t, created, w.groupID("platform"), "the new group stays: %s", reply)
		w.ok("ghp_ada", "GET /api/v1/group-list?team=platform")
	})
}

// groupID returns the id of a group, or 0 if there is none.
func (w *world) groupID(name string) (id int64) {
	w.state(func(org *ghsim.Org, _ *ghsim.State) {
		if g := org.Group(name); g != nil {
			id = g.ID
		}
	})
	return id
}

// A repeated token-jit does not remove a runner that is older than its first attempt.
func TestThreatRepeatedJITRemovesNoOlderRunner(t *testing.T) {
	scenario := func() ghsim.Scenario { return withKey(acme(), "ada", newSSHKey(t)) }
	onEachOf(t, scenario, func(t *testing.T, w *world) {
		require.NoError(t, w.hub.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{{Login: "acme", RunnerGroups: []ghsim.GroupSpec{
			{Name: "platform", Runners: []ghsim.RunnerSpec{{Name: "build-1", Status: "offline"}}},
		}}}}))
		w.hub.Inject(ghsim.Fault{Method: http.MethodPost, Path: "generate-jitconfig$", Status: 502})
		id, before := w.comment(1, "/runner-group token-jit build-1")
		reply, reaction := w.answered(1, id, before)
		assert.Equal(t, "confused", reaction)
		assert.Contains(t, reply, "runner_exists")
		w.state(func(org *ghsim.Org, _ *ghsim.State) {
			assert.NotNil(t, org.Runner("build-1"), "the team's own older runner stays")
		})
	})
}

// A comment that was deleted or edited before its command ran, which was late, is not run.
func TestThreatCommentGoneBeforeItRan(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*ghsim.Issue, int64)
		says   string
	}{
		{"deleted", func(i *ghsim.Issue, id int64) {
			var kept []*ghsim.Comment
			for _, c := range i.Comments {
				if c.ID != id {
					kept = append(kept, c)
				}
			}
			i.Comments = kept
		}, ""},
		{"edited", func(i *ghsim.Issue, id int64) {
			for _, c := range i.Comments {
				if c.ID == id {
					c.Body = "Never mind."
				}
			}
		}, "was edited"},
		{"edited beside the command", func(i *ghsim.Issue, id int64) {
			for _, c := range i.Comments {
				if c.ID == id {
					c.Body += "\n\nNever mind."
				}
			}
		}, "was edited"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, w *world) {
				w.hub.Inject(ghsim.Fault{Method: http.MethodGet, Path: "/teams/platform$", Status: 502, Times: 3}) // a short outage
				id, before := w.comment(1, "/runner-group repos-add api")
				require.Eventually(t, func() bool { return strings.Contains(w.log.String(), "delivery failed") }, eventually, tick)
				w.state(func(org *ghsim.Org, _ *ghsim.State) { tt.change(org.Repo("runner-admin").Issue(1), id) })
				if tt.says != "" {
					reply, reaction := w.answered(1, id, before)
					assert.Equal(t, "confused", reaction)
					assert.Contains(t, reply, tt.says)
				} else {
					require.Eventually(t, func() bool { return strings.Contains(w.log.String(), `"reason":"policy"`) }, eventually, tick)
				}
				assert.Empty(t, w.repos("platform"))
			})
		})
	}
}

// A read that began before group-release does not write the record back.
func TestThreatReadRestoresNoOwnership(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.state(func(org *ghsim.Org, _ *ghsim.State) { org.Group("platform").Name = "renamed" })
		var once sync.Once
		w.watch(func(e ghsim.Exchange) {
			if e.Request.Method == http.MethodGet && strings.HasSuffix(e.Request.URL.Path, "/runners") {
				once.Do(func() { w.ok("ghp_olga", "PATCH /api/v1/group-release?team=platform") })
			}
		})
		w.call("ghp_ada", "GET /api/v1/group-list?team=platform")
		w.watch(func(ghsim.Exchange) {})
		w.refused(http.StatusNotFound, "group_not_found", "ghp_ada", "POST /api/v1/token-jit?team=platform&name=x")
		w.refused(http.StatusNotFound, "group_not_found", "ghp_olga", "PATCH /api/v1/group-release?team=platform")
	})
}

// Rights are as of the change: who loses them while waiting for the lease gets nothing.
func TestThreatDemotedWhileWaiting(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.hub.Inject(ghsim.Fault{Method: http.MethodPut, Path: `/repositories$`, Delay: 2500 * time.Millisecond})
		var listed, proved atomic.Int64
		w.watch(func(e ghsim.Exchange) {
			switch {
			case strings.HasSuffix(e.Request.URL.Path, "/repositories"):
				listed.Add(1) // by repos-set, which has the lease
			case strings.HasSuffix(e.Request.URL.Path, "/teams/platform/memberships/ada"):
				proved.Add(1)
			}
		})
		var all sync.WaitGroup
		all.Go(func() { w.call("ghp_ada", "PATCH /api/v1/repos-set?team=platform&repos=web") })
		require.Eventually(t, func() bool { return listed.Load() > 0 }, eventually, tick)
		before := proved.Load()
		all.Go(func() {
			w.refused(http.StatusForbidden, "not_maintainer", "ghp_ada", "POST /api/v1/token-jit?team=platform&name=late")
		})
		require.Eventually(t, func() bool { return proved.Load() > before }, eventually, tick)
		w.state(func(org *ghsim.Org, _ *ghsim.State) { org.Team("platform").Members[0].Role = "member" })
		all.Wait()
		w.state(func(org *ghsim.Org, _ *ghsim.State) { assert.Nil(t, org.Runner("late")) })
	})
}

// A limit to workflows that an owner set is the owners', unless they let the team change it.
func TestThreatWorkflowsOfTheOwner(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.ok("ghp_olga", "PATCH /api/v1/group-release?team=platform")
		const file = "acme/api/.github/workflows/ci.yml@refs/heads/main"
		limit := func() {
			w.state(func(org *ghsim.Org, _ *ghsim.State) {
				g := org.Group("legacy")
				g.RestrictedToWorkflows, g.SelectedWorkflows = true, []string{file}
			})
		}
		limit()
		w.ok("ghp_olga", "POST /api/v1/group-adopt?team=platform&group=legacy")
		w.refused(http.StatusForbidden, "owner_only", "ghp_ada", "PATCH /api/v1/workflows-set?team=platform&workflows=")
		w.ok("ghp_olga", "POST /api/v1/group-adopt?team=platform&group=legacy&workflows=team")
		w.ok("ghp_ada", "PATCH /api/v1/workflows-set?team=platform&workflows=")

		w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
		w.ok("ghp_ada", "PATCH /api/v1/workflows-set?team=web&workflows=acme/web/.github/workflows/ci.yml@refs/heads/main")
		w.ok("ghp_ada", "PATCH /api/v1/workflows-set?team=web&workflows=") // the team's own limit
		w.state(func(org *ghsim.Org, _ *ghsim.State) {
			g := org.Group("web")
			g.RestrictedToWorkflows, g.SelectedWorkflows = true, []string{file}
		})
		w.refused(http.StatusForbidden, "owner_only", "ghp_ada", "PATCH /api/v1/workflows-set?team=web&workflows=")
	})
}

// Ownership is not forgotten because GitHub says 404 for another reason.
func TestThreatNotFoundForAnotherReason(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.hub.Inject(ghsim.Fault{Path: "/actions/runner-groups", Status: http.StatusNotFound, Times: -1})
		a := w.call("ghp_ada", "DELETE /api/v1/group-delete?team=platform")
		assert.NotEqual(t, http.StatusOK, a.Code, a.text)
		w.hub.ClearFaults()
		require.Eventually(t, func() bool { // a read of the refused command, still under way, may answer this one too
			return w.call("ghp_ada", "GET /api/v1/group-list?team=platform").Code == http.StatusOK
		}, eventually, 50*time.Millisecond)
	})
}

// A group that existed before group-create was sent is never taken for the one it made.
func TestThreatClaimOfAnOlderGroup(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.state(func(org *ghsim.Org, _ *ghsim.State) { org.Team("web").Permissions = nil })
		require.NoError(t, w.hub.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{{Login: "acme", RunnerGroups: []ghsim.GroupSpec{{Name: "web"}}}}}))
		w.hub.Inject(ghsim.Fault{Method: http.MethodPost, Path: `/actions/runner-groups$`, Drop: true, Times: 2})
		w.call("ghp_ada", "POST /api/v1/group-create?team=web")
		w.call("ghp_ada", "POST /api/v1/group-create?team=web")
		w.refused(http.StatusNotFound, "group_not_found", "ghp_ada", "GET /api/v1/group-list?team=web")
		w.refused(http.StatusConflict, "group_exists", "ghp_ada", "POST /api/v1/group-create?team=web")
	})
}
