package storetest

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// pgBouncer is a connection pooler in transaction mode, which hosting providers put before
// PostgreSQL: each transaction may run on another connection.
type pgBouncer struct{ *service }

// PgBouncer is Postgres behind a PgBouncer with pool_mode=transaction.
func PgBouncer(t testing.TB) (url string) {
	t.Helper()
	return pooled(t, Postgres(t))
}

// pooled returns the URL of a database behind PgBouncer.
func pooled(t testing.TB, url string) string {
	t.Helper()
	b, err := pooler.get(startPgBouncer)
	needs(t, err)
	return withPort(url, b.port)
}

// Direct returns the URL of the same database without PgBouncer.
func Direct(url string) string { return withPort(url, cluster.kept.port) }

func withPort(raw string, port int) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	u.Host = u.Hostname() + ":" + strconv.Itoa(port)
	return u.String()
}

// startPgBouncer runs PgBouncer before the cluster. It has few connections for each
// database, so that clients have to share them.
func startPgBouncer() (*pgBouncer, error) {
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer" // which Debian leaves out of PATH for users
		if _, err := os.Stat(program); err != nil {
			return nil, errMissing{"pgbouncer"}
		}
	}
	s, err := newService()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(s.dir, "pgbouncer.ini")
	text := fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%d user=test
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 1000
server_idle_timeout = 2
`, cluster.kept.port, s.port)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil { // another user reads it
		return nil, err
	}
	return &pgBouncer{s}, s.start(program, config)
}
