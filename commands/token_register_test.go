package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestTokenRegister(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Test(t, []commandtest.Case{{Name: "without a group", Line: "token-register team=platform", Reason: dispatch.ReasonGroupNotFound}})
	k.Must("ada", "group-create team=platform")
	k.Test(t, []commandtest.Case{
		{Name: "by a member", As: "bob", Line: "token-register team=platform", Reason: dispatch.ReasonNotMaintainer},
		{Name: "by the maintainer", Line: "token-register team=platform", Then: func(t *testing.T, r dispatch.Result) {
			require.NotNil(t, r.Secret)
			assert.Contains(t, r.Secret.Text.Reveal(), "--runnergroup platform")
			assert.NotContains(t, r.Message, r.Secret.Text.Reveal())
		}},
	})
}

func TestTokenRegisterPolicy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		tokens  string
		adopted dispatch.Reason
		created dispatch.Reason
	}{
		{"true", "", ""},
		{"adopted", "", dispatch.ReasonPolicy},
		{"false", dispatch.ReasonPolicy, dispatch.ReasonPolicy},
	} {
		t.Run(test.tokens, func(t *testing.T) {
			k := commandtest.New(t, func(p *dispatch.Policy) { p.RegistrationTokens = test.tokens })
			k.Must("ada", "group-create team=platform")
			k.Must("olga", "group-adopt team=web group=legacy")
			k.Test(t, []commandtest.Case{
				{Name: "a created group", Line: "token-register team=platform", Reason: test.created},
				{Name: "an adopted group", Line: "token-register team=web", Reason: test.adopted},
			})
		})
	}
}
