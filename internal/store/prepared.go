package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync"
)

// maxPrepared bounds the statements that are kept. We have fewer.
const maxPrepared = 400

// prepared is an SQLite database that keeps its statements prepared, because SQLite takes
// longer to parse one than to run it. Without it repos-add takes 14 to 21 % more CPU time:
// see docs/adr/0009-what-is-clever.md.
type prepared struct {
	*sql.DB
	mu      sync.Mutex
	byQuery map[string]*sql.Stmt
}

func prepare(db *sql.DB) *prepared { return &prepared{DB: db, byQuery: map[string]*sql.Stmt{}} }

// statement returns the prepared statement, or nil if the query cannot be prepared: then it
// is run as it is, and fails there.
func (p *prepared) statement(ctx context.Context, query string) *sql.Stmt {
	p.mu.Lock()
	stmt, full := p.byQuery[query], len(p.byQuery) >= maxPrepared
	p.mu.Unlock()
	if stmt != nil || full {
		return stmt
	}
	stmt, err := p.PrepareContext(ctx, query)
	if err != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if other := p.byQuery[query]; other != nil {
		_ = stmt.Close() //nolint:sqlclosecheck // another caller was faster, and only then
		return other
	}
	p.byQuery[query] = stmt
	return stmt
}

// known returns the statement if it is prepared already, else nil.
func (p *prepared) known(query string) *sql.Stmt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byQuery[query]
}

// A preparedTx is a transaction that uses the statements of its database that are prepared. It
// cannot prepare others, because it has the only connection: they are prepared once it has
// ended. Without it group-create and group-delete take a third more CPU time.
type preparedTx struct {
	*sql.Tx
	db      *prepared
	unknown map[string]bool
}

func (t *preparedTx) statement(ctx context.Context, query string) *sql.Stmt {
	if stmt := t.db.known(query); stmt != nil {
		return t.StmtContext(ctx, stmt)
	}
	if isData(query) {
		t.unknown[query] = true
	}
	return nil
}

// isData reports whether a statement is about rows, and not about tables, as in migrations.
func isData(query string) bool {
	verb, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	return slices.Contains([]string{"SELECT", "INSERT", "UPDATE", "DELETE"}, verb)
}

// prepareUnknown prepares what the transaction could not.
func (t *preparedTx) prepareUnknown(ctx context.Context) {
	for query := range t.unknown {
		t.db.statement(ctx, query)
	}
}

// ExecContext is [sql.Tx.ExecContext] with a prepared statement.
func (t *preparedTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := t.statement(ctx, query); stmt != nil { //nolint:sqlclosecheck // the transaction's end closes it
		return stmt.ExecContext(ctx, args...)
	}
	return t.Tx.ExecContext(ctx, query, args...)
}

// QueryContext is [sql.Tx.QueryContext] with a prepared statement.
func (t *preparedTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := t.statement(ctx, query); stmt != nil { //nolint:sqlclosecheck // the transaction's end closes it
		return stmt.QueryContext(ctx, args...)
	}
	return t.Tx.QueryContext(ctx, query, args...)
}

// QueryRowContext is [sql.Tx.QueryRowContext] with a prepared statement.
func (t *preparedTx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := t.statement(ctx, query); stmt != nil { //nolint:sqlclosecheck // the transaction's end closes it
		return stmt.QueryRowContext(ctx, args...)
	}
	return t.Tx.QueryRowContext(ctx, query, args...)
}

// ExecContext is [sql.DB.ExecContext] with a prepared statement.
func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := p.statement(ctx, query); stmt != nil { //nolint:sqlclosecheck // it is kept, for all callers
		return stmt.ExecContext(ctx, args...)
	}
	return p.DB.ExecContext(ctx, query, args...)
}

// QueryContext is [sql.DB.QueryContext] with a prepared statement.
func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := p.statement(ctx, query); stmt != nil { //nolint:sqlclosecheck // it is kept, for all callers
		return stmt.QueryContext(ctx, args...)
	}
	return p.DB.QueryContext(ctx, query, args...)
}

// QueryRowContext is [sql.DB.QueryRowContext] with a prepared statement.
func (p *prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := p.statement(ctx, query); stmt != nil { //nolint:sqlclosecheck // it is kept, for all callers
		return stmt.QueryRowContext(ctx, args...)
	}
	return p.DB.QueryRowContext(ctx, query, args...)
}
