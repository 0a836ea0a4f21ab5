package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestReposRemove(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "repos-add team=platform repos=api,web")
	k.Test(t, []commandtest.Case{
		{Name: "by a member", As: "bob", Line: "repos-remove team=platform repos=api", Reason: dispatch.ReasonNotMaintainer},
		{Name: "one and one that is not attached", Line: "repos-remove team=platform repos=api,missing", Then: func(t *testing.T, r dispatch.Result) {
			answer := r.Response.(commands.ReposChanged)
			assert.Equal(t, []string{"api"}, answer.Removed)
			assert.Equal(t, []string{"missing"}, answer.Unchanged)
		}},
		{Name: "again", Line: "repos-remove team=platform repos=api", Then: func(t *testing.T, r dispatch.Result) {
			assert.True(t, r.Attention)
			assert.False(t, r.Changed)
			assert.Equal(t, "Nothing removed: not attached to `platform`: `api`. Attached: `web`.", r.Message)
		}},
		{Name: "misspelt", Line: "repos-remove team=platform repos=wbe", Then: func(t *testing.T, r dispatch.Result) {
			assert.Contains(t, r.Message, "Nothing removed")
			assert.Contains(t, r.Message, "Did you mean `web` instead of `wbe`?")
		}},
	})
	assert.Equal(t, []string{"web"}, k.Repos("platform"))
}
