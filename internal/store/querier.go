package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5"
)

// A Querier runs statements, alone or inside a transaction.
type Querier interface {
	// Exec runs a statement and says how many rows it touched.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// Query's rows must be closed.
	Query(ctx context.Context, query string, args ...any) (Rows, error)
	// QueryRow's Scan returns ErrNotFound if there is no row.
	QueryRow(ctx context.Context, query string, args ...any) Row
}

// Rows is the part that sql.Rows and pgx.Rows share.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// A Row is a result of one row.
type Row interface {
	Scan(dest ...any) error
}

// Reader runs statements that only read; on SQLite beside the writer, without
// waiting for it.
func (s *Store) Reader() Querier {
	if s.dialect == PostgreSQL {
		return pgxQuerier{s.pool}
	}
	return sqlQuerier{s.reader, s.explainSQLite}
}

// Collect reads all rows.
func Collect[T any](ctx context.Context, q Querier, scan func(Row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

type explainedRow struct {
	row     Row
	explain func(error) error
}

// Scan reads the row, or returns ErrNotFound.
func (r explainedRow) Scan(dest ...any) error {
	err := r.row.Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) || errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	return r.explain(err)
}

var placeholder = regexp.MustCompile(`\?(\d+)`)

// dollars respells ?1 as $1. No statement of ours has a question mark elsewhere.
func dollars(query string) string { return placeholder.ReplaceAllString(query, `$$$1`) }

// conflict turns the violation of a unique index into ErrConflict.
func conflict(err error) error {
	if isUniqueViolation(err) {
		return fmt.Errorf("%w (%w)", ErrConflict, err)
	}
	return err
}

// wrap says what was being done, if it failed.
func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}
