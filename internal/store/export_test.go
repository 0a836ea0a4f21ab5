package store

// Migration returns the SQL of one of our migrations, as the database understands it.
func Migration(dialect Dialect, name string) (string, error) {
	text, err := migrations.ReadFile("migrations/" + name)
	return respell(dialect, string(text)), err
}

// AuditListSQL returns the query of [Store.AuditList].
func AuditListSQL(q AuditQuery) (query string, args []any) { return q.sql(SQLite) }
