package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

func TestAccess(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, clock := openAt(t, url)
		ctx := t.Context()
		now := s.Now()
		access := func(repo int64, lasts time.Duration) store.Access {
			return store.Access{
				OrgID: 1, TeamID: 10, GroupID: 100, RepoID: repo, Repo: "api", Until: now.Add(lasts), By: "ada", At: now,
				Source: store.Source{Repo: "runner-admin", Issue: 3, Comment: 9},
			}
		}
		require.ErrorIs(t, s.PutAccess(ctx, access(5, time.Hour)), store.ErrNotFound, "the team owns no group")
		record := store.Record{OrgID: 1, TeamID: 10, GroupID: 100, GroupName: "p"}
		require.NoError(t, s.PutRecord(ctx, record))
		forGood := access(7, 0)
		forGood.Until, forGood.Request = time.Time{}, 17
		require.NoError(t, s.PutAccess(ctx, access(5, time.Hour), access(6, 5*24*time.Hour), forGood))
		got, err := s.AccessOf(ctx, 1, 100)
		require.NoError(t, err)
		assert.Equal(t, map[int64]store.Access{5: access(5, time.Hour), 6: access(6, 5*24*time.Hour), 7: forGood}, got)

		claim := func() map[store.AccessGroup]int {
			t.Helper()
			claimed, err := s.ClaimAccess(ctx, s.Now().Add(time.Minute), 4)
			require.NoError(t, err)
			return claimed
		}
		group := store.AccessGroup{OrgID: 1, TeamID: 10, GroupID: 100}
		assert.Empty(t, claim(), "nothing is over")
		*clock = clock.Add(time.Hour)
		assert.Equal(t, map[store.AccessGroup]int{group: 1}, claim())
		assert.Empty(t, claim(), "it is claimed")
		*clock = clock.Add(time.Minute)
		assert.Equal(t, map[store.AccessGroup]int{group: 2}, claim(), "whoever claimed it is gone")
		require.NoError(t, s.RetryOverdueAccess(ctx))
		assert.Equal(t, map[store.AccessGroup]int{group: 3}, claim())
		overdue, err := s.CountOverdueAccess(ctx, s.Now())
		require.NoError(t, err)
		assert.Equal(t, 1, overdue)
		over, err := s.AccessOver(ctx, 1, 100, 10)
		require.NoError(t, err)
		assert.Equal(t, map[int64]store.Access{5: access(5, time.Hour)}, over)

		// An end that is recorded again starts from the beginning.
		require.NoError(t, s.PutAccess(ctx, access(5, 2*time.Hour)))
		require.NoError(t, s.RetryAccess(ctx, group, s.Now(), 0))
		assert.Empty(t, claim())

		soon, err := s.RemindAccess(ctx, s.Now().Add(24*time.Hour))
		require.NoError(t, err)
		assert.Empty(t, soon, "too short for a reminder, or too early")
		*clock = clock.Add(4 * 24 * time.Hour)
		soon, err = s.RemindAccess(ctx, s.Now().Add(24*time.Hour))
		require.NoError(t, err)
		assert.Equal(t, []store.Access{access(6, 5*24*time.Hour)}, soon)
		soon, err = s.RemindAccess(ctx, s.Now().Add(24*time.Hour))
		require.NoError(t, err)
		assert.Empty(t, soon, "once")

		// It ends with the outcome of the command that detaches, and with the ownership.
		detach := store.GroupChange{RequestID: "r", OrgID: 1, Groups: []int64{100}, Edits: []store.Edit{{GroupID: 100, Kind: store.DetachRepo, ID: 5}}}
		require.NoError(t, s.ReleaseAfter(ctx, store.Entry{OrgID: 1}, nil, &detach, "a"))
		require.NoError(t, s.DropAccess(ctx, 1, 100, 7))
		got, err = s.AccessOf(ctx, 1, 100)
		require.NoError(t, err)
		assert.Equal(t, map[int64]store.Access{6: access(6, 5*24*time.Hour)}, got)
		found := store.Expected{}
		record.Expected = &found
		require.NoError(t, s.PutRecord(ctx, record), "the same group")
		got, err = s.AccessOf(ctx, 1, 100)
		require.NoError(t, err)
		assert.Len(t, got, 1)
		record.GroupID = 101
		require.NoError(t, s.PutRecord(ctx, record))
		got, err = s.AccessOf(ctx, 1, 100)
		require.NoError(t, err)
		assert.Empty(t, got)
	})
}

// However many servers look, each group is claimed by one.
func TestClaimAccessOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, clock := openAt(t, url)
		ctx := t.Context()
		for team := range int64(20) {
			require.NoError(t, s.PutRecord(ctx, store.Record{OrgID: 1, TeamID: team + 1, GroupID: team + 100, GroupName: "p"}))
			for repo := range int64(3) {
				require.NoError(t, s.PutAccess(ctx, store.Access{OrgID: 1, TeamID: team + 1, GroupID: team + 100, RepoID: repo + 1, Until: s.Now().Add(time.Minute)}))
			}
		}
		*clock = clock.Add(time.Minute)
		var mu sync.Mutex
		times := map[int64]int{}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 40 {
					claimed, err := s.ClaimAccess(ctx, s.Now().Add(time.Hour), 4)
					if !assert.NoError(t, err) {
						return
					}
					mu.Lock()
					for g := range claimed {
						times[g.GroupID]++
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		assert.Len(t, times, 20)
		for group, n := range times {
			assert.Equal(t, 1, n, group)
		}
	})
}
