package pages

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/handlers/handlertest"
)

func newTestPages(t *testing.T, setup bool) http.Handler {
	t.Helper()
	pages, err := New(Options{
		Specs: handlertest.Specs(), Version: "v1.2.3", AdminRepos: []AdminRepo{{"acme/runner-admin", "https://github.com/acme/runner-admin/issues"}},
		SetupMode: func() bool { return setup },
	})
	require.NoError(t, err)
	return pages
}

func get(pages http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	pages.ServeHTTP(w, r)
	return w
}

func TestPages(t *testing.T) {
	pages := newTestPages(t, false)
	tests := []struct{ path, mediaType, contains string }{
		{"/", "text/html; charset=utf-8", `href="https://github.com/acme/runner-admin/issues">Open an issue in acme/runner-admin`},
		{"/", "text/html; charset=utf-8", "/runner-group repos-add api,web"},
		{"/", "text/html; charset=utf-8", `/docs/first-runner.md">Your first runner</a>`},
		{"/", "text/html; charset=utf-8", "Attach repositories"},
		{"/", "text/html; charset=utf-8", "<h2>Repositories and workflows</h2>"},
		{"/docs", "text/html; charset=utf-8", "/assets/docs.js"},
		{"/openapi.json", "application/json", `"openapi": "3.1.0"`},
		{"/assets/base.css", "text/css; charset=utf-8", "prefers-color-scheme"},
		{"/assets/style.css", "text/css; charset=utf-8", ".steps"},
		{"/assets/docs.css", "text/css; charset=utf-8", "dark-mode"},
		{"/assets/docs.js", "text/javascript; charset=utf-8", "SwaggerUIBundle"},
		{"/assets/swagger-ui-bundle.js", "text/javascript; charset=utf-8", "SwaggerUIBundle"},
		{"/assets/swagger-ui.css", "text/css; charset=utf-8", ".swagger-ui"},
		{"/assets/icon.svg", "image/svg+xml", "<svg"},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			w := get(pages, tt.path)
			require.Equal(t, http.StatusOK, w.Code)
			assert.Equal(t, tt.mediaType, w.Header().Get("Content-Type"))
			assert.Contains(t, w.Body.String(), tt.contains)
			assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			policy := w.Header().Get("Content-Security-Policy")
			assert.Contains(t, policy, "default-src 'none'")
			assert.Contains(t, policy, "frame-ancestors 'none'")
			assert.NotContains(t, policy, "unsafe")
			assert.NotContains(t, policy, "http")

			tag := w.Header().Get("ETag")
			require.NotEmpty(t, tag)
			again := get(pages, tt.path, "If-None-Match", tag)
			assert.Equal(t, http.StatusNotModified, again.Code)
			assert.Empty(t, again.Body.String())
		})
	}
}

func TestPagesHaveNothingInlineOrForeign(t *testing.T) {
	pages := newTestPages(t, true)
	for _, path := range []string{"/", "/docs"} {
		body := get(pages, path).Body.String()
		assert.NotRegexp(t, regexp.MustCompile(`<script>|<style|\son\w+=|style="|javascript:`), body)
		assert.NotRegexp(t, regexp.MustCompile(`(src="|<link[^>]+href=")(https?:)?//`), body)
		assert.Contains(t, body, `name="viewport"`)
		assert.Contains(t, body, `lang="en"`)
	}
}

func TestPagesBeforeSetup(t *testing.T) {
	assert.Contains(t, get(newTestPages(t, true), "/").Body.String(), "Not set up yet")
	assert.NotContains(t, get(newTestPages(t, false), "/").Body.String(), "Not set up yet")
}

func TestPagesRefuse(t *testing.T) {
	pages := newTestPages(t, false)
	for _, path := range []string{"/nothing", "/assets/", "/assets/index.html", "/assets/../docs", "/assets/README.md", "/%64ocs"} {
		answer := handlertest.DecodeAnswer(t, get(pages, path).Result())
		assert.Equal(t, "unknown_command", answer.Reason, path)
	}
	w := httptest.NewRecorder()
	pages.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/docs", nil))
	assert.Equal(t, "method", handlertest.DecodeAnswer(t, w.Result()).Reason)
	assert.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
}

// A browser gets pages, also for errors; others get JSON.
func TestPagesForBrowser(t *testing.T) {
	const browser = "text/html,application/xhtml+xml,*/*;q=0.8"
	pages := newTestPages(t, false)
	w := get(pages, "/nothing", "Accept", browser)
	assert.Equal(t, http.StatusNotFound, w.Code)
	assert.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	assert.Contains(t, w.Body.String(), "<h1>Not Found</h1>")
	assert.Contains(t, w.Body.String(), w.Header().Get("X-Request-Id"))
	r := httptest.NewRequest(http.MethodPost, "/docs", nil)
	r.Header.Set("Accept", browser)
	w = httptest.NewRecorder()
	pages.ServeHTTP(w, r)
	assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
	assert.Contains(t, w.Body.String(), "<h1>Method Not Allowed</h1>")
	w = get(pages, "/docs/")
	assert.Equal(t, http.StatusPermanentRedirect, w.Code)
	assert.Equal(t, "/docs", w.Header().Get("Location"))
}

func TestPagesCompression(t *testing.T) {
	const path = "/assets/swagger-ui.css"
	pages := newTestPages(t, false)
	plain := get(pages, path)
	for accepted, want := range map[string]string{
		"": "", "gzip": "gzip", "br, gzip;q=0.5": "gzip", "*": "gzip", "gzip; q=0": "", "gzip;q=0.000": "", "br": "", "identity, x-gzip": "",
	} {
		w := get(pages, path, "Accept-Encoding", accepted)
		assert.Equal(t, want, w.Header().Get("Content-Encoding"), accepted)
		assert.Equal(t, "Accept-Encoding", w.Header().Get("Vary"))
		body := io.Reader(w.Body)
		if want == "gzip" {
			assert.NotEqual(t, plain.Header().Get("ETag"), w.Header().Get("ETag"))
			unzipped, err := gzip.NewReader(body)
			require.NoError(t, err)
			body = unzipped
		}
		text, err := io.ReadAll(body)
		require.NoError(t, err)
		assert.Equal(t, plain.Body.Len(), len(text), accepted)
	}
	assert.True(t, strings.HasSuffix(plain.Header().Get("ETag"), `"`))
}
