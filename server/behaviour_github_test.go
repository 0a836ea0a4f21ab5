package server_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

const groupsPath = `/actions/runner-groups$`

// Each failure of GitHub has a reason and a status.
func TestGitHubFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "POLICY_OWNERS_ACT_FOR_ANY_TEAM=true")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	tests := []struct {
		name, request, want, retry string
		fault                      ghsim.Fault
	}{
		{"500 from the team", "GET /api/v1/group-list?team=platform", "502 github_error", "", ghsim.Fault{Path: `/teams/platform$`, Status: 500, Times: -1}},
		{"500 from the membership", "GET /api/v1/group-list?team=platform", "502 github_error", "", ghsim.Fault{Path: `/memberships/ada$`, Status: 500, Times: -1}},
		{"503 from the group", "GET /api/v1/group-list?team=platform", "502 github_error", "", ghsim.Fault{Path: `/runner-groups/\d+$`, Status: 503, Times: -1}},
		{"a broken connection", "GET /api/v1/group-list?team=platform", "502 github_error", "", ghsim.Fault{Path: `/runner-groups/\d+/runners$`, Drop: true, Times: -1}},
		{"no permission", "POST /api/v1/token-register?team=platform", "502 github_error", "", ghsim.Fault{Path: `registration-token$`, Status: 403, Times: -1}},
		{"not found", "POST /api/v1/token-register?team=platform", "502 github_error", "", ghsim.Fault{Path: `registration-token$`, Status: 404, Times: -1}},
		{"what is no JSON", "POST /api/v1/token-register?team=platform", "502 github_error", "", ghsim.Fault{Path: `registration-token$`, Status: 201, Body: "<html>", Times: -1}},
		{"the repository's permission", "PATCH /api/v1/repos-add?team=platform&repos=api,web", "502 github_error", "", ghsim.Fault{Path: `/teams/platform/repos/`, Status: 500, Times: -1}},
		{"secondary limit, 403", "PATCH /api/v1/repos-add?team=platform&repos=api", "503 github_rate_limited", "17", withPath(ghsim.SecondaryLimit(403, 17*time.Second), `/repositories/\d+$`)},
		{"secondary limit, 429", "POST /api/v1/token-remove?team=platform", "503 github_rate_limited", "9", withPath(ghsim.SecondaryLimit(429, 9*time.Second), `remove-token$`)},
		{"secondary limit that does not say when", "POST /api/v1/token-jit?team=platform&name=r1", "503 github_rate_limited", "60", withPath(ghsim.SecondaryLimit(403, 0), `generate-jitconfig$`)},
		{"a limit during authorization", "POST /api/v1/token-remove?team=platform", "503 github_rate_limited", "5", withPath(ghsim.SecondaryLimit(403, 5*time.Second), `/teams/platform$`)},
		{"a bridged disturbance", "GET /api/v1/group-list?team=platform", "200", "", ghsim.Fault{Path: `/runner-groups/\d+$`, Status: 502}},
		{"a bridged broken connection", "GET /api/v1/group-list?team=platform", "200", "", ghsim.Fault{Path: `/runner-groups/\d+$`, DropAfter: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.hub.ClearFaults()
			w.hub.Inject(tt.fault)
			a := w.in(t).want(step{request: tt.request, want: tt.want})
			assert.Equal(t, tt.retry, a.header.Get("Retry-After"), a.text)
			assert.NotContains(t, a.Error, "http", "no inner workings")
		})
	}
	w.hub.ClearFaults()
	w.hub.Inject(ghsim.Fault{Path: `^/user$`, Status: 500, Times: -1})
	w.refused(502, "github_error", "github_pat_ada", "GET /api/v1/whoami")
	w.hub.ClearFaults()
	w.ok("github_pat_ada", "GET /api/v1/whoami") // GitHub's failure was no verdict on the token

	// the App's own hourly limit
	w.hub.Update(func(st *ghsim.State) { st.Installation(77).RateLimit = 1 })
	a := w.refused(503, "github_rate_limited", "ghp_ada", "POST /api/v1/token-register?team=platform")
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	require.NoError(t, err)
	assert.Greater(t, seconds, 60)
	assert.LessOrEqual(t, seconds, 3600)
}

func withPath(f ghsim.Fault, path string) ghsim.Fault {
	f.Path, f.Times = path, -1
	return f
}

func TestGitHubIsSlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.hub.Inject(ghsim.Fault{Path: `registration-token$`, Delay: time.Minute, Times: -1})
	w.refused(504, "github_timeout", "ghp_ada", "POST /api/v1/token-register?team=platform")
	w.hub.ClearFaults()
	w.ok("ghp_ada", "POST /api/v1/token-register?team=platform")
}

// group-create whose answer from GitHub was lost.
func TestCreateWithoutAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	reset := func(t *testing.T) {
		t.Helper()
		w.hub.ClearFaults()
		w.hub.Update(org(func(o *ghsim.Org) { o.DeleteGroup("platform") }))
	}
	owned := step{request: "GET /api/v1/group-list?team=platform", want: "200"}
	notOwned := step{request: "GET /api/v1/group-list?team=platform", want: "404 group_not_found"}
	create := func(want string) step {
		return step{request: "POST /api/v1/group-create?team=platform", want: want}
	}

	t.Run("made, connection broken: it is found", func(t *testing.T) {
		reset(t)
		w.hub.Inject(ghsim.Fault{Method: http.MethodPost, Path: groupsPath, DropAfter: true})
		w.in(t).want(create("200"))
		w.in(t).want(owned)
		w.in(t).want(create("409 group_exists"))
	})
	t.Run("made, and GitHub stays away: the next command settles it", func(t *testing.T) {
		reset(t)
		w.hub.Inject(ghsim.Fault{Method: http.MethodPost, Path: groupsPath, DropAfter: true})
		w.hub.Inject(ghsim.Fault{Method: http.MethodGet, Path: groupsPath, Drop: true, Skip: 1, Times: -1}) // after the list that comes before the change
		w.in(t).want(create("502 github_error"))
		w.hub.ClearFaults()
		w.in(t).want(owned)
	})
	t.Run("made, GitHub stays away, asked again", func(t *testing.T) {
		reset(t)
		w.hub.Inject(ghsim.Fault{Method: http.MethodPost, Path: groupsPath, DropAfter: true})
		w.hub.Inject(ghsim.Fault{Method: http.MethodGet, Path: groupsPath, Drop: true, Skip: 1, Times: -1}) // after the list that comes before the change
		w.in(t).want(create("502 github_error"))
		w.hub.ClearFaults()
		w.in(t).want(create("409 group_exists"))
		w.in(t).want(owned)
	})
	t.Run("502 without effect", func(t *testing.T) {
		reset(t)
		w.hub.Inject(ghsim.Fault{Method: http.MethodPost, Path: groupsPath, Status: 502})
		w.in(t).want(create("502 github_error"))
		w.in(t).want(notOwned)
		w.in(t).want(create("200"))
	})
	t.Run("broken before the effect", func(t *testing.T) {
		reset(t)
		w.hub.Inject(ghsim.Fault{Method: http.MethodPost, Path: groupsPath, Drop: true})
		w.in(t).want(create("502 github_error"))
		w.in(t).want(create("200"))
	})
	for name, group := range map[string]ghsim.GroupSpec{
		"a repository":            {Name: "platform", Repositories: []string{"foreign"}},
		"a runner":                {Name: "platform", Runners: []ghsim.RunnerSpec{{Name: "theirs"}}},
		"access for all":          {Name: "platform", Visibility: "all"},
		"public repositories":     {Name: "platform", AllowsPublic: true},
		"the enterprise above it": {Name: "platform", Inherited: true},
	} {
		for _, fault := range []ghsim.Fault{{DropAfter: true}, {Drop: true}, {Status: 502}} {
			t.Run("another's group with "+name+" is never taken", func(t *testing.T) {
				reset(t)
				w := w.in(t)
				w.add(ghsim.OrgSpec{RunnerGroups: []ghsim.GroupSpec{group}})
				t.Cleanup(func() {
					w.hub.Update(org(func(o *ghsim.Org) { o.Runners = nil }))
				})
				fault.Method, fault.Path = http.MethodPost, groupsPath
				w.hub.Inject(fault)
				a := w.call("ghp_ada", "POST /api/v1/group-create?team=platform")
				assert.NotEqual(t, 200, a.Code, a.text)
				w.want(notOwned)
				w.want(create("409 group_exists"))
				w.want(notOwned)
			})
		}
	}
}
