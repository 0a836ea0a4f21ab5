package github

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The cache keeps what was decoded and drops the body. If the decoded value gave way to
// others between GitHub's 304 and its use, the answer is got again.
func TestBodyGivesWayToDecoded(t *testing.T) {
	var conditional []bool
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/app/") {
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusCreated)
			}
			fmt.Fprint(w, `{"id":77,"token":"ghs_x","expires_at":"2099-01-01T00:00:00Z","account":{"id":1,"login":"acme"}}`)
			return
		}
		conditional = append(conditional, r.Header.Get("If-None-Match") != "")
		w.Header().Set("Etag", `"1"`)
		w.Header().Set("Vary", "Accept, Authorization")
		w.Header().Set("Content-Security-Policy", strings.Repeat("x", 2000))
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprintf(w, `{"id":5,"name":"p","unused":%q}`, strings.Repeat("y", 20_000))
	}))
	defer front.Close()
	base, err := url.Parse(front.URL)
	require.NoError(t, err)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	app, err := New(Options{BaseURL: base, AppID: 1, Key: key, Logger: zerolog.Nop()})
	require.NoError(t, err)
	org := app.Org("acme", 77, "")
	get := func() {
		t.Helper()
		group, err := org.Group(t.Context(), 5)
		require.NoError(t, err)
		assert.Equal(t, "p", group.Name)
	}
	get()
	get()
	assert.Equal(t, []bool{false, true}, conditional)
	assert.Less(t, app.cache.bytes, int64(2000), "neither the body nor headers that nobody reads are kept")

	key5 := app.cache.lru.Keys()[0]
	entry, _ := app.cache.lru.Peek(key5)
	entry.decoded = nil
	app.cache.lru.Add(key5, entry)
	get()
	assert.Equal(t, []bool{false, true, true, false}, conditional)
	get()
	assert.Equal(t, []bool{false, true, true, false, true}, conditional)
}

func TestSizeOf(t *testing.T) {
	type inner struct{ Name string }
	text := strings.Repeat("x", 100)
	for _, tt := range []struct {
		value any
		least int
	}{
		{nil, 0}, {text, 116}, {[]inner{{text}, {text}}, 256}, {struct{ P *inner }{&inner{text}}, 124}, {map[string]bool{text: true}, 125},
	} {
		got := sizeOf(reflect.ValueOf(tt.value))
		assert.GreaterOrEqual(t, got, tt.least, "%T", tt.value)
		assert.LessOrEqual(t, got, tt.least+30, "%T", tt.value)
	}
}
