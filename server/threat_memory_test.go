//go:build linux && !race

package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

const (
	maxResident = 128 << 20 // bytes
	// allowed is how long a few hostile requests may occupy the processor.
	allowed = 5 * time.Second
)

// memoryBinary is the test binary of another commit to measure instead, for the table in
// docs/security.md.
const memoryBinary = "MEMORY_BINARY"

// A target is a server in a process of its own.
type target struct {
	*benched
	hub    *benchHub
	client *http.Client
}

// Nobody makes the server need more memory than the containers have by far, or much of the
// processor: with no token or any, by many requests at once. The race detector needs many
// times the memory, so `make check` runs this test without it.
func TestThreatMemory(t *testing.T) {
	tests := []struct {
		name   string
		attack func(t *testing.T, s target)
	}{
		{"4 comments with a table of 200 columns, 64 kB each", func(t *testing.T, s target) {
			table := strings.Repeat("|a", 200) + "\n" + strings.Repeat("|-", 200) + "\n"
			s.comments(t, 4, table+strings.Repeat("|\n", (64_000-len(table))/2))
		}},
		{"8 comments of nested lists, 64 kB each", func(t *testing.T, s target) {
			s.comments(t, 8, strings.Repeat(strings.Repeat("- ", 99)+"x\n", 64_000/200))
		}},
		{"200 bodies of 900 kB that are announced and do not come, one HTTP/2 client", func(t *testing.T, s target) {
			s.announce(t, 200, 900_000)
		}},
		{"60 readers of the docs bundle that do not read", func(t *testing.T, s target) { s.doNotRead(t, 60) }},
		{"24 JSON bodies of 947 kB of null", func(t *testing.T, s target) {
			s.post(t, 24, "/api/v1/help", "application/json", "{"+strings.Repeat(`"x":null,`, 105_000)+`"x":null}`)
		}},
		{"24 forms of 1 MB of names", func(t *testing.T, s target) {
			s.post(t, 24, "/api/v1/help", "application/x-www-form-urlencoded", strings.Repeat("a&", 500_000))
		}},
		{"4 lists of 999 names and 500,000 duplicates", func(t *testing.T, s target) {
			var names strings.Builder
			for i := range 999 {
				fmt.Fprintf(&names, "r%d,", i)
			}
			s.post(t, 4, "/api/v1/repos-add", "application/x-www-form-urlencoded", "team=platform&repos="+names.String()+strings.Repeat("a,", 500_000))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := startTarget(t)
			before := s.usage(t).CPU
			tt.attack(t, s)
			peak, cpu := peakOf(t, s.pid), s.usage(t).CPU-before
			t.Logf("| %s | %d | %.1f |", tt.name, peak>>20, cpu.Seconds())
			if os.Getenv(memoryBinary) == "" {
				assert.Less(t, peak, int64(maxResident), "bytes resident")
				assert.Less(t, cpu, allowed, "of the processor")
			}
		})
	}
}

func startTarget(t *testing.T) target {
	t.Helper()
	hub := newBenchHub(t, acme())
	settings := hub.settings(storetest.SQLite(t))
	var client *http.Client
	settings["SERVER_TLS_ENABLED"] = "true"
	settings["SERVER_TLS_CERT_FILE"], settings["SERVER_TLS_KEY_FILE"], client = certificate(t, t.TempDir())
	binary := os.Getenv(memoryBinary)
	if binary == "" {
		binary = os.Args[0]
	}
	s := target{startBinary(t, binary, "server", settings), hub, client}
	t.Cleanup(client.CloseIdleConnections) // or the server waits for it before it ends
	return s
}

// peakOf returns the most memory that the process has had resident.
func peakOf(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	require.True(t, found)
	var kB int64
	_, err = fmt.Sscan(rest, &kB)
	require.NoError(t, err)
	return kB << 10
}

// at calls f n times at once, and waits for all.
func at(n int, f func()) {
	var all sync.WaitGroup
	for range n {
		all.Go(f)
	}
	all.Wait()
}

// post sends n such bodies at once. What is answered does not matter.
func (s target) post(t *testing.T, n int, path, mediaType, body string) {
	t.Helper()
	at(n, func() {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, strings.NewReader(body))
		if !assert.NoError(t, err) {
			return
		}
		r.Header.Set("Authorization", "ghp_ada")
		r.Header.Set("Content-Type", mediaType)
		s.answered(r)
	})
}

// answered sends r and reads the answer, if there is one: a refusal may cut the body off.
func (s target) answered(r *http.Request) {
	if answer, err := s.client.Do(r); err == nil {
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
}

// comments delivers n comments with that text and a command at once.
func (s target) comments(t *testing.T, n int, text string) {
	t.Helper()
	quoted, err := json.Marshal("/runner-group help\n\n" + text)
	require.NoError(t, err)
	at(n, func() {
		id := s.hub.nextComment.Add(1)
		body := []byte(strings.ReplaceAll(strings.Replace(s.hub.template, `"body":"template"`, `"body":`+string(quoted), 1), s.hub.templateID, fmt.Sprint(id)))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/api/github/hook", bytes.NewReader(body))
		if !assert.NoError(t, err) {
			return
		}
		r.Header = http.Header{
			"X-Github-Event": {"issue_comment"}, "X-Github-Delivery": {fmt.Sprintf("memory-%d", id)},
			"X-Hub-Signature-256": {signature(body)}, "Content-Type": {"application/json"},
		}
		s.answered(r)
	})
}

// announce sends the beginning of n bodies at once, and no more of them.
func (s target) announce(t *testing.T, n int, length int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	at(n, func() {
		body, more := io.Pipe()
		context.AfterFunc(ctx, func() { more.CloseWithError(context.Canceled) })
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/api/github/hook", body)
		if !assert.NoError(t, err) {
			return
		}
		go func() { _, _ = more.Write([]byte("{")) }()
		r.ContentLength = length
		r.Header.Set("X-Hub-Signature-256", signature(nil))
		s.answered(r)
	})
}

// doNotRead asks for the docs bundle n times, unpacked, and reads nothing of it.
func (s target) doNotRead(t *testing.T, n int) {
	t.Helper()
	address, err := url.Parse(s.url)
	require.NoError(t, err)
	config := s.client.Transport.(*http.Transport).TLSClientConfig.Clone()
	config.NextProtos = []string{"http/1.1"}
	at(n, func() {
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: eventually}, "tcp", address.Host, config)
		if !assert.NoError(t, err) {
			return
		}
		t.Cleanup(func() { c.Close() })
		_, err = io.WriteString(c, "GET /assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\nAccept-Encoding: identity\r\n\r\n")
		assert.NoError(t, err)
		first := make([]byte, 1)
		_, err = c.Read(first) // the answer has begun
		assert.NoError(t, err)
	})
}
