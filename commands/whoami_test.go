package commands_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestWhoAmI(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "group-create team=web")
	_, err := k.Run("bob", "group-list team=others")
	assert.Equal(t, dispatch.ReasonGroupNotFound, dispatch.ReasonOf(err))
	k.Test(t, []commandtest.Case{
		{Name: "a maintainer of a team without a group", As: "bob", Line: "whoami", Then: func(t *testing.T, r dispatch.Result) {
			answer := r.Response.(commands.WhoAmI)
			assert.Empty(t, answer.Teams)
			assert.Equal(t, []string{"others"}, answer.TeamsWithoutGroup)
			assert.Contains(t, r.Message, "`others`")
		}},
		{Name: "a maintainer", Line: "whoami", Then: func(t *testing.T, r dispatch.Result) {
			answer := r.Response.(commands.WhoAmI)
			assert.Equal(t, "ada", answer.Login)
			assert.Equal(t, "member", answer.Role)
			assert.Equal(t, []string{"platform", "web"}, answer.Teams)
		}},
		{Name: "a team without a group, named", As: "bob", Line: "whoami team=Others", Then: func(t *testing.T, r dispatch.Result) {
			answer := r.Response.(commands.WhoAmI)
			assert.Empty(t, answer.Teams)
			assert.Equal(t, []string{"others"}, answer.TeamsWithoutGroup)
			assert.NotContains(t, r.Message, "name it")
		}},
		{Name: "somebody else's", Line: "whoami team=others", Then: func(t *testing.T, r dispatch.Result) {
			assert.Nil(t, r.Response.(commands.WhoAmI).TeamsWithoutGroup)
		}},
		{Name: "an owner", As: "olga", Line: "whoami", Then: func(t *testing.T, r dispatch.Result) {
			assert.Equal(t, "owner", r.Response.(commands.WhoAmI).Role)
		}},
		{Name: "somebody outside", As: "eve", Line: "whoami", Reason: dispatch.ReasonNotMember},
	})
}

// What the server does not know is left out: it is not "none".
func TestWhoAmISaysWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("olga", "status")
	result, err := k.Run("ada", "whoami")
	require.NoError(t, err)
	body, err := json.Marshal(result.Response)
	require.NoError(t, err)
	assert.NotContains(t, string(body), "teamsWithoutGroup")
	assert.Contains(t, result.Message, "To see another team that you maintain, name it: `team=SLUG`.")
}

// An owner's refusal says what an owner can do, even while the refusal is remembered.
func TestOwnerIsAdvised(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	for range 2 {
		_, err := k.Run("olga", "group-list team=platform")
		require.Equal(t, dispatch.ReasonNotMaintainer, dispatch.ReasonOf(err))
		for _, way := range []string{"group-adopt", "ownersActForAnyTeam", "make yourself a maintainer"} {
			assert.ErrorContains(t, err, way)
		}
		_, err = k.Run("bob", "group-list team=platform")
		assert.ErrorContains(t, err, "One of its maintainers can promote you")
		assert.NotContains(t, err.Error(), "group-adopt")
	}
}
