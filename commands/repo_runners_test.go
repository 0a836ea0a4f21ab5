package commands_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// servedKit is a kit in which only the group platform serves api, with these runners: name,
// "idle", "busy" or "off", and labels.
func servedKit(t *testing.T, runners ...string) *commandtest.Kit {
	k := commandtest.New(t)
	k.Hub.Update(func(st *ghsim.State) {
		o := st.Org("acme")
		for _, g := range o.Groups {
			g.Visibility = "selected"
		}
	})
	k.Must("ada", "group-create team=platform", "repos-add team=platform repos=api")
	for _, runner := range runners {
		words := strings.Fields(runner)
		k.AddRunner("platform", words[0], map[bool]string{true: "offline", false: "online"}[words[1] == "off"], words[1] == "busy")
		k.Hub.SetRunner("acme", words[0], func(r *ghsim.Runner) { r.Labels = words[2:] })
	}
	return k
}

func TestRepoRunnersVerdicts(t *testing.T) {
	t.Parallel()
	all := []string{"a idle self-hosted gpu", "b busy self-hosted GPU big", "c off self-hosted gpu huge"}
	for _, test := range []struct {
		name    string
		runners []string
		labels  string
		want    string
		group   commands.RepoGroup
	}{
		{"idle", all, "Gpu", "served", commands.RepoGroup{Online: 2, Idle: 1, Busy: 1, Offline: 1, Matching: 3, MatchingIdle: 1}},
		{"without labels", all, "", "served", commands.RepoGroup{Online: 2, Idle: 1, Busy: 1, Offline: 1, Matching: 3, MatchingIdle: 1}},
		{"busy", all, "gpu,big", "busy", commands.RepoGroup{Online: 2, Idle: 1, Busy: 1, Offline: 1, Matching: 1}},
		{"offline", all, "huge", "offline", commands.RepoGroup{Online: 2, Idle: 1, Busy: 1, Offline: 1, Matching: 1}},
		{"no such label", all, "gpu,tpu", "no_label", commands.RepoGroup{Online: 2, Idle: 1, Busy: 1, Offline: 1}},
		{"labels on different runners", all, "big,huge", "no_label", commands.RepoGroup{Online: 2, Idle: 1, Busy: 1, Offline: 1}},
		{"no runners", nil, "gpu", "offline", commands.RepoGroup{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			k := servedKit(t, test.runners...)
			line := "repo-runners repo=acme/API"
			if test.labels != "" {
				line += " labels=" + test.labels
			}
			result, err := k.Run("ada", line)
			require.NoError(t, err)
			answer := result.Response.(commands.RepoRunners)
			assert.Equal(t, test.want, answer.Verdict)
			assert.Equal(t, "api", answer.Repo)
			test.group.Group = "platform"
			assert.Equal(t, []commands.RepoGroup{test.group}, answer.Groups)
			assert.NotEmpty(t, answer.Message)
		})
	}
}

// What a group's settings keep from it does not serve a repository.
func TestRepoRunnersGroups(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, repo string
		change     func(*ghsim.Org)
		want       string
		groups     []string
	}{
		{"attached", "api", nil, "served", []string{"platform"}},
		{"not attached", "web", nil, "no_group", nil},
		{"all repositories", "web", func(o *ghsim.Org) { o.Group("platform").Visibility = "all" }, "served", []string{"platform"}},
		{"private repositories", "web", func(o *ghsim.Org) { o.Group("platform").Visibility = "private" }, "served", []string{"platform"}},
		{"a public one, no public access", "site", func(o *ghsim.Org) { o.Group("platform").Visibility = "all" }, "no_group", nil},
		{"a public one, private repositories", "site", func(o *ghsim.Org) {
			o.Group("platform").Visibility, o.Group("platform").AllowsPublic = "private", true
		}, "no_group", nil},
		{"a public one, public access", "site", func(o *ghsim.Org) {
			o.Group("platform").Visibility, o.Group("platform").AllowsPublic = "all", true
		}, "served", []string{"platform"}},
		{"hosted by GitHub", "web", func(o *ghsim.Org) {
			o.Group("open").Visibility, o.Group("open").HostedRunners = "all", []string{"r"}
		}, "served", []string{"open"}},
		{"of the enterprise", "api", func(o *ghsim.Org) {
			o.Group("open").Visibility, o.Group("open").Inherited = "all", true
		}, "served", []string{"open", "platform"}},
		{"many", "api", func(o *ghsim.Org) {
			for i := range 25 {
				o.Groups = append(o.Groups, &ghsim.Group{ID: int64(1000 + i), Name: fmt.Sprintf("z%02d", i), Visibility: "all"})
			}
		}, "served", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			k := servedKit(t, "a idle r")
			k.Hub.Update(func(st *ghsim.State) {
				if test.change != nil {
					test.change(st.Org("acme"))
				}
			})
			result, err := k.Run("ada", "repo-runners labels=R repo="+test.repo)
			require.NoError(t, err)
			answer := result.Response.(commands.RepoRunners)
			assert.Equal(t, test.want, answer.Verdict, answer.Message)
			var groups []string
			for _, g := range answer.Groups {
				groups = append(groups, g.Group)
			}
			if test.name != "many" {
				assert.Equal(t, test.groups, groups)
				return
			}
			assert.Len(t, groups, 26)
			assert.Equal(t, 1, answer.Groups[0].MatchingIdle)
		})
	}
}

// The message says what the verdict leaves out.
func TestRepoRunnersMessages(t *testing.T) {
	t.Parallel()
	k := servedKit(t, "a idle gpu")
	now := time.Now()
	k.Hub.Update(func(st *ghsim.State) { st.Org("acme").Group("platform").RestrictedToWorkflows = true })
	k.Hub.SetRunner("acme", "a", func(r *ghsim.Runner) { r.Version = "2.0.0" })
	k.Env.Fleet = &record{releases: []dispatch.Release{{Version: "2.1.0", FirstSeen: now.AddDate(0, -2, 0)}}}
	result, err := k.Run("ada", "repo-runners repo=api")
	require.NoError(t, err)
	answer := result.Response.(commands.RepoRunners)
	assert.True(t, answer.Groups[0].WorkflowsRestricted)
	assert.Contains(t, answer.Message, "Only workflows")
	assert.Contains(t, answer.Message, "GitHub sends them no jobs")
}

// If no team owns a group that serves the repository, a maintainer has to attach it: a runner
// cannot be added to the others.
func TestRepoRunnersOfNoTeam(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, runner, want string // the runner of Default: its state and label
		change             func(*dispatch.Policy)
	}{
		{"no runners", "", "no team's runner group serves the repository. The other groups that do have no runners (`Default`). A maintainer of a team with a runner group attaches it: `/runner-group repos-add docs`.", nil},
		{"no label", "online linux", "Change `runs-on`, or use the runners of a team. No team's runner group serves the repository. A maintainer", nil},
		{"offline", "offline gpu", "no matching runner is online (`spare`). Start one of the machines, or its runner service. No team's runner group serves the repository. A maintainer", nil},
		{"idle", "online gpu", "1 matching runner is idle.", nil},
		{"groups by name", "", "no team's runner group serves", func(p *dispatch.Policy) { p.Named = true }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			k := commandtest.New(t, func(p *dispatch.Policy) {
				if test.change != nil {
					test.change(p)
				}
			})
			k.Hub.Update(func(st *ghsim.State) {
				o := st.Org("acme")
				for _, g := range o.Groups {
					g.Visibility, g.Inherited = "selected", false
				}
				o.Groups[0].Visibility = "all"
				o.Runners = nil
			})
			if test.runner != "" {
				status, label, _ := strings.Cut(test.runner, " ")
				k.AddRunner("Default", "spare", status, false)
				k.Hub.SetRunner("acme", "spare", func(r *ghsim.Runner) { r.Labels = []string{label} })
			}
			result, err := k.Run("olga", "repo-runners repo=docs labels=gpu")
			require.NoError(t, err)
			answer := result.Response.(commands.RepoRunners)
			assert.Contains(t, answer.Message, test.want)
			assert.Equal(t, answer.Verdict != commands.VerdictServed, strings.Contains(answer.Message, "repos-add docs"))
			assert.Equal(t, answer.Verdict != commands.VerdictServed, result.Attention, "a job that waits is no success")
			assert.NotContains(t, answer.Message, "token-register")
		})
	}
}

// Who may not write to a repository learns nothing, not even whether it exists: the answer is
// the same, and so is what is asked of GitHub.
func TestRepoRunnersSecrecy(t *testing.T) {
	t.Parallel()
	k := servedKit(t, "a idle gpu")
	require.NoError(t, k.Hub.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{{Login: "acme", Repositories: []ghsim.RepoSpec{{Name: "public", Visibility: "public"}}}}}))
	k.Hub.Update(func(st *ghsim.State) { st.Org("acme").Repo("foreign").Rename("strange") })
	ask := func(login, repo string) (string, []string) {
		t.Helper()
		k.Hub.ResetCalls()
		_, err := k.Run(login, "repo-runners repo="+repo)
		require.Equal(t, dispatch.ReasonRepoNotPermitted, dispatch.ReasonOf(err), repo)
		var calls []string
		for _, c := range k.Hub.Calls() {
			calls = append(calls, strings.ReplaceAll(c.String(), repo, "REPO"))
		}
		text, _, _ := strings.Cut(dispatch.AsError(err).Message, " Checked at ")
		return strings.ReplaceAll(text, repo, "REPO"), calls
	}
	_, _ = k.Run("bob", "repo-runners repo=warm") // the App's tokens
	wantText, wantCalls := ask("bob", "nothing")
	for _, repo := range []string{"nothing-else", "strange", "foreign", "runner-admin", "public"} {
		text, calls := ask("bob", repo)
		assert.Equal(t, wantText, text, repo)
		assert.Equal(t, wantCalls, calls, repo)
	}
	assert.Equal(t, []string{"GET /orgs/acme/memberships/bob", "GET /repos/acme/REPO/collaborators/bob/permission"}, wantCalls)
	_, calls := ask("bob", "public")
	assert.Equal(t, wantCalls[:1], calls, "a no is remembered for a minute")

	k.Test(t, []commandtest.Case{
		{Name: "an outsider", As: "eve", Line: "repo-runners repo=public", Reason: dispatch.ReasonNotMember},
		{Name: "no repository", Line: "repo-runners", Reason: dispatch.ReasonMissingArgument},
		{Name: "no repository's name", Line: "repo-runners repo=..", Reason: dispatch.ReasonInvalidArgument},
		{Name: "no label", Line: "repo-runners repo=api labels=$", Reason: dispatch.ReasonInvalidArgument},
		{Name: "of another organization", Line: "repo-runners repo=globex/api", Reason: dispatch.ReasonRepoNotPermitted},
		{Name: "an owner", As: "olga", Line: "repo-runners repo=strange"},
	})
}
