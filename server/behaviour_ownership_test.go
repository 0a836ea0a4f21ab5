package server_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// needGroup lists the commands that need the team's own group.
func needGroup(team string) []string {
	all := everyCommand(team)
	return all[2 : len(all)-1]
}

// A renamed team keeps its group. A new team with an old slug is another team.
func TestOwnershipOverTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	id := w.ok("ghp_ada", "POST /api/v1/group-create?team=platform").Response["group"].(map[string]any)["id"]
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")

	w.hub.Update(org(func(o *ghsim.Org) { o.Team("platform").Rename("Base Camp") }))
	listed := w.ok("ghp_ada", "GET /api/v1/group-list?team=base-camp")
	assert.Equal(t, id, listed.Response["group"].(map[string]any)["id"])
	w.refused(403, "not_maintainer", "ghp_ada", "GET /api/v1/group-list?team=platform")
	w.refused(409, "group_exists", "ghp_ada", "POST /api/v1/group-create?team=base-camp")
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=base-camp&repos=api")
	assert.ElementsMatch(t, []string{"base-camp", "web"}, w.ok("ghp_ada", "GET /api/v1/whoami").names("teams"))

	w.hub.Update(org(func(o *ghsim.Org) { o.Team("base-camp").Rename("platform") }))
	assert.ElementsMatch(t, []string{"platform", "web"}, w.ok("ghp_ada", "GET /api/v1/whoami").names("teams"), "seen by whoami first")
	assert.Equal(t, []string{"platform"}, w.ok("ghp_ada", "GET /api/v1/whoami?team=platform").names("teams"))

	// the team is deleted and bob creates another one with its slug
	w.hub.Update(org(func(o *ghsim.Org) { o.DeleteTeam("platform") }))
	w.refused(403, "not_maintainer", "ghp_ada", "GET /api/v1/group-list?team=platform")
	w.add(ghsim.OrgSpec{Teams: []ghsim.TeamSpec{{Name: "platform", Maintainers: []string{"bob", "ada"}, Repositories: map[string]string{"api": "admin"}}}})
	w.hub.ResetCalls()
	for _, request := range everyCommand("platform") {
		w.refused(403, "group_not_owned", "ghp_bob", request)
		if t.Failed() {
			break
		}
		w.hub.Update(org(func(o *ghsim.Org) { o.Team("web").SetMember(o.Member("bob").User, "maintainer", "active") }))
	}
	w.refused(403, "group_not_owned", "ghp_bob", "DELETE /api/v1/group-delete?team=web&move-runners-to=platform")
	for _, call := range w.groupCalls() {
		assert.Equal(t, "GET /orgs/acme/actions/runner-groups", call, "group-create lists the groups beside its checks; nothing of a group is asked")
	}
	assert.Empty(t, w.ok("ghp_bob", "GET /api/v1/groups-list?team=platform").Response["groups"])
	replies, reaction := w.say("bob", 2, "/runner-group group-list --team platform")
	assert.Equal(t, "confused", reaction)
	assert.Contains(t, replies[0], "group-adopt")
	assert.Equal(t, []string{"api"}, w.repos("platform"))

	// an owner gives the group to the new team
	given := w.ok("ghp_olga", "POST /api/v1/group-adopt?team=platform")
	assert.Equal(t, []any{"api"}, given.Response["repos"])
	assert.Equal(t, id, w.ok("ghp_bob", "GET /api/v1/group-list?team=platform").Response["group"].(map[string]any)["id"])
	assert.Equal(t, []string{"api"}, w.repos("platform"), "adopting changes nothing in the group")
}

func TestGroupGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	create := func() { w.ok("ghp_ada", "POST /api/v1/group-create?team=platform") }
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	for _, request := range needGroup("platform") {
		if strings.Contains(request, "/token-re") {
			continue // org-wide tokens are made without a look at the group
		}
		t.Run(request, func(t *testing.T) {
			create()
			w.hub.Update(org(func(o *ghsim.Org) { o.DeleteGroup("platform") }))
			a := w.in(t).call("ghp_ada", request)
			if request == "DELETE /api/v1/group-delete?team=platform" {
				assert.Equal(t, 200, a.Code, "what is to go is gone: %s", a.text)
				return
			}
			assert.Equal(t, "group_not_found", a.Reason, a.text)
			assert.Equal(t, 404, a.Code)
			assert.Contains(t, a.Error, "group-create")
		})
	}
	create()
	w.ok("ghp_ada", "GET /api/v1/group-list?team=platform")

	// renamed on GitHub, it is still the team's: the id counts
	w.hub.Update(org(func(o *ghsim.Org) { o.Group("platform").Name = "renamed" }))
	listed := w.ok("ghp_ada", "GET /api/v1/group-list?team=platform")
	assert.Equal(t, "renamed", listed.Response["group"].(map[string]any)["name"])
	assert.Contains(t, w.ok("ghp_ada", "POST /api/v1/token-register?team=platform").Response["command"], "--runnergroup renamed ")
	w.refused(409, "group_exists", "ghp_ada", "POST /api/v1/group-create?team=platform")
}

// Names grant nothing: Default, inherited and unrecorded groups are never changed.
func TestUntouchableGroups(t *testing.T) {
	t.Parallel()
	sc := acme()
	for _, name := range []string{"Default", "legacy", "open", "enterprise"} {
		sc.Organizations[0].Teams = append(sc.Organizations[0].Teams, ghsim.TeamSpec{
			Name: name, Maintainers: []string{"ada"}, Repositories: map[string]string{"api": "admin", "foreign": "admin"},
		})
	}
	w := newWorld(t, sc)
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	w.hub.ResetCalls()
	for _, team := range []string{"default", "legacy", "open", "enterprise"} {
		for _, request := range needGroup(team) {
			w.refused(404, "group_not_found", "ghp_ada", request)
		}
	}
	assert.Empty(t, w.groupCalls(), "whether such a group exists is not even asked")
	for _, team := range []string{"default", "legacy", "open", "enterprise"} {
		w.refused(409, "group_exists", "ghp_ada", "POST /api/v1/group-create?team="+team)
		w.refused(404, "group_not_found", "ghp_ada", "GET /api/v1/group-list?team="+team)
	}
	for _, group := range []string{"Default", "default", "enterprise"} {
		a := w.call("ghp_olga", "POST /api/v1/group-adopt"+query("team", "platform", "group", group))
		assert.Equal(t, 403, a.Code, a.text)
	}
	w.refused(404, "group_not_found", "ghp_olga", "POST /api/v1/group-adopt?team=platform&group=nothing")
	a := w.call("ghp_olga", "POST /api/v1/group-adopt?team=nowhere&group=legacy")
	assert.GreaterOrEqual(t, a.Code, 400, a.text)
	for _, write := range w.writes() {
		assert.Equal(t, "POST /orgs/acme/actions/runner-groups", write)
	}
	assert.Equal(t, []string{"foreign"}, w.repos("legacy"))
}

func TestAdoptAndRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	given := w.ok("ghp_olga", "POST /api/v1/group-adopt?team=platform&group=LEGACY")
	assert.Equal(t, []any{"foreign"}, given.Response["repos"])
	assert.Equal(t, []any{"old-1"}, given.Response["runners"])
	shown := given.Response["group"].(map[string]any)
	assert.Equal(t, "selected", shown["visibility"])
	w.ok("ghp_olga", "POST /api/v1/group-adopt?team=platform&group=legacy") // again is safe
	assert.Equal(t, "legacy", w.ok("ghp_ada", "GET /api/v1/group-list?team=platform").Response["group"].(map[string]any)["name"])

	w.refused(403, "group_not_owned", "ghp_olga", "POST /api/v1/group-adopt?team=web&group=legacy")
	w.refused(409, "group_exists", "ghp_olga", "POST /api/v1/group-adopt?team=platform&group=open")
	w.refused(409, "group_exists", "ghp_ada", "POST /api/v1/group-create?team=platform")

	w.ok("ghp_olga", "PATCH /api/v1/group-release?team=platform")
	w.refused(404, "group_not_found", "ghp_ada", "GET /api/v1/group-list?team=platform")
	w.refused(404, "group_not_found", "ghp_olga", "PATCH /api/v1/group-release?team=platform")
	assert.Equal(t, []string{"foreign"}, w.repos("legacy"), "the group stays as it is")

	// the recorded group is gone: adopting replaces the record
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.hub.Update(org(func(o *ghsim.Org) { o.DeleteGroup("platform") }))
	w.ok("ghp_olga", "POST /api/v1/group-adopt?team=platform&group=legacy")
	// the team is gone: another gets its group
	w.hub.Update(org(func(o *ghsim.Org) { o.DeleteTeam("platform") }))
	w.ok("ghp_olga", "POST /api/v1/group-adopt?team=web&group=legacy")
	assert.Equal(t, "legacy", w.ok("ghp_ada", "GET /api/v1/group-list?team=web").Response["group"].(map[string]any)["name"])
	// a team that is gone can be released by its slug
	w.ok("ghp_bob", "POST /api/v1/group-create?team=others")
	w.hub.Update(org(func(o *ghsim.Org) { o.DeleteTeam("others") }))
	w.ok("ghp_olga", "PATCH /api/v1/group-release?team=others")
	w.refused(404, "group_not_found", "ghp_olga", "PATCH /api/v1/group-release?team=others")
}

func TestGroupNotSelected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	given := w.ok("ghp_olga", "POST /api/v1/group-adopt?team=platform&group=open")
	assert.Equal(t, "all", given.Response["group"].(map[string]any)["visibility"])
	assert.NotEmpty(t, given.Response["warnings"])
	w.ok("ghp_ada", "GET /api/v1/group-list?team=platform")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web") // and changed behind our back
	w.hub.Update(org(func(o *ghsim.Org) { o.Group("web").Visibility = "private" }))
	w.hub.ResetCalls()
	for _, command := range []string{"repos-add", "repos-remove", "repos-set"} {
		w.refused(409, "group_not_selected", "ghp_ada", "PATCH /api/v1/"+command+"?team=platform&repos=api")
		w.refused(409, "group_not_selected", "ghp_ada", "PATCH /api/v1/"+command+"?team=web&repos=web")
		w.refused(409, "group_not_selected", "ghp_ada", "PATCH /api/v1/"+command+"?team=web&repos=web")
	}
	assert.Empty(t, w.repos("web"))
	// fixed on GitHub
	w.hub.Update(org(func(o *ghsim.Org) { o.Group("web").Visibility, o.Group("open").Visibility = "selected", "selected" }))
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=web&repos=web")
	w.ok("ghp_ada", "PATCH /api/v1/repos-set?team=platform&repos=api")
	assert.Equal(t, []string{"web"}, w.repos("web"))
	require.Equal(t, []string{"api"}, w.repos("open"))
}
