package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// roleVar has the test binary open the database that urlVar names, instead of
// running tests: "open" opens and closes it, "serve" holds it as the server.
const (
	roleVar = "STORE_TEST_ROLE"
	urlVar  = "STORE_TEST_URL"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVar); role != "" {
		child(role)
		return
	}
	storetest.Main(m)
}

func child(role string) {
	s, err := store.Open(context.Background(), store.Options{URL: os.Getenv(urlVar), Exclusive: role == "serve"})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("open")
	if role == "serve" {
		select {} // until it is killed
	}
	s.Close()
}

func process(role, url string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVar+"="+role, urlVar+"="+url)
	return cmd
}

func TestOpenURLs(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		name, url, want string
	}{
		{"empty", "", "database.url is empty"},
		{"no scheme", "data.db", "has no scheme"},
		{"another scheme", "mysql://u:secret@h/x", `starts with "mysql"`},
		{"no file", "sqlite:", "names no file"},
		{"no folder", "sqlite:" + dir + "/none/x.db", "does not exist; create it"},
		{"a folder", "sqlite:" + dir, "cannot be opened"},
		{"bad characters", "postgres://u:se%cret@h/x", "not a valid URL"},
		{"bad parameter", "postgres://u:secret@127.0.0.1/x?sslmode=perhaps", "sslmode"},
		{"nobody listens", "postgres://u:secret@127.0.0.1:1/x", "does not answer"},
		{"no such host", "postgresql://u@h.invalid/x?password=secret", "does not answer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := store.Open(t.Context(), store.Options{URL: test.url, Exclusive: true})
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "secret")
			assert.NotContains(t, err.Error(), "se%cret")
		})
	}
}

func TestOpenPathsWithOddCharacters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c#d%20.db")
	s := open(t, "sqlite:"+path)
	assert.True(t, s.New())
	assert.FileExists(t, path)
}

func TestNew(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		assert.True(t, open(t, url).New())
		again := open(t, url)
		assert.False(t, again.New())
		require.NoError(t, again.Ping(t.Context()))
	})
}

func TestOpenInSeveralProcessesAtOnce(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				out, err := process("open", url).CombinedOutput()
				assert.NoError(t, err, "%s", out)
			})
		}
		all.Wait()
		_, err := open(t, url).Records(t.Context(), 1)
		require.NoError(t, err)
	})
}

func TestOneServerOnAFile(t *testing.T) {
	url := storetest.SQLite(t)
	server := process("serve", url)
	stdout, err := server.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, server.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "open\n", line)

	_, err = store.Open(t.Context(), store.Options{URL: url, Exclusive: true})
	require.ErrorContains(t, err, "in use by another server")
	require.ErrorContains(t, err, "use PostgreSQL for several replicas")

	// The operator's commands work beside it.
	operator := open(t, url)
	require.NoError(t, operator.PutRecord(t.Context(), store.Record{OrgID: 1, TeamID: 1, GroupID: 1}))

	require.NoError(t, server.Process.Kill())
	_ = server.Wait() // killed
	next, err := store.Open(t.Context(), store.Options{URL: url, Exclusive: true})
	require.NoError(t, err, "a killed server leaves no lock")
	assert.True(t, next.Exclusive())
	require.NoError(t, next.Close())
}

func TestDamagedFiles(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(t *testing.T, path string)
		want   string
	}{
		{
			"not a database",
			func(t *testing.T, path string) {
				require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600))
			},
			"is not an SQLite database, or is damaged",
		},
		{
			"torn in the middle",
			func(t *testing.T, path string) {
				open(t, "sqlite:"+path).Close()
				info, err := os.Stat(path)
				require.NoError(t, err)
				f, err := os.OpenFile(path, os.O_RDWR, 0)
				require.NoError(t, err)
				_, err = f.WriteAt(make([]byte, info.Size()-8192), 8192)
				require.NoError(t, err)
				require.NoError(t, f.Close())
			},
			"damaged",
		},
		{
			"cut off",
			func(t *testing.T, path string) {
				open(t, "sqlite:"+path).Close()
				require.NoError(t, os.Truncate(path, 20000))
			},
			"damaged",
		},
		{
			"from the future",
			func(t *testing.T, path string) {
				s := open(t, "sqlite:"+path)
				_, err := s.Exec(t.Context(), `INSERT INTO schema_version (version, at) VALUES (99, 0)`)
				require.NoError(t, err)
			},
			"run the version that wrote it",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			test.damage(t, path)
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			_, err = store.Open(t.Context(), store.Options{URL: "sqlite:" + path, Exclusive: true})
			require.ErrorContains(t, err, test.want)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, before, after, "the file is left as it was")
		})
	}
}

// If the tests run as root, permissions stop nothing, so another user opens the file.
func TestReadOnly(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: becoming another user needs root")
	}
	dir, err := os.MkdirTemp("/tmp", "store-test-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "x.db")
	require.NoError(t, open(t, "sqlite:"+path).Close())
	program := filepath.Join(dir, "program")
	binary, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(program, binary, 0o755))

	for _, test := range []struct {
		name, role   string
		folder, file os.FileMode
		want         string
	}{
		{"file", "open", 0o777, 0o444, "make the file and its folder writable"},
		{"folder", "open", 0o555, 0o666, "writable"},
		{"folder of the server", "serve", 0o555, 0o666, "make the folder writable"},
		{"unreadable file", "open", 0o777, 0o600, "check that file and folder are writable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.NoError(t, os.Chmod(dir, test.folder))
			require.NoError(t, os.Chmod(path, test.file))
			cmd := process(test.role, "sqlite:"+path)
			cmd.Path = program
			cmd.Dir = dir
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			out, err := cmd.CombinedOutput()
			require.Error(t, err, "%s", out)
			assert.Contains(t, string(out), test.want)
		})
	}
}

func TestDiskFull(t *testing.T) {
	s := open(t, storetest.SQLite(t))
	ctx := context.Background()
	_, err := s.Writer().ExecContext(ctx, `PRAGMA max_page_count = 1`) // no more than there are
	require.NoError(t, err)
	for n := range 10000 {
		if err = s.Audit(ctx, store.Entry{OrgID: 1, Args: strings.Repeat("x", 1000), RequestID: fmt.Sprint(n)}); err != nil {
			break
		}
	}
	require.ErrorContains(t, err, "the disk is full")
	_, err = s.AuditList(ctx, store.AuditQuery{OrgID: 1})
	require.NoError(t, err, "reading goes on")
}

func TestPing(t *testing.T) {
	t.Run("the file is gone", func(t *testing.T) {
		url := storetest.SQLite(t)
		s := open(t, url)
		require.NoError(t, s.Ping(t.Context()))
		require.NoError(t, os.Remove(strings.TrimPrefix(url, "sqlite:")))
		require.ErrorContains(t, s.Ping(t.Context()), "was removed or replaced")
	})
	t.Run("PostgreSQL is read-only", func(t *testing.T) {
		url := storetest.Postgres(t)
		open(t, url)
		s, err := store.Open(t.Context(), store.Options{URL: url + "&default_transaction_read_only=on"})
		require.ErrorContains(t, err, "read-only")
		assert.Nil(t, s)
	})
}

// If a read waits for a connection, it ends with its context.
func TestReadsEndWithTheirContext(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s := open(t, url)
		all := 16 // connections of PostgreSQL
		if s.Dialect() == store.SQLite {
			all = 4
		}
		for range all {
			rows, err := s.Reader().Query(t.Context(), `SELECT 1 FROM mark`)
			require.NoError(t, err)
			t.Cleanup(rows.Close)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := s.RecordOf(ctx, 1, 1)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// Only the owner can read the database, even if its file was created with other rights.
func TestSQLiteFilesArePrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "arm.db")
	rights := func() (modes []os.FileMode) {
		for _, name := range []string{path, path + "-wal", path + "-shm"} {
			info, err := os.Stat(name)
			require.NoError(t, err, name)
			modes = append(modes, info.Mode().Perm())
		}
		return modes
	}
	open := func() *store.Store {
		s, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + path})
		require.NoError(t, err)
		return s
	}
	s := open()
	assert.Equal(t, []os.FileMode{0o600, 0o600, 0o600}, rights())
	require.NoError(t, s.Close())
	require.NoError(t, os.Chmod(path, 0o644))
	s = open()
	assert.Equal(t, []os.FileMode{0o600, 0o600, 0o600}, rights())
	require.NoError(t, s.Close())
}
