package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
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

// A Tx is a transaction. One of SQL and PGX is set, for River's methods that
// take part in it.
type Tx struct {
	Querier
	SQL *sql.Tx
	PGX pgx.Tx
}

// InTx runs do inside one transaction that writes, and commits it if do
// returns nil. On SQLite do must use only the transaction: another statement
// on the store would wait for the one writing connection for ever.
func (s *Store) InTx(ctx context.Context, do func(context.Context, *Tx) error) error {
	if s.dialect == PostgreSQL {
		err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			return do(ctx, &Tx{Querier: pgxQuerier{tx}, PGX: tx})
		})
		return explainPostgreSQL(err)
	}
	if err := s.checkFile(); err != nil {
		return err
	}
	if err := s.turn.take(ctx); err != nil {
		return err
	}
	defer s.turn.give()
	tx, err := s.writer.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return s.explainSQLite(err)
	}
	defer tx.Rollback()
	if err := do(ctx, &Tx{Querier: sqlQuerier{tx, s.explainSQLite}, SQL: tx}); err != nil {
		return err
	}
	return s.explainSQLite(tx.Commit())
}

// A statement is SQL with its arguments.
type statement struct {
	query string
	args  []any
}

// execBatch runs statements that write in one transaction, in one round trip, and
// returns how many rows each touched. What fails, fails them all.
func (s *Store) execBatch(ctx context.Context, all ...statement) ([]int64, error) {
	touched := make([]int64, len(all))
	if s.dialect == PostgreSQL {
		var batch pgx.Batch // which is a transaction
		for _, one := range all {
			batch.Queue(dollars(one.query), one.args...)
		}
		results := s.pool.SendBatch(ctx, &batch)
		for i := range all {
			tag, err := results.Exec()
			if err != nil {
				_ = results.Close() // it repeats the error
				return nil, explainPostgreSQL(err)
			}
			touched[i] = tag.RowsAffected()
		}
		return touched, explainPostgreSQL(results.Close())
	}
	// before the transaction, which holds the one connection
	known := make([]*sql.Stmt, len(all))
	for i, one := range all {
		known[i] = s.writes.statement(ctx, one.query)
	}
	return touched, s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		ctx = context.WithoutCancel(ctx)
		for i, one := range all {
			result, err := execIn(ctx, tx.SQL, known[i], one)
			if err == nil {
				touched[i], err = result.RowsAffected()
			}
			if err != nil {
				return s.explainSQLite(err)
			}
		}
		return nil
	})
}

func execIn(ctx context.Context, tx *sql.Tx, known *sql.Stmt, one statement) (sql.Result, error) {
	if known == nil {
		return tx.ExecContext(ctx, one.query, one.args...)
	}
	return tx.StmtContext(ctx, known).ExecContext(ctx, one.args...) //nolint:sqlclosecheck // the transaction's end closes it
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

// pgxQuerier runs statements on PostgreSQL.
type pgxQuerier struct {
	db interface {
		Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
		Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
		QueryRow(ctx context.Context, query string, args ...any) pgx.Row
	}
}

// Exec is Querier's.
func (q pgxQuerier) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := q.db.Exec(ctx, dollars(query), args...)
	return tag.RowsAffected(), explainPostgreSQL(err)
}

// Query is Querier's.
func (q pgxQuerier) Query(ctx context.Context, query string, args ...any) (Rows, error) {
	rows, err := q.db.Query(ctx, dollars(query), args...) //nolint:sqlclosecheck // handed on to whoever asked
	if err != nil {
		return nil, explainPostgreSQL(err)
	}
	return rows, nil
}

// QueryRow is Querier's.
func (q pgxQuerier) QueryRow(ctx context.Context, query string, args ...any) Row {
	return explainedRow{q.db.QueryRow(ctx, dollars(query), args...), explainPostgreSQL}
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
