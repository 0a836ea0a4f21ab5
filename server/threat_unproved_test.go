package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// charged counts the calls to GitHub that a caller causes, as a watcher of the world:
// who the token's owner is, what the server asks for itself, reactions and replies do not
// count.
func (w *world) charged() func() int {
	var mu sync.Mutex
	n := 0
	w.watch(func(e ghsim.Exchange) {
		path := e.Request.URL.Path
		if strings.HasPrefix(path, "/app") || path == "/rate_limit" || path == "/user" || strings.Contains(path, "/access_tokens") || strings.Contains(path, "/comments") || strings.HasSuffix(path, "/installation") || asksForItself(path) {
			return
		}
		mu.Lock()
		n++
		mu.Unlock()
	})
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		was := n
		n = 0
		return was
	}
}

// A caller without the right costs at most four calls to GitHub, and none for a minute
// after, whatever they send.
func TestThreatUnprovedCallerIsCheap(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	charged := w.charged()
	names := make([]string, 20)
	for i := range names {
		names[i] = fmt.Sprintf("r%d", i)
	}
	adds := "PATCH /api/v1/repos-add?team=platform&repos=" + strings.Join(names, ",")

	// Somebody outside is refused for every team once they were refused for one.
	a := w.refused(http.StatusForbidden, "not_maintainer", "ghp_eve", adds)
	assert.LessOrEqual(t, charged(), 4)
	assert.Contains(t, a.Error, "Checked at ")
	for _, request := range []string{adds, "PATCH /api/v1/repos-add?team=web&repos=web", "GET /api/v1/group-list?team=secret", "POST /api/v1/group-create?team=new"} {
		w.refused(http.StatusForbidden, "not_maintainer", "ghp_eve", request)
	}
	w.refused(http.StatusForbidden, "not_member", "ghp_eve", "GET /api/v1/whoami")
	assert.Zero(t, charged(), "none for a minute")
	w.advance(61 * time.Second)
	w.refused(http.StatusForbidden, "not_maintainer", "ghp_eve", adds)
	assert.LessOrEqual(t, charged(), 4)

	// A member is refused for that team only.
	w.refused(http.StatusForbidden, "not_maintainer", "ghp_bob", adds)
	assert.LessOrEqual(t, charged(), 4)
	w.refused(http.StatusForbidden, "not_maintainer", "ghp_bob", adds)
	w.say("bob", 2, "/runner-group repos-add api --team platform")
	assert.Zero(t, charged(), "on any channel")
	w.ok("ghp_bob", "POST /api/v1/group-create?team=others")
	charged()

	// Names that nobody has a group for cost next to nothing.
	unknown := make([]string, 100)
	for i := range unknown {
		unknown[i] = fmt.Sprintf("unknown-%d", i)
	}
	w.ok("ghp_kim", "GET /api/v1/whoami?team="+strings.Join(unknown, ","))
	assert.LessOrEqual(t, charged(), 4)
	w.refused(http.StatusForbidden, "owner_only", "ghp_bob", "POST /api/v1/group-adopt?team=web&group=legacy")
	assert.LessOrEqual(t, charged(), 4)
	w.refused(http.StatusForbidden, "owner_only", "ghp_bob", "PATCH /api/v1/group-release?team=platform")
	assert.Zero(t, charged())
}

// The same is asked for a secret team as for one that does not exist, side by side as
// well, so that the time of a refusal tells nothing.
func TestThreatSecretTeamTakesAsLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_olga", "POST /api/v1/group-create?team=secret")
	asked := func(team string) (routes map[string]int) {
		routes = map[string]int{}
		var mu sync.Mutex
		w.watch(func(e ghsim.Exchange) {
			mu.Lock()
			defer mu.Unlock()
			if !strings.HasPrefix(e.Route, "/app") && !asksForItself(e.Request.URL.Path) {
				routes[e.Route]++
			}
		})
		w.refused(http.StatusForbidden, "not_maintainer", "ghp_kim", "GET /api/v1/group-list?team="+team)
		return routes
	}
	w.ok("ghp_kim", "GET /api/v1/whoami")
	assert.Equal(t, asked("missing"), asked("secret"))
}

// repo-runners asks the same about a repository that the caller may not write to as about one
// that does not exist, one after the other, and answers the same.
func TestThreatRepoRunnersTakesAsLong(t *testing.T) {
	t.Parallel()
	sc := acme()
	sc.Organizations[0].BasePermission = "none"
	sc.Organizations[0].Repositories = append(sc.Organizations[0].Repositories, ghsim.RepoSpec{Name: "hidden"})
	w := newWorld(t, sc)
	w.state(func(org *ghsim.Org, _ *ghsim.State) { org.Repo("foreign").Rename("moved") })
	w.refused(http.StatusForbidden, "repo_not_permitted", "ghp_kim", "GET /api/v1/repo-runners?repo=warm")
	w.hub.SetLatency(latency)
	asked := func(repo string) string {
		w.hub.ResetCalls()
		a := w.refused(http.StatusForbidden, "repo_not_permitted", "ghp_kim", "GET /api/v1/repo-runners?labels=gpu&repo="+repo)
		var calls []ghsim.Call
		text, _, _ := strings.Cut(a.Error, " Checked at ")
		for _, c := range w.hub.Calls() {
			if c.Auth == "installation" && !asksForItself(c.Path) {
				calls = append(calls, c)
				text += "\n" + c.String()
			}
		}
		return fmt.Sprint(strings.ReplaceAll(text, repo, "REPO"), ghsim.Sequence(calls))
	}
	missing := asked("missing")
	for _, repo := range []string{"hidden", "foreign", "moved", "runner-admin"} {
		assert.Equal(t, missing, asked(repo), repo)
	}
}

// Refusals of one caller are counted for each team, command and reason, so that tries at
// one team do not hide those at another, and an outsider's text is not kept.
func TestThreatAuditHidesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	w.refused(http.StatusForbidden, "not_maintainer", "ghp_eve", "GET /api/v1/group-list?team=web")
	for range 30 {
		w.refused(http.StatusForbidden, "not_maintainer", "ghp_eve", "PATCH /api/v1/repos-add?team=platform&repos=chatter")
	}
	w.refused(http.StatusBadRequest, "invalid_argument", "ghp_eve", "PATCH /api/v1/repos-add?team=platform&repos=a/../"+strings.Repeat("b", 900))
	for range 1100 {
		w.refused(http.StatusForbidden, "not_maintainer", "ghp_bob", "PATCH /api/v1/repos-add?team=platform&repos=api")
	}
	tries, rows := 0.0, 0
	for _, e := range w.ok("ghp_ada", "GET /api/v1/audit-list?team=platform&limit=1000").Response["entries"].([]any) {
		entry := e.(map[string]any)
		switch entry["caller"] {
		case "eve":
			assert.Empty(t, entry["arguments"], "what an outsider wrote is not kept")
			if entry["reason"] == "not_maintainer" {
				tries += entry["count"].(float64)
			}
		case "bob":
			rows++
		}
	}
	assert.EqualValues(t, 30, tries)
	assert.LessOrEqual(t, rows, 3, "a member's flood is a row a minute")
}
