package server_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// shellToken is ada's token in these tests. No other process may show it.
const shellToken = "ghp_adaInNoListOfProcesses123456789"

// requestToken is that by which a job requests its own.
const requestToken = "requestInNoListOfProcesses123456789"

// A shell runs the scripts of contrib as a person or a workflow does.
type shell struct {
	t    *testing.T
	url  string            // of the server: ARM_URL
	env  map[string]string // further variables
	dir  string            // for what the scripts write
	bins string            // first in PATH
}

// A shellResult is what a script left behind.
type shellResult struct {
	out, err string
	code     int
}

// newShell returns a shell for the server at url. Waiting takes no time: sleep only notes
// for how long.
func newShell(t *testing.T, url string, tools ...string) *shell {
	t.Helper()
	for _, tool := range append([]string{"bash", "curl", "jq"}, tools...) {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: %s is not installed (Debian: apt-get install curl jq gh), so the scripts of contrib are not tested", tool)
		}
	}
	s := &shell{t: t, url: url, dir: t.TempDir(), bins: t.TempDir()}
	s.env = map[string]string{
		"PATH": s.bins + ":" + os.Getenv("PATH"), "HOME": s.dir, "ARM_URL": url, "ARM_TOKEN": shellToken,
		"GITHUB_OUTPUT": s.path("output"), "GITHUB_STEP_SUMMARY": s.path("summary"), "ARM_ARGUMENTS": "",
	}
	s.install("sleep", `echo "$@" >>'`+s.path("sleeps")+`'`)
	return s
}

func (s *shell) path(name string) string { return filepath.Join(s.dir, name) }

// install puts a command into the PATH.
func (s *shell) install(name, script string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(filepath.Join(s.bins, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
}

// read returns what a script wrote to a file, which it may not have written.
func (s *shell) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(s.path(name))
	if !errors.Is(err, os.ErrNotExist) {
		require.NoError(s.t, err)
	}
	return string(text)
}

// runIn runs a program in a folder. Nothing that it writes may have the token in it.
func (s *shell) runIn(dir, program string, args ...string) shellResult {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	for name, value := range s.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, errors bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errors
	_ = cmd.Run() // ExitCode says it
	r := shellResult{out: out.String(), err: errors.String(), code: cmd.ProcessState.ExitCode()}
	for _, text := range []string{r.out, r.err, s.read("output"), s.read("summary")} {
		assert.NotContains(s.t, text, shellToken)
	}
	return r
}

// gh runs the extension with the words behind `gh runner-group`.
func (s *shell) gh(words ...string) shellResult {
	s.t.Helper()
	return s.runIn(s.dir, contribFile(s.t, "gh-runner-group/gh-runner-group"), words...)
}

// action runs the Action's step with a command, and its arguments if there are some.
func (s *shell) action(command string, arguments ...string) shellResult {
	s.t.Helper()
	for _, name := range []string{"output", "summary"} {
		require.NoError(s.t, os.WriteFile(s.path(name), nil, 0o600))
	}
	s.env["ARM_COMMAND"], s.env["ARM_ARGUMENTS"] = command, strings.Join(arguments, "\n")
	return s.runIn(s.dir, contribFile(s.t, "action/run"))
}

func contribFile(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "contrib", filepath.FromSlash(name)))
	require.NoError(t, err)
	return path
}

// A front is a plain proxy before a server. It may answer instead of the server, and looks
// for the token in the list of processes while the caller waits.
type front struct {
	*httptest.Server
	mu       sync.Mutex
	instead  func(w http.ResponseWriter, r *http.Request) bool
	requests []string // paths
}

// newFront starts a world that knows the shell's token, with a front before it.
func newFront(t *testing.T) (*world, *front) {
	t.Helper()
	scenario := acme()
	scenario.Users[0].Tokens = append(scenario.Users[0].Tokens, ghsim.TokenSpec{Value: shellToken})
	f := &front{}
	var proxy *httputil.ReverseProxy
	f.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		noTokenInProcesses(t, r.Header.Get("Authorization"))
		f.mu.Lock()
		f.requests = append(f.requests, r.URL.Path)
		answered := f.instead != nil && f.instead(rw, r)
		f.mu.Unlock()
		if !answered {
			proxy.ServeHTTP(rw, r)
		}
	}))
	t.Cleanup(f.Close)
	w := newWorld(t, scenario, "SERVER_PUBLIC_URL="+f.URL)
	_, port, err := net.SplitHostPort(store.ServerAddress(w.env["DATABASE_URL"]))
	require.NoError(t, err)
	target := &url.URL{Scheme: "https", Host: "127.0.0.1:" + port}
	proxy = httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = w.client.Transport
	return w, f
}

// answer makes the front answer instead of the server, if see says so.
func (f *front) answer(see func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.instead, f.requests = see, nil
}

// count returns how many requests for path came since the last answer.
func (f *front) count(path string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.requests {
		if p == path {
			n++
		}
	}
	return n
}

// noTokenInProcesses fails if the list of processes shows the shell's token or the request's.
func noTokenInProcesses(t *testing.T, authorization string) {
	_, token, _ := strings.Cut(authorization, " ")
	lists, err := filepath.Glob("/proc/[0-9]*/cmdline")
	assert.NoError(t, err)
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // it ended
		}
		for _, secret := range []string{shellToken, requestToken, token} {
			assert.False(t, secret != "" && strings.Contains(string(text), secret), "the list of processes shows a token")
		}
	}
}
