package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// addTeam creates a team with one maintainer, as any member of an organization can.
func (w *world) addTeam(name, maintainer string) {
	w.state(func(org *ghsim.Org, st *ghsim.State) {
		id := int64(390000 + len(org.Teams))
		for slices.ContainsFunc(org.Teams, func(t *ghsim.Team) bool { return t.ID == id }) {
			id++
		}
		team := &ghsim.Team{ID: id, Name: name, Slug: name, Privacy: "closed", CreatedAt: time.Now(), Permissions: map[int64]string{org.Repo("api").ID: "admin"}}
		team.SetMember(st.User(maintainer), "maintainer", "active")
		org.Teams = append(org.Teams, team)
	})
}

// snapshot formats a group with its content, or returns "gone" if there is none.
func (w *world) snapshot(name string) (text string) {
	w.state(func(org *ghsim.Org, _ *ghsim.State) {
		text = "gone"
		if g := org.Group(name); g != nil {
			text = fmt.Sprintf("%+v %v %v", *g, org.ReposOf(name), org.RunnersOf(name))
		}
	})
	return text
}

// teamCommands returns the commands that work on one team.
func teamCommands() (specs []dispatch.Spec) {
	for _, spec := range dispatch.NewDispatcher(&dispatch.Env{}, commands.All()).Specs() {
		if spec.Team() {
			specs = append(specs, spec)
		}
	}
	return specs
}

// A team with the name of an existing group gets nothing of that group.
func TestThreatSquatter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withKey(acme(), "bob", newSSHKey(t)))
	w.addTeam("legacy", "bob")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/token-jit?team=platform&name=build-1")
	w.addTeam("legacy-to", "bob")
	w.ok("ghp_bob", "POST /api/v1/group-create?team=legacy-to") // so that only the one group is missing
	before := w.snapshot("legacy")
	require.Contains(t, before, "old-1")
	w.hub.ResetCalls()

	want := map[string]string{"group-create": "group_exists", "group-adopt": "owner_only", "group-release": "owner_only", "audit-list": "done"}
	for _, spec := range teamCommands() {
		reason := want[spec.Name]
		if reason == "" {
			reason = "group_not_found"
		}
		args := example(spec, "legacy")
		if _, ok := args["runners"]; ok {
			args["runners"] = "old-1"
		}
		a := w.call("ghp_bob", asREST(spec, args))
		if reason == "done" {
			assert.Equal(t, 200, a.Code, spec.Name)
		} else {
			assert.Equal(t, reason, a.Reason, "%s: %s", spec.Name, a.text)
		}
		id, err := w.hub.Comment("acme", "runner-admin", 2, "bob", asComment(spec, args))
		require.NoError(t, err)
		d, outcome := w.delivery(id)
		assert.Equal(t, "accepted", outcome)
		require.Eventually(t, func() bool { return w.finished(id) }, eventually, tick, spec.Name)
		assert.Equal(t, reason, w.reasonOf(d.GUID), "%s, by comment", spec.Name)
	}
	assert.Equal(t, before, w.snapshot("legacy"), "the group is as it was")
	for _, call := range w.groupCalls() {
		assert.Contains(t, []string{"POST /orgs/acme/actions/runner-groups", "GET /orgs/acme/actions/runner-groups"}, call, "nothing but group-create reached the runner-group API")
	}

	listed := w.ok("ghp_bob", "GET /api/v1/audit-list?team=legacy&limit=1000").Response["entries"].([]any)
	seen := map[string]bool{}
	for _, e := range listed {
		entry := e.(map[string]any)
		if entry["outcome"] == "refused" {
			seen[fmt.Sprint(entry["command"], " ", entry["channel"])] = true
		}
		assert.Equal(t, "bob", entry["caller"])
	}
	for _, spec := range teamCommands() {
		// What is refused before the team is resolved counts together with other names
		// that no record has.
		if spec.Name != "audit-list" && want[spec.Name] != "owner_only" {
			assert.True(t, seen[spec.Name+" rest"] && seen[spec.Name+" comment"], "the audit has refusals of %s by both channels", spec.Name)
		}
	}
}

// A new team with the slug of a deleted one is another team.
func TestThreatRemadeTeam(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.state(func(org *ghsim.Org, _ *ghsim.State) { org.DeleteTeam("platform") })
	w.addTeam("platform", "bob")
	for _, request := range []string{
		"POST /api/v1/group-create?team=platform", "GET /api/v1/group-list?team=platform", "POST /api/v1/token-register?team=platform",
		"PATCH /api/v1/repos-add?team=platform&repos=api", "DELETE /api/v1/group-delete?team=platform",
	} {
		a := w.refused(403, "group_not_owned", "ghp_bob", request)
		assert.Contains(t, a.Error, "group-adopt", "it says what an owner can do")
	}
	w.ok("ghp_olga", "POST /api/v1/group-adopt?team=platform")
	w.ok("ghp_bob", "PATCH /api/v1/repos-add?team=platform&repos=api")
	assert.Equal(t, []string{"api"}, w.repos("platform"))
}

// A renamed team keeps its group. A team that takes its old slug gets nothing.
func TestThreatReusedSlug(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.state(func(org *ghsim.Org, _ *ghsim.State) { org.Team("platform").Rename("renamed") })
	w.addTeam("platform", "bob")
	w.refused(403, "group_not_owned", "ghp_bob", "GET /api/v1/group-list?team=platform")
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=renamed&repos=api")
	w.refused(404, "group_not_found", "ghp_bob", "GET /api/v1/group-list?team=platform")
	w.refused(409, "group_exists", "ghp_bob", "POST /api/v1/group-create?team=platform")
	w.refused(403, "not_maintainer", "ghp_ada", "GET /api/v1/group-list?team=platform")
	assert.Equal(t, []string{"api"}, w.repos("platform"), "the group keeps its name and its team")
}

// A new group with the name of a deleted one is another group, also for an old database.
func TestThreatRemadeGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.state(func(org *ghsim.Org, _ *ghsim.State) {
		org.DeleteGroup("platform")
		org.Groups = append(org.Groups, &ghsim.Group{ID: 9999, Name: "platform", Visibility: "selected"})
	})
	before := w.snapshot("platform")
	w.refused(404, "group_not_found", "ghp_ada", "GET /api/v1/group-list?team=platform")
	w.refused(404, "group_not_found", "ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api")
	w.refused(404, "group_not_found", "ghp_ada", "POST /api/v1/token-jit?team=platform&name=build-1")
	w.refused(409, "group_exists", "ghp_ada", "POST /api/v1/group-create?team=platform")
	assert.Equal(t, before, w.snapshot("platform"))
}

// A team cannot use another team's runners, repositories or group.
func TestThreatReachAcross(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.addTeam("mine", "bob")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_bob", "POST /api/v1/group-create?team=mine")
	w.ok("ghp_ada", "POST /api/v1/token-jit?team=platform&name=theirs")
	w.ok("ghp_bob", "POST /api/v1/token-jit?team=mine&name=own&labels=self-hosted,platform")
	before := w.snapshot("platform")
	for _, test := range []struct {
		name, want string
		request    string
	}{
		{"remove another team's runner", "404 runner_not_found", "DELETE /api/v1/runners-remove?team=mine&runners=theirs"},
		{"fetch another team's runner", "403 not_maintainer", "POST /api/v1/runners-transfer?team=platform&runners=theirs&to=mine"},
		{"push a runner into another team's group", "403 not_maintainer", "POST /api/v1/runners-transfer?team=mine&runners=own&to=platform"},
		{"move runners there when deleting", "403 not_maintainer", "DELETE /api/v1/group-delete?team=mine&move-runners-to=platform"},
		{"take a spare runner of the default group", "404 runner_not_found", "DELETE /api/v1/runners-remove?team=mine&runners=spare-1"},
		{"name the group of a runner", "400 unknown_argument", "POST /api/v1/token-jit?team=mine&name=new&group=platform"},
		{"name the group's id of a runner", "400 unknown_argument", "POST /api/v1/token-jit?team=mine&name=new&runner_group_id=1"},
		{"take another team's runner name", "409 runner_exists", "POST /api/v1/token-jit?team=mine&name=theirs"},
		{"attach a repository of others", "403 repo_not_permitted", "PATCH /api/v1/repos-add?team=mine&repos=foreign"},
		{"attach one that does not exist", "403 repo_not_permitted", "PATCH /api/v1/repos-add?team=mine&repos=nothing"},
		{"attach one of another organization", "403 repo_not_permitted", "PATCH /api/v1/repos-add?team=mine&repos=globex/api"},
		{"restrict to a workflow of another organization", "400 invalid_argument", "PATCH /api/v1/workflows-set?team=mine&workflows=globex/api/.github/workflows/ci.yml@refs/heads/main"},
		{"read another team's audit", "403 not_maintainer", "GET /api/v1/audit-list?team=platform"},
		{"give oneself a group", "403 owner_only", "POST /api/v1/group-adopt?team=mine&group=legacy"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := w.call("ghp_bob", test.request)
			assert.Equal(t, test.want, fmt.Sprint(a.Code, " ", a.Reason), a.text)
		})
	}
	assert.Equal(t, before, w.snapshot("platform"))
	assert.Contains(t, w.snapshot("mine"), "[own]")
	who := w.ok("ghp_bob", "GET /api/v1/groups-list?team=platform,mine")
	assert.Len(t, who.Response["groups"], 1, "and sees none but the own group")
}

// A repository or team that the caller may not see looks like one that does not exist.
func TestThreatSecretNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	same := func(token, request, known, unknown string) {
		t.Helper()
		a, b := w.call(token, request+known), w.call(token, request+unknown)
		assert.Equal(t, a.Code, b.Code)
		assert.Equal(t, strings.ReplaceAll(a.Error, known, unknown), b.Error)
	}
	same("ghp_eve", "GET /api/v1/group-list?team=", "secret", "absent")
	same("ghp_eve", "GET /api/v1/group-list?team=", "platform", "absentee")
	same("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=", "foreign", "nothing")
	same("ghp_ada", "PATCH /api/v1/repos-remove?team=platform&repos=", "foreign", "nothing")
}

// A team can only attach repositories that the policy permits.
func TestThreatRepositories(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	a := w.refused(403, "repo_not_permitted", "ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api,docs,foreign,site")
	assert.Len(t, a.Items, 4)
	w.refused(403, "repo_not_permitted", "ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=docs") // push is not enough
	w.refused(403, "public_repo", "ghp_ada", "PATCH /api/v1/repos-set?team=platform&repos=site")
	assert.Empty(t, w.repos("platform"), "if one is refused, none is attached")
	w.state(func(org *ghsim.Org, _ *ghsim.State) {
		assert.False(t, org.Group("platform").AllowsPublic, "and GitHub keeps those out that become public later")
		assert.Equal(t, "selected", org.Group("platform").Visibility)
	})
}

// A caller who is demoted while a command waits is refused when it runs.
func TestThreatDemotedInQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	demote := func() {
		w.state(func(org *ghsim.Org, st *ghsim.State) {
			org.Team("platform").SetMember(st.User("ada"), "member", "active")
		})
	}

	t.Run("between two commands of a comment", func(t *testing.T) {
		var once sync.Once
		w.watch(func(e ghsim.Exchange) {
			if e.Request.Method == http.MethodPut {
				once.Do(demote)
			}
		})
		replies, reaction := w.say("ada", 1, "/runner-group repos-add api\n/runner-group repos-add web")
		assert.Equal(t, "confused", reaction)
		assert.Contains(t, strings.Join(replies, "\n"), "· `not_maintainer`")
		assert.Equal(t, []string{"api"}, w.repos("platform"))
	})

	t.Run("while the server was away", func(t *testing.T) {
		w.state(func(org *ghsim.Org, st *ghsim.State) {
			org.Team("platform").SetMember(st.User("ada"), "maintainer", "active")
		})
		require.NoError(t, w.stop())
		id, err := w.hub.Comment("acme", "runner-admin", 1, "ada", "/runner-group repos-add web")
		require.NoError(t, err)
		require.NoError(t, w.hub.Wait(t.Context()))
		demote()
		w.start()
		require.Eventually(t, func() bool { return w.finished(id) }, eventually, tick)
		assert.Equal(t, "confused", w.reaction(1, id))
		assert.Equal(t, []string{"api"}, w.repos("platform"))
	})
}

// Teams that created their group get no token for the whole organization.
func TestThreatRegistrationTokens(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"adopted", "false"} {
		t.Run(policy, func(t *testing.T) {
			w := newWorld(t, acme(), "POLICY_REGISTRATION_TOKENS="+policy)
			w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
			a := w.refused(403, "policy", "ghp_ada", "POST /api/v1/token-register?team=platform")
			assert.Contains(t, a.Error, "token-jit")
			w.refused(403, "policy", "ghp_ada", "POST /api/v1/token-remove?team=platform")
			w.ok("ghp_ada", "POST /api/v1/token-jit?team=platform&name=build-1")
			w.ok("ghp_olga", "POST /api/v1/group-adopt?team=web&group=legacy")
			given := w.call("ghp_ada", "POST /api/v1/token-register?team=web")
			assert.Equal(t, policy == "adopted", given.Code == 200, given.text)
		})
	}
}

// A group-create without an answer never claims a group that is in use.
func TestThreatLeftoverIntent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.addTeam("legacy", "bob")
	w.hub.Inject(ghsim.Fault{Method: "POST", Path: "/runner-groups$", Drop: true, Times: -1})
	before := w.snapshot("legacy")
	a := w.call("ghp_bob", "POST /api/v1/group-create?team=legacy")
	assert.NotEqual(t, 200, a.Code, a.text)
	w.hub.ClearFaults()
	w.refused(404, "group_not_found", "ghp_bob", "GET /api/v1/group-list?team=legacy")
	w.refused(409, "group_exists", "ghp_bob", "POST /api/v1/group-create?team=legacy")
	assert.Equal(t, before, w.snapshot("legacy"))
}
