package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// An enterprise's team has a slug with a prefix, and GitHub may show no maintainers of it.
func TestEnterpriseTeam(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Hub.Update(func(st *ghsim.State) { st.Org("acme").Team("platform").Slug = "ent:platform" })
	k.Test(t, []commandtest.Case{
		{Name: "by its slug", Line: "group-create team=ent:platform"},
		{Name: "with the organization", Line: "repos-add team=@acme/ent:platform repos=api"},
		{Name: "case does not matter", Line: "repos-add team=Ent:Platform repos=web"},
		{Name: "in a list", Line: "groups-list team=ent:platform,web"},
		{Name: "as the second team", Line: "runners-transfer team=ent:platform to=ent:others runners=r1", Reason: dispatch.ReasonNotMaintainer},
		{Name: "no slug", Line: "group-list team=ent:", Reason: dispatch.ReasonInvalidArgument},
		{Name: "another prefix", Line: "group-list team=org:platform", Reason: dispatch.ReasonInvalidArgument},
		{Name: "a path", Line: "group-list team=ent:../x", Reason: dispatch.ReasonInvalidArgument},
	})
	assert.ElementsMatch(t, []string{"api", "web"}, k.Repos("ent:platform"))
}

func TestEnterpriseTeamWithoutMaintainers(t *testing.T) {
	t.Parallel()
	for _, owners := range []bool{false, true} {
		k := commandtest.New(t, func(p *dispatch.Policy) { p.OwnersActForAnyTeam = owners })
		k.Hub.Update(func(st *ghsim.State) {
			team := st.Org("acme").Team("platform")
			team.Slug = "ent:platform"
			team.SetMember(st.User("ada"), "member", "active")
		})
		says := "If GitHub shows no maintainers of it, owners of acme can act for it if the operator sets `policy.ownersActForAnyTeam`."
		if owners {
			says = "If GitHub shows no maintainers of it, owners of acme act for it."
			k.Must("olga", "group-create team=ent:platform")
		}
		for _, line := range []string{"group-list team=ent:platform", "group-list team=ent:nothing"} {
			_, err := k.Run("ada", line)
			refusal := dispatch.AsError(err)
			require.Equal(t, dispatch.ReasonNotMaintainer, refusal.Reason)
			assert.Contains(t, refusal.Message, says, "the same for a team that does not exist")
		}
	}
}
