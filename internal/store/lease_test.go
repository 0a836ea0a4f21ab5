package store_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

func TestLease(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := context.Background()
		lease := func(key, holder string) bool {
			t.Helper()
			ok, err := s.Lease(ctx, key, holder, time.Minute)
			require.NoError(t, err)
			return ok
		}
		assert.True(t, lease("team:1", "a"))
		assert.False(t, lease("team:1", "b"))
		assert.True(t, lease("team:2", "b"), "another key")
		assert.True(t, lease("team:1", "a"), "a holder may extend its own")

		require.NoError(t, s.Release(ctx, "team:1", "b"))
		assert.False(t, lease("team:1", "b"), "only the holder releases")
		require.NoError(t, s.Release(ctx, "team:1", "a"))
		assert.True(t, lease("team:1", "b"))

		*now = now.Add(59 * time.Second)
		assert.False(t, lease("team:1", "c"))
		*now = now.Add(time.Second)
		assert.True(t, lease("team:1", "c"), "a lease ends by itself")
	})
}

// The lease and its records are one transaction: if the lease is not given, nothing is recorded.
func TestLeaseFor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := context.Background()
		lease := func(holder string) bool {
			t.Helper()
			ok, err := s.LeaseFor(ctx, "team:1", holder, time.Minute, store.Entry{OrgID: 7, Command: "repos-add", Outcome: store.Asked, RequestID: holder}, nil)
			require.NoError(t, err)
			return ok
		}
		assert.True(t, lease("a"))
		assert.False(t, lease("b"))
		list, err := s.AuditList(ctx, store.AuditQuery{OrgID: 7})
		require.NoError(t, err)
		require.Len(t, list, 1, "what does not begin is not on record")
		assert.Equal(t, "a", list[0].RequestID)
		assert.Equal(t, store.Asked, list[0].Outcome)

		*now = now.Add(time.Second)
		ok, err := s.Lease(ctx, "team:2", "a", time.Minute)
		require.NoError(t, err)
		require.True(t, ok)
		done := store.Entry{OrgID: 7, Command: "repos-add", Outcome: store.Done, RequestID: "a"}
		require.NoError(t, s.ReleaseAfter(ctx, done, nil, nil, "a", "team:1", "team:2"))
		assert.True(t, lease("b"))
		ok, err = s.Lease(ctx, "team:2", "b", time.Minute)
		require.NoError(t, err)
		assert.True(t, ok)
		list, err = s.AuditList(ctx, store.AuditQuery{OrgID: 7})
		require.NoError(t, err)
		require.Len(t, list, 2)
		assert.Equal(t, store.Done, list[1].Outcome)
	})
}

func TestLeaseGoesToOne(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s := open(t, url)
		var got atomic.Int32
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				ok, err := s.Lease(context.Background(), "team:1", string(rune('a'+i)), time.Minute)
				assert.NoError(t, err)
				if ok {
					got.Add(1)
				}
			})
		}
		all.Wait()
		assert.Equal(t, int32(1), got.Load())
	})
}
