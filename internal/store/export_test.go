package store

import (
	"context"
	"strings"
)

// Migration returns the SQL of one of our migrations, as the database understands it.
func Migration(dialect Dialect, name string) (string, error) {
	text, err := migrations.ReadFile("migrations/" + name)
	return respell(dialect, string(text)), err
}

// AuditListSQL returns the query of [Store.AuditList].
func AuditListSQL(q AuditQuery) (query string, args []any) { return q.sql(SQLite) }

// Plans returns SQLite's plan of each statement about the table that was run.
func (s *Store) Plans(ctx context.Context, table string) (map[string]string, error) {
	plans := map[string]string{}
	for _, db := range []*prepared{s.writes, s.reader} {
		db.mu.Lock()
		var queries []string
		for query := range db.byQuery {
			if strings.Contains(query, table) {
				queries = append(queries, query)
			}
		}
		db.mu.Unlock()
		for _, query := range queries {
			steps, err := Collect(ctx, sqlQuerier{db, s.explainSQLite}, func(row Row) (step string, err error) {
				var id, parent, unused int
				err = row.Scan(&id, &parent, &unused, &step)
				return step, err
			}, "EXPLAIN QUERY PLAN "+placeholder.ReplaceAllString(query, "NULL"))
			if err != nil {
				return nil, err
			}
			plans[query] = strings.Join(steps, "\n")
		}
	}
	return plans, nil
}

// WaitingWrites returns how many writes wait for SQLite's connection.
func (s *Store) WaitingWrites() int {
	s.waiting.mu.Lock()
	defer s.waiting.mu.Unlock()
	return len(s.waiting.all)
}
