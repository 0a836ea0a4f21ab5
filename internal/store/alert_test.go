package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

func TestAlerts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := t.Context()
		none, err := s.Alert(ctx, 1, 10)
		require.NoError(t, err)
		assert.Equal(t, store.Alert{OrgID: 1, TeamID: 10}, none)

		require.NoError(t, s.AddNotice(ctx, 1, 10, "Access ends."))
		*now = now.Add(time.Second)
		require.NoError(t, s.AddNotice(ctx, 1, 11, "A trust expires."))
		notices, err := s.Notices(ctx, 1)
		require.NoError(t, err)
		require.Len(t, notices, 2)
		assert.Equal(t, "Access ends.", notices[0].Text)

		alert := store.Alert{
			OrgID: 1, TeamID: 10, Issue: 7, Open: true, MentionedAt: *now, ClearSince: *now,
			State: store.AlertState{Slug: "p", Title: "t", Digest: "d", Shown: []string{"a"}, Known: []string{"b"}, Pending: &store.AlertComment{ID: "c", Keys: []string{"a"}}},
		}
		require.NoError(t, s.PutAlert(ctx, alert))
		alert.State.Pending = nil
		require.NoError(t, s.PutAlert(ctx, alert, notices[0].ID))
		got, err := s.Alerts(ctx, 1)
		require.NoError(t, err)
		assert.Equal(t, map[int64]store.Alert{10: alert}, got)
		left, err := s.Notices(ctx, 1)
		require.NoError(t, err)
		assert.Equal(t, notices[1:], left)

		*now = now.Add(8 * 24 * time.Hour)
		require.NoError(t, s.Prune(ctx, time.Time{}, time.Time{}))
		left, err = s.Notices(ctx, 1)
		require.NoError(t, err)
		assert.Empty(t, left, "nobody could be told")
	})
}

func TestRemovals(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := t.Context()
		removal := func(runner int64) store.Removal {
			return store.Removal{OrgID: 1, GroupID: 100, RunnerID: runner, Name: "r", OfflineSince: now.Add(-time.Hour), At: *now}
		}
		begin := func(r store.Removal, want bool) {
			t.Helper()
			ok, err := s.BeginRemoval(ctx, r, now.Add(-time.Hour), 2)
			require.NoError(t, err)
			assert.Equal(t, want, ok)
		}
		begin(removal(1), true)
		begin(removal(2), true)
		begin(removal(3), false)
		require.NoError(t, s.UndoRemoval(ctx, removal(2)))
		begin(removal(3), true)
		other := removal(4)
		other.GroupID = 200
		begin(other, true)
		*now = now.Add(61 * time.Minute)
		begin(removal(5), true)
		list, err := s.Removals(ctx, 1, now.Add(-time.Minute))
		require.NoError(t, err)
		assert.Equal(t, []store.Removal{removal(5)}, list)

		// One that was cut off is not listed while the runner is there.
		require.NoError(t, s.PutRecord(ctx, store.Record{OrgID: 1, TeamID: 10, GroupID: 100}))
		require.NoError(t, s.SavePoll(ctx, store.PollResult{
			Poll: store.Poll{OrgID: 1, GroupID: 100, At: *now}, LeaseKey: platformLease,
			Runners: []store.Runner{{ID: 5, GroupID: 100, Name: "r", FirstSeen: *now, JoinedAt: *now}},
		}))
		list, err = s.Removals(ctx, 1, now.Add(-time.Minute))
		require.NoError(t, err)
		assert.Empty(t, list)
	})
}
