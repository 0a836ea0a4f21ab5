package commands_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// requestKit is a kit in which platform (maintained by ada) owns a group, and bob has admin
// permission on the repositories foreign and docs, which are not platform's.
func requestKit(t *testing.T, change ...func(*dispatch.Policy)) *commandtest.Kit {
	k := commandtest.New(t, change...)
	admin(k, "bob", "foreign", "docs", "site")
	k.Must("ada", "group-create team=platform")
	return k
}

// admin gives the person admin permission on the repositories.
func admin(k *commandtest.Kit, login string, repos ...string) {
	k.Hub.Update(func(st *ghsim.State) {
		for _, name := range repos {
			repo := st.Org("acme").Repo(name)
			if repo.Collaborators == nil {
				repo.Collaborators = map[int64]string{}
			}
			repo.Collaborators[st.User(login).ID] = "admin"
		}
	})
}

// setRole gives the person that role in the team platform.
func setRole(st *ghsim.State, login, role string) {
	for _, m := range st.Org("acme").Team("platform").Members {
		if m.User.Login == login {
			m.Role = role
		}
	}
}

// request makes a request and returns its number.
func request(t *testing.T, k *commandtest.Kit, login, line string) int64 {
	t.Helper()
	result, err := k.Run(login, line)
	require.NoError(t, err)
	assert.Equal(t, "pending", result.Response.(commands.RequestMade).State)
	return result.Request
}

// listed returns the requests that the person sees.
func listed(t *testing.T, k *commandtest.Kit, login, line string) []commands.RequestInfo {
	t.Helper()
	result, err := k.Run(login, line)
	require.NoError(t, err)
	return result.Response.(commands.RequestListing).Requests
}

func TestAccessRequest(t *testing.T) {
	t.Parallel()
	k := requestKit(t)
	number := request(t, k, "bob", "access-request team=platform repos=foreign,acme/Docs for=2h reason=training")
	assert.Equal(t, number, request(t, k, "bob", "access-request team=platform repos=docs,foreign for=2h reason=other"), "the same again")
	assert.Equal(t, number+1, request(t, k, "bob", "access-request team=platform repos=docs for=2h"))
	k.Must("bob", fmt.Sprintf("request-withdraw id=%d", number+1))

	for _, login := range []string{"bob", "ada"} {
		seen := listed(t, k, login, "requests-list state=pending team=platform")
		require.Len(t, seen, 1, login)
		assert.Equal(t, commands.RequestInfo{
			ID: number, Kind: "access", Team: "platform", Command: "access-request", Reason: "training", RequestedBy: "bob", State: "pending",
			Arguments: map[string]any{"team": "platform", "repos": []string{"foreign", "docs"}, "for": "2h"}, Repos: []string{"foreign", "docs"}, RequestedAt: seen[0].RequestedAt,
		}, seen[0])
	}
	assert.Empty(t, listed(t, k, "olga", "requests-list"), "owners do not decide it")

	result, err := k.Run("ada", fmt.Sprintf("request-approve id=%d for=1h", number))
	require.NoError(t, err)
	decided := result.Response.(commands.RequestDecided)
	assert.Equal(t, "approved", decided.State)
	assert.Equal(t, []string{"foreign", "docs"}, decided.Added)
	assert.WithinDuration(t, k.Now().Add(time.Hour), *decided.Until, time.Minute)
	assert.ElementsMatch(t, []string{"foreign", "docs"}, k.Repos("platform"))
	seen := listed(t, k, "bob", "requests-list state=approved")
	require.Len(t, seen, 1)
	assert.Equal(t, "ada", seen[0].DecidedBy)
	assert.WithinDuration(t, *decided.Until, *seen[0].Until, time.Second)
	team, group := ids(k)
	access, err := k.Env.Store.AccessOf(t.Context(), team, group)
	require.NoError(t, err)
	assert.Len(t, access, 2)
	for _, a := range access {
		assert.Equal(t, number, a.Request)
	}
}

// ids returns the ids of acme and of its group platform.
func ids(k *commandtest.Kit) (org, group int64) {
	k.Hub.Update(func(st *ghsim.State) { org, group = st.Org("acme").ID, st.Org("acme").Group("platform").ID })
	return org, group
}

// What is refused, and what becomes of the request.
func TestRequestRefusals(t *testing.T) {
	t.Parallel()
	many := "access-request team=platform repos=" + strings.TrimSuffix(strings.Repeat("foreign,", 1), ",")
	for i := range 20 {
		many += fmt.Sprintf(",r%d", i)
	}
	const made = "access-request team=platform repos=foreign for=2h"
	for _, test := range []struct {
		name   string
		policy func(*dispatch.Policy)
		made   bool // a request of bob's waits
		change func(*commandtest.Kit)
		login  string
		line   string
		want   dispatch.Reason
		state  string // of the request afterwards
	}{
		{name: "no admin permission", login: "bob", line: "access-request team=platform repos=runner-admin", want: dispatch.ReasonRepoNotPermitted},
		{name: "no such repository", login: "bob", line: "access-request team=platform repos=nothing", want: dispatch.ReasonRepoNotPermitted},
		{name: "another organization", login: "bob", line: "access-request team=platform repos=evil/foreign", want: dispatch.ReasonRepoNotPermitted},
		{name: "a public repository", login: "bob", line: "access-request team=platform repos=site", want: dispatch.ReasonPublicRepo},
		{name: "21 repositories", login: "bob", line: many, want: dispatch.ReasonInvalidArgument},
		{name: "too short", login: "bob", line: made[:len(made)-2] + "10s", want: dispatch.ReasonInvalidArgument},
		{name: "no team", login: "bob", line: "access-request repos=foreign", want: dispatch.ReasonMissingArgument},
		{name: "no such team", login: "bob", line: "access-request team=nothing repos=foreign", want: dispatch.ReasonGroupNotFound},
		{name: "a team without a group", login: "bob", line: "access-request team=web repos=foreign", want: dispatch.ReasonGroupNotFound},
		{name: "a secret team", change: func(k *commandtest.Kit) {
			k.Hub.Update(func(st *ghsim.State) { st.Org("acme").Team("platform").Privacy = "secret" })
		}, login: "bob", line: made, want: dispatch.ReasonGroupNotFound},
		{name: "a team that may not use the server", policy: func(p *dispatch.Policy) { p.Deny = []string{"web"} }, login: "bob", line: "access-request team=web repos=foreign", want: dispatch.ReasonGroupNotFound},
		{name: "an outsider", login: "eve", line: made, want: dispatch.ReasonNotMember},

		{name: "approve one's own", made: true, login: "bob", line: "request-approve id=1", want: dispatch.ReasonPolicy, state: "pending"},
		{name: "approve one's own as a maintainer", made: true, change: func(k *commandtest.Kit) {
			k.Hub.Update(func(st *ghsim.State) {
				setRole(st, "bob", "maintainer")
			})
		}, login: "bob", line: "request-approve id=1", want: dispatch.ReasonPolicy, state: "pending"},
		{name: "deny one's own", made: true, login: "bob", line: "request-deny id=1", want: dispatch.ReasonPolicy, state: "pending"},
		{name: "withdraw another's", made: true, login: "ada", line: "request-withdraw id=1", want: dispatch.ReasonPolicy, state: "pending"},
		{name: "an owner who is no maintainer", made: true, login: "olga", line: "request-approve id=1", want: dispatch.ReasonRequestNotFound, state: "pending"},
		{name: "an owner who acts for every team", policy: func(p *dispatch.Policy) { p.OwnersActForAnyTeam = true }, made: true, login: "olga", line: "request-approve id=1", state: "approved"},
		{name: "a maintainer, but owners must", policy: func(p *dispatch.Policy) { p.Approval = []string{"repos-add"} }, made: true, login: "ada", line: "request-approve id=1", want: dispatch.ReasonOwnerOnly, state: "pending"},
		{name: "an owner who must", policy: func(p *dispatch.Policy) { p.Approval = []string{"repos-add"} }, made: true, login: "olga", line: "request-approve id=1", state: "approved"},
		{name: "no such request", login: "ada", line: "request-approve id=7", want: dispatch.ReasonRequestNotFound},
		{name: "longer than requested", made: true, login: "ada", line: "request-approve id=1 for=3h", want: dispatch.ReasonInvalidArgument, state: "pending"},
		{name: "deny", made: true, login: "ada", line: "request-deny id=1 reason=reserved", state: "denied"},
		{name: "decided already", made: true, change: func(k *commandtest.Kit) { k.Must("ada", "request-deny id=1") }, login: "ada", line: "request-approve id=1", want: dispatch.ReasonRequestDecided, state: "denied"},
		{name: "withdrawn", made: true, change: func(k *commandtest.Kit) { k.Must("bob", "request-withdraw id=1") }, login: "ada", line: "request-deny id=1", want: dispatch.ReasonRequestDecided, state: "withdrawn"},
		{name: "expired", made: true, change: func(k *commandtest.Kit) { k.Advance(15 * 24 * time.Hour) }, login: "ada", line: "request-approve id=1", want: dispatch.ReasonRequestDecided, state: "expired"},
		{name: "the approver was demoted", made: true, change: func(k *commandtest.Kit) {
			k.Hub.Update(func(st *ghsim.State) {
				setRole(st, "ada", "member")
			})
		}, login: "ada", line: "request-approve id=1", want: dispatch.ReasonRequestNotFound, state: "pending"},
		{name: "the requester lost admin", made: true, change: func(k *commandtest.Kit) {
			k.Hub.Update(func(st *ghsim.State) { st.Org("acme").Repo("foreign").Collaborators = nil })
		}, login: "ada", line: "request-approve id=1", want: dispatch.ReasonRepoNotPermitted, state: "failed"},
		{name: "the requester left", made: true, change: func(k *commandtest.Kit) {
			k.Hub.Update(func(st *ghsim.State) { st.Org("acme").Member("bob").State = "pending" })
		}, login: "ada", line: "request-approve id=1", want: dispatch.ReasonNotMember, state: "failed"},
		{name: "the repository was created again", made: true, change: func(k *commandtest.Kit) {
			k.Hub.Update(func(st *ghsim.State) { st.Org("acme").Repo("foreign").ID = 99_999 })
		}, login: "ada", line: "request-approve id=1", want: dispatch.ReasonRepoNotPermitted, state: "failed"},
		{name: "the repository is public now", made: true, change: func(k *commandtest.Kit) {
			k.Hub.Update(func(st *ghsim.State) { st.Org("acme").Repo("foreign").Visibility = "public" })
		}, login: "ada", line: "request-approve id=1", want: dispatch.ReasonPublicRepo, state: "failed"},
		{name: "the group is another one", made: true, change: func(k *commandtest.Kit) {
			k.Must("ada", "group-delete team=platform", "group-create team=platform")
		}, login: "ada", line: "request-approve id=1", want: dispatch.ReasonGroupNotFound, state: "failed"},
		{name: "GitHub fails while checking", made: true, change: func(k *commandtest.Kit) {
			k.Hub.Inject(ghsim.Fault{Method: "GET", Path: "^/repositories/", Status: 502, Times: 50})
		}, login: "ada", line: "request-approve id=1", want: dispatch.ReasonGitHubError, state: "pending"},
		{name: "GitHub fails to attach", made: true, change: func(k *commandtest.Kit) {
			k.Hub.Inject(ghsim.Fault{Method: "PUT", Path: "/repositories/", Status: 502, Times: 50})
		}, login: "ada", line: "request-approve id=1", want: dispatch.ReasonGitHubError, state: "pending"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var policies []func(*dispatch.Policy)
			if test.policy != nil {
				policies = append(policies, test.policy)
			}
			k := requestKit(t, policies...)
			if test.made {
				assert.EqualValues(t, 1, request(t, k, "bob", made))
			}
			if test.change != nil {
				test.change(k)
			}
			_, err := k.Run(test.login, test.line)
			assert.Equal(t, test.want, dispatch.ReasonOf(err), "%v", err)
			if test.made {
				k.Hub.Update(func(st *ghsim.State) { st.Org("acme").Member("bob").State = "active" })
				k.Advance(2 * time.Minute) // a refusal is remembered that long
				seen := listed(t, k, "bob", "requests-list")
				require.Len(t, seen, 1)
				assert.Equal(t, test.state, seen[0].State)
				assert.Equal(t, test.state == "failed", seen[0].Note != "" && test.state != "denied")
				assert.Equal(t, test.state == "approved", len(k.Repos("platform")) == 1)
			}
		})
	}
}

// One answer, and the same calls, for teams that the caller may not know of.
func TestAccessRequestHidesTeams(t *testing.T) {
	t.Parallel()
	k := requestKit(t)
	k.Hub.Update(func(st *ghsim.State) { st.Org("acme").Team("platform").Privacy = "secret" })
	var answers []string
	for _, team := range []string{"platform", "nothing", "others"} {
		k.Hub.ResetCalls()
		_, err := k.Run("bob", "access-request repos=foreign team="+team)
		text := fmt.Sprint(dispatch.AsError(err).Reason, dispatch.AsError(err).Message)
		for _, call := range k.Hub.Calls() {
			text += "\n" + call.Method + " " + call.Path
		}
		answers = append(answers, strings.ReplaceAll(text, team, "TEAM"))
	}
	assert.Equal(t, answers[0], answers[1])
	assert.Equal(t, answers[0], answers[2])
}

// A repository that was renamed is the same one.
func TestAccessRequestOfRenamedRepository(t *testing.T) {
	t.Parallel()
	k := requestKit(t)
	request(t, k, "bob", "access-request team=platform repos=foreign")
	k.Hub.Update(func(st *ghsim.State) { st.Org("acme").Repo("foreign").Name = "renamed" })
	k.Must("ada", "request-approve id=1")
	assert.Equal(t, []string{"renamed"}, k.Repos("platform"))
}

// What the team attached itself for good stays so.
func TestAccessRequestKeepsTheTeamsOwn(t *testing.T) {
	t.Parallel()
	k := requestKit(t)
	admin(k, "bob", "api")
	k.Must("ada", "repos-add team=platform repos=api")
	request(t, k, "bob", "access-request team=platform repos=api,foreign for=2h")
	result, err := k.Run("ada", "request-approve id=1")
	require.NoError(t, err)
	assert.Equal(t, []string{"foreign"}, result.Response.(commands.RequestDecided).Added)
	assert.Equal(t, []string{"api"}, result.Response.(commands.RequestDecided).Unchanged)
	org, group := ids(k)
	access, err := k.Env.Store.AccessOf(t.Context(), org, group)
	require.NoError(t, err)
	assert.Len(t, access, 1)
}

// A member without a right costs four calls, however many repositories they name.
func TestAccessRequestWithoutRightIsCheap(t *testing.T) {
	t.Parallel()
	k := requestKit(t)
	names := make([]string, 20)
	for i := range names {
		names[i] = fmt.Sprintf("unknown-%d", i)
	}
	_, _ = k.Run("bob", "whoami") // so that the kit's own first calls are not counted
	k.Hub.ResetCalls()
	_, err := k.Run("bob", "access-request team=platform repos="+strings.Join(names, ","))
	assert.Equal(t, dispatch.ReasonRepoNotPermitted, dispatch.ReasonOf(err))
	assert.LessOrEqual(t, len(k.Hub.Calls()), 4)
}
