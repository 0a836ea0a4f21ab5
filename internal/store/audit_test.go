package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

func TestAuditList(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := context.Background()
		began := *now
		write := func(request, outcome string, teamID int64, team string) {
			t.Helper()
			*now = now.Add(time.Second)
			require.NoError(t, s.Audit(ctx, store.Entry{
				OrgID: 1, Org: "acme", TeamID: teamID, Team: team, CallerID: 5, Caller: "alice", Channel: "rest",
				Command: "repos-add", Args: "repos=a", Outcome: outcome, RequestID: request,
			}))
		}
		write("r1", store.Asked, 10, "platform")
		write("r2", store.Asked, 11, "web")
		write("r1", store.Done, 10, "platform")
		write("r3", store.Refused, 0, "platform") // refused before the team was known
		write("r4", store.Asked, 10, "platform")  // no outcome: a crash
		write("r5", store.Asked, 10, "platform")  // taken up again after a crash
		write("r5", store.Asked, 10, "platform")
		write("r5", store.Failed, 10, "platform")
		write("r5", store.Done, 10, "platform")
		write("r6", store.Done, 12, "platform") // another team that had the slug

		list := func(q store.AuditQuery) (got []string) {
			t.Helper()
			q.OrgID = 1
			entries, err := s.AuditList(ctx, q)
			require.NoError(t, err)
			for _, e := range entries {
				got = append(got, e.RequestID+" "+e.Outcome)
			}
			return got
		}
		for _, test := range []struct {
			name string
			q    store.AuditQuery
			want []string
		}{
			{"everything", store.AuditQuery{}, []string{"r6 done", "r5 done", "r4 asked", "r3 refused", "r2 asked", "r1 done"}},
			{"a team", store.AuditQuery{TeamID: 10, Team: "platform"}, []string{"r5 done", "r4 asked", "r3 refused", "r1 done"}},
			{"a slug", store.AuditQuery{Team: "web"}, []string{"r2 asked"}},
			{"a limit", store.AuditQuery{Limit: 2}, []string{"r6 done", "r5 done"}},
			{"since", store.AuditQuery{Since: began.Add(10 * time.Second)}, []string{"r6 done"}},
		} {
			t.Run(test.name, func(t *testing.T) { assert.Equal(t, test.want, list(test.q)) })
		}

		entries, err := s.AuditList(ctx, store.AuditQuery{OrgID: 1, TeamID: 10, Limit: 10})
		require.NoError(t, err)
		last := entries[len(entries)-1]
		assert.Equal(t, began.Add(time.Second), last.At, "the time of the asking")
		assert.Equal(t, store.Entry{
			ID: last.ID, At: last.At, OrgID: 1, Org: "acme", Team: "platform", TeamID: 10, CallerID: 5, Caller: "alice",
			Channel: "rest", Command: "repos-add", Args: "repos=a", Outcome: store.Done, RequestID: "r1", Count: 1,
		}, last)

		other, err := s.AuditList(ctx, store.AuditQuery{OrgID: 2})
		require.NoError(t, err)
		assert.Empty(t, other)
	})
}

func TestAuditCount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url) // at half past the minute
		ctx := context.Background()
		refuse := func(caller, reason string) {
			t.Helper()
			require.NoError(t, s.AuditCount(ctx, store.Entry{
				OrgID: 1, Caller: caller, Command: "whoami", Outcome: store.Refused, Reason: reason, RequestID: "r",
			}))
		}
		for range 5 {
			refuse("alice", "rate_limited")
		}
		refuse("alice", "not_member")
		refuse("bob", "rate_limited")
		*now = now.Add(30 * time.Second)
		refuse("alice", "rate_limited")

		entries, err := s.AuditList(ctx, store.AuditQuery{OrgID: 1})
		require.NoError(t, err)
		got := map[string][]int{}
		for _, e := range entries {
			got[e.Caller+" "+e.Reason] = append(got[e.Caller+" "+e.Reason], e.Count)
		}
		assert.Equal(t, map[string][]int{
			"alice rate_limited": {1, 5}, "alice not_member": {1}, "bob rate_limited": {1},
		}, got)
	})
}

func TestAuditCutsArguments(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, _ := openAt(t, url)
		for _, args := range []string{strings.Repeat("é", 2000), "a\x00b", "\xff\xfe"} {
			require.NoError(t, s.Audit(context.Background(), store.Entry{OrgID: 1, Team: args, Args: args}))
		}
		entries, err := s.AuditList(context.Background(), store.AuditQuery{OrgID: 1})
		require.NoError(t, err)
		require.Len(t, entries, 3)
		assert.LessOrEqual(t, len(entries[2].Args), 1024)
		assert.Greater(t, len(entries[2].Args), 1018)
		assert.True(t, strings.HasSuffix(entries[2].Args, "é…"), "cut between characters")
		assert.Equal(t, "a\uFFFDb", entries[1].Args)
	})
}

// The audit keeps what a command changed, bounded: it says how much it left out. Half an undo is
// none.
func TestAuditDiff(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, _ := openAt(t, url)
		ctx := context.Background()
		until := time.Date(2026, 1, 31, 13, 0, 0, 0, time.UTC)
		small := store.Diff{
			Group:  &store.Named{ID: 7, Name: "platform"},
			Before: []store.Part{{Kind: store.PartRepo, ID: 3, Name: "api\x00", Until: &until}},
			Same:   []store.Part{{Kind: store.PartRepo, ID: 4, Name: "web"}},
		}
		big := store.Diff{}
		for i := range 5000 {
			big.After = append(big.After, store.Part{Kind: store.PartRepo, ID: int64(i + 1), Name: fmt.Sprintf("repo-%d", i)})
		}
		secret := "ghp_" + strings.Repeat("a", 36)
		for i, e := range []store.Entry{
			{Diff: small, Undo: "/runner-group repos-add api"},
			{Diff: big, Undo: strings.Repeat("x", 10_000)},
			{Diff: store.Diff{After: []store.Part{{Kind: store.PartGroup, ID: 1, Name: secret}}}, Undo: secret},
			{},
		} {
			e.OrgID, e.RequestID, e.Outcome, e.Changed = 1, fmt.Sprint(i), store.Done, true
			require.NoError(t, s.Audit(ctx, e))
		}
		list, err := s.AuditList(ctx, store.AuditQuery{OrgID: 1})
		require.NoError(t, err)
		require.Len(t, list, 4)
		assert.True(t, list[0].Diff.IsZero())
		assert.NotContains(t, fmt.Sprint(list[1]), secret)
		kept := list[2].Diff
		assert.Equal(t, 5000, len(kept.After)+kept.More)
		assert.InDelta(t, 175, len(kept.After), 50)
		assert.Empty(t, list[2].Undo)
		small.Same, small.After = nil, []store.Part{}
		assert.Equal(t, small, list[3].Diff)
		assert.Equal(t, "/runner-group repos-add api", list[3].Undo)
	})
}
