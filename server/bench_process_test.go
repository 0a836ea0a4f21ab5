//go:build unix

package server_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/server"
)

// processVariable asks the test binary to be one server and nothing else: "server",
// or "bare", which only checks signatures. BENCH_PROFILE is a folder for profiles
// of CPU and allocations.
const processVariable = "BENCH_PROCESS"

// A benched is a server in a process of its own, so that neither the driver's nor the
// simulated GitHub's time and memory are counted as the server's.
type benched struct {
	url    string
	stdin  io.WriteCloser
	answer *bufio.Scanner
	pid    int
	stop   func()
}

// A usage is the CPU time of a process since its start, and its memory now.
type usage struct {
	URL string        `json:",omitempty"`
	CPU time.Duration // user and system
	RSS int64         // bytes; 0 if the system does not report it
	// Allocations and Allocated are the objects on the heap and their bytes since the start,
	// also those that are free again.
	Allocations, Allocated uint64
	// File is what of RSS is the program itself and other files: here the tests are a part of it.
	File int64
}

// startProcess runs a process of that kind with those settings until the benchmark ends.
func startProcess(b testing.TB, kind string, settings map[string]string) *benched {
	b.Helper()
	return startBinary(b, os.Args[0], kind, settings)
}

// startBinary runs the test binary of another commit.
func startBinary(b testing.TB, binary, kind string, settings map[string]string) *benched {
	b.Helper()
	in, out, err := os.Pipe()
	require.NoError(b, err)
	cmd := exec.Command(binary, "-test.run=^$", "-test.bench=^BenchmarkProcess$", "-test.benchtime=1x", "-test.timeout=0")
	cmd.Env = append(os.Environ(), processVariable+"="+kind)
	for name, value := range settings {
		cmd.Env = append(cmd.Env, "ARM_"+name+"="+value)
	}
	cmd.Stderr, cmd.ExtraFiles = os.Stderr, []*os.File{out}
	p := &benched{answer: bufio.NewScanner(in)}
	p.stdin, err = cmd.StdinPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	require.NoError(b, out.Close())
	p.pid = cmd.Process.Pid
	p.stop = func() {
		_ = p.stdin.Close()
		_ = cmd.Wait()
	}
	b.Cleanup(p.stop)
	p.url = p.read(b).URL
	return p
}

// usage asks the process what it has used.
func (p *benched) usage(b testing.TB) usage {
	b.Helper()
	_, err := fmt.Fprintln(p.stdin)
	require.NoError(b, err)
	return p.read(b)
}

func (p *benched) read(b testing.TB) (u usage) {
	b.Helper()
	require.True(b, p.answer.Scan(), "the process has ended")
	require.NoError(b, json.Unmarshal(p.answer.Bytes(), &u))
	return u
}

// BenchmarkProcess is the other side: it serves until its input ends.
func BenchmarkProcess(b *testing.B) {
	kind := os.Getenv(processVariable)
	if kind == "" {
		b.Skip("it is a part of the other benchmarks")
	}
	answers := json.NewEncoder(os.NewFile(3, "answers"))
	if dir := os.Getenv("BENCH_PROFILE"); dir != "" {
		require.NoError(b, os.MkdirAll(dir, 0o755))
		file, err := os.Create(fmt.Sprintf("%s/%s-%d.pprof", dir, kind, os.Getpid()))
		require.NoError(b, err)
		require.NoError(b, pprof.StartCPUProfile(file))
		defer pprof.StopCPUProfile()
		defer func() {
			allocs, err := os.Create(fmt.Sprintf("%s/%s-%d.allocs.pprof", dir, kind, os.Getpid()))
			require.NoError(b, err)
			require.NoError(b, pprof.Lookup("allocs").WriteTo(allocs, 0))
		}()
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	listening := make(chan string, 1)
	go func() {
		ended <- map[string]func(context.Context, chan<- string) error{"server": runServer, "bare": runBare}[kind](ctx, listening)
	}()
	select {
	case url := <-listening:
		require.NoError(b, answers.Encode(usage{URL: url}))
	case err := <-ended:
		require.NoError(b, err)
	}
	for asked := bufio.NewScanner(os.Stdin); asked.Scan(); {
		require.NoError(b, answers.Encode(ownUsage()))
	}
	cancel()
	require.NoError(b, <-ended)
}

func runServer(ctx context.Context, listening chan<- string) error {
	c, err := config.Load("", os.Environ())
	if err != nil {
		return err
	}
	s, err := server.New(ctx, server.Options{Config: c, Version: "bench", Log: io.Discard, Listening: func(url string) { listening <- url }})
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

// runBare only does what any receiver of webhooks must do.
func runBare(ctx context.Context, listening chan<- string) error {
	bare := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !hmac.Equal([]byte(signature(body)), []byte(r.Header.Get("X-Hub-Signature-256"))) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = bare.Close() })
	listening <- "http://" + l.Addr().String()
	if err := bare.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// signature signs a delivery as GitHub does.
func signature(body []byte) string {
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func ownUsage() usage {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r) // never fails for oneself
	var heap runtime.MemStats
	runtime.ReadMemStats(&heap)
	u := usage{CPU: time.Duration(r.Utime.Nano() + r.Stime.Nano()), Allocations: heap.Mallocs, Allocated: heap.TotalAlloc}
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		var all, resident, file int64
		if _, err := fmt.Sscan(string(text), &all, &resident, &file); err == nil {
			u.RSS, u.File = resident*int64(os.Getpagesize()), file*int64(os.Getpagesize())
		}
	}
	return u
}
