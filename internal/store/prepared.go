package store

import (
	"context"
	"database/sql"
	"sync"
)

// maxPrepared bounds the statements that are kept; we have fewer.
const maxPrepared = 200

// prepared is a database of SQLite that keeps its statements: to parse one takes
// longer than to run it. What cannot be prepared is run as it is, and fails there.
type prepared struct {
	*sql.DB
	mu    sync.Mutex
	known map[string]*sql.Stmt
}

func prepare(db *sql.DB) *prepared { return &prepared{DB: db, known: map[string]*sql.Stmt{}} }

func (p *prepared) statement(ctx context.Context, query string) *sql.Stmt {
	p.mu.Lock()
	stmt, full := p.known[query], len(p.known) >= maxPrepared
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
	if other := p.known[query]; other != nil {
		_ = stmt.Close() //nolint:sqlclosecheck // another caller was faster, and only then
		return other
	}
	p.known[query] = stmt
	return stmt
}

// ExecContext is the database's.
func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := p.statement(ctx, query); stmt != nil { //nolint:sqlclosecheck // it is kept, for all callers
		return stmt.ExecContext(ctx, args...)
	}
	return p.DB.ExecContext(ctx, query, args...)
}

// QueryContext is the database's.
func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := p.statement(ctx, query); stmt != nil { //nolint:sqlclosecheck // it is kept, for all callers
		return stmt.QueryContext(ctx, args...)
	}
	return p.DB.QueryContext(ctx, query, args...)
}

// QueryRowContext is the database's.
func (p *prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := p.statement(ctx, query); stmt != nil { //nolint:sqlclosecheck // it is kept, for all callers
		return stmt.QueryRowContext(ctx, args...)
	}
	return p.DB.QueryRowContext(ctx, query, args...)
}
