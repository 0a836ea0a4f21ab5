package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestReposAdd(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	k.Test(t, []commandtest.Case{
		{Name: "by a member", As: "bob", Line: "repos-add team=platform repos=api", Reason: dispatch.ReasonNotMaintainer},
		{Name: "with too little permission", Line: "repos-add team=platform repos=api,docs,foreign,missing", Reason: dispatch.ReasonRepoNotPermitted, Items: []string{"docs", "foreign", "missing"}},
		{Name: "a public one", Line: "repos-add team=platform repos=api,site", Reason: dispatch.ReasonPublicRepo, Items: []string{"site"}},
		{Name: "a name that is none", Line: "repos-add team=platform repos=a/../b", Reason: dispatch.ReasonInvalidArgument},
		{Name: "two", Line: "repos-add team=platform repos=API,acme/web,api", Then: func(t *testing.T, r dispatch.Result) {
			assert.Equal(t, "selected", groupOf(t, k, "platform").Visibility)
			assert.ElementsMatch(t, []string{"api", "web"}, k.Repos("platform"))
			assert.True(t, r.Changed)
		}},
		{Name: "again", Line: "repos-add team=platform repos=api"},
	})
	assert.ElementsMatch(t, []string{"api", "web"}, k.Repos("platform"), "what was refused changed nothing")
}

func groupOf(t *testing.T, k *commandtest.Kit, team string) commands.GroupInfo {
	t.Helper()
	r, err := k.Run("ada", "group-list team="+team)
	require.NoError(t, err)
	return r.Response.(commands.GroupListing).Group
}
