package chart_test

import (
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/handlers/console/chart"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// Read reads hours if hours are shown, and the polls after the last of them: no time is read
// twice, and the present hour is there.
func TestRead(t *testing.T) {
	ctx := t.Context()
	clock := now().Add(-3 * time.Hour)
	s, err := store.Open(ctx, store.Options{URL: storetest.SQLite(t), Clock: func() time.Time { return clock }, Logger: zerolog.Nop()})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	read := func(name string) chart.Data {
		t.Helper()
		d, err := chart.Read(ctx, s, 1, 100, chart.ParseRange(name), clock, 5*time.Minute)
		require.NoError(t, err)
		return d
	}
	assert.Contains(t, draw(t, read("7d")), "There is no history yet")

	require.NoError(t, s.PutRecord(ctx, store.Record{OrgID: 1, TeamID: 10, GroupID: 100}))
	previous := time.Time{}
	for ; !clock.After(now()); clock = clock.Add(5 * time.Minute) {
		poll := store.Poll{OrgID: 1, GroupID: 100, At: clock, Idle: 1, Busy: clock.Hour()}
		require.NoError(t, s.SavePoll(ctx, store.PollResult{Previous: previous, Poll: poll}))
		previous = clock
	}
	clock = now()
	require.NoError(t, s.SumSamples(ctx))

	day := read("24h")
	assert.Empty(t, day.Hours)
	assert.Len(t, day.Polls, 37)
	assert.Equal(t, now(), day.Polled)
	week := read("7d")
	assert.Len(t, week.Hours, 3, "15, 16 and 17 o'clock")
	assert.Len(t, week.Polls, 9, "since 18 o'clock")
	assert.Contains(t, text(t, draw(t, week)), "average 16.4, most 18 (Thu 18:00)")
	assert.Contains(t, text(t, draw(t, week)), "No data before Thu 26 Nov 15:00.")
}
