package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the program may cost, in bytes.
const (
	mostBinary = 33_000_000
	mostMemory = 25_000_000 // without the pages of the binary itself
)

// spawn starts the shipped binary, in an empty folder and environment.
func spawn(t *testing.T, args ...string) (*exec.Cmd, *buffer) {
	t.Helper()
	return spawnWith(t, nil, args...)
}

func spawnWith(t *testing.T, environ []string, args ...string) (*exec.Cmd, *buffer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd, out := exec.CommandContext(ctx, binary, args...), new(buffer)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = t.TempDir(), append([]string{"TMPDIR=" + t.TempDir()}, environ...), out, out
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, out
}

func TestBinaryExitStatus(t *testing.T) {
	for want, args := range map[int][]string{0: {"version"}, 1: {"config", "check", "--config", "gone.yml"}, 2: {"frobnicate"}} {
		cmd, out := spawn(t, args...)
		_ = cmd.Wait() // the status says it
		assert.Equal(t, want, cmd.ProcessState.ExitCode(), "%s", out)
	}
}

func TestBinaryVersion(t *testing.T) {
	cmd, out := spawn(t, "version")
	require.NoError(t, cmd.Wait())
	assert.Contains(t, out.String(), "v1.2.3, commit abcdef, "+runtime.Version())
}

func TestBinarySize(t *testing.T) {
	info, err := os.Stat(binary)
	require.NoError(t, err)
	assert.Less(t, info.Size(), int64(mostBinary))
}

// TestBinaryEnds serves in set-up mode, which needs nobody.
func TestBinaryEnds(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			cmd, out := spawn(t, "--config", configFile(t, "org: acme\nserver: {port: 0}\n"))
			url := logged(t, out)
			status, _ := send(t, http.MethodGet, url+"/livez", nil, nil)
			assert.Equal(t, http.StatusOK, status)
			require.NoError(t, cmd.Process.Signal(signal))
			require.NoError(t, cmd.Wait(), "%s", out)
			assert.Contains(t, out.String(), `"message":"stopped"`)
			assert.Regexp(t, `"config":"[^"]+config.yml"[^\n]+"message":"listening"`, out.String())
		})
	}
}

// Without a file the log says so, and what set-up mode is for.
func TestBinaryWithoutFile(t *testing.T) {
	_, out := spawnWith(t, []string{"ARM_SERVER_PORT=0"}, "serve")
	logged(t, out)
	assert.Contains(t, out.String(), "no GitHub App is configured yet: open this link to set one up")
	assert.Contains(t, out.String(), `"config":"none"`)
}

// Further signals at once, as timeout(1) sends, do not keep the server from closing its database.
func TestBinaryClosesDatabase(t *testing.T) {
	cmd, out := spawn(t, "--config", configFile(t, "org: acme\nserver: {port: 0}\ndatabase: {url: 'sqlite:arm.db'}\n"))
	logged(t, out)
	first := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	for running := true; running; {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case err = <-ended:
			running = false
		default:
		}
	}
	if time.Since(first) < sameSignal {
		require.NoError(t, err, "%s", out)
		assert.Contains(t, out.String(), `"message":"stopped"`)
	}
	assertNoWAL(t, filepath.Join(cmd.Dir, "arm.db"))
}

// assertNoWAL checks that all of a SQLite database is in its file.
func assertNoWAL(t *testing.T, path string) {
	t.Helper()
	assert.FileExists(t, path)
	assert.NoFileExists(t, path+"-wal")
}

// A second signal ends the server while it still waits for a request.
func TestBinaryEndsAtOnce(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			cmd, out := spawn(t, "--config", configFile(t, "org: acme\nserver: {port: 0}\ndatabase: {url: 'sqlite:arm.db'}\n"))
			url := logged(t, out)
			conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			require.NoError(t, err)
			defer conn.Close()
			// The server accepts connections in their order, and waits 5 s for a new one.
			status, _ := send(t, http.MethodGet, url+"/livez", nil, nil)
			require.Equal(t, http.StatusOK, status)
			require.NoError(t, cmd.Process.Signal(signal))
			require.Eventually(t, func() bool { return strings.Contains(out.String(), `"message":"stopping`) }, 8*time.Second, time.Millisecond)
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			for { // the first of these may be part of the first signal's end
				_ = cmd.Process.Signal(signal) // it may have ended
				select {
				case err := <-ended:
					require.Error(t, err)
				case <-time.After(20 * time.Millisecond):
					continue
				}
				break
			}
			assert.NotContains(t, out.String(), `"message":"stopped"`)
			assertNoWAL(t, filepath.Join(cmd.Dir, "arm.db"))
		})
	}
}

// logged waits until the log says if the server listens.
func logged(t *testing.T, out *buffer) (url string) {
	t.Helper()
	line := regexp.MustCompile(`"url":"(http[^"]+)".*"message":"listening"`)
	require.Eventually(t, func() bool {
		m := line.FindStringSubmatch(out.String())
		if m != nil {
			url = m[1]
		}
		return m != nil
	}, 20*time.Second, 20*time.Millisecond, "the server does not listen")
	return url
}

// A second server on the same SQLite file would do work twice.
func TestBinarySurvivesKill(t *testing.T) {
	path := configFile(t, "org: acme\nserver: {port: 0}\n")
	first, out := spawn(t, "--config", path)
	logged(t, out)
	require.NoError(t, first.Process.Kill())
	require.Error(t, first.Wait())
	assert.Equal(t, -1, first.ProcessState.ExitCode())

	second, out := spawn(t, "--config", path)
	second.Dir = first.Dir
	logged(t, out)
}

func TestDemoMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skipf("SKIPPED: the memory of a process is read from /proc, which %s does not have", runtime.GOOS)
	}
	cmd, out := spawn(t, demoArgs()...)
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "Ctrl-C") }, 20*time.Second, 20*time.Millisecond)
	assert.Never(t, func() bool { return anonymous(t, cmd.Process.Pid) >= mostMemory }, 3*time.Second, 100*time.Millisecond)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait(), "%s", out)
}

// anonymous is the memory of a process that no file holds, in bytes. How much of the binary itself is in
// memory differs from one kernel to the next (proc_pid_status(5): RssAnon, RssFile).
func anonymous(t *testing.T, pid int) int64 {
	t.Helper()
	file, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "RssAnon:"); ok {
			kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			require.NoError(t, err)
			return kilobytes << 10
		}
	}
	require.FailNow(t, "no RssAnon in the process's status")
	return 0
}
