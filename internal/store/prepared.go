package store

import (
	"context"
	"database/sql"
	"sync"
)

// maxPrepared bounds the statements that are kept. We have fewer.
const maxPrepared = 200

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
