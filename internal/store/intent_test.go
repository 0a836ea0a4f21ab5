package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

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
