package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// A service is a program that speaks PostgreSQL's protocol, with a folder of its own. If
// the tests run as root, which PostgreSQL and PgBouncer refuse, it runs as the user postgres
// or nobody.
type service struct {
	dir  string
	port int
	as   *syscall.SysProcAttr
	cmd  *exec.Cmd
}

func newService() (*service, error) {
	dir, err := os.MkdirTemp("/tmp", "storetest-")
	if err != nil {
		return nil, err
	}
	s := &service{dir: dir}
	if os.Getuid() == 0 {
		cred, err := unprivileged()
		if err != nil {
			return nil, err
		}
		if err := os.Chown(dir, int(cred.Uid), int(cred.Gid)); err != nil {
			return nil, err
		}
		s.as = &syscall.SysProcAttr{Credential: cred}
	}
	s.as = dieWithParent(s.as)
	s.port, err = FreePort()
	return s, err
}

func (s *service) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr, cmd.Dir = s.as, s.dir
	return cmd
}

// start runs the program, and returns when it answers.
func (s *service) start(name string, args ...string) error {
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = s.command(name, args...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		conn, err := pgx.Connect(ctx, s.url("postgres"))
		cancel()
		if err == nil {
			return conn.Close(context.Background())
		}
		if time.Now().After(deadline) {
			out, _ := os.ReadFile(log.Name())
			s.stop()
			return fmt.Errorf("%s: %w: %s", name, err, out)
		}
	}
}

func (s *service) url(database string) string {
	return fmt.Sprintf("postgres://test:a-password@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

// stop ends the program at once, because nobody needs its data.
func (s *service) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT) // immediate shutdown, children too
	_ = s.cmd.Wait()
	_ = os.RemoveAll(s.dir)
}

// FreePort returns a port of the loopback address that nothing listens on. It is below those that
// systems give to outgoing connections, one of which would take it before the program starts.
func FreePort() (int, error) {
	for range 100 {
		port := 20_000 + rand.IntN(10_000)
		if l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no port is free")
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
