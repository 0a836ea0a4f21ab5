package ghsim_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

func TestTeams(t *testing.T) {
	s := newSim(t)
	token := s.token("")
	const platform = "/orgs/acme/teams/platform"
	memberships := map[string][2]any{
		"ada":  {"maintainer", "active"},
		"bob":  {"member", "active"},
		"olga": {"maintainer", "active"}, // an owner of the organization
		"cleo": {"member", "active"},     // maintains the child team
		"pete": {"maintainer", "pending"},
	}
	for login, want := range memberships {
		r := s.get(platform+"/memberships/"+login, token)
		assert.Equal(t, want, [2]any{r.get("role"), r.get("state")}, login)
	}
	assert.ElementsMatch(t, []string{"ada", "olga"}, s.get(platform+"/members?role=maintainer", token).names("login"))
	assert.ElementsMatch(t, []string{"bob", "cleo"}, s.get(platform+"/members?role=member", token).names("login"))
	assert.ElementsMatch(t, []string{"ada", "olga", "bob", "cleo"}, s.get(platform+"/members", token).names("login"))

	// A child team has what its parent has.
	repo := s.do(http.MethodGet, "/orgs/acme/teams/platform-core/repos/acme/web", token, "", "Accept", "application/vnd.github.v3.repository+json")
	assert.Equal(t, map[string]any{"pull": true, "triage": true, "push": true, "maintain": false, "admin": false}, repo.get("permissions"))
	assert.Equal(t, "write", repo.get("role_name"))
	assert.Equal(t, []string{"api", "web"}, s.get(platform+"/repos", token).names("name"))

	// A renamed team has another slug and the same id; a new team of the old name has another.
	before := s.get(platform, token).get("id")
	s.Update(func(st *ghsim.State) { st.Org("acme").Team("platform").Rename("Base Camp") })
	assert.Equal(t, http.StatusNotFound, s.get(platform, token).StatusCode)
	assert.Equal(t, before, s.get("/orgs/acme/teams/base-camp", token).get("id"))
	require.NoError(t, s.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{{Login: "acme", Teams: []ghsim.TeamSpec{{Name: "Platform"}}}}}))
	assert.NotEqual(t, before, s.get(platform, token).get("id"))

	s.Update(func(st *ghsim.State) { st.Org("acme").DeleteTeam("base-camp") })
	assert.Equal(t, http.StatusNotFound, s.get("/orgs/acme/teams/platform-core", token).StatusCode, "child teams go too")
}

// GitHub redirects from a repository's former place to its id, for those who may see it.
// A repository of that name takes precedence.
func TestRenamedRepository(t *testing.T) {
	s := newSim(t)
	token := s.token("")
	var id int64
	s.Update(func(st *ghsim.State) {
		id = st.Org("acme").Repo("api").ID
		st.Org("acme").Repo("api").Rename("core")
	})
	target := fmt.Sprint("/repositories/", id)
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(path, token string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.http.URL+path, nil)
		require.NoError(t, err)
		if token != "" {
			r.Header.Set("Authorization", "token "+token)
		}
		response, err := stay.Do(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response
	}
	moved := get("/repos/acme/API", token)
	assert.Equal(t, http.StatusMovedPermanently, moved.StatusCode)
	assert.Equal(t, s.http.URL+target, moved.Header.Get("Location"))
	assert.Equal(t, s.http.URL+target+"/issues/1", get("/repos/acme/api/issues/1", token).Header.Get("Location"))
	assert.Equal(t, http.StatusNotFound, get("/repos/acme/api", "").StatusCode)
	assert.Equal(t, http.StatusNotFound, get("/orgs/acme/teams/platform/repos/acme/api", token).StatusCode)
	assert.Equal(t, http.StatusNoContent, get("/orgs/acme/teams/platform/repos/acme/core", token).StatusCode)

	require.NoError(t, s.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{{Login: "acme", Repositories: []ghsim.RepoSpec{{Name: "api"}}}}}))
	assert.Equal(t, http.StatusOK, get("/repos/acme/api", token).StatusCode)

	s.Update(func(st *ghsim.State) { st.Org("acme").Repo("core").Transfer(st.Org("other")) })
	assert.Equal(t, http.StatusNotFound, get("/repos/acme/core", token).StatusCode, "the installation does not reach it any more")
	s.Update(func(st *ghsim.State) {
		assert.Nil(t, st.Org("acme").Repo("core"))
		assert.Equal(t, "other", st.Repo(id).Org.Login)
	})
}

func TestRunnerGroups(t *testing.T) {
	s := newSim(t)
	token := s.token("")
	const groups = "/orgs/acme/actions/runner-groups"
	assert.Equal(t, []string{"Default", "platform", "everywhere"}, s.get(groups, token).names("name", "runner_groups"))
	assert.Equal(t, []string{"Default", "platform", "everywhere"}, s.get(groups+"?visible_to_repository=api", token).names("name", "runner_groups"))
	assert.Equal(t, []string{"Default", "everywhere"}, s.get(groups+"?visible_to_repository=old", token).names("name", "runner_groups"))
	assert.Empty(t, s.get(groups+"?visible_to_repository=web", token).names("name", "runner_groups"), "public repositories are allowed nowhere")
	assert.Equal(t, "all", s.do(http.MethodPost, groups, token, `{"name":"x"}`).get("visibility"), "GitHub's default")

	// Two organizations count their groups apart.
	assert.Equal(t, []string{"Default"}, s.get("/orgs/other/actions/runner-groups", "ghp_eve").names("name", "runner_groups"))

	s.GroupDeleteRefusesRunners = true
	assert.Equal(t, http.StatusConflict, s.do(http.MethodDelete, groups+"/2", token, "").StatusCode)
	s.GroupDeleteRefusesRunners = false
	assert.Equal(t, http.StatusNoContent, s.do(http.MethodDelete, groups+"/2", token, "").StatusCode)
	assert.Equal(t, []string{"r1", "r2", "spare"}, state(s, func(st *ghsim.State) []string { return st.Org("acme").RunnersOf("Default") }))
}

func TestSecrets(t *testing.T) {
	s := newSim(t)
	token := s.token("")
	reg := s.do(http.MethodPost, "/orgs/acme/actions/runners/registration-token", token, "").get("token")
	rem := s.do(http.MethodPost, "/orgs/acme/actions/runners/remove-token", token, "").get("token")
	jit := s.do(http.MethodPost, "/orgs/acme/actions/runners/generate-jitconfig", token, `{"name":"j","runner_group_id":1,"labels":["x"]}`).get("encoded_jit_config")
	pem, err := key()
	require.NoError(t, err)
	assert.Subset(t, s.Secrets(), []any{token, reg, rem, jit, pem, "ghp_ada", "github_pat_bob", "hush"})
}

func TestPagination(t *testing.T) {
	s := newSim(t, func(sc *ghsim.Scenario) {
		for i := range 205 {
			sc.Organizations[0].Teams = append(sc.Organizations[0].Teams, ghsim.TeamSpec{Name: fmt.Sprintf("T %03d", i)})
		}
	})
	token := s.token("")
	tests := []struct {
		query string
		want  int
		link  string
	}{
		{"", 30, `<%[1]s?page=2>; rel="next", <%[1]s?page=7>; rel="last"`},
		{"?per_page=1000", 100, `<%[1]s?page=2&per_page=1000>; rel="next", <%[1]s?page=3&per_page=1000>; rel="last"`},
		{"?per_page=100&page=3", 8, `<%[1]s?page=2&per_page=100>; rel="prev", <%[1]s?page=1&per_page=100>; rel="first"`},
		{"?per_page=100&page=9", 0, `<%[1]s?page=3&per_page=100>; rel="prev", <%[1]s?page=1&per_page=100>; rel="first"`},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			r := s.get("/orgs/acme/teams"+tt.query, token)
			assert.Len(t, r.get(), tt.want)
			assert.Equal(t, fmt.Sprintf(tt.link, s.http.URL+"/orgs/acme/teams"), r.Header.Get("Link"))
		})
	}
}

func TestConditionalRequests(t *testing.T) {
	s := newSim(t)
	one, two := s.token(""), s.token("")
	const team = "/orgs/acme/teams/platform"
	r := s.get(team, one)
	tag := r.Header.Get("ETag")
	again := s.do(http.MethodGet, team, one, "", "If-None-Match", tag)
	assert.Equal(t, http.StatusNotModified, again.StatusCode)
	assert.Equal(t, r.Header.Get("X-RateLimit-Remaining"), again.Header.Get("X-RateLimit-Remaining"), "a 304 is free")
	assert.Equal(t, http.StatusOK, s.do(http.MethodGet, team, two, "", "If-None-Match", tag).StatusCode, "the tag belongs to the token")
	s.Update(func(st *ghsim.State) { st.Org("acme").Team("platform").Description = "changed" })
	assert.Equal(t, http.StatusOK, s.do(http.MethodGet, team, one, "", "If-None-Match", tag).StatusCode)

	var charged []bool
	for _, c := range s.Calls() {
		if c.Route == "/orgs/{org}/teams/{team_slug}" {
			charged = append(charged, c.Charged)
			assert.Equal(t, int64(77), c.InstallationID)
			assert.Equal(t, "installation", c.Auth)
		}
	}
	assert.Equal(t, []bool{true, false, true, true}, charged)
}

func TestPrimaryLimit(t *testing.T) {
	s := newSim(t, func(sc *ghsim.Scenario) { sc.Apps[0].Installations[0].RateLimit = 2 })
	token := s.token("")
	assert.Equal(t, "1", s.get("/orgs/acme", token).Header.Get("X-RateLimit-Remaining"))
	s.get("/orgs/acme", token)
	r := s.get("/orgs/acme", token)
	assert.Equal(t, http.StatusForbidden, r.StatusCode)
	assert.Equal(t, "0", r.Header.Get("X-RateLimit-Remaining"))
	assert.Contains(t, r.get("message"), "API rate limit exceeded for installation ID 77")
	assert.Equal(t, http.StatusOK, s.get("/rate_limit", token).StatusCode)
	assert.Equal(t, http.StatusOK, s.get("/orgs/acme", "ghp_ada").StatusCode, "others have their own")
	s.ResetRateLimits()
	assert.Equal(t, http.StatusOK, s.get("/orgs/acme", token).StatusCode)
}

func TestFaults(t *testing.T) {
	s := newSim(t)
	token := s.token("")
	const groups = "/orgs/acme/actions/runner-groups"
	has := func(name string) bool {
		return state(s, func(st *ghsim.State) bool { return st.Org("acme").Group(name) != nil })
	}
	create := func(name string) (int, error) {
		req, err := http.NewRequest(http.MethodPost, s.http.URL+groups, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "token "+token)
		req.Body = body(`{"name":"` + name + `"}`)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		return resp.StatusCode, nil
	}

	s.Inject(ghsim.Fault{Method: http.MethodPost, Path: "runner-groups$", Drop: true})
	_, err := create("a")
	require.Error(t, err)
	assert.False(t, has("a"), "dropped before the effect")

	s.Inject(ghsim.Fault{Method: http.MethodPost, Path: "runner-groups$", DropAfter: true})
	_, err = create("b")
	require.Error(t, err)
	assert.True(t, has("b"), "dropped after the effect")

	s.Inject(ghsim.Fault{Path: "runner-groups$", Skip: 1, Times: 2, Status: http.StatusBadGateway})
	for i, want := range []int{201, 502, 502, 201} {
		got, err := create(fmt.Sprint("c", i))
		require.NoError(t, err)
		assert.Equal(t, want, got, i)
	}

	s.Inject(ghsim.SecondaryLimit(http.StatusTooManyRequests, 3*time.Second))
	r := s.get(groups, token)
	assert.Equal(t, http.StatusTooManyRequests, r.StatusCode)
	assert.Equal(t, "3", r.Header.Get("Retry-After"))
	assert.Contains(t, r.get("message"), "secondary rate limit")

	s.Inject(ghsim.Fault{Times: -1, Status: http.StatusServiceUnavailable})
	assert.Equal(t, http.StatusServiceUnavailable, s.get(groups, token).StatusCode)
	s.ClearFaults()
	s.Inject(ghsim.Fault{Delay: 30 * time.Millisecond})
	start := time.Now()
	assert.Equal(t, http.StatusOK, s.get(groups, token).StatusCode)
	assert.GreaterOrEqual(t, time.Since(start), 30*time.Millisecond)
}

func TestClockSkew(t *testing.T) {
	s := newSim(t)
	s.ClockSkew = -2 * time.Hour
	r := s.get("/app", s.jwt(4242))
	assert.Equal(t, http.StatusUnauthorized, r.StatusCode)
	date, err := http.ParseTime(r.Header.Get("Date"))
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now().Add(-2*time.Hour), date, time.Minute)
}

func TestSequence(t *testing.T) {
	at := func(from, to int) ghsim.Call {
		base := time.Unix(0, 0)
		return ghsim.Call{Start: base.Add(time.Duration(from)), End: base.Add(time.Duration(to))}
	}
	tests := []struct {
		name  string
		calls []ghsim.Call
		want  int
	}{
		{"none", nil, 0},
		{"one", []ghsim.Call{at(0, 1)}, 1},
		{"side by side", []ghsim.Call{at(0, 5), at(1, 6), at(2, 3)}, 1},
		{"one after another", []ghsim.Call{at(0, 5), at(5, 6), at(7, 8)}, 3},
		{"two chains", []ghsim.Call{at(0, 10), at(0, 2), at(3, 4), at(5, 6), at(11, 12)}, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, ghsim.Sequence(tt.calls)) })
	}
}

func TestLatencyShowsSequence(t *testing.T) {
	s := newSim(t)
	token := s.token("")
	s.SetLatency(200 * time.Millisecond)
	s.ResetCalls()
	done := make(chan struct{})
	go func() {
		s.get("/orgs/acme", token)
		close(done)
	}()
	s.get("/orgs/acme/teams", token)
	<-done
	s.get("/orgs/acme", token)
	assert.Len(t, s.Calls(), 3)
	assert.Equal(t, 2, ghsim.Sequence(s.Calls()))
}

func TestScenarioErrors(t *testing.T) {
	load := map[string]string{
		"line 1: orgs: is not a key here":          "orgs: []",
		"line 2: users: is given twice":            "users: []\nusers: []",
		"line 3: id: must be a whole number":       "users:\n  - login: ada\n    id: first",
		"line 1: suspended: must be true or false": "users: [{login: ada, suspended: maybe}]",
		"line 2: organizations: must be a list":    "organizations:\n  login: acme",
		"line 1: organizations: must be a list":    "organizations: acme",
		"line 1: owners: must be a list":           "organizations: [{login: acme, owners: olga}]",
		"line 1: after: must be a duration":        "life: {events: [{after: soon}]}",
		"line 1: is not YAML":                      "users: [",
	}
	for want, text := range load {
		_, err := ghsim.LoadScenario([]byte(text))
		assert.ErrorContains(t, err, want, text)
	}
	build := map[string]string{
		`the parent "b" of team "a"`:                "organizations: [{login: o, teams: [{name: A, parent: b}]}]",
		`team "a" has "push" on "r"`:                "organizations: [{login: o, teams: [{name: A, repositories: {r: push}}]}]",
		`"r", which is no repository`:               "organizations: [{login: o, runnerGroups: [{name: g, repositories: [r]}]}]",
		`the App "a" is installed on "o"`:           "apps: [{name: a, installations: [{org: o}]}]",
		`a user has no login`:                       "users: [{name: x}]",
		`the private key is no RSA key in PEM`:      "apps: [{name: a, privateKey: x}]",
		`the runner "r" has no name or one that is`: "organizations: [{login: o, runners: [{name: r}, {name: r}]}]",
	}
	for want, text := range build {
		sc, err := ghsim.LoadScenario([]byte(text))
		require.NoError(t, err, text)
		_, err = ghsim.New(sc)
		assert.ErrorContains(t, err, want)
	}
}

// The same scenario always has the same ids.
func TestIDsAreStable(t *testing.T) {
	ids := func() []int64 {
		s := newSim(t)
		return state(s, func(st *ghsim.State) []int64 {
			o := st.Org("acme")
			return []int64{st.User("ada").ID, o.ID, o.Team("platform").ID, o.Repo("web").ID, o.Group("platform").ID, o.Runner("r2").ID, st.Apps[0].Bot.ID}
		})
	}
	assert.Equal(t, ids(), ids())
}

func TestWaitEndsWithItsContext(t *testing.T) {
	s := newSim(t)
	hold := make(chan struct{})
	srv := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	t.Cleanup(func() { close(hold) })
	s.SetHookURL(srv.URL)
	_, err := s.Comment("acme", "runner-admin", 1, "ada", "hi")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err = s.Wait(ctx)
	assert.True(t, errors.Is(err, context.Canceled))
	s.Close()
	require.NoError(t, s.Wait(context.Background()))
	assert.Equal(t, "failed to connect to host", s.Deliveries()[0].Status)
}
