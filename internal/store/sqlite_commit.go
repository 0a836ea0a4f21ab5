package store

import (
	"context"
	"database/sql"
	"slices"
	"sync"
)

// A write is what one caller writes to SQLite: all of its statements take effect, or none.
type write struct {
	statements []statement
	prepared   []*sql.Stmt // nil: run as it is
	touched    []int64     // rows that each statement changed
	err        error
	done       chan struct{}
}

// waitingWrites are the writes that wait while another transaction is under way. The next one
// takes all of them, because most of a short transaction is the wait for the disk. What it is
// worth: docs/adr/0009-what-is-clever.md.
type waitingWrites struct {
	mu  sync.Mutex
	all []*write
}

func (w *waitingWrites) add(one *write) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, one)
}

// remove reports whether the write was still waiting.
func (w *waitingWrites) remove(one *write) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(w.all)
	w.all = slices.DeleteFunc(w.all, func(other *write) bool { return other == one })
	return len(w.all) < before
}

func (w *waitingWrites) take() []*write {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.all
	w.all = nil
	return all
}

// execSQLite runs the statements in one transaction, perhaps together with what others write
// at the same time, and returns how many rows each changed. If ctx ends before it is their
// turn, none is run; from then on ctx is ignored.
func (s *Store) execSQLite(ctx context.Context, statements ...statement) ([]int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	one := &write{
		statements: statements, prepared: make([]*sql.Stmt, len(statements)),
		touched: make([]int64, len(statements)), done: make(chan struct{}),
	}
	for i, st := range statements { // before the transaction, which holds the one connection
		one.prepared[i] = s.writes.statement(ctx, st.query)
	}
	s.waiting.add(one)
	select {
	case s.writeLock <- struct{}{}:
		s.commit(context.WithoutCancel(ctx), s.waiting.take())
		s.writeLock.unlock()
	case <-one.done:
	case <-ctx.Done():
		if s.waiting.remove(one) {
			return nil, ctx.Err()
		}
	}
	<-one.done
	return one.touched, one.err
}

// commit runs the writes in one transaction. If one of them fails, the others must not, so
// each is then run in a transaction of its own.
func (s *Store) commit(ctx context.Context, writes []*write) {
	err := s.checkFile()
	together := false
	if err == nil && len(writes) > 1 {
		together, err = s.commitTogether(ctx, writes)
	}
	for _, one := range writes {
		if one.err = err; err == nil && !together {
			one.err = s.commitAlone(ctx, one)
		}
		close(one.done)
	}
}

// commitTogether reports whether all statements were run. The error is of the transaction.
func (s *Store) commitTogether(ctx context.Context, writes []*write) (bool, error) {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return false, s.explainSQLite(err)
	}
	defer tx.Rollback()
	for _, one := range writes {
		if one.runIn(ctx, tx) != nil {
			return false, nil
		}
	}
	return true, s.explainSQLite(tx.Commit())
}

func (s *Store) commitAlone(ctx context.Context, one *write) error {
	if len(one.statements) == 1 { // which is a transaction
		var result sql.Result
		var err error
		if stmt, st := one.prepared[0], one.statements[0]; stmt != nil {
			result, err = stmt.ExecContext(ctx, st.args...)
		} else {
			result, err = s.writer.ExecContext(ctx, st.query, st.args...)
		}
		if err == nil {
			one.touched[0], err = result.RowsAffected()
		}
		return s.explainSQLite(err)
	}
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return s.explainSQLite(err)
	}
	defer tx.Rollback()
	if err := one.runIn(ctx, tx); err != nil {
		return s.explainSQLite(err)
	}
	return s.explainSQLite(tx.Commit())
}

func (w *write) runIn(ctx context.Context, tx *sql.Tx) error {
	for i, st := range w.statements {
		result, err := execIn(ctx, tx, w.prepared[i], st)
		if err == nil {
			w.touched[i], err = result.RowsAffected()
		}
		if err != nil {
			return err
		}
	}
	return nil
}
