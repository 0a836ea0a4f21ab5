package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestWhoAmI(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "group-create team=web")
	k.Test(t, []commandtest.Case{
		{Name: "a maintainer", Line: "whoami", Then: func(t *testing.T, r dispatch.Result) {
			answer := r.Response.(commands.WhoAmI)
			assert.Equal(t, "ada", answer.Login)
			assert.Equal(t, "member", answer.Role)
			assert.Equal(t, []string{"platform", "web"}, answer.Teams)
		}},
		{Name: "an owner", As: "olga", Line: "whoami", Then: func(t *testing.T, r dispatch.Result) {
			assert.Equal(t, "owner", r.Response.(commands.WhoAmI).Role)
		}},
		{Name: "somebody outside", As: "eve", Line: "whoami", Reason: dispatch.ReasonNotMember},
	})
}
