package store

import (
	"context"
	"database/sql"
)

// sqliteWriter runs statements that write, each in a transaction of its own.
type sqliteWriter struct {
	sqlQuerier
	store *Store
}

// Exec is Querier's.
func (w sqliteWriter) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := w.store.checkFile(); err != nil {
		return 0, err
	}
	if err := w.store.turn.take(ctx); err != nil {
		return 0, err
	}
	defer w.store.turn.give()
	return w.sqlQuerier.Exec(context.WithoutCancel(ctx), query, args...)
}

// A turn is for one who writes to SQLite at a time. Who waits for it looks whether the
// context ends; the statements that follow are brief, and watching it would cost more
// than they do.
type turn chan struct{}

func (t turn) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) give() { <-t }

// sqlQuerier runs statements on SQLite.
type sqlQuerier struct {
	db interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	}
	explain func(error) error
}

// Exec is Querier's.
func (q sqlQuerier) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := q.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, q.explain(err)
	}
	return res.RowsAffected()
}

// Query is Querier's.
func (q sqlQuerier) Query(ctx context.Context, query string, args ...any) (Rows, error) {
	rows, err := q.db.QueryContext(ctx, query, args...) //nolint:rowserrcheck // handed on to whoever asked
	if err != nil {
		return nil, q.explain(err)
	}
	return sqlRows{rows, q.explain}, nil
}

// QueryRow is Querier's.
func (q sqlQuerier) QueryRow(ctx context.Context, query string, args ...any) Row {
	return explainedRow{q.db.QueryRowContext(ctx, query, args...), q.explain}
}

type sqlRows struct {
	*sql.Rows
	explain func(error) error
}

// Err is what ended the rows too early.
func (r sqlRows) Err() error { return r.explain(r.Rows.Err()) }

// Close ends the reading.
func (r sqlRows) Close() { _ = r.Rows.Close() } // what counts is in Err
