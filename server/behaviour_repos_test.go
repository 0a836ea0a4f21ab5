package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A list means the same in every form, through both channels.
func TestListForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	forms := []struct{ name, request, body, kind string }{
		{"commas", "PATCH /api/v1/repos-set?team=platform&repos=api,web", "", ""},
		{"commas and blanks", "PATCH /api/v1/repos-set?team=platform&repos=%20api%20,+web%20", "", ""},
		{"repeated", "PATCH /api/v1/repos-set?team=platform&repos=api&repos=web", "", ""},
		{"a JSON array in the query", "PATCH /api/v1/repos-set" + query("team", "platform", "repos", `["api","web"]`), "", ""},
		{"doubles, case and organization", "PATCH /api/v1/repos-set?team=PLATFORM&repos=api,API,acme/api,ACME/Web,web,", "", ""},
		{"form body", "PATCH /api/v1/repos-set", "team=platform&repos=api%2Cweb", "application/x-www-form-urlencoded"},
		{"JSON body, array", "PATCH /api/v1/repos-set", `{"team":"platform","repos":["api","web"]}`, "application/json"},
		{"JSON body, text", "PATCH /api/v1/repos-set", `{"team":"platform","repos":"api, web"}`, "application/json; charset=utf-8"},
		{"POST", "POST /api/v1/repos-set?team=platform&repos=api,web", "", ""},
		{"GET, as the legacy API has it", "GET /api/v1/repos-set?team=platform&repos=api,web", "", ""},
		{"the team with its organization", "PATCH /api/v1/repos-set?team=@acme/platform&repos=api,web", "", ""},
	}
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			w.hub.Update(org(func(o *ghsim.Org) { o.Group("platform").Repos = nil }))
			var body []string
			if f.body != "" {
				body = []string{f.body, f.kind}
			}
			a := w.in(t).ok("ghp_ada", f.request, body...)
			assert.ElementsMatch(t, []string{"api", "web"}, w.repos("platform"))
			assert.ElementsMatch(t, []string{"api", "web"}, a.names("added"))
			assert.Equal(t, strings.HasPrefix(f.request, http.MethodGet), a.header.Get("Deprecation") != "")
		})
	}
	for _, line := range []string{
		"api,web", "api, web", "api web", `"api, web"`, "“api,web”", "--repos api,web", "--repos=api,web", "repos=api,web",
		`--repos '["api","web"]'`, "--repos api --repos web", "acme/API acme/web", "api,web --team platform", "api,web team=platform", "--team=platform api,web",
	} {
		t.Run("comment: "+line, func(t *testing.T) {
			w.hub.Update(org(func(o *ghsim.Org) { o.Group("platform").Repos = nil }))
			replies, reaction := w.in(t).say("ada", 1, "/runner-group repos-add "+line)
			assert.Equal(t, "rocket", reaction, replies)
			assert.ElementsMatch(t, []string{"api", "web"}, w.repos("platform"))
		})
	}
}

// All items are checked before anything is changed, and the answer lists every refusal.
func TestItemsCheckedFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.hub.ResetCalls()
	for _, command := range []string{"repos-add", "repos-set"} {
		a := w.refused(403, "repo_not_permitted", "ghp_ada", "PATCH /api/v1/"+command+"?team=platform&repos=api,docs,site,other/api,nothing,web")
		assert.Equal(t, []string{"api", "docs repo_not_permitted", "site public_repo", "other/api repo_not_permitted", "nothing repo_not_permitted", "web"}, a.items(), command)
		a = w.refused(403, "public_repo", "ghp_ada", "PATCH /api/v1/"+command+"?team=platform&repos=site,docs")
		assert.Equal(t, []string{"site public_repo", "docs repo_not_permitted"}, a.items(), "the first refusal gives the reason")
		a = w.refused(400, "invalid_argument", "ghp_ada", "PATCH /api/v1/"+command+query("team", "platform", "repos", "api,a b,x/../../y"))
		assert.Equal(t, []string{"api", "a b invalid_argument", "x/../../y invalid_argument"}, a.items(), command)
	}
	assert.Empty(t, w.writes())
	assert.Empty(t, w.repos("platform"))

	replies, reaction := w.say("ada", 1, "/runner-group repos-add api,docs,site")
	assert.Equal(t, "confused", reaction)
	for _, name := range []string{"docs", "site"} {
		assert.Contains(t, strings.Join(replies, ""), name)
	}
	assert.Empty(t, w.writes())

	// more than are asked about one by one
	many := make([]string, 0, 60)
	for i := range 60 {
		many = append(many, fmt.Sprintf("r%d", i))
	}
	body, err := json.Marshal(map[string]any{"team": "platform", "repos": append(many, "api", "site", "other/x")})
	require.NoError(t, err)
	a := w.refused(403, "repo_not_permitted", "ghp_ada", "PATCH /api/v1/repos-add", string(body), "application/json")
	assert.Len(t, a.Items, 63)
	assert.Contains(t, a.items(), "api")
	assert.Contains(t, a.items(), "site public_repo")
	assert.Contains(t, a.items(), "other/x repo_not_permitted")
	assert.Empty(t, w.writes())

	// runners
	w.hub.Update(org(func(o *ghsim.Org) {
		for i, name := range []string{"r1", "r2", "r3"} {
			o.Runners = append(o.Runners, &ghsim.Runner{ID: int64(900 + i), GroupID: o.Group("platform").ID, Name: name, OS: "linux", Status: "online", Busy: name == "r2"})
		}
	}))
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	w.hub.ResetCalls()
	a = w.refused(409, "runner_busy", "ghp_ada", "DELETE /api/v1/runners-remove?team=platform&runners=r1,r2,spare-1")
	assert.Equal(t, []string{"r1", "r2 runner_busy", "spare-1 runner_not_found"}, a.items())
	a = w.refused(404, "runner_not_found", "ghp_ada", "POST /api/v1/runners-transfer?team=platform&to=web&runners=r1,spare-1,old-1")
	assert.Equal(t, []string{"r1", "spare-1 runner_not_found", "old-1 runner_not_found"}, a.items())
	assert.Empty(t, w.writes())
}

// If GitHub fails on one item, the others are still tried, and the answer lists what was done.
func TestFailureInTheMidst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.hub.Inject(ghsim.Fault{Method: http.MethodPut, Path: `/repositories/\d+$`, Skip: 1, Status: 500})
	a := w.refused(502, "github_error", "ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api,web,inner")
	require.Len(t, a.Items, 3)
	done := 0
	for _, item := range a.Items {
		if item.Done {
			done++
			assert.Contains(t, w.repos("platform"), item.Item)
			continue
		}
		assert.Equal(t, "github_error", item.Reason)
		assert.NotEmpty(t, item.Error)
		assert.NotContains(t, w.repos("platform"), item.Item)
	}
	assert.Equal(t, 2, done, a.text)
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api,web,inner")
	assert.ElementsMatch(t, []string{"api", "web", "inner"}, w.repos("platform"), "repeating does the rest")

	w.hub.Inject(ghsim.Fault{Method: http.MethodDelete, Path: `/repositories/\d+$`, Skip: 1, Status: 500})
	a = w.refused(502, "github_error", "ghp_ada", "PATCH /api/v1/repos-remove?team=platform&repos=api,web,nothing")
	assert.Len(t, a.Items, 3)
	assert.Len(t, w.repos("platform"), 2)

	// in a comment too: item by item
	w.hub.ClearFaults()
	w.hub.Update(org(func(o *ghsim.Org) { o.Group("platform").Repos = nil }))
	w.hub.Inject(ghsim.Fault{Method: http.MethodPut, Path: `/repositories/\d+$`, Skip: 1, Status: 500})
	replies, reaction := w.say("ada", 1, "/runner-group repos-add api,web")
	assert.Equal(t, "confused", reaction)
	require.Len(t, replies, 1)
	assert.Contains(t, replies[0], "api")
	assert.Contains(t, replies[0], "web")
	assert.Len(t, w.repos("platform"), 1)

	// a short failure is retried
	w.hub.ClearFaults()
	w.hub.Inject(ghsim.Fault{Method: http.MethodPut, Path: `/repositories/\d+$`, Status: 502})
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api,web")
}

// Commands can be repeated, and the answer lists what changed.
func TestRepeatingIsSafe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	for range 2 {
		w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api,web")
		assert.ElementsMatch(t, []string{"api", "web"}, w.repos("platform"))
	}
	a := w.ok("ghp_ada", "PATCH /api/v1/repos-set?team=platform&repos=web,inner")
	assert.Equal(t, []string{"inner"}, a.names("added"))
	assert.Equal(t, []string{"api"}, a.names("removed"))
	assert.ElementsMatch(t, []string{"inner", "web"}, w.repos("platform"))
	a = w.ok("ghp_ada", "PATCH /api/v1/repos-set?team=platform&repos=web,inner")
	assert.Equal(t, []any{}, a.Response["added"])
	assert.Equal(t, []any{}, a.Response["removed"])
	for range 2 {
		a = w.ok("ghp_ada", "PATCH /api/v1/repos-remove?team=platform&repos=web,never-was,foreign,other/web")
		assert.Equal(t, []string{"inner"}, w.repos("platform"))
	}
	assert.Contains(t, a.text, "never-was", "the answer says what was not attached")
	w.refused(409, "group_exists", "ghp_ada", "POST /api/v1/group-create?team=platform")
	for range 2 {
		w.ok("ghp_ada", "PATCH /api/v1/workflows-set?team=platform&workflows=acme/api/.github/workflows/ci.yml@refs/heads/main")
	}
	w.hub.Update(org(func(o *ghsim.Org) {
		assert.True(t, o.Group("platform").RestrictedToWorkflows)
		assert.Len(t, o.Group("platform").SelectedWorkflows, 1)
	}))
	w.ok("ghp_ada", "PATCH /api/v1/workflows-set", `{"team":"platform","workflows":[]}`, "application/json")
	w.hub.Update(org(func(o *ghsim.Org) { assert.False(t, o.Group("platform").RestrictedToWorkflows) }))
	w.ok("ghp_ada", "DELETE /api/v1/runners-remove?team=platform&offline=true")
}

func TestRepositoryPolicy(t *testing.T) {
	t.Parallel()
	tests := []struct {
		permission string
		allowed    []string
	}{
		{"pull", []string{"p-pull", "p-triage", "p-push", "p-maintain", "p-admin"}},
		{"triage", []string{"p-triage", "p-push", "p-maintain", "p-admin"}},
		{"push", []string{"p-push", "p-maintain", "p-admin"}},
		{"maintain", []string{"p-maintain", "p-admin"}},
		{"admin", []string{"p-admin"}},
	}
	sc := acme()
	team := &sc.Organizations[0].Teams[0]
	all := []string{"pull", "triage", "push", "maintain", "admin"}
	for _, p := range all {
		sc.Organizations[0].Repositories = append(sc.Organizations[0].Repositories, ghsim.RepoSpec{Name: "p-" + p})
		team.Repositories["p-"+p] = p
	}
	for _, tt := range tests {
		t.Run(tt.permission, func(t *testing.T) {
			w := newWorld(t, sc, "POLICY_REPO_PERMISSION="+tt.permission)
			w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
			for _, p := range all {
				a := w.call("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=p-"+p)
				assert.Equal(t, assert.ObjectsAreEqual(true, strings.Contains(strings.Join(tt.allowed, " "), "p-"+p)), a.Code == 200, a.text)
			}
			assert.ElementsMatch(t, tt.allowed, w.repos("platform"))
		})
	}
}

func TestPublicRepositories(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "POLICY_PUBLIC_REPOS=true")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.hub.Update(org(func(o *ghsim.Org) {
		assert.True(t, o.Group("platform").AllowsPublic)
		assert.Equal(t, "selected", o.Group("platform").Visibility)
	}))
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=site,api")
	assert.ElementsMatch(t, []string{"site", "api"}, w.repos("platform"))

	w = newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.hub.Update(org(func(o *ghsim.Org) { assert.False(t, o.Group("platform").AllowsPublic) }))
}
