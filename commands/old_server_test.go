package commands_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// An older Enterprise Server answers 404 for endpoints that it lacks, and ignores fields.
// Neither means that the group is gone.
func TestOldServer(t *testing.T) {
	t.Parallel()
	const workflow = "workflows=acme/api/.github/workflows/ci.yml@refs/heads/main"
	tests := []struct {
		name, line string
		fault      ghsim.Fault
		says       string
	}{
		{
			"no just-in-time runners", "token-jit team=platform name=build-1",
			ghsim.Fault{Path: "/generate-jitconfig$", Status: http.StatusNotFound},
			"This GitHub has no just-in-time runners (Enterprise Server 3.10 or later needed).",
		},
		{
			"no limits to workflows", "workflows-set team=platform " + workflow,
			ghsim.Fault{Method: http.MethodPatch, Path: "/runner-groups/", Status: http.StatusOK, Body: `{"id":1,"name":"platform","visibility":"selected"}`},
			"This GitHub has no limits to workflows (Enterprise Cloud, or Enterprise Server 3.5 or later, needed).",
		},
		{
			"no list of runners", "runners-remove team=platform runners=r1",
			ghsim.Fault{Path: "/runner-groups/[0-9]+/runners$", Status: http.StatusNotFound},
			"GitHub did not find what it takes to list the group's runners.",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := commandtest.New(t)
			k.Must("ada", "group-create team=platform")
			tt.fault.Times = -1
			k.Hub.Inject(tt.fault)
			_, err := k.Run("ada", tt.line)
			refusal := dispatch.AsError(err)
			require.Equal(t, dispatch.ReasonGitHubError, refusal.Reason, err)
			assert.Contains(t, refusal.Message, tt.says)
			assert.True(t, refusal.Permanent, "trying again does not help")
			k.Hub.ClearFaults()
			k.Must("ada", "group-list team=platform")

			k.Hub.Update(func(st *ghsim.State) { st.Org("acme").Groups = st.Org("acme").Groups[:1] })
			_, err = k.Run("ada", tt.line)
			assert.Equal(t, dispatch.ReasonGroupNotFound, dispatch.ReasonOf(err), "a group that is gone is")
		})
	}
}
