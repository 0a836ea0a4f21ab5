package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestRunnersTransfer(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "group-create team=web")
	k.Must("bob", "group-create team=others")
	k.AddRunner("platform", "build-1", "online", false)
	k.Test(t, []commandtest.Case{
		{Name: "to a team of somebody else", Line: "runners-transfer team=platform runners=build-1 to=others", Reason: dispatch.ReasonNotMaintainer},
		{Name: "from a team of somebody else", As: "bob", Line: "runners-transfer team=platform runners=build-1 to=others", Reason: dispatch.ReasonNotMaintainer},
		{Name: "one of another group", Line: "runners-transfer team=platform runners=old-1 to=web", Reason: dispatch.ReasonRunnerNotFound},
		{Name: "to the own other team", Line: "runners-transfer team=platform runners=build-1 to=web"},
		{Name: "again", Line: "runners-transfer team=platform runners=build-1 to=web"},
	})
	assert.Equal(t, []string{"build-1"}, k.Runners("web"))
	assert.Empty(t, k.Runners("platform"))
}
