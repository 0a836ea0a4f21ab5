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

func open(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: url, Logger: zerolog.New(zerolog.NewTestWriter(t))})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// openAt opens a store whose clock moves only when it is moved.
func openAt(t testing.TB, url string) (*store.Store, *time.Time) {
	t.Helper()
	return openFor(t, url, false)
}

// openAlone opens the database as its only server.
func openAlone(t testing.TB, url string) (*store.Store, *time.Time) {
	t.Helper()
	return openFor(t, url, true)
}

func openFor(t testing.TB, url string, exclusive bool) (*store.Store, *time.Time) {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)
	s, err := store.Open(t.Context(), store.Options{URL: url, Exclusive: exclusive, Clock: func() time.Time { return now }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, &now
}

// Standing is one look at what the team has and what may be under way.
func TestStanding(t *testing.T) {
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

		// A team's own record is replaced; another team's group is not taken.
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

		// A failed replacement leaves the old one.
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

func TestIntents(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, _ := openAt(t, url)
		ctx := context.Background()
		in := store.Intent{
			OrgID: 1, TeamID: 10, TeamSlug: "platform", Kind: store.GroupCreate,
			Name: "platform", RequestID: "r1", By: "alice", At: s.Now(),
		}
		_, err := s.IntentOf(ctx, 1, 10, store.GroupCreate)
		require.ErrorIs(t, err, store.ErrNotFound)
		require.NoError(t, s.PutIntent(ctx, in))
		in.RequestID = "r2"
		require.NoError(t, s.PutIntent(ctx, in))
		got, err := s.IntentOf(ctx, 1, 10, store.GroupCreate)
		require.NoError(t, err)
		assert.Equal(t, in, got)

		// Completing is one transaction: if the record cannot be put, the intent stays.
		require.NoError(t, s.PutRecord(ctx, store.Record{OrgID: 1, TeamID: 11, GroupID: 100}))
		require.ErrorIs(t, s.CompleteIntent(ctx, in, store.Record{OrgID: 1, TeamID: 10, GroupID: 100}), store.ErrConflict)
		_, err = s.IntentOf(ctx, 1, 10, store.GroupCreate)
		require.NoError(t, err)

		require.NoError(t, s.CompleteIntent(ctx, in, store.Record{OrgID: 1, TeamID: 10, GroupID: 101}))
		_, err = s.IntentOf(ctx, 1, 10, store.GroupCreate)
		require.ErrorIs(t, err, store.ErrNotFound)
		r, err := s.RecordOf(ctx, 1, 10)
		require.NoError(t, err)
		assert.Equal(t, s.Now(), r.At)

		require.NoError(t, s.PutIntent(ctx, in))
		require.NoError(t, s.DeleteIntent(ctx, 1, 10, store.GroupCreate))
		require.NoError(t, s.DeleteIntent(ctx, 1, 10, store.GroupCreate))
	})
}
