package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestTokenRemove(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	k.Test(t, []commandtest.Case{
		{Name: "by a member", As: "bob", Line: "token-remove team=platform", Reason: dispatch.ReasonNotMaintainer},
		{Name: "by the maintainer", Line: "token-remove team=platform", Then: func(t *testing.T, r dispatch.Result) {
			require.NotNil(t, r.Secret)
			assert.Contains(t, r.Secret.Text.Reveal(), "remove --token ")
		}},
	})
}
