package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestGroupRelease(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	k.Test(t, []commandtest.Case{
		{Name: "by a maintainer", Line: "group-release team=platform", Reason: dispatch.ReasonOwnerOnly},
		{Name: "by an owner", As: "olga", Line: "group-release team=platform", Then: func(t *testing.T, _ dispatch.Result) {
			assert.True(t, k.HasGroup("platform"), "the group stays")
		}},
		{Name: "again", As: "olga", Line: "group-release team=platform", Reason: dispatch.ReasonGroupNotFound},
		{Name: "and the team has none", Line: "group-list team=platform", Reason: dispatch.ReasonGroupNotFound},
	})
}
