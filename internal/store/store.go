// Package store is the one database of the server: SQLite in a file by
// default, PostgreSQL if several replicas share the work. It keeps who owns
// which runner group, what is about to happen, rate limits, leases and the
// audit, and lends its connections to package queue.
//
// SQL is written once, for both databases, with ?1, ?2 … as placeholders.
// Times are kept as microseconds since 1970, UTC.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"
)

var (
	// ErrNotFound is returned if there is no such row.
	ErrNotFound = errors.New("not found in the database")
	// ErrConflict is returned if another team owns the group, or if the record changed since
	// it was read.
	ErrConflict = errors.New("the ownership record says otherwise")
	// ErrNoDatabase is returned if there is no file, and none may be made.
	ErrNoDatabase = errors.New("there is no database")
)

// A Dialect is one of the two kinds of databases.
type Dialect string

// The databases that a store can use.
const (
	SQLite     Dialect = "sqlite"
	PostgreSQL Dialect = "postgresql"
)

// Options are for [Open]. Only URL must be set.
type Options struct {
	// URL is sqlite:PATH, postgres://… or postgresql://….
	URL string

	// Clock returns the time; nil means time.Now. Rate limits and leases go by the
	// database's clock if Clock is nil: replicas must agree on the time, and the wait for
	// the database must not count.
	Clock func() time.Time

	Logger zerolog.Logger

	// Exclusive is set by the server. If it is set, Open fails if another server has the
	// SQLite file open or if the file is damaged. The operator's commands leave it unset and
	// work beside a running server.
	Exclusive bool

	// Existing is set by commands that only read. If it is set, Open fails with [ErrNoDatabase]
	// if there is no SQLite file, instead of creating one that is empty.
	Existing bool
}

// A Store is an open database. It is safe for concurrent use.
type Store struct {
	Querier // for single statements that may write

	dialect   Dialect
	clock     func() time.Time
	dbClock   bool // rate limits and leases go by the database's clock
	logger    zerolog.Logger
	fresh     bool
	exclusive bool

	// On SQLite.
	path      string
	file      os.FileInfo // the file as it was opened
	writer    *sql.DB
	writes    *prepared // writer, with its statements
	writeLock writeLock
	waiting   waitingWrites
	reader    *prepared
	lock      *os.File
	limits    *memoryLimits // if this is the only server

	// On PostgreSQL.
	pool *pgxpool.Pool
}

// Open opens the database. It creates and migrates it if needed, our tables and River's.
// Several processes may do so at the same time. Errors are sentences for the operator,
// without the password.
func Open(ctx context.Context, o Options) (*Store, error) {
	at, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	s := &Store{dialect: at.dialect, clock: o.Clock, logger: o.Logger, exclusive: o.Exclusive}
	if s.clock == nil {
		s.clock = time.Now
		s.dbClock = true
	}
	if _, err := os.Stat(at.path); o.Existing && at.dialect == SQLite && errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w at %s yet: the server makes it at its first start; with a server's configuration (--config), its database is found", ErrNoDatabase, at.path)
	}
	open := s.openSQLite
	if at.dialect == PostgreSQL {
		open = s.openPostgreSQL
	}
	if err = open(ctx, at); err == nil {
		err = s.Ping(ctx)
	}
	if err != nil {
		_ = s.Close() // the first error is the one to report
		return nil, at.mask(err)
	}
	return s, nil
}

// Close closes all connections and releases the lock on the file.
func (s *Store) Close() error {
	var errs []error
	if s.reader != nil {
		errs = append(errs, s.reader.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.Close())
	}
	if s.pool != nil {
		s.pool.Close()
	}
	if s.lock != nil { // last: from here on another server may open the file
		errs = append(errs, s.lock.Truncate(0), s.lock.Close())
	}
	return errors.Join(errs...)
}

// Ping returns an error if the database cannot be written. The error is a sentence for
// /readyz.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.Exec(ctx, `INSERT INTO mark (name, value) VALUES ('ping', ?1)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, s.Now().UTC().Format(time.RFC3339))
	if err == nil {
		return nil
	}
	if s.pool != nil {
		s.pool.Reset() // the server may be gone without a word to its connections
	}
	return fmt.Errorf("the database cannot be written: %w", err)
}

// checkFile returns an error if SQLite's file was removed or replaced since it was opened:
// writes to it would succeed and be lost.
func (s *Store) checkFile() error {
	if s.file == nil {
		return nil // the file is still being opened
	}
	now, err := os.Stat(s.path)
	if err != nil || !os.SameFile(s.file, now) {
		return fmt.Errorf("the database file %s was removed or replaced while it was open; restart the server", s.path)
	}
	return nil
}

// New reports whether the database was empty before it was opened.
func (s *Store) New() bool { return s.fresh }

// Dialect returns which kind of database this is.
func (s *Store) Dialect() Dialect { return s.dialect }

// Exclusive reports whether this process is the only server on the database until it
// closes the store. If so, all work that an earlier server left running is orphaned.
func (s *Store) Exclusive() bool { return s.exclusive && s.dialect == SQLite }

// Shared reports whether other servers may use the database at the same time.
func (s *Store) Shared() bool { return s.dialect == PostgreSQL }

// Writer is SQLite's writing connection, for River; nil on PostgreSQL.
func (s *Store) Writer() *sql.DB { return s.writer }

// Pool is PostgreSQL's connection pool, for River; nil on SQLite.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }
