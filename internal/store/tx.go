package store

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
)

// A Tx is a transaction. SQL is set if it is on SQLite and PGX if it is on PostgreSQL, for
// River's methods that take part in it.
type Tx struct {
	Querier
	SQL *sql.Tx
	PGX pgx.Tx
}

// InTx runs do inside a transaction that writes. It commits if do returns nil, and rolls
// back if do returns an error. On SQLite do must not use the store itself: another
// statement that writes would wait forever for the one writing connection.
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
	if err := s.writeLock.lock(ctx); err != nil {
		return err
	}
	defer s.writeLock.unlock()
	tx, err := s.writer.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return s.explainSQLite(err)
	}
	defer tx.Rollback()
	known := &preparedTx{Tx: tx, db: s.writes, unknown: map[string]bool{}}
	if err := do(ctx, &Tx{Querier: sqlQuerier{known, s.explainSQLite}, SQL: tx}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return s.explainSQLite(err)
	}
	known.prepareUnknown(ctx)
	return nil
}

// ExecEach runs a statement that writes once with each of the lists of arguments, on PostgreSQL
// in one round trip. It returns how many rows each run changed.
func (tx *Tx) ExecEach(ctx context.Context, query string, lists ...[]any) ([]int64, error) {
	touched := make([]int64, len(lists))
	if tx.PGX == nil {
		for i, args := range lists {
			var err error
			if touched[i], err = tx.Exec(ctx, query, args...); err != nil {
				return nil, err
			}
		}
		return touched, nil
	}
	var batch pgx.Batch
	for _, args := range lists {
		batch.Queue(dollars(query), args...)
	}
	return touched, readBatch(tx.PGX.SendBatch(ctx, &batch), touched)
}

// readBatch reads how many rows each statement of a batch changed.
func readBatch(results pgx.BatchResults, touched []int64) error {
	for i := range touched {
		tag, err := results.Exec()
		if err != nil {
			_ = results.Close() // it repeats the error
			return explainPostgreSQL(err)
		}
		touched[i] = tag.RowsAffected()
	}
	return explainPostgreSQL(results.Close())
}

type statement struct {
	query string
	args  []any
}

// execAll runs statements that write, on PostgreSQL in one round trip if q is a transaction.
func execAll(ctx context.Context, q Querier, all ...statement) error {
	if tx, ok := q.(*Tx); ok && tx.PGX != nil {
		var batch pgx.Batch
		for _, one := range all {
			batch.Queue(dollars(one.query), one.args...)
		}
		return explainPostgreSQL(tx.PGX.SendBatch(ctx, &batch).Close())
	}
	for _, one := range all {
		if _, err := q.Exec(ctx, one.query, one.args...); err != nil {
			return err
		}
	}
	return nil
}

// execBatch runs statements that write in one transaction and, on PostgreSQL, in one round
// trip. It returns how many rows each changed. If one fails, none takes effect. What it is
// worth: docs/adr/0009-what-is-clever.md.
func (s *Store) execBatch(ctx context.Context, all ...statement) ([]int64, error) {
	if s.dialect == SQLite {
		return s.execSQLite(ctx, all...)
	}
	touched := make([]int64, len(all))
	var batch pgx.Batch // which is a transaction
	for _, one := range all {
		batch.Queue(dollars(one.query), one.args...)
	}
	return touched, readBatch(s.pool.SendBatch(ctx, &batch), touched)
}

func execIn(ctx context.Context, tx *sql.Tx, prepared *sql.Stmt, one statement) (sql.Result, error) {
	if prepared == nil {
		return tx.ExecContext(ctx, one.query, one.args...)
	}
	return tx.StmtContext(ctx, prepared).ExecContext(ctx, one.args...) //nolint:sqlclosecheck // the transaction's end closes it
}
