package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestGroupAdopt(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Test(t, []commandtest.Case{
		{Name: "by a maintainer", Line: "group-adopt team=platform group=legacy", Reason: dispatch.ReasonOwnerOnly},
		{Name: "a group that is missing", As: "olga", Line: "group-adopt team=platform group=missing", Reason: dispatch.ReasonGroupNotFound},
		{Name: "for a team that is missing", As: "olga", Line: "group-adopt team=missing group=legacy", Reason: dispatch.ReasonInvalidArgument},
		{Name: "the default group", As: "olga", Line: "group-adopt team=platform group=Default", Reason: dispatch.ReasonPolicy},
		{Name: "by an owner", As: "olga", Line: "group-adopt team=platform group=legacy", Then: func(t *testing.T, r dispatch.Result) {
			answer := r.Response.(commands.Adopted)
			assert.Equal(t, []string{"foreign"}, answer.Repos)
			assert.Equal(t, []string{"old-1"}, answer.Runners)
		}},
		{Name: "for another team", As: "olga", Line: "group-adopt team=web group=legacy", Reason: dispatch.ReasonGroupNotOwned},
		{Name: "a second group", As: "olga", Line: "group-adopt team=platform group=open", Reason: dispatch.ReasonGroupExists},
		{Name: "which the team then manages", Line: "group-list team=platform"},
	})
}
