package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestTokenJIT(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	k.Test(t, []commandtest.Case{
		{Name: "by a member", As: "bob", Line: "token-jit team=platform name=build-1", Reason: dispatch.ReasonNotMaintainer},
		{Name: "a name that is none", Line: "token-jit team=platform name=../x", Reason: dispatch.ReasonInvalidArgument},
		{Name: "a name that is taken", Line: "token-jit team=platform name=old-1", Reason: dispatch.ReasonRunnerExists},
		{Name: "by the maintainer", Line: "token-jit team=platform name=build-1 labels=linux,gpu", Then: func(t *testing.T, r dispatch.Result) {
			answer := r.Response.(commands.JITAnswer)
			assert.Equal(t, "build-1", answer.Runner.Name)
			assert.NotEmpty(t, answer.EncodedJITConfig)
			require.NotNil(t, r.Secret)
			assert.True(t, r.Secret.EncryptedOnly)
		}},
	})
	assert.Equal(t, []string{"build-1"}, k.Runners("platform"), "in the team's own group")
	assert.Equal(t, []string{"old-1"}, k.Runners("legacy"))
}
