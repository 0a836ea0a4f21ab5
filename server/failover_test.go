package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// After a failover of PostgreSQL the server works again within 10 seconds, and nothing that
// it accepted is lost.
func TestFailover(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t, storetest.Postgres(t), acme())
	w.run()
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.busyPool()

	// A comment's command is under way.
	started := make(chan struct{})
	var once sync.Once
	resume := make(chan struct{})
	hold := func(e ghsim.Exchange) {
		if e.Request.Method == http.MethodPut && strings.Contains(e.Request.URL.Path, "/repositories") {
			once.Do(func() { close(started); <-resume })
		}
	}
	w.onExchange.Store(&hold)
	accepted := w.write("ada", 1, "/runner-group repos-add api")
	<-started
	w.failOver(true)
	close(resume)

	require.Eventually(t, func() bool { return w.readiness() == http.StatusServiceUnavailable }, eventually, tick)
	a := w.refused(http.StatusServiceUnavailable, "unavailable", "ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=inner")
	assert.Contains(t, a.Error, "again")
	missed := w.write("ada", 1, "/runner-group repos-add web")
	require.NoError(t, w.hub.Wait(t.Context()))
	deliveries := w.hub.Deliveries()
	assert.Equal(t, http.StatusServiceUnavailable, deliveries[len(deliveries)-1].StatusCode)
	// River gives up to record what became of a job before the database is back.
	require.Never(t, func() bool { return w.readiness() == http.StatusOK }, 8*time.Second, 250*time.Millisecond)

	w.failOver(false)
	back := time.Now()
	require.Eventually(t, func() bool {
		return w.readiness() == http.StatusOK &&
			w.call("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=inner").Code == http.StatusOK
	}, 10*time.Second, tick)
	for range 40 { // no connection is left that cannot write
		w.ok("ghp_ada", "GET /api/v1/whoami")
	}
	w.settled(10*time.Second-time.Since(back), accepted)
	w.redeliver()
	w.settled(time.Minute, accepted, missed)
	assert.ElementsMatch(t, []string{"api", "web", "inner"}, w.repos("platform"))
}

// busyPool makes the server open many connections.
func (w *crashWorld) busyPool() {
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() { w.ok("ghp_ada", "GET /api/v1/group-list?team=platform") })
	}
	all.Wait()
}

// failOver makes PostgreSQL read-only, as a server that is no longer the primary, or ends
// that. Sessions keep what they began with.
func (w *crashWorld) failOver(away bool) {
	w.t.Helper()
	config, err := pgx.ParseConfig(storetest.Direct(w.database))
	require.NoError(w.t, err)
	name := config.Database
	config.Database = "postgres"
	conn, err := pgx.ConnectConfig(w.t.Context(), config)
	require.NoError(w.t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(w.t.Context(), fmt.Sprintf(`ALTER DATABASE %s SET default_transaction_read_only = %t`, name, away))
	require.NoError(w.t, err)
	if away {
		_, err = conn.Exec(w.t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, name)
		require.NoError(w.t, err)
	}
}

func (w *crashWorld) readiness() (status int) {
	res, err := w.client.Get(w.url + "/readyz")
	require.NoError(w.t, err)
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}
