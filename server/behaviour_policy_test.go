package server_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// With policy.groups: named, a team has the group of its name.
func TestNamedGroups(t *testing.T) {
	t.Parallel()
	sc := acme()
	o := &sc.Organizations[0]
	o.Teams = append(o.Teams,
		ghsim.TeamSpec{Name: "legacy", Maintainers: []string{"ada"}, Repositories: map[string]string{"api": "admin"}},
		ghsim.TeamSpec{Name: "Default", Maintainers: []string{"ada"}, Repositories: map[string]string{"api": "admin"}},
		ghsim.TeamSpec{Name: "enterprise", Maintainers: []string{"ada"}, Repositories: map[string]string{"api": "admin"}},
		ghsim.TeamSpec{Name: "denied", Maintainers: []string{"ada"}, Repositories: map[string]string{"api": "admin"}})
	o.RunnerGroups = append(o.RunnerGroups, ghsim.GroupSpec{Name: "denied"})
	w := newWorld(t, sc, "POLICY_GROUPS=named", "POLICY_TEAMS_DENY=denied")
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=legacy&repos=api")
	assert.ElementsMatch(t, []string{"api", "foreign"}, w.repos("legacy"))
	w.ok("ghp_ada", "GET /api/v1/group-list?team=legacy")
	w.refused(409, "group_exists", "ghp_ada", "POST /api/v1/group-create?team=legacy")
	w.refused(404, "group_not_found", "ghp_ada", "GET /api/v1/group-list?team=web")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	w.ok("ghp_ada", "POST /api/v1/token-register?team=legacy")
	w.hub.ResetCalls()
	for _, team := range []string{"default", "enterprise"} {
		for _, request := range needGroup(team) {
			a := w.call("ghp_ada", request)
			assert.Equal(t, 403, a.Code, "%s: %s", request, a.text)
		}
	}
	assert.Empty(t, w.writes())
	w.hub.ResetCalls()
	for _, request := range needGroup("denied") {
		w.refused(403, "policy", "ghp_ada", request)
	}
	assert.Empty(t, w.groupCalls(), "who the policy refuses causes no call to the runner-group API")
	// a group that is on record for another team is that team's
	w.ok("ghp_olga", "POST /api/v1/group-adopt?team=platform&group=legacy")
	w.refused(403, "group_not_owned", "ghp_ada", "GET /api/v1/group-list?team=legacy")
	w.ok("ghp_ada", "GET /api/v1/group-list?team=platform")
	w.ok("ghp_ada", "DELETE /api/v1/group-delete?team=web")
	w.refused(404, "group_not_found", "ghp_ada", "GET /api/v1/group-list?team=web")
}

func TestGroupName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "POLICY_GROUP_NAME=team {team} runners")
	group := w.ok("ghp_ada", "POST /api/v1/group-create?team=platform").Response["group"].(map[string]any)
	assert.Equal(t, "team platform runners", group["name"])
	assert.Contains(t, w.ok("ghp_ada", "POST /api/v1/token-register?team=platform").Response["command"], "--runnergroup 'team platform runners' --token ")
}

func TestTeamPolicy(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, allow, deny, want string }{
		{"all", "*", "", "200"},
		{"allowed by a glob", "plat*,other", "", "200"},
		{"not allowed", "web", "", "403 policy"},
		{"denied", "*", "platform", "403 policy"},
		{"denied by a glob, though allowed", "platform", "p*", "403 policy"},
		{"one character", "platfor?", "", "200"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, acme(), "POLICY_TEAMS_ALLOW="+tt.allow, "POLICY_TEAMS_DENY="+tt.deny)
			w.want(step{request: "POST /api/v1/group-create?team=platform", want: tt.want})
			if tt.want != "200" {
				assert.Empty(t, w.groupCalls())
			}
		})
	}
}

func TestRegistrationTokens(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string][2]string{
		"true": {"200", "200"}, "adopted": {"403 policy", "200"}, "false": {"403 policy", "403 policy"},
	} {
		t.Run(policy, func(t *testing.T) {
			w := newWorld(t, acme(), "POLICY_REGISTRATION_TOKENS="+policy)
			w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
			w.ok("ghp_olga", "POST /api/v1/group-adopt?team=web&group=legacy")
			w.hub.ResetCalls()
			for _, command := range []string{"token-register", "token-remove"} {
				w.want(step{request: "POST /api/v1/" + command + "?team=platform", want: want[0]})
				w.want(step{request: "POST /api/v1/" + command + "?team=web", want: want[1]})
			}
			if policy == "false" {
				assert.Empty(t, w.groupCalls())
				replies, _ := w.say("ada", 1, "/runner-group token-register")
				assert.Contains(t, replies[0], "token-jit")
			}
			w.ok("ghp_ada", "POST /api/v1/token-jit?team=platform&name=r1")
		})
	}
}

func TestOwnersActForAnyTeam(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "POLICY_OWNERS_ACT_FOR_ANY_TEAM=true")
	w.ok("ghp_olga", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_olga", "PATCH /api/v1/repos-add?team=platform&repos=api")
	w.refused(403, "repo_not_permitted", "ghp_olga", "PATCH /api/v1/repos-add?team=platform&repos=foreign")
	w.refused(403, "not_maintainer", "ghp_olga", "GET /api/v1/group-list?team=nowhere")
	w.refused(403, "not_maintainer", "ghp_bob", "GET /api/v1/group-list?team=platform")
	w.refused(403, "not_maintainer", "ghp_eve", "GET /api/v1/group-list?team=platform")
	who := w.ok("ghp_olga", "GET /api/v1/whoami")
	assert.Equal(t, "owner", who.Response["role"])
}

// globex is a second organization, with a team and repository named as acme's are.
func globex() ghsim.Scenario {
	sc := acme()
	sc.Users = append(sc.Users, ghsim.UserSpec{Login: "gus", Tokens: []ghsim.TokenSpec{{Value: "ghp_gus"}}})
	sc.Organizations = append(sc.Organizations, ghsim.OrgSpec{
		Login: "globex", Owners: []string{"gus"},
		Repositories: []ghsim.RepoSpec{{Name: "api"}, {Name: "ops", Issues: []ghsim.IssueSpec{{Title: "Runners", Labels: []string{"team:platform"}}}}},
		Teams:        []ghsim.TeamSpec{{Name: "platform", Maintainers: []string{"gus"}, Repositories: map[string]string{"api": "admin"}}},
	})
	sc.Apps[0].Installations = append(sc.Apps[0].Installations, ghsim.InstallationSpec{ID: 78, Org: "globex"})
	return sc
}

func TestSeveralOrganizations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, globex(), "ORG=", "ORGS="+`[{"org":"acme","installationID":77},{"org":"globex","chatops":{"adminRepo":"ops"},"policy":{"groupName":"g-{team}"}}]`)
	w.steps(t, []step{
		{name: "org is needed", request: "POST /api/v1/group-create?team=platform", want: "400 missing_argument"},
		{name: "an empty one", request: "POST /api/v1/group-create?team=platform&org=", want: "400 missing_argument"},
		{name: "one that is not served", request: "POST /api/v1/group-create?team=platform&org=initech", want: "400 invalid_argument"},
		{name: "two", request: "POST /api/v1/group-create?team=platform&org=acme&org=globex", want: "400 invalid_argument"},
		{name: "ada in acme", request: "POST /api/v1/group-create?team=platform&org=ACME", want: "200"},
		{name: "ada is nobody in globex", request: "POST /api/v1/group-create?team=platform&org=globex", want: "403 not_maintainer"},
		{name: "gus in globex, by JSON", token: "ghp_gus", request: "POST /api/v1/group-create", body: `{"team":"platform","org":"globex"}`, want: "200"},
		{name: "gus is nobody in acme", token: "ghp_gus", request: "GET /api/v1/group-list?team=platform&org=acme", want: "403 not_maintainer"},
		{name: "nor a member", token: "ghp_gus", request: "GET /api/v1/whoami?org=acme", want: "403 not_member"},
		{name: "nor its owner", token: "ghp_gus", request: "POST /api/v1/group-adopt?team=platform&group=legacy&org=acme", want: "403 owner_only"},
		{name: "acme's repository is not globex's", token: "ghp_gus", request: "PATCH /api/v1/repos-add?team=platform&repos=acme/api&org=globex", want: "403 repo_not_permitted"},
		{name: "its own is", token: "ghp_gus", request: "PATCH /api/v1/repos-add?team=platform&repos=globex/api&org=globex", want: "200"},
		{name: "a team of another organization", token: "ghp_gus", request: "GET /api/v1/group-list?team=acme/platform&org=globex", want: "400 invalid_argument"},
		{name: "help needs none", token: "none", request: "GET /api/v1/help", want: "200"},
		{name: "status needs none", token: "none", request: "GET /api/v1/status", want: "200"},
	})
	w.hub.Update(func(st *ghsim.State) {
		assert.Equal(t, []string{"api"}, st.Org("globex").ReposOf("g-platform"))
		assert.Empty(t, st.Org("acme").ReposOf("platform"))
		assert.Nil(t, st.Org("acme").Group("g-platform"))
	})
	// the comment's organization is the event's
	_, reaction := w.say("ada", 1, "/runner-group repos-add web")
	assert.Equal(t, "rocket", reaction)
	id, err := w.hub.Comment("globex", "ops", 1, "gus", "/runner-group repos-remove api")
	assert.NoError(t, err)
	assert.Eventually(t, func() bool {
		for _, c := range w.hub.Comments("globex", "ops", 1) {
			if c.ID == id && len(c.Reactions) == 2 {
				return c.Reactions[1].Content == "rocket"
			}
		}
		return false
	}, eventually, tick)
	w.hub.Update(func(st *ghsim.State) {
		assert.Empty(t, st.Org("globex").ReposOf("g-platform"))
		assert.Equal(t, []string{"web"}, st.Org("acme").ReposOf("platform"))
	})
}
