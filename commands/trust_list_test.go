package commands_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestTrustListAndRemove(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "group-create team=web")
	list := func(team string) []commands.TrustInfo {
		result, err := k.Run("ada", "trust-list team="+team)
		require.NoError(t, err)
		return result.Response.(commands.TrustListing).Trusts
	}
	assert.NotNil(t, list("platform"))
	assert.Empty(t, list("platform"))
	k.Must("ada", "trust-add team=platform repo=web commands=group-list ref=main", "trust-add team=platform repo=api commands=group-list ref=main for=1m",
		"trust-add team=web repo=web commands=group-list ref=main")
	require.Len(t, list("platform"), 2)

	_, err := k.RunAs(k.Job("web"), "group-list team=platform")
	require.NoError(t, err)
	require.NotNil(t, list("platform")[0].LastUsed)
	assert.WithinDuration(t, k.Now(), *list("platform")[0].LastUsed, time.Minute)
	_, err = k.RunAs(k.Job("api"), "group-list team=platform")
	require.NoError(t, err)
	k.Advance(time.Minute)
	_, err = k.RunAs(k.Job("api"), "group-list team=platform")
	assert.Equal(t, dispatch.ReasonNotTrusted, dispatch.ReasonOf(err), "it expired")

	k.Test(t, []commandtest.Case{
		{Name: "another team's", Line: "trust-remove team=platform id=3", Reason: dispatch.ReasonTrustNotFound},
		{Name: "none", Line: "trust-remove team=platform id=99", Reason: dispatch.ReasonTrustNotFound},
		{Name: "no number", Line: "trust-remove team=platform id=x", Reason: dispatch.ReasonInvalidArgument},
		{Name: "no id", Line: "trust-remove team=platform", Reason: dispatch.ReasonMissingArgument},
		{Name: "by a member", As: "bob", Line: "trust-remove team=platform id=1", Reason: dispatch.ReasonNotMaintainer},
		{Name: "one", Line: "trust-remove team=platform id=1", Then: func(t *testing.T, r dispatch.Result) {
			assert.Equal(t, int64(1), r.Response.(commands.TrustAnswer).Trust.ID)
			assert.True(t, r.Changed)
		}},
		{Name: "again", Line: "trust-remove team=platform id=1", Reason: dispatch.ReasonTrustNotFound},
	})
	assert.Len(t, list("platform"), 1)
	_, err = k.RunAs(k.Job("web"), "group-list team=platform")
	assert.Equal(t, dispatch.ReasonNotTrusted, dispatch.ReasonOf(err))
	_, err = k.RunAs(k.Job("web"), "group-list team=web")
	require.NoError(t, err)
}
