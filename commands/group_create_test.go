package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestGroupCreate(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Test(t, []commandtest.Case{
		{Name: "by a member", As: "bob", Line: "group-create team=platform", Reason: dispatch.ReasonNotMaintainer},
		{Name: "by somebody outside", As: "eve", Line: "group-create team=platform", Reason: dispatch.ReasonNotMaintainer},
		{Name: "by the maintainer", Line: "group-create team=platform", Then: func(t *testing.T, r dispatch.Result) {
			answer := r.Response.(commands.GroupAnswer)
			assert.Equal(t, "selected", answer.Group.Visibility)
			assert.False(t, answer.Group.AllowsPublicRepositories)
			assert.True(t, r.Changed)
		}},
		{Name: "again", Line: "group-create team=platform", Reason: dispatch.ReasonGroupExists},
		{Name: "by its other name", Line: "group-add team=web"},
	})
	record, err := k.Env.Store.Records(t.Context(), 1)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(record), 2)
}

// A group that exists is never taken because its name fits.
func TestGroupCreateNameIsTaken(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t, func(p *dispatch.Policy) { p.GroupName = "legacy" })
	k.Test(t, []commandtest.Case{{Name: "squat", Line: "group-create team=platform", Reason: dispatch.ReasonGroupExists}})
	assert.Equal(t, []string{"foreign"}, k.Repos("legacy"))
}
