package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// busyFor is how long a statement waits for another process's transaction.
const busyFor = 5 * time.Second

func (s *Store) openSQLite(ctx context.Context, at location) error {
	s.path = at.path
	dir := filepath.Dir(at.path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("the folder %s of the database %s does not exist; create it, or set database.url", dir, at.path)
	}
	if s.exclusive {
		lock, err := lockFile(at.path + ".lock")
		if err != nil {
			return err
		}
		s.lock = lock
		if s.limits, err = newMemoryLimits(); err != nil {
			return err
		}
	}

	makePrivate(at.path)
	var err error
	// One writing connection: SQLite has one writer at a time anyway, and a queue in Go is
	// fairer than its busy loop. FULL, because NORMAL loses acknowledged work if the power
	// fails.
	if s.writer, err = sql.Open("sqlite", dsn(at.path, "")); err != nil {
		return fmt.Errorf("open the database %s: %w", at.path, err)
	}
	s.writer.SetMaxOpenConns(1)
	s.writes, s.writeLock = prepare(s.writer), make(writeLock, 1)
	s.Querier = sqliteWriter{sqlQuerier{s.writes, s.explainSQLite}, s}
	reader, err := sql.Open("sqlite", dsn(at.path, "&_pragma=query_only(1)"))
	if err != nil {
		return fmt.Errorf("open the database %s: %w", at.path, err)
	}
	reader.SetMaxOpenConns(4)
	s.reader = prepare(reader)

	if err := s.migrateSQLite(ctx); err != nil {
		return err
	}
	if s.file, err = os.Stat(at.path); err != nil {
		return fmt.Errorf("open the database %s: %w", at.path, err)
	}
	if !s.exclusive {
		return nil
	}
	var verdict string
	if err := s.Reader().QueryRow(ctx, `PRAGMA quick_check(1)`).Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("the database %s is damaged (%s); restore a backup", at.path, verdict)
	}
	return nil
}

// makePrivate creates the database file for its owner only, and takes the rights of others
// from files that exist already. SQLite gives the files beside it the same rights.
func makePrivate(path string) {
	const mode = 0o600
	if file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, mode); err == nil {
		file.Close()
	}
	for _, name := range []string{path, path + "-wal", path + "-shm", path + ".lock"} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm()&0o077 == 0 {
			continue // what cannot be opened is reported when it is
		}
		_ = os.Chmod(name, info.Mode().Perm()&mode) // fails for a file that is not ours, or read-only
	}
}

func dsn(path, more string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?_txlock=immediate" +
		fmt.Sprintf("&_pragma=busy_timeout(%d)", busyFor.Milliseconds()) +
		"&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=journal_size_limit(16777216)" + more
}

// explainSQLite adds what to do if the operator can fix the error.
func (s *Store) explainSQLite(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	var advice string
	switch e.Code() & 0xff { // the primary result code
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		advice = "is read-only for this user; make the file and its folder writable"
	case sqlite3.SQLITE_CANTOPEN:
		advice = "cannot be opened or created; check that file and folder are writable for this user"
	case sqlite3.SQLITE_FULL:
		advice = "cannot grow: the disk is full; free some space"
	case sqlite3.SQLITE_NOTADB:
		advice = "is not an SQLite database, or is damaged; name another file or restore a backup"
	case sqlite3.SQLITE_CORRUPT:
		advice = "is damaged; restore a backup"
	case sqlite3.SQLITE_IOERR:
		advice = "cannot be read or written; check the disk"
	case sqlite3.SQLITE_BUSY:
		advice = "is locked by another process"
	default:
		return err
	}
	return fmt.Errorf("the database %s %s: %w", s.path, advice, err)
}
