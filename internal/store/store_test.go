package store_test

import (
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
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

// openExclusive opens the database as its only server.
func openExclusive(t testing.TB, url string) (*store.Store, *time.Time) {
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
