package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// binary is the program as it is shipped, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "arm-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "actions-runner-manager")
		build := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false",
			"-ldflags", "-s -w -X main.version=v1.2.3 -X main.commit=abcdef", "-o", binary, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
			return 1
		}
		return storetest.Run(m)
	}())
}

// A buffer may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// A call is what became of one run of the program.
type call struct {
	status         int
	stdout, stderr string
}

// do runs the program in this process until it ends.
func do(t *testing.T, environ []string, args ...string) call {
	t.Helper()
	return doWith(t, environ, "", args...)
}

func doWith(t *testing.T, environ []string, stdin string, args ...string) call {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var out, errs buffer
	status := run(ctx, args, &program{
		build: buildOf("v1.2.3", "abcdef"), environ: environ,
		stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs,
	})
	return call{status, out.String(), errs.String()}
}

// A running program serves in this process.
type running struct {
	url string
	out *buffer
	end func() int
}

// start runs the program until the test ends, and waits until it listens.
func start(t *testing.T, environ []string, args ...string) running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, ready, status := new(buffer), make(chan string, 1), make(chan int, 1)
	go func() {
		status <- run(ctx, args, &program{
			build: buildOf("", ""), environ: environ, stdin: strings.NewReader(""),
			stdout: out, stderr: out, listening: func(url string) { ready <- url },
		})
	}()
	end := sync.OnceValue(func() int { cancel(); return <-status })
	t.Cleanup(func() { end() })
	select {
	case url := <-ready:
		return running{url, out, end}
	case code := <-status:
		status <- code
		require.FailNowf(t, "the program ended", "with %d:\n%s", code, out)
	case <-time.After(20 * time.Second):
		require.FailNowf(t, "the program does not listen", "%s", out)
	}
	return running{}
}

// config writes a configuration file and returns its path.
func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
