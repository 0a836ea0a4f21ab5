package commands_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// What a workflow does is limited like what its team does.
func TestWorkflowIsLimitedLikeItsTeam(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "trust-add team=platform repo=web commands=repos-add,repos-remove,repos-set,runners-list,runners-label,runners-remove,workflows-set,token-jit,group-list ref=main")
	for line, reason := range map[string]dispatch.Reason{
		"repos-add team=platform repos=api":       "",
		"repos-add team=platform repos=docs":      dispatch.ReasonRepoNotPermitted,
		"repos-add team=platform repos=site":      dispatch.ReasonPublicRepo,
		"repos-remove team=platform repos=none":   "",
		"runners-list team=platform":              "",
		"runners-remove team=platform runners=r9": dispatch.ReasonRunnerNotFound,
		"group-list team=platform":                "",
		"workflows-set team=platform workflows=acme/web/.github/workflows/ci.yml@refs/heads/main": "",
		"group-check team=platform":  dispatch.ReasonNotTrusted,
		"token-remove team=platform": dispatch.ReasonNotTrusted,
	} {
		_, err := k.RunAs(k.Job("web"), line)
		assert.Equal(t, reason, dispatch.ReasonOf(err), "%s: %v", line, err)
	}
	// a limit to workflows that was set outside is the owners'
	k.Hub.Update(func(st *ghsim.State) {
		g := st.Org("acme").Group("platform")
		g.RestrictedToWorkflows, g.SelectedWorkflows = true, []string{"acme/api/.github/workflows/x.yml@refs/heads/main"}
	})
	_, err := k.RunAs(k.Job("web"), "workflows-set team=platform workflows=")
	assert.Equal(t, dispatch.ReasonOwnerOnly, dispatch.ReasonOf(err))
}

func TestWhoAmIWorkflow(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "group-create team=web",
		"trust-add team=platform repo=web commands=group-list ref=main", "trust-add team=web repo=web commands=group-list ref=dev", "trust-add team=platform repo=api commands=group-list ref=main")
	result, err := k.RunAs(k.Job("web"), "whoami")
	require.NoError(t, err)
	answer := result.Response.(commands.WhoAmI)
	assert.Equal(t, "workflow:acme/web@7", answer.Login)
	assert.Equal(t, "workflow", answer.Role)
	assert.Equal(t, []string{"platform"}, answer.Teams)
	assert.Equal(t, "acme/web", answer.Workflow.Repository)
	require.Len(t, answer.Trusts, 2, "those of the same repository")
	assert.True(t, answer.Trusts[0].Matches)
	assert.Empty(t, answer.Trusts[0].Fails)
	assert.False(t, answer.Trusts[1].Matches)
	assert.Equal(t, []string{"`ref` is `refs/heads/main`, not `refs/heads/dev`"}, answer.Trusts[1].Fails)

	k.Hub.Update(func(st *ghsim.State) {
		st.Org("acme").Team("platform").Permissions[st.Org("acme").Repo("web").ID] = "push"
	})
	result, err = k.RunAs(k.Job("web"), "whoami")
	require.NoError(t, err)
	answer = result.Response.(commands.WhoAmI)
	assert.Empty(t, answer.Teams)
	assert.Contains(t, strings.Join(answer.Trusts[0].Fails, ""), "permission `admin`")

	k.Hub.Update(func(st *ghsim.State) { st.Org("acme").Team("platform").Slug = "renamed" })
	result, err = k.RunAs(k.Job("web"), "whoami")
	require.NoError(t, err)
	assert.Len(t, result.Response.(commands.WhoAmI).Trusts, 2, "a renamed team is found by its id")
}
