package commands_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// untils returns the ends that group-list shows, rounded to minutes from now; -1: no end.
func untils(t *testing.T, k *commandtest.Kit) map[string]int {
	t.Helper()
	result, err := k.Run("ada", "group-list team=platform")
	require.NoError(t, err)
	listing, ok := result.Response.(commands.GroupListing)
	require.True(t, ok)
	got := map[string]int{}
	for _, repo := range listing.RepoDetails {
		got[repo.Name] = -1
		if repo.Until != nil {
			got[repo.Name] = int(repo.Until.Sub(k.Now()).Round(time.Minute).Minutes())
		}
	}
	return got
}

func TestReposAddFor(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	shows := func(want map[string]int) func(*testing.T, dispatch.Result) {
		return func(t *testing.T, _ dispatch.Result) { assert.Equal(t, want, untils(t, k)) }
	}
	k.Test(t, []commandtest.Case{
		{Name: "too short", Line: "repos-add team=platform repos=api for=59s", Reason: dispatch.ReasonInvalidArgument},
		{Name: "no duration", Line: "repos-add team=platform repos=api for=soon", Reason: dispatch.ReasonInvalidArgument},
		{Name: "with an end", Line: "repos-add team=platform repos=api for=90m", Then: func(t *testing.T, result dispatch.Result) {
			answer, _ := result.Response.(commands.ReposChanged)
			require.NotNil(t, answer.Until)
			assert.Equal(t, []string{"api"}, answer.Added)
			assert.Equal(t, map[string]int{"api": 90}, untils(t, k))
		}},
		{Name: "without", Line: "repos-add team=platform repos=web", Then: shows(map[string]int{"api": 90, "web": -1})},
		{Name: "no end stays so", Line: "repos-add team=platform repos=web for=7d", Then: func(t *testing.T, result dispatch.Result) {
			assert.Contains(t, result.Message, "without an end, as before: `web`")
			assert.False(t, result.Changed)
			assert.Equal(t, map[string]int{"api": 90, "web": -1}, untils(t, k))
		}},
		{Name: "a new end", Line: "repos-add team=platform repos=api for=1d", Then: func(t *testing.T, result dispatch.Result) {
			assert.True(t, result.Changed)
			assert.Equal(t, map[string]int{"api": 1440, "web": -1}, untils(t, k))
		}},
		{Name: "too little permission on what is attached", Line: "repos-add team=platform repos=docs for=1d", Reason: dispatch.ReasonRepoNotPermitted},
		{Name: "no end any more", Line: "repos-add team=platform repos=api", Then: func(t *testing.T, result dispatch.Result) {
			assert.Contains(t, result.Message, "none now: `api`")
			assert.True(t, result.Changed)
			assert.Equal(t, map[string]int{"api": -1, "web": -1}, untils(t, k))
		}},
	})
}

// The team needs the permission also to change the end of what is attached already.
func TestReposAddForNeedsPermission(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "repos-add team=platform repos=api for=1h")
	k.Hub.Update(func(st *ghsim.State) {
		st.Org("acme").Team("platform").Permissions[st.Org("acme").Repo("api").ID] = "push"
	})
	k.Test(t, []commandtest.Case{
		{Name: "another end", Line: "repos-add team=platform repos=api for=2h", Reason: dispatch.ReasonRepoNotPermitted},
		{Name: "no end", Line: "repos-add team=platform repos=api", Reason: dispatch.ReasonRepoNotPermitted},
		{Name: "kept", Line: "repos-set team=platform repos=api", Reason: dispatch.ReasonRepoNotPermitted},
	})
	assert.Equal(t, map[string]int{"api": 60}, untils(t, k))
}

// What a request attached may stay in repos-set without the team's permission, with its end.
func TestReposSetKeepsRequested(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "repos-add team=platform repos=web")
	var a store.Access
	k.Hub.Update(func(st *ghsim.State) {
		o := st.Org("acme")
		o.Group("platform").Repos = append(o.Group("platform").Repos, o.Repo("foreign").ID, o.Repo("docs").ID)
		a = store.Access{OrgID: o.ID, TeamID: o.Team("platform").ID, GroupID: o.Group("platform").ID, RepoID: o.Repo("foreign").ID, Repo: "foreign", Until: k.Now().Add(time.Hour), Request: 17}
	})
	require.NoError(t, k.Env.Store.PutAccess(t.Context(), a))
	k.Test(t, []commandtest.Case{
		{Name: "not what others attached", Line: "repos-set team=platform repos=foreign,docs", Reason: dispatch.ReasonRepoNotPermitted, Items: []string{"docs"}},
		{Name: "kept", Line: "repos-set team=platform repos=api,foreign"},
		{Name: "not extended", Line: "repos-add team=platform repos=foreign for=5h", Reason: dispatch.ReasonRepoNotPermitted},
		{Name: "not for good", Line: "repos-add team=platform repos=foreign", Reason: dispatch.ReasonRepoNotPermitted},
	})
	assert.Equal(t, map[string]int{"api": -1, "foreign": 60}, untils(t, k))
	k.Must("ada", "repos-set team=platform repos=api")
	k.Test(t, []commandtest.Case{{Name: "not again", Line: "repos-set team=platform repos=api,foreign", Reason: dispatch.ReasonRepoNotPermitted}})
}

// If GitHub refuses to attach, nothing is left; if it does not answer, the end stays on record.
func TestReposAddForFails(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	var org, group int64
	k.Hub.Update(func(st *ghsim.State) { org, group = st.Org("acme").ID, st.Org("acme").Group("platform").ID })
	for _, tt := range []struct {
		name  string
		fault ghsim.Fault
		left  int
	}{
		{"refused", ghsim.Fault{Method: http.MethodPut, Status: http.StatusForbidden, Times: -1}, 0},
		{"no answer", ghsim.Fault{Method: http.MethodPut, DropAfter: true, Times: -1}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k.Hub.Inject(tt.fault)
			_, err := k.Run("ada", "repos-add team=platform repos=api for=1h")
			k.Hub.ClearFaults()
			require.Error(t, err)
			known, err := k.Env.Store.AccessOf(t.Context(), org, group)
			require.NoError(t, err)
			assert.Len(t, known, tt.left)
		})
	}
}

// With groups: named there may be no record that could hold an end.
func TestReposAddForNamed(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t, func(p *dispatch.Policy) { p.Named = true })
	k.Hub.Update(func(st *ghsim.State) { st.Org("acme").Group("legacy").Name = "platform" })
	k.Test(t, []commandtest.Case{
		{Name: "no record", Line: "repos-add team=platform repos=api for=1h", Reason: dispatch.ReasonGroupNotOwned},
		{Name: "no end", Line: "repos-add team=platform repos=api"},
	})
}
