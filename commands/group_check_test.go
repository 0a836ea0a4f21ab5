package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// platform changes acme's group of that name, as somebody does on GitHub.
func platform(k *commandtest.Kit, change func(*ghsim.Org, *ghsim.Group)) {
	k.Hub.Update(func(st *ghsim.State) { change(st.Org("acme"), st.Org("acme").Group("platform")) })
}

func findings(list []commands.FindingInfo) []string {
	all := []string{}
	for _, f := range list {
		all = append(all, f.Kind+" "+f.Subject)
	}
	return all
}

func TestGroupCheck(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Test(t, []commandtest.Case{{Name: "without a group", Line: "group-check team=platform", Reason: dispatch.ReasonGroupNotFound}})
	k.Must("ada", "group-create team=platform", "repos-add team=platform repos=web,api", "token-register team=platform")
	k.AddRunner("platform", "build-1", "online", false)
	check := func(want ...string) func(*testing.T, dispatch.Result) {
		return func(t *testing.T, r dispatch.Result) {
			checked := r.Response.(commands.GroupChecked)
			assert.Equal(t, "platform", checked.Team)
			assert.False(t, checked.CheckedAt.IsZero())
			assert.Equal(t, append([]string{}, want...), findings(checked.Findings))
			assert.False(t, r.Changed)
		}
	}
	k.Test(t, []commandtest.Case{
		{Name: "by a member", As: "bob", Line: "group-check team=platform", Reason: dispatch.ReasonNotMaintainer},
		{Name: "by an owner", As: "olga", Line: "group-check team=platform", Reason: dispatch.ReasonNotMaintainer},
		{Name: "all is well", Line: "group-check team=platform", Then: check()},
	})
	platform(k, func(o *ghsim.Org, g *ghsim.Group) {
		g.Repos = append(g.Repos, o.Repo("site").ID)
		o.Repo("web").Archived = true
		delete(o.Team("platform").Permissions, o.Repo("api").ID)
	})
	k.Test(t, []commandtest.Case{
		{Name: "drift", Line: "group-check team=platform", Then: check("repo_public site", "repo_attached_outside site", "repo_permission_lost api", "repo_archived web")},
		{Name: "a command accepts only what it changed", Line: "repos-remove team=platform repos=web"},
		{Name: "so the rest stays", Line: "group-check team=platform", Then: check("repo_public site", "repo_attached_outside site", "repo_permission_lost api")},
		{Name: "until it is undone", Line: "repos-remove team=platform repos=site,api"},
		{Name: "all is well again", Line: "group-check team=platform", Then: check()},
	})
	platform(k, func(o *ghsim.Org, g *ghsim.Group) {
		for i, other := range o.Groups {
			if other == g {
				o.Groups = append(o.Groups[:i], o.Groups[i+1:]...)
				break
			}
		}
	})
	k.Test(t, []commandtest.Case{
		{Name: "deleted", Line: "group-check team=platform", Then: check("group_deleted platform")},
		{Name: "which cannot be accepted", Line: "group-accept team=platform", Reason: dispatch.ReasonGroupNotFound},
		{Name: "but be made again", Line: "group-create team=platform"},
		{Name: "and is well", Line: "group-check team=platform", Then: check()},
	})
}

func TestGroupAccept(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "repos-add team=platform repos=web,api")
	accepted := func(want ...string) func(*testing.T, dispatch.Result) {
		return func(t *testing.T, r dispatch.Result) {
			answer := r.Response.(commands.GroupAccepted)
			assert.Equal(t, "platform", answer.Team)
			assert.Equal(t, append([]string{}, want...), findings(answer.Accepted))
		}
	}
	found := func(want ...string) func(*testing.T, dispatch.Result) {
		return func(t *testing.T, r dispatch.Result) {
			assert.Equal(t, append([]string{}, want...), findings(r.Response.(commands.GroupChecked).Findings))
		}
	}
	platform(k, func(o *ghsim.Org, g *ghsim.Group) {
		g.Repos = []int64{o.Repo("api").ID, o.Repo("site").ID}
		g.SelectedWorkflows, g.RestrictedToWorkflows = []string{"acme/api/.github/workflows/ci.yml@main"}, true
	})
	k.AddRunner("platform", "mine", "online", false)
	k.Test(t, []commandtest.Case{
		{Name: "by a member", As: "bob", Line: "group-accept team=platform", Reason: dispatch.ReasonNotMaintainer},
		{Name: "by the maintainer", Line: "group-accept team=platform", Then: accepted(
			"runner_unexpected mine", "repo_attached_outside site", "workflows_changed platform", "repo_detached_outside web")},
		{Name: "only those about the expected state end", Line: "group-check team=platform", Then: found("repo_public site")},
		{Name: "again", Line: "group-accept team=platform", Then: accepted()},
	})
	platform(k, func(_ *ghsim.Org, g *ghsim.Group) { g.AllowsPublic, g.Name = true, "renamed" })
	k.Test(t, []commandtest.Case{
		{Name: "a maintainer accepts the rest", Line: "group-accept team=platform", Then: accepted("group_renamed renamed")},
		{Name: "but not public repositories", Line: "group-accept team=platform", Reason: dispatch.ReasonOwnerOnly},
		{Name: "which stay a finding", Line: "group-check team=platform", Then: found("public_allowed renamed", "repo_public site")},
		{Name: "nor does an owner who asks for something else", As: "olga", Line: "group-list team=platform", Reason: dispatch.ReasonNotMaintainer},
		{Name: "an owner does", As: "olga", Line: "group-accept team=platform", Then: accepted("public_allowed renamed")},
		{Name: "so it is none", Line: "group-check team=platform", Then: found("repo_public site")},
	})
	platform(k, func(o *ghsim.Org, _ *ghsim.Group) { o.Group("renamed").Visibility = "all" })
	k.Test(t, []commandtest.Case{
		{Name: "visible to all", Line: "group-accept team=platform", Reason: dispatch.ReasonOwnerOnly},
		{Name: "to an owner", As: "olga", Line: "group-accept team=platform", Then: accepted("visibility_changed renamed")},
	})
	platform(k, func(o *ghsim.Org, _ *ghsim.Group) { o.Group("renamed").Visibility = "selected" })
	k.Test(t, []commandtest.Case{
		{Name: "back to selected ones", Line: "group-accept team=platform", Then: func(t *testing.T, r dispatch.Result) {
			assert.Contains(t, findings(r.Response.(commands.GroupAccepted).Accepted), "visibility_changed renamed")
		}},
	})
}

// Without a record there is nothing that could be expected.
func TestGroupAcceptNamed(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t, func(p *dispatch.Policy) { p.Named = true })
	require.NoError(t, k.Hub.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{{Login: "acme", RunnerGroups: []ghsim.GroupSpec{{Name: "platform"}}}}}))
	k.Test(t, []commandtest.Case{
		{Name: "check", Line: "group-check team=platform"},
		{Name: "accept", Line: "group-accept team=platform", Reason: dispatch.ReasonGroupNotOwned},
	})
}
