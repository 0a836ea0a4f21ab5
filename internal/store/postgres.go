package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
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
	// fewer: migrations need two at once.
	leastPool = 4
	// connectionLifetime is how long a connection is used, if the URL does not say
	// (pool_max_conn_lifetime): one that a failover made useless without an error is gone by
	// then. Up to lifetimeJitter is added, so that not all are renewed together.
	connectionLifetime = 5 * time.Minute
	lifetimeJitter     = time.Minute
	// connectWithin bounds one attempt to connect, if the URL does not say
	// (connect_timeout).
	connectWithin = 5 * time.Second
)

func (s *Store) openPostgreSQL(ctx context.Context, at location) error {
	config, err := poolConfig(at.url)
	if err != nil {
		return fmt.Errorf("database.url: %w", err)
	}
	var pool atomic.Pointer[pgxpool.Pool] // the callback may be called before it is set
	fatal := config.ConnConfig.OnPgError
	config.ConnConfig.OnPgError = func(conn *pgconn.PgConn, e *pgconn.PgError) bool {
		if !lostServer(e.Code) {
			return fatal(conn, e)
		}
		if p := pool.Load(); p != nil {
			p.Reset() // the others lead to the same server
		}
		return false // which closes the connection
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return fmt.Errorf("database.url: %w", err)
	}
	pool.Store(s.pool)
	s.Querier = pgxQuerier{s.pool}
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("PostgreSQL at %s does not answer as it should; check database.url and that it runs: %w",
			net.JoinHostPort(config.ConnConfig.Host, strconv.Itoa(int(config.ConnConfig.Port))), err)
	}
	return s.migratePostgreSQL(ctx)
}

// poolConfig returns the settings of the pool that River and our own statements share.
func poolConfig(raw string) (*pgxpool.Config, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, err
	}
	given := u.Query()
	set := func(name string, standard any) {
		if !given.Has(name) {
			given.Set(name, fmt.Sprint(standard))
		}
	}
	set("pool_max_conns", poolSize)
	set("pool_max_conn_lifetime", connectionLifetime)
	set("pool_max_conn_lifetime_jitter", lifetimeJitter)
	set("connect_timeout", int(connectWithin.Seconds()))
	set("application_name", "actions-runner-manager")
	// Providers add it for other programs. PostgreSQL has no such parameter.
	given.Del("pgbouncer")
	u.RawQuery = given.Encode()
	config, err := pgxpool.ParseConfig(u.String())
	if err != nil {
		return nil, err
	}
	config.MaxConns = max(config.MaxConns, leastPool)
	// Behind a pooler such as PgBouncer, each transaction may run on another connection of
	// PostgreSQL, so no statement is kept prepared on one.
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	return config, nil
}

// Codes from https://www.postgresql.org/docs/current/errcodes-appendix.html.
const (
	pgUniqueViolation = "23505"
	pgDiskFull        = "53100"
	pgReadOnly        = "25006"
	pgShutdown        = "57P01" // by an administrator
	pgCrash           = "57P02"
	pgNotUp           = "57P03" // it starts, stops or recovers
	pgConnectionClass = "08"    // connection exceptions
)

// lostServer reports whether an error says that the server behind a connection cannot take
// our writes: it stops, or it is no longer the primary. Then the connection is useless, also
// after a failover, and so are the others.
func lostServer(code string) bool {
	switch code {
	case pgReadOnly, pgShutdown, pgCrash, pgNotUp:
		return true
	}
	return strings.HasPrefix(code, pgConnectionClass)
}

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
