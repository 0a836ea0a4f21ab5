package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The steps of our schema, in order of their names; the first is version 1. If a step was
// released, never change it: add another file.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrateSQLite migrates in one immediate transaction, so that several processes may start
// at once. If two of them switch a new file to WAL, SQLite does not wait but fails, so we
// try again.
func (s *Store) migrateSQLite(ctx context.Context) error {
	deadline := time.Now().Add(busyFor)
	for {
		err := s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
			if err := s.migrateOurs(ctx, tx); err != nil {
				return err
			}
			river, err := rivermigrate.New(riversqlite.New(s.writer), quietly())
			if err != nil {
				return err
			}
			//nolint:staticcheck // River warns of steps that cannot share a transaction: PostgreSQL has such, SQLite has none
			_, err = river.MigrateTx(ctx, tx.SQL, rivermigrate.DirectionUp, nil)
			return err
		})
		var e *sqlite.Error
		if errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_BUSY && time.Now().Before(deadline) {
			select {
			case <-time.After(50 * time.Millisecond):
				continue
			case <-ctx.Done():
			}
		}
		return err
	}
}

// migrationLock is the key of the advisory lock that replicas hold while they migrate. The
// number is arbitrary: "arm_migr" in ASCII.
const migrationLock = 0x61726d5f6d696772

// migratePostgreSQL migrates if no other replica does, and waits for it if one does.
func (s *Store) migratePostgreSQL(ctx context.Context) error {
	for {
		done, err := s.migrateIfAlone(ctx)
		if done || err != nil {
			return explainPostgreSQL(err)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for other replicas' migrations: %w", ctx.Err())
		}
	}
}

// migrateIfAlone holds an advisory lock in a transaction of its own, because some of River's
// steps cannot share a transaction with the ones before. A lock of the session would mean
// nothing behind PgBouncer, which may run the next statement in another one. Waiting for the
// lock would keep a connection of PgBouncer from the replica that migrates.
func (s *Store) migrateIfAlone(ctx context.Context) (done bool, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(lock pgx.Tx) error {
		if err := lock.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, int64(migrationLock)).Scan(&done); err != nil || !done {
			return err
		}
		if err := s.InTx(ctx, s.migrateOurs); err != nil {
			return err
		}
		river, err := rivermigrate.New(riverpgxv5.New(s.pool), quietly())
		if err != nil {
			return err
		}
		_, err = river.Migrate(ctx, rivermigrate.DirectionUp, nil)
		return err
	})
	return done, err
}

// quietly keeps River's migrator from logging on standard output.
func quietly() *rivermigrate.Config {
	return &rivermigrate.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

// migrateOurs runs the steps of our schema that are newer than the database.
func (s *Store) migrateOurs(ctx context.Context, tx *Tx) error {
	if _, err := tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY, at BIGINT NOT NULL)`); err != nil {
		return err
	}
	var have int
	if err := tx.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM schema_version`).Scan(&have); err != nil {
		return err
	}
	s.fresh = have == 0
	steps, err := migrations.ReadDir("migrations")
	if err != nil {
		return err
	}
	if have > len(steps) {
		return fmt.Errorf("the database has schema %d, but this program knows only %d; run the version that wrote it, or a newer one", have, len(steps))
	}
	for i, step := range steps[have:] {
		text, err := migrations.ReadFile("migrations/" + step.Name())
		if err != nil {
			return err
		}
		// pgx runs several statements at once only if there are no arguments.
		if _, err := tx.Exec(ctx, respell(s.dialect, string(text))); err != nil {
			return fmt.Errorf("migration %s: %w", step.Name(), err)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO schema_version (version, at) VALUES (?1, ?2)`, have+i+1, Micros(s.Now())); err != nil {
			return err
		}
	}
	return nil
}

// respell translates SQLite's SQL of a migration if the database is PostgreSQL.
func respell(dialect Dialect, ddl string) string {
	if dialect == SQLite {
		return ddl
	}
	return strings.NewReplacer(
		"INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
		" BLOB", " BYTEA",
	).Replace(ddl)
}
