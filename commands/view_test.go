package commands_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// look runs commands side by side for one look at a page.
func look(k *commandtest.Kit, t *testing.T, login string, view *dispatch.View, command, team string) (dispatch.Result, error) {
	t.Helper()
	var args dispatch.Args
	if team != "" {
		args.Add("team", team)
	}
	return k.Dispatch(t.Context(), dispatch.Request{
		ID: "look", Channel: dispatch.Console, Command: command, Org: "acme", Caller: k.Caller(login), Args: args, View: view,
	})
}

func entries(k *commandtest.Kit, t *testing.T) []store.Entry {
	t.Helper()
	id, err := k.Env.Orgs[0].ID(t.Context())
	require.NoError(t, err)
	list, err := k.Env.Store.AuditList(t.Context(), store.AuditQuery{OrgID: id, Limit: 1000})
	require.NoError(t, err)
	return list
}

// A look is charged once, and not at all if the caller was proved lately.
func TestViewCharge(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	k.Env.RateLimit = 1
	k.Advance(time.Hour + time.Minute) // the proof is forgotten, and the budget is full

	view := new(dispatch.View)
	for _, command := range []string{"group-list", "runners-list", "trust-list", "audit-list"} {
		_, err := look(k, t, "ada", view, command, "platform")
		require.NoError(t, err, command)
	}
	for range 5 {
		_, err := look(k, t, "ada", new(dispatch.View), "group-list", "platform")
		require.NoError(t, err, "she was proved a moment ago")
	}
	_, err := look(k, t, "bob", new(dispatch.View), "group-list", "platform")
	assert.Equal(t, dispatch.ReasonNotMaintainer, dispatch.ReasonOf(err))
	_, err = look(k, t, "bob", new(dispatch.View), "group-list", "platform")
	assert.Equal(t, dispatch.ReasonRateLimited, dispatch.ReasonOf(err), "each look of somebody without the right is charged")
}

// A look leaves no trace in the audit if it succeeds; a refusal does.
func TestViewAudit(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	before := len(entries(k, t))
	_, err := look(k, t, "ada", new(dispatch.View), "group-list", "platform")
	require.NoError(t, err)
	assert.Len(t, entries(k, t), before)
	_, err = look(k, t, "bob", new(dispatch.View), "group-list", "platform")
	require.Error(t, err)
	after := entries(k, t)
	require.Len(t, after, before+1)
	assert.Equal(t, "console", after[0].Channel)
	assert.Equal(t, "bob", after[0].Caller)
}

// A view cannot change or reveal anything.
func TestViewOnlyReads(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	for _, spec := range k.Specs() {
		if spec.Effect == dispatch.Reads {
			continue
		}
		_, err := look(k, t, "ada", new(dispatch.View), spec.Name, "platform")
		assert.Equal(t, dispatch.ReasonInternal, dispatch.ReasonOf(err), spec.Name)
	}
	assert.False(t, k.HasGroup("platform"))
}

// Rights are asked for at each look, of each viewer; what a group holds is shared for some seconds.
func TestViewRights(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t, func(p *dispatch.Policy) { p.MembersRead = true })
	k.Must("ada", "group-create team=platform")
	view := new(dispatch.View)
	_, err := look(k, t, "ada", view, "group-list", "platform")
	require.NoError(t, err)
	assert.Equal(t, dispatch.Maintainer, view.Role("acme", "platform"))
	_, err = look(k, t, "ada", view, "group-list", "platform")
	require.NoError(t, err)

	k.Hub.ResetCalls()
	view = new(dispatch.View)
	_, err = look(k, t, "bob", view, "group-list", "platform")
	require.NoError(t, err)
	assert.Equal(t, dispatch.Member, view.Role("acme", "platform"))
	_, err = look(k, t, "bob", view, "trust-list", "platform")
	assert.Equal(t, dispatch.ReasonNotMaintainer, dispatch.ReasonOf(err))
	var groupReads, rights int
	for _, call := range k.Hub.Calls() {
		if call.Path == "/orgs/acme/teams/platform/memberships/bob" {
			rights++
		}
		if call.Path != "/orgs/acme/teams/platform" && call.Path != "/orgs/acme/memberships/bob" && call.Path != "/orgs/acme/teams/platform/memberships/bob" {
			groupReads++
		}
	}
	assert.Equal(t, 2, rights)
	assert.Zero(t, groupReads, "GitHub said it to ada a moment ago")

	k.Advance(6 * time.Second)
	k.Hub.Update(func(st *ghsim.State) { st.Org("acme").Team("platform").Members = nil })
	_, err = look(k, t, "ada", new(dispatch.View), "trust-list", "platform")
	assert.Equal(t, dispatch.ReasonNotMaintainer, dispatch.ReasonOf(err))
}

// What this server changes shows at once.
func TestViewAfterChange(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	for range 2 {
		_, err := look(k, t, "ada", new(dispatch.View), "group-list", "platform")
		require.NoError(t, err)
	}
	k.Must("ada", "repos-add team=platform repos=api")
	result, err := look(k, t, "ada", new(dispatch.View), "group-list", "platform")
	require.NoError(t, err)
	assert.Contains(t, result.Message, "1 repository")
}

// A session does not act for whoever has the person's login now.
func TestConsoleLogin(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	caller := k.Caller("ada")
	caller.ID += 1000 // who had that login when they signed in
	_, err := k.Dispatch(t.Context(), dispatch.Request{
		ID: "late", Channel: dispatch.Console, Command: "group-list", Org: "acme", Caller: caller, Args: dispatch.Args{Named: []dispatch.NamedArg{{Name: "team", Values: []string{"platform"}}}},
	})
	assert.Equal(t, dispatch.ReasonNotMaintainer, dispatch.ReasonOf(err))
}
