// Package storetest gives tests real databases: SQLite in a temporary folder,
// and a throw-away PostgreSQL.
package storetest

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// cluster is the one PostgreSQL of a test binary, pooler the one PgBouncer before it, and durable
// the one PostgreSQL that waits for its disk.
var (
	cluster once[*postgres]
	pooler  once[*pgBouncer]
	durable once[*postgres]
)

// once keeps what the first call of get made.
type once[T any] struct {
	sync.Mutex
	made bool
	kept T
	err  error
}

func (o *once[T]) get(start func() (T, error)) (T, error) {
	o.Lock()
	defer o.Unlock()
	if !o.made {
		o.made = true
		o.kept, o.err = start()
	}
	return o.kept, o.err
}

// errMissing is returned if a program was not found.
type errMissing struct{ programs string }

// Error names the programs.
func (e errMissing) Error() string { return "put " + e.programs + " into PATH to run this test" }

// Postgres gives the test a database of its own, with today's schema and no rows, on a throw-away
// PostgreSQL. It starts with the first call in a test binary, without fsync, and Main stops it: call
// Main or Run from TestMain. If PostgreSQL's binaries are not found, the test is skipped.
func Postgres(t testing.TB) (url string) {
	t.Helper()
	return newDatabase(t, schemaDatabase)
}

// newDatabase makes a copy of a database, or an empty one.
func newDatabase(t testing.TB, template string) (url string) {
	t.Helper()
	return database(t, &cluster, template, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB")
}

// DurablePostgres is Postgres with PostgreSQL's own defaults: a transaction ends when it is on the
// disk. It is for measurements.
func DurablePostgres(t testing.TB) (url string) {
	t.Helper()
	return database(t, &durable, schemaDatabase)
}

// database makes one on the PostgreSQL that kept has, or that starts with these settings.
func database(t testing.TB, kept *once[*postgres], template string, settings ...string) (url string) {
	t.Helper()
	pg, err := kept.get(func() (*postgres, error) { return startPostgres(settings...) })
	needs(t, err)
	url, err = pg.create(template)
	if err != nil {
		t.Fatalf("create a database: %v", err)
	}
	return url
}

// needs skips the test if a program is missing, and fails it if the program does not start.
func needs(t testing.TB, err error) {
	t.Helper()
	var missing errMissing
	switch {
	case errors.As(err, &missing):
		t.Skipf("SKIPPED: %v", err)
	case err != nil:
		t.Fatal(err)
	}
}

// Main runs the tests, stops PostgreSQL and ends the process.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run runs the tests, stops PostgreSQL and returns the exit status, for a TestMain with more to
// clean up.
func Run(m *testing.M) int {
	code := m.Run()
	if pooler.kept != nil {
		pooler.kept.stop()
	}
	for _, pg := range []*postgres{cluster.kept, durable.kept} {
		if pg != nil {
			pg.stop()
		}
	}
	return code
}

type postgres struct {
	*service
	schema once[string] // made when the first test needs it
}

// schemaDatabase is copied for each test.
const schemaDatabase = "schema"

// startPostgres makes a cluster and runs it with these settings.
func startPostgres(settings ...string) (*postgres, error) {
	initdb, server := Program("initdb"), Program("postgres")
	if initdb == "" || server == "" {
		return nil, errMissing{"initdb and postgres"}
	}
	s, err := newService()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(s.dir, "data")
	out, err := s.command(initdb, "-D", data, "-U", "test", "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	args := []string{"-D", data, "-p", strconv.Itoa(s.port)}
	for _, setting := range append(settings, "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200") {
		args = append(args, "-c", setting)
	}
	return &postgres{service: s}, s.start(server, args...)
}

// create makes a database, as a copy of today's schema if that is the template.
func (p *postgres) create(template string) (url string, err error) {
	if template == schemaDatabase {
		if _, err := p.schema.get(func() (string, error) {
			if err := p.exec("CREATE DATABASE " + schemaDatabase); err != nil {
				return "", err
			}
			return schemaDatabase, migrate(p.url(schemaDatabase))
		}); err != nil {
			return "", err
		}
	}
	var id [6]byte
	_, _ = rand.Read(id[:]) // never fails
	name := "t" + hex.EncodeToString(id[:])
	return p.url(name), p.exec("CREATE DATABASE " + name + " TEMPLATE " + cmp.Or(template, "template0"))
}

func (p *postgres) exec(statement string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, p.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// Program returns the path of one of PostgreSQL's programs: the newest that Debian installed, the one
// in PATH if there is none, or "".
func Program(name string) string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) > 0 {
		return slices.Max(found)
	}
	path, _ := exec.LookPath(name)
	return path
}
