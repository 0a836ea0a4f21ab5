package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// requestState returns the state of the request, as the requester sees it.
func (w *world) requestState(number int) string {
	w.t.Helper()
	for _, r := range w.ok("ghp_kim", "GET /api/v1/requests-list").Response["requests"].([]any) {
		if r := r.(map[string]any); int(r["id"].(float64)) == number {
			return r["state"].(string)
		}
	}
	return "none"
}

// What changed between a request and its approval counts as of the approval.
func TestThreatRequestChanged(t *testing.T) {
	t.Parallel()
	const approve = "POST /api/v1/request-approve?id=1"
	collaborate := func(w *world, permission string) {
		w.hub.Update(func(st *ghsim.State) {
			st.Org("acme").Repo("docs").Collaborators = map[int64]string{st.User("kim").ID: permission}
		})
	}
	role := func(w *world, login, role string) {
		w.hub.Update(func(st *ghsim.State) {
			for _, m := range st.Org("acme").Team("platform").Members {
				if m.User.Login == login {
					m.Role = role
				}
			}
		})
	}
	for _, tt := range []struct {
		name   string
		change func(*world)
		token  string // of who approves; ada's if empty
		status int
		reason string
		state  string
	}{
		{"the requester lost admin", func(w *world) { collaborate(w, "push") }, "", 403, "repo_not_permitted", "failed"},
		{"the repository was deleted and created again", func(w *world) {
			w.hub.Update(func(st *ghsim.State) { st.Org("acme").Repo("docs").ID = 99_999 })
			collaborate(w, "admin")
		}, "", 403, "repo_not_permitted", "failed"},
		{"the repository was renamed, and another has its name", func(w *world) {
			w.hub.Update(func(st *ghsim.State) {
				st.Org("acme").Repo("docs").Name = "old-docs"
				st.Org("acme").Repo("foreign").Name = "docs"
			})
		}, "", 200, "", "approved"},
		{"the approver is the requester", func(w *world) { role(w, "kim", "maintainer") }, "ghp_kim", 403, "policy", "pending"},
		{"the approver was demoted", func(w *world) { role(w, "ada", "member") }, "", 404, "request_not_found", "pending"},
		{"the group changed hands", func(w *world) {
			w.ok("ghp_olga", "PATCH /api/v1/group-release?team=platform")
			w.ok("ghp_olga", "POST /api/v1/group-adopt?team=others&group=platform")
		}, "", 404, "group_not_found", "failed"},
		{"the group changed hands, and its new team approves", func(w *world) {
			w.ok("ghp_olga", "PATCH /api/v1/group-release?team=platform")
			w.ok("ghp_olga", "POST /api/v1/group-adopt?team=others&group=platform")
		}, "ghp_bob", 404, "request_not_found", "pending"},
		{"a job of a workflow", func(*world) {}, "job", 403, "not_trusted", "pending"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := asking(t)
			w.hub.Update(func(st *ghsim.State) { // so that a role can change
				team := st.Org("acme").Team("platform")
				team.Members = append(team.Members, &ghsim.TeamMember{User: st.User("kim"), Role: "member", State: "active"})
			})
			w.call("ghp_kim", "POST /api/v1/access-request?team=platform&repos=docs&for=2h")
			require.Equal(t, "pending", w.requestState(1))
			w.ok("ghp_ada", "GET /api/v1/requests-list") // what was proved then does not count
			tt.change(w)
			token := tt.token
			switch token {
			case "":
				token = "ghp_ada"
			case "job":
				token = w.job()
			}
			a := w.call(token, approve)
			assert.Equal(t, fmt.Sprint(tt.status, " ", tt.reason), fmt.Sprint(a.Code, " ", a.Reason), a.text)
			assert.Equal(t, tt.state, w.requestState(1))
			if tt.state != "approved" {
				assert.Empty(t, w.repos("platform"))
				return
			}
			assert.Equal(t, []string{"old-docs"}, w.repos("platform"), "the repository that was requested")
		})
	}
}

// Only a new comment decides: neither a reaction, nor an edit of the comment that requested, nor
// of another one. What was requested stays as it was.
func TestThreatRequestEdited(t *testing.T) {
	t.Parallel()
	w := asking(t)
	w.hub.Update(func(st *ghsim.State) {
		st.Org("acme").Repo("foreign").Collaborators = map[int64]string{st.User("kim").ID: "admin"}
	})
	old, err := w.hub.Comment("acme", "runner-admin", 1, "ada", "Good morning")
	require.NoError(t, err)
	id, err := w.hub.Comment("acme", "runner-admin", 2, "kim", "/runner-group access-request docs --team platform --for 2h")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return w.reaction(2, id) != "" }, eventually, tick)

	w.hub.Update(func(st *ghsim.State) {
		for _, issue := range st.Org("acme").Repo("runner-admin").Issues {
			for _, c := range issue.Comments {
				for i, content := range []string{"+1", "rocket", "hooray"} {
					c.Reactions = append(c.Reactions, &ghsim.Reaction{ID: int64(900 + i), User: st.User("ada"), Content: content})
				}
			}
		}
	})
	require.NoError(t, w.hub.Edit("acme", "runner-admin", 2, id, "kim", "/runner-group access-request foreign --team platform"))
	require.NoError(t, w.hub.Edit("acme", "runner-admin", 1, old, "ada", "/runner-group request-approve 1"))
	require.NoError(t, w.hub.Wait(t.Context()))
	require.Eventually(t, func() bool {
		n := 0
		for _, issue := range []int{1, 2} {
			for _, c := range w.hub.Comments("acme", "runner-admin", issue) {
				if strings.Contains(c.Body, "Edits are not run") {
					n++
				}
			}
		}
		return n == 2
	}, eventually, tick)
	assert.Equal(t, "pending", w.requestState(1))
	assert.Equal(t, "none", w.requestState(2))
	assert.Empty(t, w.repos("platform"))
	_, reaction := w.say("ada", 1, "/runner-group request-approve 1")
	assert.Equal(t, "rocket", reaction)
	assert.Equal(t, []string{"docs"}, w.repos("platform"))
}

// A secret team that owns a group is like one that does not exist, to all who are not in it.
func TestThreatRequestOfSecretTeam(t *testing.T) {
	t.Parallel()
	w := asking(t)
	w.ok("ghp_olga", "POST /api/v1/group-create?team=secret")
	var rest, comments []string
	for _, team := range []string{"secret", "nobody", "others"} {
		var calls []string
		w.hub.ResetCalls()
		a := w.refused(http.StatusNotFound, "group_not_found", "ghp_kim", "POST /api/v1/access-request?repos=docs&team="+team)
		for _, call := range w.hub.Calls() {
			if call.Auth == "installation" && !asksForItself(call.Path) {
				calls = append(calls, call.Method+" "+call.Path)
			}
		}
		rest = append(rest, strings.ReplaceAll(a.Error+strings.Join(calls, "\n"), team, "TEAM"))
		replies, _ := w.say("kim", 2, "/runner-group access-request docs --team "+team)
		require.Len(t, replies, 1)
		text, _, _ := strings.Cut(replies[0], "<sub>")
		comments = append(comments, strings.ReplaceAll(text, team, "TEAM"))
	}
	for i := range rest {
		assert.Equal(t, rest[0], rest[i])
		assert.Equal(t, comments[0], comments[i])
	}
}

// Two people decide at the same moment on two replicas, and a request expires while it is
// approved: one wins, and the other learns so.
func TestReplicasDecideOnce(t *testing.T) {
	t.Parallel()
	w := newReplicas(t, acme())
	w.hub.Update(func(st *ghsim.State) {
		st.Org("acme").Repo("docs").Collaborators = map[int64]string{st.User("kim").ID: "admin"}
		for _, m := range st.Org("acme").Team("platform").Members {
			if m.User.Login == "bob" {
				m.Role = "maintainer"
			}
		}
	})
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	for i, round := range [][2]string{{"approve", "deny"}, {"approve", "approve"}, {"deny", "deny"}, {"deny", "approve"}, {"approve", "withdraw"}, {"approve", "expire"}, {"deny", "expire"}} {
		number := i + 1
		_, reaction := w.say("kim", 2, fmt.Sprintf("/runner-group access-request docs --team platform --for %dh", number))
		require.Equal(t, "rocket", reaction)
		answers := make(chan answer, 2)
		for j, what := range round {
			token := []string{"ghp_ada", "ghp_bob"}[j]
			switch what {
			case "withdraw":
				token = "ghp_kim"
			case "expire":
				w.expire(number)
				answers <- answer{Reason: "request_decided"}
				continue
			}
			go func() { answers <- w.call(token, fmt.Sprintf("POST /api/v1/request-%s?id=%d", what, number)) }()
		}
		won := 0
		for range round {
			a := <-answers
			if a.Code == http.StatusOK {
				won++
				continue
			}
			assert.Equal(t, "request_decided", a.Reason, "%v: %s", round, a.text)
		}
		if round[1] != "expire" {
			assert.Equal(t, 1, won, "%v", round)
		}
		require.Eventually(t, func() bool { return w.told(2, fmt.Sprintf("**Request %d ", number)) == 1 }, eventually, 10*tick, "%v", round)
		state := w.requestState(number)
		assert.NotEqual(t, "pending", state, "%v", round)
		assert.Equal(t, state == "approved", len(w.repos("platform")) == 1, "%v: %s", round, state)
		assert.Equal(t, won == 0, state == "expired", "%v: %s", round, state)
		if state == "approved" {
			w.ok("ghp_ada", "PATCH /api/v1/repos-remove?team=platform&repos=docs")
		}
	}
	w.hub.ResetCalls()
	require.Eventually(t, func() bool { return w.told(2, "**Request ") == 7 }, eventually, 10*tick, "each is told once")
}

// expire ends the time of the request at this moment.
func (w *world) expire(number int) {
	w.t.Helper()
	cw := &crashWorld{world: w, database: w.env["DATABASE_URL"]}
	cw.freeDead(fmt.Sprintf(`UPDATE request SET expires_at = %d WHERE number = %d AND state = 'pending'`, time.Now().UnixMicro(), number))
}
