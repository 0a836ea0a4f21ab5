package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	// poolSize is how many connections a replica opens at most, if the URL
	// does not say (pool_max_conns).
	poolSize = 16
	// leastPool is how many connections the pool may open at least, even if the URL says
	// fewer: River and migrations each keep one.
	leastPool = 4
	// connectWithin bounds one attempt to connect, if the URL does not say
	// (connect_timeout).
	connectWithin = 5 * time.Second
)

func (s *Store) openPostgreSQL(ctx context.Context, at location) error {
	config, err := pgxpool.ParseConfig(at.url)
	if err != nil {
		return fmt.Errorf("database.url: %w", err)
	}
	if !strings.Contains(at.url, "pool_max_conns") {
		config.MaxConns = poolSize
	}
	config.MaxConns = max(config.MaxConns, leastPool)
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectWithin
	}
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "actions-runner-manager"
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return fmt.Errorf("database.url: %w", err)
	}
	s.Querier = pgxQuerier{s.pool}
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("PostgreSQL at %s:%d does not answer as it should; check database.url and that it runs: %w",
			config.ConnConfig.Host, config.ConnConfig.Port, err)
	}
	return s.migratePostgreSQL(ctx)
}

// Codes from https://www.postgresql.org/docs/current/errcodes-appendix.html.
const (
	pgUniqueViolation = "23505"
	pgDiskFull        = "53100"
	pgReadOnly        = "25006"
)

func explainPostgreSQL(err error) error {
	var e *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &connect):
		return fmt.Errorf("PostgreSQL cannot be reached: %w", err)
	case !errors.As(err, &e):
		return err
	case e.Code == pgDiskFull:
		return fmt.Errorf("PostgreSQL's disk is full; free some space: %w", err)
	case e.Code == pgReadOnly:
		return fmt.Errorf("PostgreSQL is read-only; point database.url at the primary: %w", err)
	}
	return err
}

func isUniqueViolation(err error) bool {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		return p.Code == pgUniqueViolation
	}
	var l *sqlite.Error
	return errors.As(err, &l) &&
		(l.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || l.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}
