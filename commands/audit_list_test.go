package commands_test

import (
	"fmt"
	"strings"
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
		{Name: "an unknown command", Line: "audit-list team=platform command=repo-add", Reason: dispatch.ReasonInvalidArgument},
		{Name: "nobody's name", Line: "audit-list team=platform by=" + strings.Repeat("a", 256), Reason: dispatch.ReasonInvalidArgument},
		{Name: "no time", Line: "audit-list team=platform before=tomorrow", Reason: dispatch.ReasonInvalidArgument},
		{Name: "without a team, by a maintainer", Line: "audit-list", Reason: dispatch.ReasonMissingArgument},
		{Name: "without a team, by an outsider", As: "eve", Line: "audit-list", Reason: dispatch.ReasonMissingArgument},
		{Name: "of another's team, by an owner", As: "olga", Line: "audit-list team=platform", Reason: dispatch.ReasonNotMaintainer},
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

// audited runs audit-list, and returns of each entry who did what and how it ended, oldest
// first.
func audited(t *testing.T, k *commandtest.Kit, login, args string) (got []string) {
	t.Helper()
	r, err := k.Run(login, "audit-list "+args)
	require.NoError(t, err)
	for _, e := range r.Response.(commands.AuditListing).Entries {
		if e.Command != "audit-list" {
			got = append([]string{strings.TrimSpace(e.Caller + " " + e.Command + " " + e.Team + " " + e.Outcome)}, got...)
		}
	}
	return got
}

func TestAuditListFilters(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "group-list team=platform", "repos-add team=platform repos=api", "group-create team=web",
		"token-register team=platform")
	_, err := k.Run("ada", "repos-add team=platform repos=docs")
	require.Error(t, err)
	_, err = k.Run("bob", "group-add team=platform")
	require.Error(t, err)
	k.Must("ada", "workflows-set team=platform workflows=", "runners-remove team=platform offline=true") // no change
	for args, want := range map[string][]string{
		"team=platform changes=true":                        {"ada group-create platform done", "ada repos-add platform done", "ada token-register platform done"},
		"team=platform command=group-add":                   {"ada group-create platform done", "bob group-create platform refused"},
		"team=platform by=@BOB":                             {"bob group-create platform refused"},
		"team=platform by=ada command=repos-add":            {"ada repos-add platform done", "ada repos-add platform refused"},
		"team=platform command=repos-add changes=true":      {"ada repos-add platform done"},
		"team=platform by=nobody":                           nil,
		"team=platform limit=1 command=repos-add":           {"ada repos-add platform refused"},
		"team=platform since=1h before=2000-01-01":          nil,
		"team=platform before=1h":                           nil,
		"team=platform since=1h changes=true by=ada":        {"ada group-create platform done", "ada repos-add platform done", "ada token-register platform done"},
		"team=web changes=true before=2999-01-01T00:00:00Z": {"ada group-create web done"},
	} {
		assert.Equal(t, want, audited(t, k, "ada", args), args)
	}
	assert.Equal(t, []string{"ada group-create platform done", "ada repos-add platform done", "ada group-create web done", "ada token-register platform done"},
		audited(t, k, "olga", "changes=true"), "an owner sees all of the organization")
}

// The time of the last entry continues the list.
func TestAuditListPages(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform", "repos-add team=platform repos=api", "repos-remove team=platform repos=api")
	var got []string
	before := ""
	for range 5 {
		r, err := k.Run("ada", "audit-list team=platform changes=true limit=1"+before)
		require.NoError(t, err)
		for _, e := range r.Response.(commands.AuditListing).Entries {
			got = append(got, e.Command)
			before = fmt.Sprintf(" before=%s", e.At.Format("2006-01-02T15:04:05.999999999Z07:00"))
		}
	}
	assert.Equal(t, []string{"repos-remove", "repos-add", "group-create"}, got)
}
