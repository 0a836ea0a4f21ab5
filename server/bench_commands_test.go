//go:build unix

package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

const (
	benchTeams  = connections // each caller works for a team of its own
	benchRepos  = 500         // of each team
	sharedTeams = 8           // that several callers work for
)

// A timed command must do the same work each time it runs. It may depend on the previous
// one in the list, which then runs as often.
type timed struct {
	name    string
	request func(caller, n int) string // without the team; n counts the caller's runs
	runs    func(callers int, latency time.Duration) int
}

// timedCommands are in an order in which each has what it needs.
func timedCommands() []timed {
	const api = " /api/v1/"
	block := func(n, size int) string {
		names := make([]string, size)
		for i := range names {
			names[i] = fmt.Sprintf("r%d", (n*size+i)%benchRepos)
		}
		return strings.Join(names, ",")
	}
	constant := func(request string) func(int, int) string { return func(int, int) string { return request } }
	// So few that each caller's group stays below a hundred repositories.
	some := func(_ int, latency time.Duration) int {
		if latency > 0 {
			return 8
		}
		return 20
	}
	few := func(callers int, latency time.Duration) int {
		if callers > 1 && latency > 0 {
			return 1
		}
		return 6
	}
	// Two blocks by turns, so that all are cached after the first round.
	known := func(n int) string { return block(n%2, 20) }
	return []timed{
		{name: "group-create", request: constant("POST" + api + "group-create?"), runs: func(int, time.Duration) int { return 1 }},
		{name: "repos-add, 1 repo", request: func(_, n int) string { return "PATCH" + api + "repos-add?repos=" + block(n, 1) }, runs: some},
		{name: "repos-remove, 1 repo", request: func(_, n int) string { return "PATCH" + api + "repos-remove?repos=" + block(n, 1) }, runs: some},
		{name: "repos-add, 20 repos", request: func(_, n int) string { return "PATCH" + api + "repos-add?repos=" + known(n) }, runs: few},
		{name: "repos-set, 20 repos", request: func(_, n int) string { return "PATCH" + api + "repos-set?repos=" + known(n) }, runs: few},
		{name: "group-list", request: constant("GET" + api + "group-list?")},
		{name: "token-register", request: constant("POST" + api + "token-register?")},
		{name: "token-jit", request: func(caller, n int) string { return fmt.Sprintf("POST"+api+"token-jit?name=b%d-%d", caller, n) }},
		{name: "runners-remove, 1", request: func(caller, n int) string {
			return fmt.Sprintf("DELETE"+api+"runners-remove?runners=b%d-%d", caller, n)
		}},
		{name: "group-delete", request: constant("DELETE" + api + "group-delete?"), runs: func(int, time.Duration) int { return 1 }},
	}
}

// count is how often each caller runs the command.
func (c timed) count(callers int, latency time.Duration) int {
	switch {
	case c.runs != nil:
		return c.runs(callers, latency)
	case latency > 0:
		return 8
	case callers == 1:
		return 200
	}
	return 15
}

// commandScenario has a team for each caller, all of them with all repositories, in
// an organization with many groups.
func commandScenario(groups int) ghsim.Scenario {
	sc := bigAcme(groups, benchRepos)
	org := &sc.Organizations[0]
	for i := range benchTeams {
		login := fmt.Sprintf("user%d", i)
		sc.Users = append(sc.Users, ghsim.UserSpec{Login: login, Tokens: []ghsim.TokenSpec{{Value: "ghp_" + login}}})
		org.Teams = append(org.Teams, ghsim.TeamSpec{Name: fmt.Sprintf("team%d", i), Maintainers: []string{login}, Repositories: org.Teams[0].Repositories})
	}
	for i := range sharedTeams {
		team := ghsim.TeamSpec{Name: fmt.Sprintf("shared%d", i), Repositories: org.Teams[0].Repositories}
		for user := i; user < benchTeams; user += sharedTeams {
			team.Maintainers = append(team.Maintainers, fmt.Sprintf("user%d", user))
		}
		org.Teams = append(org.Teams, team)
	}
	return sc
}

// timings are of one command: by latency of GitHub and number of callers.
type timings struct {
	name                               string
	alone, crowd, aloneLate, crowdLate throughput
	calls                              int // to GitHub, for each run without latency
}

// A caller of commands, at one server and its GitHub.
type runner struct {
	hub    *benchHub
	p      *benched
	client *http.Client
}

func newRunner(b *testing.B, hub *benchHub, p *benched) *runner {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}, Timeout: time.Minute}
	b.Cleanup(client.CloseIdleConnections)
	return &runner{hub, p, client}
}

// run has each of the callers run the command n times. It also returns how many calls
// to GitHub each run made.
func (r *runner) run(b *testing.B, c timed, callers, n int) (throughput, int) {
	b.Helper()
	return r.runFor(b, c, callers, n, func(caller int) string { return fmt.Sprintf("team%d", caller) })
}

// share has the callers run the command n times each, four of them for each team.
func (r *runner) share(b *testing.B, c timed, n int) throughput {
	b.Helper()
	got, _ := r.runFor(b, c, connections, n, func(caller int) string { return fmt.Sprintf("shared%d", caller%sharedTeams) })
	return got
}

// contendedCommands are what several callers of one team run at once.
func contendedCommands() []timed {
	var some []timed
	for _, c := range timedCommands() {
		switch c.name {
		case "repos-add, 1 repo", "repos-add, 20 repos", "repos-set, 20 repos", "token-register":
			some = append(some, c)
		}
	}
	return some
}

// createShared creates the groups of the shared teams.
func (r *runner) createShared(b *testing.B) {
	b.Helper()
	for i := range sharedTeams {
		req, err := http.NewRequest(http.MethodPost, fmt.Sprintf("%s/api/v1/group-create?team=shared%d", r.p.url, i), nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", fmt.Sprintf("ghp_user%d", i))
		if err := done(r.client.Do(req)); err != nil {
			b.Fatal(err)
		}
	}
}

// runFor is run for the teams that team says.
func (r *runner) runFor(b *testing.B, c timed, callers, n int, team func(caller int) string) (throughput, int) {
	b.Helper()
	r.hub.ResetCalls()
	got := drive(b, r.p, callers, callers*n, func(i int) error {
		method, target, _ := strings.Cut(c.request(i%callers, i/callers), " ")
		at, err := url.Parse(r.p.url + target)
		if err != nil {
			return err
		}
		query := at.Query()
		query.Set("team", team(i%callers))
		at.RawQuery = query.Encode()
		req, err := http.NewRequest(method, at.String(), nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", fmt.Sprintf("ghp_user%d", i%callers))
		if err := done(r.client.Do(req)); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		return nil
	})
	return got, len(r.hub.Calls()) / (callers * n)
}

func timeCommands(b *testing.B, hub *benchHub, p *benched) []timings {
	b.Helper()
	r := newRunner(b, hub, p)
	all := make([]timings, len(timedCommands()))
	rounds := []struct {
		callers int
		latency time.Duration
		into    func(*timings) *throughput
	}{
		{connections, 0, nil}, // warms what a server keeps
		{1, 0, func(t *timings) *throughput { return &t.alone }},
		{connections, 0, func(t *timings) *throughput { return &t.crowd }},
		{1, 50 * time.Millisecond, func(t *timings) *throughput { return &t.aloneLate }},
		{connections, 50 * time.Millisecond, func(t *timings) *throughput { return &t.crowdLate }},
	}
	for _, round := range rounds {
		hub.SetLatency(round.latency)
		for i, c := range timedCommands() {
			got, calls := r.run(b, c, round.callers, c.count(round.callers, round.latency))
			all[i].name = c.name
			if round.into == nil {
				continue
			}
			*round.into(&all[i]) = got
			if round.callers == 1 && round.latency == 0 {
				all[i].calls = calls
			}
		}
	}
	hub.SetLatency(0)
	return all
}
