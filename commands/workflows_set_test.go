package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestWorkflowsSet(t *testing.T) {
	t.Parallel()
	const file = "acme/api/.github/workflows/ci.yml@refs/heads/main"
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	k.Test(t, []commandtest.Case{
		{Name: "by a member", As: "bob", Line: "workflows-set team=platform workflows=" + file, Reason: dispatch.ReasonNotMaintainer},
		{Name: "without a list", Line: "workflows-set team=platform", Reason: dispatch.ReasonMissingArgument},
		{Name: "of another organization", Line: "workflows-set team=platform workflows=globex/api/.github/workflows/ci.yml@main", Reason: dispatch.ReasonInvalidArgument},
		{Name: "a file", Line: "workflows-set team=platform workflows=" + file, Then: func(t *testing.T, _ dispatch.Result) {
			group := groupOf(t, k, "platform")
			assert.True(t, group.RestrictedToWorkflows)
			assert.Equal(t, []string{file}, group.SelectedWorkflows)
		}},
		{Name: "none", Line: "workflows-set team=platform workflows=", Then: func(t *testing.T, _ dispatch.Result) {
			assert.False(t, groupOf(t, k, "platform").RestrictedToWorkflows)
		}},
	})
}
