package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestAuditList(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "repos-add team=platform repos=api")
	_, err := k.Run("ada", "repos-add team=platform repos=docs")
	require.Error(t, err)
	k.Test(t, []commandtest.Case{
		{Name: "by a member", As: "bob", Line: "audit-list team=platform", Reason: dispatch.ReasonNotMaintainer},
		{Name: "too many", Line: "audit-list team=platform limit=100000", Reason: dispatch.ReasonInvalidArgument},
		{Name: "by the maintainer", Line: "audit-list team=platform", Then: func(t *testing.T, r dispatch.Result) {
			var got []string
			for _, e := range r.Response.(commands.AuditListing).Entries {
				if e.Caller == "ada" {
					got = append(got, e.Command+" "+e.Outcome+" "+e.Reason)
				}
			}
			assert.Contains(t, got, "repos-add refused repo_not_permitted")
			assert.Contains(t, got, "group-create done ")
		}},
		{Name: "of another team", As: "bob", Line: "audit-list team=others", Then: func(t *testing.T, r dispatch.Result) {
			assert.Empty(t, r.Response.(commands.AuditListing).Entries)
		}},
	})
}
