package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// Writes that wait for SQLite share the next transaction. One that fails, or whose caller
// leaves while it waits, does not affect the others.
func TestWritesShareTransaction(t *testing.T) {
	url := storetest.SQLite(t)
	s := open(t, url)
	const insert = `INSERT INTO mark (name, value) VALUES (?1, 'x')`
	_, err := s.Exec(t.Context(), insert, "taken") // which also prepares it
	require.NoError(t, err)
	wal := func() int64 {
		info, err := os.Stat(strings.TrimPrefix(url, "sqlite:") + "-wal")
		require.NoError(t, err)
		return info.Size()
	}

	const writers = 20
	errs := make([]error, writers)
	leaves, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	require.NoError(t, s.InTx(t.Context(), func(context.Context, *store.Tx) error {
		for i := range writers {
			ctx, name := t.Context(), fmt.Sprintf("name-%d", i)
			switch i {
			case 3:
				name = "taken"
			case 4:
				ctx = leaves
			}
			all.Go(func() { _, errs[i] = s.Exec(ctx, insert, name) })
		}
		await(t, func() bool { return s.WaitingWrites() == writers })
		leave()
		await(t, func() bool { return s.WaitingWrites() == writers-1 })
		return nil
	}))
	all.Wait()
	for i, err := range errs {
		switch i {
		case 3:
			assert.ErrorContains(t, err, "UNIQUE", "it fails by itself")
		case 4:
			assert.True(t, errors.Is(err, context.Canceled), "%v", err)
		default:
			assert.NoError(t, err)
		}
	}
	var rows int
	require.NoError(t, s.Reader().QueryRow(t.Context(), `SELECT count(*) FROM mark WHERE name LIKE 'name-%'`).Scan(&rows))
	assert.Equal(t, writers-2, rows, "the caller who left has written nothing")

	// The same without a failure: each transaction appends at least a page to the log.
	before := wal()
	require.NoError(t, s.InTx(t.Context(), func(context.Context, *store.Tx) error {
		for i := range writers {
			all.Go(func() { _, errs[i] = s.Exec(t.Context(), insert, fmt.Sprintf("other-%d", i)) })
		}
		await(t, func() bool { return s.WaitingWrites() == writers })
		return nil
	}))
	all.Wait()
	const page = 4096 + 24
	assert.LessOrEqual(t, (wal()-before)/page, int64(writers/2), "pages that were written")
}

// await polls until done.
func await(t *testing.T, done func() bool) {
	t.Helper()
	assert.Eventually(t, done, 30*time.Second, time.Millisecond)
}
