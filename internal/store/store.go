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
	// ErrNotFound says that there is no such row.
	ErrNotFound = errors.New("not found in the database")
	// ErrConflict says that a row of somebody else is in the way: another
	// team holds the group, or the record changed since it was read.
	ErrConflict = errors.New("the ownership record says otherwise")
)

// Dialect names one of the two databases.
type Dialect string

// The databases that a store can use.
const (
	SQLite     Dialect = "sqlite"
	PostgreSQL Dialect = "postgresql"
)

// Options say which database to open, and how.
type Options struct {
	// URL is sqlite:PATH, postgres://… or postgresql://….
	URL string

	// Clock returns the time; nil means time.Now. Rate limits and leases must
	// agree over replicas, and not count the wait for the database, so they go
	// by the database's clock as long as Clock is nil.
	Clock func() time.Time

	Logger zerolog.Logger

	// Exclusive is set by the server: a second server on the same SQLite file
	// is refused, and the file is checked for damage. The operator's commands
	// leave it unset and work beside a running server.
	Exclusive bool
}

// A Store is an open database. It is safe for concurrent use.
type Store struct {
	Querier // for single statements that may write

	dialect   Dialect
	clock     func() time.Time
	dbClock   bool // limits and leases go by the database's clock
	logger    zerolog.Logger
	fresh     bool
	exclusive bool

	// On SQLite.
	path   string
	file   os.FileInfo // the file as it was opened
	writer *sql.DB
	writes *prepared // the writer's statements
	turn   turn
	reader *prepared
	lock   *os.File
	limits *memoryLimits // if this is the only server

	// On PostgreSQL.
	pool *pgxpool.Pool
}

// Open opens the database, creating and migrating it if needed (our tables
// and River's). Several processes may do so at the same moment. Errors are
// sentences for the operator, without the password.
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

// Close closes all connections and gives up the file's lock.
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
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// Ping finds out whether the database can be written. Its error is a sentence
// for /readyz.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.Exec(ctx, `INSERT INTO mark (name, value) VALUES ('ping', ?1)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, s.Now().UTC().Format(time.RFC3339))
	if err != nil {
		return fmt.Errorf("the database cannot be written: %w", err)
	}
	return nil
}

// checkFile finds out whether SQLite's file is still where it was opened: writes to
// one that was unlinked succeed and are lost.
func (s *Store) checkFile() error {
	if s.file == nil {
		return nil // it is just being opened
	}
	now, err := os.Stat(s.path)
	if err != nil || !os.SameFile(s.file, now) {
		return fmt.Errorf("the database file %s was removed or replaced while it was open; restart the server", s.path)
	}
	return nil
}

// New says whether the database was empty before it was opened.
func (s *Store) New() bool { return s.fresh }

// Dialect says which database this is.
func (s *Store) Dialect() Dialect { return s.dialect }

// Exclusive says whether this process is the only server on the database, and
// will be as long as it lives: so what an earlier one left running is orphaned.
func (s *Store) Exclusive() bool { return s.exclusive && s.dialect == SQLite }

// Shared reports whether other servers may use the database at the same time.
func (s *Store) Shared() bool { return s.dialect == PostgreSQL }

// Writer is SQLite's writing connection, for River; nil on PostgreSQL.
func (s *Store) Writer() *sql.DB { return s.writer }

// Pool is PostgreSQL's connection pool, for River; nil on SQLite.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }
