package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestReposSet(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "repos-add team=platform repos=api")
	k.Test(t, []commandtest.Case{
		{Name: "with too little permission", Line: "repos-set team=platform repos=web,docs", Reason: dispatch.ReasonRepoNotPermitted, Items: []string{"docs"}},
		{Name: "without a list", Line: "repos-set team=platform", Reason: dispatch.ReasonMissingArgument},
		{Name: "another list", Line: "repos-set team=platform repos=web", Then: func(t *testing.T, r dispatch.Result) {
			answer := r.Response.(commands.ReposChanged)
			assert.Equal(t, []string{"web"}, answer.Added)
			assert.Equal(t, []string{"api"}, answer.Removed)
		}},
	})
	assert.Equal(t, []string{"web"}, k.Repos("platform"))
}
