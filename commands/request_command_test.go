package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

func approvals(p *dispatch.Policy) { p.Approval = []string{"group-create", "repos-set"} }

func TestCommandNeedsAnOwner(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t, approvals)
	result, err := k.Run("ada", "group-create team=platform")
	require.NoError(t, err)
	assert.EqualValues(t, 1, result.Request)
	assert.False(t, k.HasGroup("platform"), "nothing is done before")
	_, err = k.Run("bob", "request-approve id=1")
	assert.Equal(t, dispatch.ReasonRequestNotFound, dispatch.ReasonOf(err))
	_, err = k.Run("ada", "request-approve id=1")
	assert.Equal(t, dispatch.ReasonPolicy, dispatch.ReasonOf(err))
	seen := listed(t, k, "olga", "requests-list state=pending")
	require.Len(t, seen, 1)
	assert.Equal(t, "command", seen[0].Kind)
	assert.Equal(t, map[string]any{"team": "platform"}, seen[0].Arguments)
	shown, err := k.Run("olga", "request-approve id=1 dry-run=true")
	require.NoError(t, err)
	assert.Contains(t, shown.Message, "This would approve request 1")
	assert.False(t, k.HasGroup("platform"), "a dry run does nothing")
	k.Must("olga", "request-approve id=1")
	assert.True(t, k.HasGroup("platform"))
	record, err := k.Env.Store.Records(t.Context(), seen0Org(k))
	require.NoError(t, err)
	require.Len(t, record, 1)
	assert.Equal(t, "ada", record[0].By, "it ran as the requester")

	request(t, k, "ada", "repos-set team=platform repos=api,web")
	k.Must("olga", "request-approve id=2")
	assert.ElementsMatch(t, []string{"api", "web"}, k.Repos("platform"))
	k.Must("ada", "repos-add team=platform repos=api") // is not listed
}

// No owner can approve what nobody asks: a workflow may not use a command that needs an owner.
func TestWorkflowsNeedNoOwner(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t, func(p *dispatch.Policy) { p.Approval = []string{"repos-add"} })
	k.Must("ada", "group-create team=platform", "trust-add team=platform repo=api ref=main commands=repos-add,repos-remove")
	for _, line := range []string{"repos-add team=platform repos=api", "repos-add team=platform repos=api dry-run=true"} {
		_, err := k.RunAs(k.Job("api"), line)
		assert.Equal(t, dispatch.ReasonPolicy, dispatch.ReasonOf(err), line)
	}
	assert.Empty(t, k.Repos("platform"))
	assert.Empty(t, listed(t, k, "olga", "requests-list"), "nothing waits")
	_, err := k.RunAs(k.Job("api"), "repos-remove team=platform repos=api")
	assert.NoError(t, err, "what needs no owner")
}

func seen0Org(k *commandtest.Kit) (id int64) {
	k.Hub.Update(func(st *ghsim.State) { id = st.Org("acme").ID })
	return id
}

// What a command was requested for must be the same when it is approved.
func TestRequestedCommandIsPinned(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*commandtest.Kit)
		want   dispatch.Reason
		state  string
	}{
		{"nothing changed", func(*commandtest.Kit) {}, "", "approved"},
		{"the repository was created again", func(k *commandtest.Kit) {
			k.Hub.Update(func(st *ghsim.State) {
				o := st.Org("acme")
				o.Team("platform").Permissions[77_777] = "admin"
				o.Repo("web").ID = 77_777
			})
		}, dispatch.ReasonRepoNotPermitted, "failed"},
		{"the team lost its permission", func(k *commandtest.Kit) {
			k.Hub.Update(func(st *ghsim.State) { st.Org("acme").Team("platform").Permissions = nil })
		}, dispatch.ReasonRepoNotPermitted, "failed"},
		{"the requester was demoted", func(k *commandtest.Kit) {
			k.Hub.Update(func(st *ghsim.State) { setRole(st, "ada", "member") })
		}, dispatch.ReasonNotMaintainer, "failed"},
		{"the group is another one", func(k *commandtest.Kit) {
			k.Must("ada", "group-delete team=platform")
			_, _ = k.Run("ada", "group-create team=platform")
			k.Must("olga", "request-approve id=3")
		}, dispatch.ReasonGroupNotFound, "failed"},
		{"GitHub fails", func(k *commandtest.Kit) {
			k.Hub.Inject(ghsim.Fault{Method: "GET", Path: "/teams/platform/members", Status: 502, Times: 20})
		}, dispatch.ReasonGitHubError, "pending"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			k := commandtest.New(t, approvals)
			request(t, k, "ada", "group-create team=platform")
			k.Must("olga", "request-approve id=1")
			request(t, k, "ada", "repos-set team=platform repos=web")
			test.change(k)
			_, err := k.Run("olga", "request-approve id=2")
			assert.Equal(t, test.want, dispatch.ReasonOf(err), "%v", err)
			for _, r := range listed(t, k, "olga", "requests-list") {
				if r.ID == 2 {
					assert.Equal(t, test.state, r.State)
				}
			}
		})
	}
}

// Who decides sees what they approve, wherever a request is named.
func TestRequestedArgumentsAreShown(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t, approvals)
	request(t, k, "ada", "group-create team=platform")
	k.Must("olga", "request-approve id=1")
	made, err := k.Run("ada", "repos-set team=platform repos=api,web")
	require.NoError(t, err)
	assert.Contains(t, made.Message, "`repos-set` for team `platform` with repos `api`, `web`.")
	all, err := k.Run("olga", "requests-list")
	require.NoError(t, err)
	assert.Equal(t, "`repos-set` for team `platform` with repos `api`, `web`", all.Tables[0].Rows[0][2])
	shown, err := k.Run("olga", "request-approve id=2 dry-run=true")
	require.NoError(t, err)
	assert.Contains(t, shown.Message, "with repos `api`, `web`")
}

// The arguments are shown as they are written.
func TestRequestedLengthIsShownAsWritten(t *testing.T) {
	t.Parallel()
	k := requestKit(t)
	for i, length := range []string{"2h", "7d", "90m"} {
		request(t, k, "bob", "access-request team=platform repos=foreign for="+length)
		want := []any{"2h", "7d", "1h30m"}[i]
		assert.Equal(t, want, listed(t, k, "bob", "requests-list")[0].Arguments["for"])
	}
}

// A repository that stays without the team's permission, because a request attached it, is
// pinned too: another one with its name does not take its place.
func TestKeptRepositoryIsPinned(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{false, true} {
		k := commandtest.New(t, approvals)
		request(t, k, "ada", "group-create team=platform")
		k.Must("olga", "request-approve id=1")
		admin(k, "bob", "foreign")
		request(t, k, "bob", "access-request team=platform repos=foreign")
		k.Must("ada", "request-approve id=2")
		request(t, k, "ada", "repos-set team=platform repos=foreign,web")
		assert.ElementsMatch(t, []string{"foreign", "web"}, listed(t, k, "olga", "requests-list state=pending")[0].Repos)
		if !again {
			k.Must("olga", "request-approve id=3")
			assert.ElementsMatch(t, []string{"foreign", "web"}, k.Repos("platform"))
			continue
		}
		k.Must("ada", "repos-remove team=platform repos=foreign")
		k.Hub.Update(func(st *ghsim.State) { st.Org("acme").Repo("foreign").ID = 77_777 })
		request(t, k, "bob", "access-request team=platform repos=foreign")
		k.Must("ada", "request-approve id=4")
		_, err := k.Run("olga", "request-approve id=3")
		assert.Equal(t, dispatch.ReasonRepoNotPermitted, dispatch.ReasonOf(err))
		assert.Contains(t, err.Error(), "Request it again")
		assert.Equal(t, []string{"foreign"}, k.Repos("platform"), "nothing was changed")
	}
}
