package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// Each poll is kept for 48 hours, and what its hour came to for the history.
func TestSamples(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := t.Context()
		require.NoError(t, s.PutRecord(ctx, store.Record{OrgID: 1, TeamID: 10, GroupID: 100}))
		start := now.Truncate(time.Hour)
		previous := time.Time{}
		poll := func(at time.Time, idle, busy int) {
			t.Helper()
			require.NoError(t, s.SavePoll(ctx, store.PollResult{Previous: previous, Poll: store.Poll{OrgID: 1, GroupID: 100, At: at, Idle: idle, Busy: busy, Offline: 1}}))
			previous, *now = at, at
		}
		poll(start, 1, 0)
		poll(start.Add(20*time.Minute), 2, 4)
		poll(start.Add(40*time.Minute), 0, 2)
		poll(start.Add(70*time.Minute), 9, 9)
		for range 2 { // the second time finds nothing to do
			require.NoError(t, s.SumSamples(ctx))
		}
		hours, err := s.HourlySamples(ctx, 1, 100, start)
		require.NoError(t, err)
		assert.Equal(t, []store.Sample{{At: start, Idle: 1, Busy: 2, Offline: 1, MostIdle: 2, MostBusy: 4, MostOffline: 1}}, hours, "the present hour is not over")
		polls, err := s.Samples(ctx, 1, 100, start.Add(20*time.Minute))
		require.NoError(t, err)
		require.Len(t, polls, 3)
		assert.Equal(t, store.Sample{At: start.Add(20 * time.Minute), Idle: 2, Busy: 4, Offline: 1, MostIdle: 2, MostBusy: 4, MostOffline: 1}, polls[0])

		*now = start.Add(48*time.Hour + time.Minute)
		require.NoError(t, s.SumSamples(ctx))
		require.NoError(t, s.PruneSamples(ctx, 90*24*time.Hour))
		polls, err = s.Samples(ctx, 1, 100, start)
		require.NoError(t, err)
		assert.Len(t, polls, 3)
		hours, err = s.HourlySamples(ctx, 1, 100, start)
		require.NoError(t, err)
		assert.Len(t, hours, 2)
		require.NoError(t, s.PruneSamples(ctx, 48*time.Hour))
		hours, err = s.HourlySamples(ctx, 1, 100, start)
		require.NoError(t, err)
		assert.Len(t, hours, 1)
	})
}

// Samples that no poll made count as if one had.
func TestAddSamples(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := t.Context()
		start := now.Truncate(time.Hour).Add(-1000 * time.Minute)
		var samples []store.Sample
		for i := range 1001 { // more than one statement
			samples = append(samples, store.Sample{At: start.Add(time.Duration(i) * time.Minute), MostIdle: i, MostBusy: 2, MostOffline: 1})
		}
		for range 2 {
			require.NoError(t, s.AddSamples(ctx, 1, 100, samples))
		}
		polls, err := s.Samples(ctx, 1, 100, start)
		require.NoError(t, err)
		require.Len(t, polls, 1001)
		assert.Equal(t, store.Sample{At: start, Idle: 0, Busy: 2, Offline: 1, MostBusy: 2, MostOffline: 1}, polls[0])
		assert.Equal(t, 1000, polls[1000].MostIdle)
		require.NoError(t, s.SumSamples(ctx))
		hours, err := s.HourlySamples(ctx, 1, 100, start)
		require.NoError(t, err)
		assert.Len(t, hours, 16)
	})
}
