package pages

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/handlers/handlertest"
)

// The pages as a browser shows them: no script may fail, nothing may be asked of
// another host or break the policy (Chromium writes each to its console), and the
// reference must have drawn every command.
func TestPagesInBrowser(t *testing.T) {
	var browser string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			browser = found
		}
	}
	if browser == "" {
		t.Skip("SKIPPED: the pages are not opened, since no Chromium is installed")
	}
	server := httptest.NewServer(newTestPages(t, false))
	defer server.Close()
	for _, path := range []string{"/", "/docs"} {
		t.Run(path, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var page, console bytes.Buffer
			command := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
				"--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
				"--user-data-dir="+t.TempDir(), "--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom", server.URL+path)
			command.Stdout, command.Stderr = &page, &console
			command.WaitDelay = 5 * time.Second
			require.NoError(t, command.Run(), "%s", &console)
			for line := range strings.Lines(console.String()) {
				assert.NotContains(t, line, "CONSOLE", "the page complains")
			}
			for _, spec := range handlertest.Specs() {
				assert.Contains(t, page.String(), spec.Name)
				assert.Contains(t, page.String(), spec.Summary)
			}
		})
	}
}
