package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestGroupDelete(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "group-create team=web")
	k.AddRunner("platform", "build-1", "online", false)
	k.Test(t, []commandtest.Case{
		{Name: "with runners", Line: "group-delete team=platform", Reason: dispatch.ReasonGroupNotEmpty},
		{Name: "to the same team", Line: "group-delete team=platform move-runners-to=platform", Reason: dispatch.ReasonInvalidArgument},
		{Name: "to a team of somebody else", Line: "group-delete team=platform move-runners-to=others", Reason: dispatch.ReasonNotMaintainer},
		{Name: "to another own team", Line: "group-delete team=platform move-runners-to=web", Then: func(t *testing.T, r dispatch.Result) {
			assert.Equal(t, []string{"build-1"}, r.Response.(commands.GroupDeleted).Moved)
			assert.Equal(t, []string{"build-1"}, k.Runners("web"))
			assert.False(t, k.HasGroup("platform"))
		}},
		{Name: "again", Line: "group-delete team=platform", Reason: dispatch.ReasonGroupNotFound},
	})
}
