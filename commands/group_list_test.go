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

func TestGroupList(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Test(t, []commandtest.Case{{Name: "without a group", Line: "group-list team=platform", Reason: dispatch.ReasonGroupNotFound}})
	k.Must("ada", "group-create team=platform", "repos-add team=platform repos=web,api")
	k.AddRunner("platform", "build-1", "offline", false)
	k.Hub.SetRunner("acme", "build-1", func(r *ghsim.Runner) { r.Version, r.Ephemeral = "2.322.0", true })
	k.Test(t, []commandtest.Case{
		{Name: "by a member", As: "bob", Line: "group-list team=platform", Reason: dispatch.ReasonNotMaintainer},
		{Name: "by the maintainer", Line: "group-list team=platform", Then: func(t *testing.T, r dispatch.Result) {
			list := r.Response.(commands.GroupListing)
			assert.Equal(t, "platform", list.Group.Name)
			assert.Equal(t, []string{"api", "web"}, list.Repos)
			assert.Equal(t, []string{"build-1"}, list.Runners)
			require.Len(t, list.RunnerDetails, 1)
			assert.Equal(t, "offline", list.RunnerDetails[0].Status)
			assert.Equal(t, "2.322.0", list.RunnerDetails[0].Version)
			assert.True(t, list.RunnerDetails[0].Ephemeral)
			assert.Equal(t, dispatch.StateOutdated, list.RunnerDetails[0].State)
			assert.False(t, r.Changed)
		}},
	})
}
