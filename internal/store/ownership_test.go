package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

func TestRecordAndIntents(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := context.Background()
		record, open, err := s.RecordAndIntents(ctx, 1, 10)
		require.NoError(t, err)
		assert.Zero(t, record)
		assert.False(t, open)

		want := store.Record{OrgID: 1, TeamID: 10, TeamSlug: "platform", GroupID: 100, GroupName: "p", Visibility: "selected", Origin: store.Created, By: "alice", At: *now}
		require.NoError(t, s.PutRecord(ctx, want))
		require.NoError(t, s.PutIntent(ctx, store.Intent{OrgID: 1, TeamID: 11, Kind: store.GroupCreate, TeamSlug: "web", Name: "web", RequestID: "r", By: "bob"}))
		record, open, err = s.RecordAndIntents(ctx, 1, 10)
		require.NoError(t, err)
		assert.Equal(t, want, record)
		assert.False(t, open, "the intent is another team's")
		record, open, err = s.RecordAndIntents(ctx, 1, 11)
		require.NoError(t, err)
		assert.Zero(t, record)
		assert.True(t, open)
		_, open, err = s.RecordAndIntents(ctx, 2, 11)
		require.NoError(t, err)
		assert.False(t, open, "of another organization")
	})
}

func TestRecords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, _ := openAt(t, url)
		ctx := context.Background()

		_, err := s.RecordOf(ctx, 1, 10)
		require.ErrorIs(t, err, store.ErrNotFound)

		platform := store.Record{
			OrgID: 1, TeamID: 10, TeamSlug: "platform", GroupID: 100, GroupName: "platform",
			Origin: store.Created, By: "alice", At: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC),
		}
		web := store.Record{OrgID: 1, TeamID: 11, TeamSlug: "web", GroupID: 101, GroupName: "web", Origin: store.Adopted, By: "operator", At: s.Now()}
		require.NoError(t, s.PutRecord(ctx, platform))
		require.NoError(t, s.PutRecord(ctx, web))

		got, err := s.RecordOf(ctx, 1, 10)
		require.NoError(t, err)
		assert.Equal(t, platform, got)
		got, err = s.RecordOfGroup(ctx, 1, 101)
		require.NoError(t, err)
		assert.Equal(t, web, got)
		_, err = s.RecordOfGroup(ctx, 2, 101)
		require.ErrorIs(t, err, store.ErrNotFound)

		all, err := s.Records(ctx, 1)
		require.NoError(t, err)
		assert.Equal(t, []store.Record{platform, web}, all)
		n, err := s.CountRecords(ctx, 1)
		require.NoError(t, err)
		assert.Equal(t, 2, n)

		// A team's own record is replaced, but not if another team owns the group.
		platform.GroupID = 102
		require.NoError(t, s.PutRecord(ctx, platform))
		stolen := platform
		stolen.GroupID = 101
		require.ErrorIs(t, s.PutRecord(ctx, stolen), store.ErrConflict)

		// The team was deleted and made again: same slug, another id.
		again := platform
		again.TeamID = 12
		require.ErrorIs(t, s.PutRecord(ctx, again), store.ErrConflict)
		require.NoError(t, s.ReplaceRecord(ctx, platform, again))
		require.ErrorIs(t, s.ReplaceRecord(ctx, platform, again), store.ErrConflict, "the old one is gone")
		_, err = s.RecordOf(ctx, 1, 10)
		require.ErrorIs(t, err, store.ErrNotFound)

		// If a replacement fails, the old record stays.
		third := web
		third.TeamID, third.GroupID = 13, 102
		require.ErrorIs(t, s.ReplaceRecord(ctx, web, third), store.ErrConflict)
		_, err = s.RecordOf(ctx, 1, 11)
		require.NoError(t, err)

		require.NoError(t, s.SetSlug(ctx, 1, 11, "frontend"))
		require.ErrorIs(t, s.SetSlug(ctx, 1, 99, "frontend"), store.ErrNotFound)
		bySlug, err := s.RecordsBySlug(ctx, 1, "frontend")
		require.NoError(t, err)
		require.Len(t, bySlug, 1)
		assert.Equal(t, int64(11), bySlug[0].TeamID)
		bySlug, err = s.RecordsBySlug(ctx, 1, "web")
		require.NoError(t, err)
		assert.Empty(t, bySlug)

		require.NoError(t, s.DeleteRecord(ctx, store.Record{OrgID: 1, TeamID: 11, GroupID: 101}))
		require.NoError(t, s.DeleteRecord(ctx, store.Record{OrgID: 1, TeamID: 11, GroupID: 101}))
		_, err = s.RecordOf(ctx, 1, 11)
		require.ErrorIs(t, err, store.ErrNotFound)
	})
}

func TestAddRecordsIsAllOrNothing(t *testing.T) {
	record := func(team, group int64) store.Record {
		return store.Record{OrgID: 1, TeamID: team, TeamSlug: "t", GroupID: group, GroupName: "g", Origin: store.Adopted, By: "operator", At: time.UnixMicro(5).UTC()}
	}
	tests := []struct {
		name string
		add  []store.Record
		want int // records then; -1: a conflict, and nothing changed
	}{
		{"new ones", []store.Record{record(3, 13), record(4, 14)}, 4},
		{"one that exists", []store.Record{record(1, 11), record(3, 13)}, 3},
		{"none", nil, 2},
		{"the team owns another group", []store.Record{record(3, 13), record(1, 19)}, -1},
		{"another team owns the group", []store.Record{record(3, 13), record(5, 11)}, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := store.Open(t.Context(), store.Options{URL: storetest.SQLite(t), Logger: zerolog.Nop()})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, s.Close()) })
			require.NoError(t, s.AddRecords(t.Context(), []store.Record{record(1, 11), record(2, 12)}))
			err = s.AddRecords(t.Context(), tt.add)
			if tt.want < 0 {
				require.ErrorIs(t, err, store.ErrConflict)
				tt.want = 2
			} else {
				require.NoError(t, err)
			}
			n, err := s.CountRecords(t.Context(), 1)
			require.NoError(t, err)
			assert.Equal(t, tt.want, n)
		})
	}
}
