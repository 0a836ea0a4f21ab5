package server_test

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A cost is what a command needs of GitHub: calls, those charged against the rate
// limit (a 304 is not), and the longest chain of calls that wait for one another. early are
// the paths that were asked before the caller's right was proved, but for what proves it.
type cost struct {
	calls, charged, sequence int
	early                    []string
}

// holds reports whether a measured cost is within this one.
func (c cost) holds(other cost) bool {
	return other.calls > 0 && other.calls <= c.calls && other.charged <= c.charged && other.sequence <= c.sequence
}

// A costed command is run cold (a server that has just started) and warm (token seen
// and answers cached a moment ago). undo brings the group back for the next run.
type costed struct {
	name       string
	request    string
	undo       string
	cold, warm cost // budgets: in a cold run all calls are charged
	needsGroup bool
	needsRepos int
	runner     string // that the group needs
	job        bool   // of a workflow that the team trusts, with a token of its own
	login      string // of the caller; ada if empty
	// asks is a request of kim that is made before each run. NUMBER in request is its number.
	asks string
}

func someRepos(n int) string {
	names := ""
	for i := range n {
		names += fmt.Sprintf(",r%d", i)
	}
	return names[1:]
}

// costs are the budgets: calls and calls in sequence cold; charged and in sequence warm. A
// cold caller is proved before repositories are asked about, which is one call in sequence.
// repos-add lists what is attached, to say what it added; a list that changed is charged.
// From five repositories on it is listed once the command has the group, and set at once.
// token-register asks for the runner's newest release beside the token, once an hour.
// repo-runners reads the runners of each group that serves the repository (there are four),
// and for those without any also the hosted ones.
// A workflow costs what a person does, without GET /user: the team's permission on its own
// repository is asked in place of the membership.
// group-create asks for the first page of the organization's groups before it creates one: what
// existed before must never be taken for what it creates, also after a crash.
func costs() []costed {
	return []costed{
		{name: "group-list", request: "GET /api/v1/group-list?team=platform", cold: cost{calls: 6, charged: 6, sequence: 3}, warm: cost{calls: 6, charged: 0, sequence: 2}, needsGroup: true, needsRepos: 90},
		{name: "repos-add, 1 repo", request: "PATCH /api/v1/repos-add?team=platform&repos=r0", undo: "PATCH /api/v1/repos-remove?team=platform&repos=r0", cold: cost{calls: 6, charged: 6, sequence: 4}, warm: cost{calls: 6, charged: 2, sequence: 2}, needsGroup: true},
		{name: "repos-add, 1 repo, by a workflow", job: true, request: "PATCH /api/v1/repos-add?team=platform&repos=r0", undo: "PATCH /api/v1/repos-remove?team=platform&repos=r0", cold: cost{calls: 5, charged: 5, sequence: 3}, warm: cost{calls: 6, charged: 2, sequence: 2}, needsGroup: true},
		{name: "token-jit, by a workflow", job: true, request: "POST /api/v1/token-jit?team=platform&name=b1", undo: "DELETE /api/v1/runners-remove?team=platform&runners=b1", cold: cost{calls: 3, charged: 3, sequence: 2}, warm: cost{calls: 4, charged: 1, sequence: 2}, needsGroup: true},
		{name: "repos-add, 20 repos", request: "PATCH /api/v1/repos-add?team=platform&repos=" + someRepos(20), undo: "PATCH /api/v1/repos-remove?team=platform&repos=" + someRepos(20), cold: cost{calls: 25, charged: 25, sequence: 5}, warm: cost{calls: 25, charged: 2, sequence: 3}, needsGroup: true},
		{name: "repos-set, 20 repos", request: "PATCH /api/v1/repos-set?team=platform&repos=" + someRepos(20), undo: "PATCH /api/v1/repos-set?team=platform&repos=r30", cold: cost{calls: 25, charged: 25, sequence: 5}, warm: cost{calls: 25, charged: 2, sequence: 4}, needsGroup: true, needsRepos: 1},
		{name: "repos-remove, 1 repo", request: "PATCH /api/v1/repos-remove?team=platform&repos=r0", undo: "PATCH /api/v1/repos-add?team=platform&repos=r0", cold: cost{calls: 5, charged: 5, sequence: 4}, warm: cost{calls: 5, charged: 2, sequence: 3}, needsGroup: true, needsRepos: 5},
		{name: "repos-remove, 20 repos", request: "PATCH /api/v1/repos-remove?team=platform&repos=" + someRepos(20), undo: "PATCH /api/v1/repos-add?team=platform&repos=" + someRepos(20), cold: cost{calls: 5, charged: 5, sequence: 4}, warm: cost{calls: 5, charged: 2, sequence: 3}, needsGroup: true, needsRepos: 90},
		{name: "token-register", request: "POST /api/v1/token-register?team=platform", cold: cost{calls: 5, charged: 5, sequence: 3}, warm: cost{calls: 5, charged: 1, sequence: 2}, needsGroup: true},
		{name: "token-jit", request: "POST /api/v1/token-jit?team=platform&name=b1", undo: "DELETE /api/v1/runners-remove?team=platform&runners=b1", cold: cost{calls: 5, charged: 5, sequence: 3}, warm: cost{calls: 5, charged: 1, sequence: 2}, needsGroup: true},
		{name: "group-check", request: "GET /api/v1/group-check?team=platform", cold: cost{calls: 11, charged: 11, sequence: 4}, warm: cost{calls: 11, charged: 0, sequence: 3}, needsGroup: true, needsRepos: 4},
		{name: "group-accept", request: "POST /api/v1/group-accept?team=platform", cold: cost{calls: 11, charged: 11, sequence: 4}, warm: cost{calls: 11, charged: 0, sequence: 3}, needsGroup: true, needsRepos: 4},
		{name: "runners-list", request: "GET /api/v1/runners-list?team=platform", cold: cost{calls: 6, charged: 6, sequence: 3}, warm: cost{calls: 6, charged: 0, sequence: 2}, needsGroup: true, runner: "b1"},
		{name: "runners-label, 1 runner", request: "PATCH /api/v1/runners-label?team=platform&runners=b1&add=gpu", undo: "PATCH /api/v1/runners-label?team=platform&runners=b1&remove=gpu", cold: cost{calls: 5, charged: 5, sequence: 4}, warm: cost{calls: 5, charged: 2, sequence: 3}, needsGroup: true, runner: "b1"},
		{name: "repo-runners", request: "GET /api/v1/repo-runners?repo=r0&labels=linux", cold: cost{calls: 12, charged: 12, sequence: 6}, warm: cost{calls: 12, charged: 0, sequence: 5}, needsGroup: true, needsRepos: 1},
		{name: "group-create", request: "POST /api/v1/group-create?team=platform", undo: "DELETE /api/v1/group-delete?team=platform", cold: cost{calls: 5, charged: 5, sequence: 4}, warm: cost{calls: 5, charged: 1, sequence: 2}},
	}
}

// requestCosts are the budgets of the commands on requests: kim, who has admin permission on
// docs, asks for the use of the group of platform. Approving looks up the requester, each
// repository by its id and the requester's permission on it, and the group's list.
func requestCosts() []costed {
	const ask = "POST /api/v1/access-request?team=platform&repos=docs"
	return []costed{
		{name: "access-request", login: "kim", request: ask, cold: cost{calls: 5, charged: 5, sequence: 5}, warm: cost{calls: 5, charged: 0, sequence: 4}, needsGroup: true},
		{name: "requests-list", asks: ask, request: "GET /api/v1/requests-list", cold: cost{calls: 4, charged: 4, sequence: 4}, warm: cost{calls: 4, charged: 0, sequence: 3}, needsGroup: true},
		{name: "request-approve", asks: ask, request: "POST /api/v1/request-approve?id=NUMBER", undo: "PATCH /api/v1/repos-remove?team=platform&repos=docs", cold: cost{calls: 9, charged: 9, sequence: 8}, warm: cost{calls: 9, charged: 2, sequence: 7}, needsGroup: true},
		{name: "request-deny", asks: ask, request: "POST /api/v1/request-deny?id=NUMBER", cold: cost{calls: 4, charged: 4, sequence: 3}, warm: cost{calls: 4, charged: 0, sequence: 2}, needsGroup: true},
		{name: "request-withdraw", login: "kim", asks: ask, request: "POST /api/v1/request-withdraw?id=NUMBER", cold: cost{calls: 4, charged: 4, sequence: 3}, warm: cost{calls: 4, charged: 0, sequence: 2}, needsGroup: true},
	}
}

// bigAcme is acme with more groups and teams, and a team with more repositories.
func bigAcme(groups, repos int) ghsim.Scenario {
	sc := acme()
	org := &sc.Organizations[0]
	permissions := map[string]string{"web": "admin"}
	for i := range repos {
		name := fmt.Sprintf("r%d", i)
		org.Repositories = append(org.Repositories, ghsim.RepoSpec{Name: name})
		permissions[name] = "admin"
	}
	org.Teams[0].Repositories = permissions
	for i := range groups {
		org.Teams = append(org.Teams, ghsim.TeamSpec{Name: fmt.Sprintf("team-%d", i), Maintainers: []string{"ada"}})
		org.RunnerGroups = append(org.RunnerGroups, ghsim.GroupSpec{Name: fmt.Sprintf("group-%d", i)})
	}
	return sc
}

// prepare brings the group into the state that the command needs.
func (c costed) prepare(w *world) {
	if c.needsGroup {
		w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	}
	w.hub.Update(func(st *ghsim.State) {
		st.Org("acme").Repo("docs").Collaborators = map[int64]string{st.User("kim").ID: "admin"}
	})
	if c.job {
		w.ok("ghp_ada", "POST /api/v1/trust-add?team=platform&repo=web&ref=main&commands=repos-add,token-jit")
	}
	if c.runner != "" {
		w.runners("platform", c.runner)
	}
	if c.needsRepos > 0 {
		w.ok("ghp_ada", "PATCH /api/v1/repos-set", fmt.Sprintf(`{"team":"platform","repos":%q}`, someRepos(c.needsRepos)), "application/json")
	}
}

// ask makes the request that the command is about, and returns the command with its number.
func (c costed) ask(w *world) costed {
	if c.asks != "" {
		number, _ := w.call("ghp_kim", c.asks).Response["request"].(float64)
		c.request = strings.ReplaceAll(c.request, "NUMBER", fmt.Sprint(int(number)))
	}
	return c
}

// measure runs the command and returns what it cost.
func (c costed) measure(w *world) cost {
	token := "ghp_" + cmp.Or(c.login, "ada")
	if c.job {
		token = w.job()
	}
	w.hub.ResetCalls()
	a := w.call(token, c.request)
	require.Less(w.t, a.Code, 300, "%s: %s", c.request, a.text)
	var calls []ghsim.Call
	charged := 0
	for _, call := range w.hub.Calls() {
		if call.Path == "/app" || call.Auth == "jwt" || strings.HasPrefix(call.Path, issuer) || asksForItself(call.Path) {
			continue // the periodic looks at GitHub, and tokens: two an hour; the keys of jobs' tokens
		}
		calls = append(calls, call)
		if call.Charged {
			charged++
		}
	}
	return cost{len(calls), charged, ghsim.Sequence(calls), early(calls)}
}

// early returns the paths that were asked before GitHub said who maintains the team, or what
// the team may do in a workflow's repository, but for those that say it.
func early(calls []ghsim.Call) (paths []string) {
	proves := regexp.MustCompile(`^/user$|/teams/platform$|/teams/platform/(memberships/ada|repos/acme/web)$`)
	var proved time.Time
	for _, c := range calls {
		if proves.MatchString(c.Path) && c.End.After(proved) {
			proved = c.End
		}
	}
	for _, c := range calls {
		if !proves.MatchString(c.Path) && c.Start.Before(proved) {
			paths = append(paths, c.Path)
		}
	}
	return paths
}

// TestCosts holds every command to its budget of calls, in a small organization and
// in a large one: none grows with the number of groups, of teams or of the team's repositories.
func TestCosts(t *testing.T) {
	for _, size := range []struct{ groups, repos int }{{10, 100}, {1000, 500}} {
		for _, c := range slices.Concat(costs(), requestCosts()) {
			t.Run(fmt.Sprintf("%s, %d groups", c.name, size.groups), func(t *testing.T) {
				w := newWorld(t, bigAcme(size.groups, size.repos))
				c.prepare(w)
				var cold, warm cost
				// On a busy machine calls that are sent together may still not overlap, so
				// the best of a few runs counts.
				for try := 0; try < 3 && (!c.cold.holds(cold) || !c.warm.holds(warm)); try++ {
					if try > 0 && c.undo != "" {
						w.ok("ghp_ada", c.undo)
					}
					w.hub.SetLatency(0)
					asked := c.ask(w)
					require.NoError(t, w.stop())
					w.hub.ResetCalls()
					w.start() // caches are empty now
					w.warmTokens()
					w.hub.SetLatency(latency)
					cold = asked.measure(w)
					if c.undo != "" {
						w.ok("ghp_ada", c.undo)
					}
					warm = c.ask(w).measure(w)
				}
				assert.LessOrEqual(t, cold.calls, c.cold.calls, "calls, cold")
				assert.LessOrEqual(t, cold.sequence, c.cold.sequence, "in sequence, cold")
				if strings.Contains(c.request, "team=") && c.login == "" {
					assert.Empty(t, cold.early, "asked for a caller who was not proved yet")
				}
				assert.LessOrEqual(t, warm.charged, c.warm.charged, "charged, warm")
				assert.LessOrEqual(t, warm.sequence, c.warm.sequence, "in sequence, warm")
				t.Logf("%-22s cold %2d/%d  warm %2d charged/%d", c.name, cold.calls, cold.sequence, warm.charged, warm.sequence)
			})
		}
	}
}

// warmTokens waits until the server has its installation tokens.
func (w *world) warmTokens() {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		minted, newest := 0, false
		for _, c := range w.hub.Calls() {
			newest = newest || asksForItself(c.Path)
			if c.Method == http.MethodPost && c.Auth == "jwt" {
				minted++
			}
		}
		return minted >= 2 && newest
	}, eventually, tick)
}
