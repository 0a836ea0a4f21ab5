package console_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/handlers/console"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/pages"
)

// The script in Chromium, whose clock runs ahead: it shows what changed and keeps the rest, goes
// on after errors, and says when it stops.
func TestConsoleScript(t *testing.T) {
	browser := chromium()
	if browser == "" {
		t.Skip("SKIPPED: the console is not opened, since no Chromium is installed")
	}
	tests := []struct {
		name      string
		answer    func(s *site, n int32, w http.ResponseWriter) (done bool) // to the n-th refresh
		want, not []string
	}{
		{
			"what changed", func(s *site, n int32, _ http.ResponseWriter) bool {
				if n == 2 {
					s.setRunner("build-1", "online", true)
					s.AddRunner("platform", "build-2", "offline", false)
				}
				return false
			},
			[]string{"build-2", `data-say="0 idle, 1 busy, 1 offline"`, `role="status">0 idle, 1 busy, 1 offline</p>`, "Runners (2)"},
			[]string{"signed out", "Not up to date"},
		},
		{
			"a server that does not answer for a while", func(s *site, n int32, w http.ResponseWriter) bool {
				if n == 5 {
					s.setRunner("build-1", "online", true)
				}
				if n < 5 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				return n < 5
			},
			[]string{`data-say="0 idle, 1 busy, 0 offline"`},
			[]string{"Not up to date"},
		},
		{
			"a server that does not answer", func(_ *site, _ int32, w http.ResponseWriter) bool {
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			},
			[]string{"Not up to date since", `data-say="1 idle, 0 busy, 0 offline"`},
			nil,
		},
		{
			"signed out", func(_ *site, n int32, w http.ResponseWriter) bool {
				assert.EqualValues(t, 1, n, "it asks no more")
				w.WriteHeader(http.StatusUnauthorized)
				return true
			},
			[]string{"You are signed out", ">Sign in again</a>"},
			nil,
		},
		{
			"no right any more", func(_ *site, n int32, w http.ResponseWriter) bool {
				assert.EqualValues(t, 1, n, "it asks no more")
				w.WriteHeader(http.StatusForbidden)
				return true
			},
			[]string{"This page does not refresh any more", ">Reload it</a>"},
			nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			s.Must("ada", "group-create team=platform")
			s.AddRunner("platform", "build-1", "online", false)
			var refreshes atomic.Int32
			assets, err := pages.New(pages.Options{Specs: s.Specs()})
			require.NoError(t, err)
			mux := http.NewServeMux()
			mux.Handle("/", assets)
			mux.HandleFunc(console.Path+"/", func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/live") {
					s.Advance(10 * time.Second)
					if tt.answer(s, refreshes.Add(1), w) {
						return
					}
				}
				r.Header.Set("As", "ada")
				s.console.ServeHTTP(w, r)
			})
			front := httptest.NewServer(mux)
			defer front.Close()
			page := open(t, browser, front.URL+"/console/acme/platform")
			for _, want := range tt.want {
				assert.Contains(t, page, want)
			}
			for _, not := range tt.not {
				assert.NotContains(t, page, not)
			}
		})
	}
}

func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	return ""
}

// open returns what a page has become after ten minutes of the browser's clock.
func open(t *testing.T, browser, address string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var page, log bytes.Buffer
	command := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+t.TempDir(), "--enable-logging=stderr", "--virtual-time-budget=600000", "--dump-dom", address)
	command.Stdout, command.Stderr = &page, &log
	command.WaitDelay = 5 * time.Second
	require.NoError(t, command.Run(), "%s", &log)
	assert.NotContains(t, log.String(), "Uncaught")
	return page.String()
}
