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
	tests := []struct {
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
	}
	take := func(t *testing.T, s *store.Store, now *time.Time) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				var got []time.Duration
				for _, d := range test.after {
					*now = now.Add(d)
					wait, err := s.Take(t.Context(), test.name, test.perSecond, test.burst)
					require.NoError(t, err)
					got = append(got, wait)
				}
				assert.Equal(t, test.want, got)
				wait, err := s.Take(t.Context(), test.name+", another key", test.perSecond, test.burst)
				require.NoError(t, err)
				assert.Zero(t, wait, "another key has its own bucket")
			})
		}
	}
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		take(t, s, now)
	})
	t.Run("the only server", func(t *testing.T) {
		s, now := openExclusive(t, storetest.SQLite(t))
		take(t, s, now)
	})
}

// If a server has the database for itself, its limits need no disk.
func TestTakeInMemory(t *testing.T) {
	s, _ := openExclusive(t, storetest.SQLite(t))
	var taken atomic.Int32
	var all sync.WaitGroup
	for range 60 {
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
	var rows int
	require.NoError(t, s.QueryRow(context.Background(), `SELECT count(*) FROM rate_limit`).Scan(&rows))
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

// If Options.Clock is nil, the database's clock is used.
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
