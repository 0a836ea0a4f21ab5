package commands_test

import (
	"fmt"
	"strings"
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
		{Name: "with self-hosted beside the labels given", Line: "token-jit team=platform name=build-2 labels=gpu", Then: hasLabels("self-hosted", "gpu")},
		{Name: "with self-hosted given", Line: "token-jit team=platform name=build-3 labels=gpu,Self-Hosted", Then: hasLabels("gpu", "Self-Hosted")},
		{Name: "without labels", Line: "token-jit team=platform name=build-4", Then: hasLabels("self-hosted")},
		{Name: "only with the labels given", Line: "token-jit team=platform name=build-5 labels=gpu no-default-labels=true", Then: hasLabels("gpu")},
		{Name: "without any label", Line: "token-jit team=platform name=build-6 no-default-labels=true", Reason: dispatch.ReasonMissingArgument},
		{Name: "with too many labels", Line: "token-jit team=platform name=build-6 labels=" + manyLabels(100), Reason: dispatch.ReasonInvalidArgument},
	})
	assert.Contains(t, k.Runners("platform"), "build-1", "in the team's own group")
	assert.Equal(t, []string{"old-1"}, k.Runners("legacy"))
}

// hasLabels checks the labels of a new runner, which the answer lists with its one job.
func hasLabels(labels ...string) func(*testing.T, dispatch.Result) {
	return func(t *testing.T, r dispatch.Result) {
		assert.Equal(t, labels, r.Response.(commands.JITAnswer).Runner.Labels)
		assert.Contains(t, r.Message, "one job")
		for _, label := range labels {
			assert.Contains(t, r.Message, "`"+label+"`")
		}
	}
}

func manyLabels(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("l%d", i))
	}
	return strings.Join(all, ",")
}
