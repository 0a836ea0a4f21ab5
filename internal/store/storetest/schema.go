package storetest

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// The databases that tests get are copies of one with today's schema: the race detector makes
// its migrations take a second.

var file once[[]byte] // of an SQLite database with today's schema

// SQLite gives the test the URL of a database of its own, with today's schema and no rows.
func SQLite(t testing.TB) (url string) {
	t.Helper()
	return SQLiteAt(t, filepath.Join(t.TempDir(), "test.db"))
}

// SQLiteAt is the same, in that file.
func SQLiteAt(t testing.TB, path string) (url string) {
	t.Helper()
	content, err := file.get(migratedFile)
	if err == nil {
		err = os.WriteFile(path, content, 0o600)
	}
	if err != nil {
		t.Fatalf("make a database: %v", err)
	}
	return "sqlite:" + path
}

func migratedFile() ([]byte, error) {
	dir, err := os.MkdirTemp("", "storetest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "schema.db")
	if err := migrate("sqlite:" + path); err != nil {
		return nil, err
	}
	return os.ReadFile(path) // closing it emptied the write-ahead log
}

func migrate(url string) error {
	s, err := store.Open(context.Background(), store.Options{URL: url, Logger: zerolog.Nop()})
	if err != nil {
		return err
	}
	return s.Close()
}

// Each runs the test on SQLite, on PostgreSQL, and on PostgreSQL behind PgBouncer, with today's
// schema and no rows.
func Each(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
	t.Run("pgbouncer", func(t *testing.T) { test(t, PgBouncer(t)) })
}

// EachEmpty is the same with databases that have no schema yet; the file of SQLite's does not exist.
func EachEmpty(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, newDatabase(t, "")) })
	t.Run("pgbouncer", func(t *testing.T) { test(t, pooled(t, newDatabase(t, ""))) })
}
