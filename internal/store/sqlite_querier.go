package store

import (
	"context"
	"database/sql"
)

// sqliteWriter runs statements on the writing connection, each for itself.
type sqliteWriter struct {
	sqlQuerier
	store *Store
}

// Exec implements [Querier].
func (w sqliteWriter) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	touched, err := w.store.execSQLite(ctx, statement{query, args})
	if err != nil {
		return 0, err
	}
	return touched[0], nil
}

// A writeLock lets one goroutine at a time write to SQLite. If the context ends while it
// waits for the lock, it stops. Once it has the lock, its statements ignore the context:
// they are brief, and watching it would cost more than they do.
type writeLock chan struct{}

func (l writeLock) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l writeLock) unlock() { <-l }

// sqlQuerier runs statements on SQLite, on a connection or in a transaction.
type sqlQuerier struct {
	db interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	}
	explain func(error) error
}

// Exec implements [Querier].
func (q sqlQuerier) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := q.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, q.explain(err)
	}
	return res.RowsAffected()
}

// Query implements [Querier].
func (q sqlQuerier) Query(ctx context.Context, query string, args ...any) (Rows, error) {
	rows, err := q.db.QueryContext(ctx, query, args...) //nolint:rowserrcheck // handed on to whoever asked
	if err != nil {
		return nil, q.explain(err)
	}
	return sqlRows{rows, q.explain}, nil
}

// QueryRow implements [Querier].
func (q sqlQuerier) QueryRow(ctx context.Context, query string, args ...any) Row {
	return explainedRow{q.db.QueryRowContext(ctx, query, args...), q.explain}
}

type sqlRows struct {
	*sql.Rows
	explain func(error) error
}

// Err returns the error that ended Next, if it was not the last row.
func (r sqlRows) Err() error { return r.explain(r.Rows.Err()) }

// Close implements [Rows].
func (r sqlRows) Close() { _ = r.Rows.Close() } // Err reports what matters
