package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5"
)

// A Querier runs statements, each by itself or all in a transaction.
type Querier interface {
	// Exec runs a statement and returns how many rows it changed.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// Query returns rows that the caller must close.
	Query(ctx context.Context, query string, args ...any) (Rows, error)
	// QueryRow returns a row whose Scan returns ErrNotFound if there is none.
	QueryRow(ctx context.Context, query string, args ...any) Row
}

// Rows are the methods that sql.Rows and pgx.Rows share. If Next returns false, check Err.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// A Row is the first row of a result.
type Row interface {
	Scan(dest ...any) error
}

// Reader returns a Querier for statements that only read. On SQLite they do not wait for
// the writer.
func (s *Store) Reader() Querier {
	if s.dialect == PostgreSQL {
		return pgxQuerier{s.pool}
	}
	return sqlQuerier{s.reader, s.explainSQLite}
}

// Collect runs a query and returns all its rows, or nil if there are none.
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

// Scan implements [Row].
func (r explainedRow) Scan(dest ...any) error {
	err := r.row.Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) || errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	return r.explain(err)
}

var placeholder = regexp.MustCompile(`\?(\d+)`)

// dollars replaces ?1 by $1. None of our statements has a question mark elsewhere.
func dollars(query string) string { return placeholder.ReplaceAllString(query, `$$$1`) }

// conflict returns ErrConflict if err is the violation of a unique index.
func conflict(err error) error {
	if isUniqueViolation(err) {
		return fmt.Errorf("%w (%w)", ErrConflict, err)
	}
	return err
}

// wrap adds what was being done to err, if err is not nil.
func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}
