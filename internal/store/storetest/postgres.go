// Package storetest gives tests real databases: SQLite in a temporary folder,
// and a throw-away PostgreSQL.
package storetest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// cluster is the one PostgreSQL of a test binary.
var cluster struct {
	sync.Mutex
	running *postgres
	err     error
}

// errNoPostgres is returned if no binaries of PostgreSQL were found.
var errNoPostgres = errors.New("no PostgreSQL found: put initdb and postgres into PATH to run this test")

// Postgres gives the test an empty database on a throw-away PostgreSQL. It starts with the
// first call in a test binary, without fsync, and Main stops it: call Main from TestMain.
// If PostgreSQL's binaries are not found, the test is skipped.
func Postgres(t testing.TB) (url string) {
	t.Helper()
	cluster.Lock()
	if cluster.running == nil && cluster.err == nil {
		cluster.running, cluster.err = start()
	}
	pg, err := cluster.running, cluster.err
	cluster.Unlock()
	if errors.Is(err, errNoPostgres) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	url, err = pg.create()
	if err != nil {
		t.Fatalf("create a database: %v", err)
	}
	return url
}

// SQLite gives the test a URL of a database that does not exist yet.
func SQLite(t testing.TB) (url string) {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

// Each runs the test on SQLite and on PostgreSQL.
func Each(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// Main runs the tests and stops PostgreSQL afterwards.
func Main(m *testing.M) {
	code := m.Run()
	cluster.Lock()
	if cluster.running != nil {
		cluster.running.stop()
	}
	os.Exit(code)
}

type postgres struct {
	dir  string
	port int
	cmd  *exec.Cmd
}

// start makes a cluster and runs it. If the tests run as root, which PostgreSQL refuses, it
// runs as the user postgres or nobody.
func start() (*postgres, error) {
	initdb, server := binary("initdb"), binary("postgres")
	if initdb == "" || server == "" {
		return nil, errNoPostgres
	}
	dir, err := os.MkdirTemp("/tmp", "storetest-")
	if err != nil {
		return nil, err
	}
	p := &postgres{dir: dir}
	var as *syscall.SysProcAttr
	if os.Getuid() == 0 {
		cred, err := unprivileged()
		if err != nil {
			return nil, err
		}
		if err := os.Chown(dir, int(cred.Uid), int(cred.Gid)); err != nil {
			return nil, err
		}
		as = &syscall.SysProcAttr{Credential: cred}
	}
	as = dieWithParent(as)
	data := filepath.Join(dir, "data")
	init := exec.Command(initdb, "-D", data, "-U", "test", "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions")
	init.SysProcAttr, init.Dir = as, dir
	if out, err := init.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	if p.port, err = freePort(); err != nil {
		return nil, err
	}
	p.cmd = exec.Command(server, "-D", data, "-c", "listen_addresses=127.0.0.1", "-p", strconv.Itoa(p.port),
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
		"-c", "max_connections=200", "-c", "shared_buffers=32MB")
	p.cmd.SysProcAttr, p.cmd.Dir = as, dir
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		conn, err := pgx.Connect(ctx, p.url("postgres"))
		cancel()
		if err == nil {
			return p, conn.Close(context.Background())
		}
		if time.Now().After(deadline) {
			out, _ := os.ReadFile(log.Name())
			p.stop()
			return nil, fmt.Errorf("%w: %s", err, out)
		}
	}
}

func (p *postgres) url(database string) string {
	return fmt.Sprintf("postgres://test:a-password@127.0.0.1:%d/%s?sslmode=disable", p.port, database)
}

func (p *postgres) create() (string, error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, p.url("postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	var id [6]byte
	_, _ = rand.Read(id[:]) // never fails
	name := "t" + hex.EncodeToString(id[:])
	_, err = conn.Exec(ctx, "CREATE DATABASE "+name)
	return p.url(name), err
}

// stop ends the cluster at once, because nobody needs its data.
func (p *postgres) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGQUIT) // immediate shutdown, children too
	_ = p.cmd.Wait()
	_ = os.RemoveAll(p.dir)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// binary returns the newest program of PostgreSQL that Debian installed, the one in PATH if
// there is none, or "".
func binary(name string) string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) > 0 {
		return slices.Max(found)
	}
	path, _ := exec.LookPath(name)
	return path
}

func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}
