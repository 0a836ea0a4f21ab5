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

func TestTake(t *testing.T) {
	for _, test := range []struct {
		name      string
		perSecond float64
		burst     int
		after     []time.Duration // since the one before
		want      []time.Duration
	}{
		{
			name: "burst, then one for each interval", perSecond: 5, burst: 3,
			after: []time.Duration{0, 0, 0, 0, 200 * time.Millisecond, 0},
			want:  []time.Duration{0, 0, 0, 200 * time.Millisecond, 0, 200 * time.Millisecond},
		},
		{
			name: "refused ones cost nothing", perSecond: 1, burst: 1,
			after: []time.Duration{0, 400 * time.Millisecond, 400 * time.Millisecond, 200 * time.Millisecond},
			want:  []time.Duration{0, 600 * time.Millisecond, 200 * time.Millisecond, 0},
		},
		{
			name: "fractions", perSecond: 0.5, burst: 1,
			after: []time.Duration{0, time.Second, time.Second},
			want:  []time.Duration{0, time.Second, 0},
		},
		{
			name: "never more than the burst after a long rest", perSecond: 10, burst: 2,
			after: []time.Duration{0, time.Hour, 0, 0},
			want:  []time.Duration{0, 0, 0, 100 * time.Millisecond},
		},
		{name: "a burst of none is one", perSecond: 1, burst: 0, after: []time.Duration{0, 0}, want: []time.Duration{0, time.Second}},
		{name: "no limit", perSecond: 0, burst: 1, after: []time.Duration{0, 0}, want: []time.Duration{0, 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			take := func(t *testing.T, s *store.Store, now *time.Time) {
				var got []time.Duration
				for _, d := range test.after {
					*now = now.Add(d)
					wait, err := s.Take(context.Background(), "user:1", test.perSecond, test.burst)
					require.NoError(t, err)
					got = append(got, wait)
				}
				assert.Equal(t, test.want, got)
				wait, err := s.Take(context.Background(), "user:2", test.perSecond, test.burst)
				require.NoError(t, err)
				assert.Zero(t, wait, "another key has its own bucket")
			}
			storetest.Each(t, func(t *testing.T, url string) {
				s, now := openAt(t, url)
				take(t, s, now)
			})
			t.Run("the only server", func(t *testing.T) {
				s, now := openAlone(t, storetest.SQLite(t))
				take(t, s, now)
			})
		})
	}
}

// A server that has the database for itself needs no disk for its limits.
func TestTakeInMemory(t *testing.T) {
	alone, _ := openAlone(t, storetest.SQLite(t))
	var taken atomic.Int32
	var all sync.WaitGroup
	for range 60 {
		all.Go(func() {
			wait, err := alone.Take(context.Background(), "user:1", 5, 20)
			assert.NoError(t, err)
			if wait == 0 {
				taken.Add(1)
			}
		})
	}
	all.Wait()
	assert.Equal(t, int32(20), taken.Load())
	var rows int
	require.NoError(t, alone.QueryRow(context.Background(), `SELECT count(*) FROM rate_limit`).Scan(&rows))
	assert.Zero(t, rows)
}

// Several stores on one database, many callers: exactly the burst gets through.
func TestTakeIsExact(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		first, _ := openAt(t, url)
		second, _ := openAt(t, url)
		var taken atomic.Int32
		var all sync.WaitGroup
		for i := range 60 {
			s := []*store.Store{first, second}[i%2]
			all.Go(func() {
				wait, err := s.Take(context.Background(), "user:1", 5, 20)
				assert.NoError(t, err)
				if wait == 0 {
					taken.Add(1)
				}
			})
		}
		all.Wait()
		assert.Equal(t, int32(20), taken.Load())
	})
}

// Without a clock of its own PostgreSQL's is used.
func TestTakeByTheDatabaseClock(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s := open(t, url)
		wait, err := s.Take(context.Background(), "k", 0.01, 1)
		require.NoError(t, err)
		require.Zero(t, wait)
		wait, err = s.Take(context.Background(), "k", 0.01, 1)
		require.NoError(t, err)
		assert.InDelta(t, 100, wait.Seconds(), 10)
		ok, err := s.Lease(context.Background(), "group:1", "a", time.Minute)
		require.NoError(t, err)
		assert.True(t, ok)
		ok, err = s.Lease(context.Background(), "group:1", "b", time.Minute)
		require.NoError(t, err)
		assert.False(t, ok)
	})
}

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

// A lease and what is put on record with it are one.
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
		require.NoError(t, s.ReleaseAfter(ctx, done, nil, "a", "team:1", "team:2"))
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
