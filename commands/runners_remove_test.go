package commands_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestRunnersRemove(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	k.AddRunner("platform", "build-1", "online", true)
	k.AddRunner("platform", "build-2", "offline", false)
	k.AddRunner("platform", "build-3", "online", false)
	k.Test(t, []commandtest.Case{
		{Name: "a busy one", Line: "runners-remove team=platform runners=build-1,build-3", Reason: dispatch.ReasonRunnerBusy, Items: []string{"build-1"}},
		{Name: "one of another group", Line: "runners-remove team=platform runners=old-1", Reason: dispatch.ReasonRunnerNotFound, Items: []string{"old-1"}},
		{Name: "nothing", Line: "runners-remove team=platform", Reason: dispatch.ReasonMissingArgument},
		{Name: "names and a flag", Line: "runners-remove team=platform runners=build-3 offline=true", Reason: dispatch.ReasonInvalidArgument},
		{Name: "by name", Line: "runners-remove team=platform runners=BUILD-3"},
		{Name: "those offline", Line: "runners-remove team=platform offline=true", Then: func(t *testing.T, r dispatch.Result) {
			assert.Equal(t, []string{"build-2"}, r.Response.(commands.RunnersAnswer).Runners)
		}},
	})
	assert.Equal(t, []string{"build-1"}, k.Runners("platform"))
	assert.Equal(t, []string{"old-1"}, k.Runners("legacy"))
}

func TestRunnersRemoveLeavesJITRunners(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	var ahead atomic.Int64
	k.Env.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	k.Must("ada", "group-create team=platform", "token-jit team=platform name=jit-1")
	k.AddRunner("platform", "build-1", "offline", false)
	k.Must("ada", "runners-remove team=platform offline=true")
	assert.Equal(t, []string{"jit-1"}, k.Runners("platform"), "it may still start")
	result, err := k.Run("ada", "runners-remove team=platform offline=true")
	require.NoError(t, err)
	assert.True(t, result.Attention)
	assert.Equal(t, "Nothing to remove. 1 offline runner is kept: made by `token-jit` less than an hour ago, so it may still start (`jit-1`). To remove it now, name it: `/runner-group runners-remove jit-1`.", result.Message)
	ahead.Store(int64(61 * time.Minute))
	k.Must("ada", "runners-remove team=platform offline=1")
	assert.Empty(t, k.Runners("platform"))
}
