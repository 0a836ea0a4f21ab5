package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestGroupsList(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "group-create team=web")
	k.Must("bob", "group-create team=others")
	teams := func(want ...string) func(*testing.T, dispatch.Result) {
		return func(t *testing.T, r dispatch.Result) {
			var got []string
			for _, g := range r.Response.(commands.GroupsListing).Groups {
				got = append(got, g.Team)
			}
			assert.Equal(t, want, got)
		}
	}
	k.Test(t, []commandtest.Case{
		{Name: "of two teams", Line: "groups-list", Then: teams("platform", "web")},
		{Name: "of those named", Line: "groups-list team=web,others", Then: teams("web")},
		{Name: "of one team", As: "bob", Line: "groups-list", Then: teams("others")},
		{Name: "of all teams, by an owner", As: "olga", Line: "groups-list all=true", Then: teams("others", "platform", "web")},
		{Name: "of all teams, by a maintainer", Line: "groups-list all=true", Reason: dispatch.ReasonOwnerOnly},
		{Name: "of all teams, by somebody outside", As: "eve", Line: "groups-list all=true", Reason: dispatch.ReasonNotMember},
		{Name: "of all teams and of one", As: "olga", Line: "groups-list team=web all=true", Reason: dispatch.ReasonInvalidArgument},
		{Name: "by somebody outside", As: "eve", Line: "groups-list", Reason: dispatch.ReasonNotMember},
		{Name: "of what is no slug", Line: "groups-list team=../x", Reason: dispatch.ReasonInvalidArgument},
	})
}
