package commands_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

func TestReposAdd(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	k.Test(t, []commandtest.Case{
		{Name: "by a member", As: "bob", Line: "repos-add team=platform repos=api", Reason: dispatch.ReasonNotMaintainer},
		{Name: "with too little permission", Line: "repos-add team=platform repos=api,docs,foreign,missing", Reason: dispatch.ReasonRepoNotPermitted, Items: []string{"docs", "foreign", "missing"}},
		{Name: "a public one", Line: "repos-add team=platform repos=api,site", Reason: dispatch.ReasonPublicRepo, Items: []string{"site"}},
		{Name: "a name that is none", Line: "repos-add team=platform repos=a/../b", Reason: dispatch.ReasonInvalidArgument},
		{Name: "two", Line: "repos-add team=platform repos=API,acme/web,api", Then: func(t *testing.T, r dispatch.Result) {
			assert.Equal(t, "selected", groupOf(t, k, "platform").Visibility)
			assert.ElementsMatch(t, []string{"api", "web"}, k.Repos("platform"))
			assert.True(t, r.Changed)
		}},
		{Name: "again", Line: "repos-add team=platform repos=api", Then: func(t *testing.T, r dispatch.Result) {
			answer := r.Response.(commands.ReposChanged)
			assert.Empty(t, answer.Added)
			assert.Equal(t, []string{"api"}, answer.Unchanged)
			assert.Nil(t, answer.Refused)
			assert.False(t, r.Changed)
		}},
	})
	assert.ElementsMatch(t, []string{"api", "web"}, k.Repos("platform"), "what was refused changed nothing")
}

func groupOf(t *testing.T, k *commandtest.Kit, team string) commands.GroupInfo {
	t.Helper()
	r, err := k.Run("ada", "group-list team="+team)
	require.NoError(t, err)
	return r.Response.(commands.GroupListing).Group
}

// The list is asked for before it is the command's turn. What an older command detached since
// is attached again.
func TestReposAddAfterADetachment(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "repos-add team=platform repos=api")
	k.Hub.ResetCalls()
	k.Hub.Inject(ghsim.Fault{Path: "/memberships/ada$", Delay: 500 * time.Millisecond})
	var other sync.WaitGroup
	other.Go(func() {
		listed := func() bool {
			return slices.ContainsFunc(k.Hub.Calls(), func(c ghsim.Call) bool { return strings.HasSuffix(c.Path, "/repositories") })
		}
		if assert.Eventually(t, listed, 5*time.Second, time.Millisecond) {
			k.Hub.Update(func(s *ghsim.State) { s.Org("acme").Group("platform").Repos = nil })
		}
	})
	k.Must("ada", "repos-add team=platform repos=api")
	other.Wait()
	assert.Equal(t, []string{"api"}, k.Repos("platform"))
}

func TestReposAddSkipsRefused(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "repos-add team=platform repos=web")
	const line = "repos-add team=platform skip-refused=true repos="
	k.Test(t, []commandtest.Case{
		{Name: "all are refused", Line: line + "docs,foreign", Reason: dispatch.ReasonRepoNotPermitted, Items: []string{"docs", "foreign"}},
		{Name: "a malformed name is not skipped", Line: line + "api,a/../b", Reason: dispatch.ReasonInvalidArgument},
	})
	k.Hub.Inject(ghsim.Fault{Path: "/repos/acme/docs$", Status: 502, Times: -1})
	_, err := k.Run("ada", line+"api,docs")
	assert.Equal(t, dispatch.ReasonGitHubError, dispatch.ReasonOf(err), "GitHub failed while checking")
	assert.Equal(t, []string{"web"}, k.Repos("platform"))
	k.Test(t, []commandtest.Case{
		{Name: "some are refused", Line: line + "api,web,foreign,site", Then: func(t *testing.T, r dispatch.Result) {
			answer := r.Response.(commands.ReposChanged)
			assert.Equal(t, []string{"api"}, answer.Added)
			assert.Equal(t, []string{"web"}, answer.Unchanged)
			require.Len(t, answer.Refused, 2)
			assert.Equal(t, "foreign", answer.Refused[0].Repo)
			assert.Equal(t, dispatch.ReasonPublicRepo, answer.Refused[1].Reason)
			assert.NotEmpty(t, answer.Refused[1].Error)
		}},
		{Name: "none is refused", Line: line + "api", Then: func(t *testing.T, r dispatch.Result) {
			assert.Equal(t, []commands.RefusedRepo{}, r.Response.(commands.ReposChanged).Refused)
		}},
	})
	assert.ElementsMatch(t, []string{"api", "web"}, k.Repos("platform"))
	_, err = k.Run("ada", "repos-add team=platform repos=api,foreign")
	assert.ErrorContains(t, err, "skip-refused")
}
