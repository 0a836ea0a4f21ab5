package store

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
)

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
