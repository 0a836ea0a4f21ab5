package store

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// pgxQuerier runs statements on PostgreSQL, in a pool or in a transaction.
type pgxQuerier struct {
	db interface {
		Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
		Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
		QueryRow(ctx context.Context, query string, args ...any) pgx.Row
	}
}

// Exec implements [Querier].
func (q pgxQuerier) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := q.db.Exec(ctx, dollars(query), args...)
	return tag.RowsAffected(), explainPostgreSQL(err)
}

// Query implements [Querier].
func (q pgxQuerier) Query(ctx context.Context, query string, args ...any) (Rows, error) {
	rows, err := q.db.Query(ctx, dollars(query), args...) //nolint:sqlclosecheck // handed on to whoever asked
	if err != nil {
		return nil, explainPostgreSQL(err)
	}
	return rows, nil
}

// QueryRow implements [Querier].
func (q pgxQuerier) QueryRow(ctx context.Context, query string, args ...any) Row {
	return explainedRow{q.db.QueryRow(ctx, dollars(query), args...), explainPostgreSQL}
}
