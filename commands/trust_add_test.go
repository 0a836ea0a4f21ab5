package commands_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

func TestTrustAdd(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t, func(p *dispatch.Policy) { p.Workflows.MaxAge = 30 * 24 * time.Hour })
	k.Must("ada", "group-create team=platform")
	trustOf := func(r dispatch.Result) commands.TrustInfo { return r.Response.(commands.TrustAnswer).Trust }
	const add = "trust-add team=platform repo=web commands=group-list,repos-add "
	k.Test(t, []commandtest.Case{
		{Name: "a branch by its name", Line: add + "ref=main", Then: func(t *testing.T, r dispatch.Result) {
			trust := trustOf(r)
			assert.Equal(t, int64(1), trust.ID)
			assert.Equal(t, "acme/web", trust.Repository)
			assert.Equal(t, "refs/heads/main", trust.Ref)
			assert.Equal(t, []string{"group-list", "repos-add"}, trust.Commands)
			assert.Equal(t, "ada", trust.MadeBy)
			assert.Nil(t, trust.LastUsed)
			assert.WithinDuration(t, k.Now().Add(30*24*time.Hour), trust.Expires, time.Minute, "as long as the policy allows")
			assert.True(t, r.Changed)
		}},
		{Name: "again, for another time", Line: add + "ref=refs/heads/main for=90m", Then: func(t *testing.T, r dispatch.Result) {
			assert.Equal(t, int64(1), trustOf(r).ID, "the same trust")
			assert.WithinDuration(t, k.Now().Add(90*time.Minute), trustOf(r).Expires, time.Minute)
		}},
		{Name: "other commands", Line: "trust-add team=platform repo=web commands=TOKEN-JIT ref=main", Then: func(t *testing.T, r dispatch.Result) {
			assert.NotEqual(t, int64(1), trustOf(r).ID)
			assert.Equal(t, []string{"token-jit"}, trustOf(r).Commands)
		}},
		{Name: "an environment and a workflow, of a public repository", Line: "trust-add team=platform repo=acme/site commands=group-list environment=Production workflow=.github/workflows/a.yml", Then: func(t *testing.T, r dispatch.Result) {
			assert.Equal(t, "Production", trustOf(r).Environment)
			assert.Empty(t, trustOf(r).Ref)
			assert.Equal(t, ".github/workflows/a.yml", trustOf(r).Workflow)
		}},
		{Name: "a tag", Line: add + "ref=refs/tags/v1", Then: func(t *testing.T, r dispatch.Result) { assert.Equal(t, "refs/tags/v1", trustOf(r).Ref) }},
		{Name: "a branch with slashes", Line: add + "ref=release/1.x", Then: func(t *testing.T, r dispatch.Result) { assert.Equal(t, "refs/heads/release/1.x", trustOf(r).Ref) }},
		{Name: "all days of the policy", Line: add + "ref=days for=30d"},
		{Name: "neither ref nor environment", Line: add + "workflow=.github/workflows/a.yml", Reason: dispatch.ReasonMissingArgument},
		{Name: "no commands", Line: "trust-add team=platform repo=web ref=main", Reason: dispatch.ReasonMissingArgument},
		{Name: "a command that cannot be trusted", Line: "trust-add team=platform repo=web ref=main commands=group-list,group-delete,trust-add", Reason: dispatch.ReasonInvalidArgument, Items: []string{"group-delete", "trust-add"}},
		{Name: "a pattern", Line: add + "ref=release/*", Reason: dispatch.ReasonInvalidArgument},
		{Name: "all environments", Line: add + "environment=*", Reason: dispatch.ReasonInvalidArgument},
		{Name: "a pull request", Line: add + "ref=refs/pull/1/merge", Reason: dispatch.ReasonInvalidArgument},
		{Name: "no branch", Line: add + "ref=a..b", Reason: dispatch.ReasonInvalidArgument},
		{Name: "a workflow elsewhere", Line: add + "ref=main workflow=ci.yml", Reason: dispatch.ReasonInvalidArgument},
		{Name: "a workflow at a ref", Line: add + "ref=main workflow=.github/workflows/a.yml@main", Reason: dispatch.ReasonInvalidArgument},
		{Name: "too short", Line: add + "ref=main for=59s", Reason: dispatch.ReasonInvalidArgument},
		{Name: "too long", Line: add + "ref=main for=31d", Reason: dispatch.ReasonInvalidArgument},
		{Name: "no time", Line: add + "ref=main for=soon", Reason: dispatch.ReasonInvalidArgument},
		{Name: "too little permission", Line: "trust-add team=platform repo=docs commands=group-list ref=main", Reason: dispatch.ReasonRepoNotPermitted},
		{Name: "no such repository", Line: "trust-add team=platform repo=nothing commands=group-list ref=main", Reason: dispatch.ReasonRepoNotPermitted},
		{Name: "another organization's", Line: "trust-add team=platform repo=evil/web commands=group-list ref=main", Reason: dispatch.ReasonRepoNotPermitted},
		{Name: "by a member", As: "bob", Line: add + "ref=main", Reason: dispatch.ReasonNotMaintainer},
		{Name: "without a group", Line: "trust-add team=web repo=web commands=group-list ref=main", Reason: dispatch.ReasonGroupNotFound},
	})
	_, err := k.RunAs(k.Job("web"), add+"ref=other")
	assert.Equal(t, dispatch.ReasonNotTrusted, dispatch.ReasonOf(err), "by a workflow")
}

func TestTrustAddPolicy(t *testing.T) {
	t.Parallel()
	const add = "trust-add team=platform repo=web commands=group-list ref=main"
	off := commandtest.New(t, func(p *dispatch.Policy) { p.Workflows.Enabled = false })
	off.Must("ada", "group-create team=platform")
	_, err := off.Run("ada", add)
	assert.Equal(t, dispatch.ReasonPolicy, dispatch.ReasonOf(err))
	for _, line := range []string{"whoami", "group-list team=platform", "group-create team=web"} {
		_, err = off.RunAs(off.Job("web"), line)
		assert.Equal(t, dispatch.ReasonPolicy, dispatch.ReasonOf(err), line)
	}

	named := commandtest.New(t, func(p *dispatch.Policy) { p.Named = true })
	named.AddRunner("platform", "r1", "online", false)
	_, err = named.Run("ada", add)
	assert.Equal(t, dispatch.ReasonGroupNotOwned, dispatch.ReasonOf(err), "a group without a record")
}

// A team cannot make looking through its trusts slow.
func TestTrustAddMany(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	const add = "trust-add team=platform repo=web commands=group-list ref=b"
	for i := range store.MaxTrusts {
		k.Must("ada", add+strconv.Itoa(i))
	}
	_, err := k.Run("ada", add+"x")
	assert.Equal(t, dispatch.ReasonInvalidArgument, dispatch.ReasonOf(err))
	k.Must("ada", add+"7", "trust-remove team=platform id=1", add+"x")
}
