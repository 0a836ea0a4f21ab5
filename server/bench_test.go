//go:build unix

package server_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// A benchHub is the simulated GitHub of a benchmark, in the driver's process.
type benchHub struct {
	*ghsim.Server
	url         string
	template    string // of an issue_comment whose body is "template"
	templateID  string // the id of that comment
	nextComment atomic.Int64
}

// newBenchHub starts a simulated GitHub that counts no rate limit in our way.
func newBenchHub(b *testing.B, sc ghsim.Scenario) *benchHub {
	b.Helper()
	sc.Apps[0].Installations[0].RateLimit = 1e9
	hub, err := ghsim.New(sc)
	require.NoError(b, err)
	hub.RateLimit = 1e9
	front := httptest.NewServer(hub)
	hub.URL = front.URL
	b.Cleanup(func() { hub.Close(); front.Close() })
	hub.PauseDeliveries(true)
	id, err := hub.Comment("acme", "runner-admin", 1, "ada", "template")
	require.NoError(b, err)
	sent := hub.Deliveries()
	h := &benchHub{Server: hub, url: front.URL, template: string(sent[len(sent)-1].Payload), templateID: fmt.Sprint(id)}
	h.nextComment.Store(id)
	hub.Update(func(st *ghsim.State) {
		st.Deliveries, st.Apps[0].Installations[0].Events = nil, nil // the driver sends all there are
	})
	return h
}

// settings are those of a server against that hub.
func (h *benchHub) settings(database string) map[string]string {
	return map[string]string{
		"ORG": "acme", "APP_ID": "4242", "PRIVATE_KEY": appKey(), "SERVER_PORT": "0", "SERVER_RATE_LIMIT": "1000000", "SERVER_UNKNOWN_TOKEN_RATE": "1000000",
		"GITHUB_URL": h.url, "GITHUB_API_URL": h.url, "GITHUB_WEBHOOK_SECRET": webhookSecret,
		"CHATOPS_ADMIN_REPO": "runner-admin", "DATABASE_URL": database, "LOGGING_EPHEMERAL": "true",
	}
}

// BenchmarkWebhooks is how fast deliveries are acknowledged, beside a handler that
// does nothing but check the same signature.
func BenchmarkWebhooks(b *testing.B) {
	hub := newBenchHub(b, acme())
	irrelevant := hub.hooks(b, 20_000, "Thanks!")
	bare := startProcess(b, "bare", nil)
	send(b, bare, irrelevant[:2000])
	bareRate := send(b, bare, irrelevant)
	bare.stop()
	fmt.Fprintln(os.Stderr, "bare", bareRate)
	for _, db := range []struct {
		name string
		url  func(testing.TB) string
	}{{"SQLite", storetest.SQLite}, {"PostgreSQL", storetest.Postgres}} {
		p := startProcess(b, "server", hub.settings(db.url(b)))
		send(b, p, irrelevant[:2000])
		fmt.Fprintln(os.Stderr, db.name, "irrelevant", send(b, p, irrelevant))
		fmt.Fprintln(os.Stderr, db.name, "relevant", send(b, p, hub.hooks(b, 8_000, "/runner-group group-list")))
		p.stop()
	}
}

var _ = filepath.Join
var _ = strings.Cut
