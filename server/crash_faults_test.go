package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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

func TestCrashFaults(t *testing.T) {
	t.Parallel()
	post, put := http.MethodPost, http.MethodPut
	for _, tc := range []struct {
		name   string
		faults []ghsim.Fault
		say    string
	}{
		{"502 before a read", []ghsim.Fault{{Method: http.MethodGet, Path: "/teams/", Status: 502, Times: 2}}, "group-list"},
		{"502 before a change", []ghsim.Fault{{Method: put, Path: "/repositories", Status: 502, Times: 2}}, "repos-add api"},
		{"502 after a change", []ghsim.Fault{{Method: post, Path: "/actions/runner-groups$", DropAfter: true}, {Method: http.MethodGet, Path: "/actions/runner-groups", Status: 502}}, "group-create --team web"},
		{"reset before a change", []ghsim.Fault{{Method: post, Path: "/actions/runner-groups$", Drop: true}}, "group-create --team web"},
		{"reset after a change", []ghsim.Fault{{Method: put, Path: "/repositories", DropAfter: true}}, "repos-add api"},
		{"reset after the reply", []ghsim.Fault{{Method: post, Path: "/issues/1/comments$", DropAfter: true, Times: 2}}, "repos-add api"},
		{"reset before the reply", []ghsim.Fault{{Method: post, Path: "/issues/1/comments$", Drop: true}}, "repos-add api"},
		{"reset after a secret", []ghsim.Fault{{Method: post, Path: "/issues/1/comments$", DropAfter: true}}, "token-register"},
		{"reset after the reaction", []ghsim.Fault{{Method: post, Path: "/reactions$", Skip: 1, DropAfter: true}}, "repos-add api"},
		{"slow", []ghsim.Fault{{Path: "/reactions$", Delay: 4 * time.Second}, {Method: put, Delay: 2 * time.Second}}, "repos-add api"},
		{"secondary limit of a change", nil, "repos-add api"},
		{"secondary limit of the reply", nil, "repos-add api"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newCrashWorld(t, storetest.SQLite(t), acme())
			w.run()
			w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
			limited := ""
			if strings.HasPrefix(tc.name, "secondary limit") {
				limit := ghsim.SecondaryLimit(http.StatusForbidden, 3*time.Second)
				limit.Method, limit.Path = put, "/repositories"
				if strings.HasSuffix(tc.name, "reply") {
					limit.Method, limit.Path = post, "/issues/1/comments$"
				}
				tc.faults, limited = []ghsim.Fault{limit}, limit.Method
			}
			for _, f := range tc.faults {
				w.hub.Inject(f)
			}
			// leave out the calls of the sweep
			require.Eventually(t, func() bool {
				return slices.ContainsFunc(w.hub.Calls(), func(c ghsim.Call) bool { return c.Route == "/app/hook/deliveries" })
			}, eventually, tick)
			w.hub.ResetCalls()
			w.settled(time.Minute, w.write("ada", 1, "/runner-group "+tc.say))
			switch {
			case strings.HasPrefix(tc.say, "repos-add"):
				assert.Equal(t, []string{"api"}, w.repos("platform"))
			case strings.HasPrefix(tc.say, "group-create"):
				w.ok("ghp_ada", "GET /api/v1/group-list?team=web")
			}
			if limited == "" {
				return
			}
			calls := w.hub.Calls()
			at := slices.IndexFunc(calls, func(c ghsim.Call) bool { return c.Status == http.StatusForbidden })
			require.GreaterOrEqual(t, at, 0)
			limitedAt := calls[at].End
			again := false
			for _, c := range calls[at+1:] {
				if c.Auth != "installation" || c.Start.Before(limitedAt) {
					continue // on its way already
				}
				assert.GreaterOrEqual(t, c.Start.Sub(limitedAt), 3*time.Second, "%s came too early", c)
				again = again || c.Path == calls[at].Path
			}
			assert.True(t, again)
		})
	}
}

func TestCrashTerminated(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		t.Parallel()
		w := newCrashWorld(t, database, squads(8))
		p := w.run()
		for i := range 4 {
			w.ok("ghp_ada", "POST /api/v1/group-create"+query("team", fmt.Sprintf("t%d", i)))
		}
		w.hub.SetLatency(300 * time.Millisecond)
		var all []said
		for i := range 4 {
			all = append(all,
				w.write("ada", 1, fmt.Sprintf("/runner-group repos-add r%d --team t%d\n/runner-group group-list --team t%d", i, i, i)),
				w.write("ada", 2, fmt.Sprintf("/runner-group group-create --team t%d", i+4)),
				w.write("ada", 2, fmt.Sprintf("/runner-group token-register --team t%d", i)))
		}
		var caller sync.WaitGroup
		caller.Go(func() {
			assert.Equal(t, http.StatusOK, w.call("ghp_ada", "PATCH /api/v1/repos-add?team=t0&repos=web").Code, "who was being answered when it stopped")
		})
		require.Eventually(t, func() bool {
			return slices.ContainsFunc(w.hub.Calls(), func(c ghsim.Call) bool { return c.Method == http.MethodPut })
		}, eventually, tick)
		assert.Equal(t, 0, p.terminate(t))
		caller.Wait()
		w.hub.SetLatency(0)
		w.run()
		w.settled(time.Minute, all...)
		assert.ElementsMatch(t, []string{"r0", "web"}, w.repos("t0"))
	})
}

func TestCrashSecondServer(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t, storetest.SQLite(t), acme())
	p := w.run()
	second := w.spawn("SERVER_PORT=" + freePort(t))
	select {
	case <-second.ended:
	case <-time.After(eventually):
		t.Fatal("the second server runs on")
	}
	assert.Equal(t, 1, second.code)
	assert.True(t, second.log.contains("is in use by another server; stop that one, or use PostgreSQL for several replicas"))
	assert.False(t, p.gone())
	w.ok("", "GET /api/v1/status")
}

// TestCrashDatabaseGone makes the database unavailable for a while.
func TestCrashDatabaseGone(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		open func(t *testing.T) (database string, take func(away bool))
	}{
		{"sqlite", func(t *testing.T) (string, func(bool)) {
			file := filepath.Join(t.TempDir(), "arm.db")
			return "sqlite:" + file, func(away bool) {
				for _, suffix := range []string{"", "-wal", "-shm"} {
					from, to := file+suffix, file+".away"+suffix
					if !away {
						from, to = to, from
					}
					if err := os.Rename(from, to); suffix == "" {
						require.NoError(t, err)
					}
				}
			}
		}},
		{"postgres", func(t *testing.T) (string, func(bool)) {
			database := storetest.Postgres(t)
			config, err := pgx.ParseConfig(database)
			require.NoError(t, err)
			name := config.Database
			return database, func(away bool) {
				config.Database = "postgres"
				conn, err := pgx.ConnectConfig(t.Context(), config)
				require.NoError(t, err)
				defer conn.Close(t.Context())
				_, err = conn.Exec(t.Context(), fmt.Sprintf(`ALTER DATABASE %s ALLOW_CONNECTIONS %t`, name, !away))
				require.NoError(t, err)
				if away {
					_, err = conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, name)
					require.NoError(t, err)
				}
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			database, take := tc.open(t)
			w := newCrashWorld(t, database, acme())
			p := w.run()
			w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
			take(true)
			missed := w.write("ada", 1, "/runner-group repos-add api")
			require.NoError(t, w.hub.Wait(t.Context()))
			deliveries := w.hub.Deliveries()
			assert.Equal(t, http.StatusServiceUnavailable, deliveries[len(deliveries)-1].StatusCode)
			w.refused(http.StatusServiceUnavailable, "unavailable", "ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=web")
			assert.Empty(t, w.repos("platform"))
			require.Eventually(t, func() bool { // it looks once a second
				res, err := w.client.Get(w.url + "/readyz")
				require.NoError(t, err)
				defer res.Body.Close()
				why, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				return res.StatusCode == http.StatusServiceUnavailable && bytes.Contains(why, []byte("the database does not answer or cannot be written"))
			}, eventually, 100*time.Millisecond)
			p.kill()
			take(false)
			w.minutesLater()
			w.run()
			w.settled(time.Minute, missed)
			assert.Equal(t, []string{"api"}, w.repos("platform"))
		})
	}
}

func TestCrashStale(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t, storetest.SQLite(t), acme())
	w.run()
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	for _, tc := range []struct {
		text string
		age  time.Duration
		want string
	}{
		{"/runner-group token-register", 14 * time.Minute, "rocket"},
		{"/runner-group token-register", 16 * time.Minute, "confused"},
		{"/runner-group repos-add api", 23 * time.Hour, "rocket"},
		{"/runner-group repos-add web", 25 * time.Hour, "confused"},
	} {
		all, bodies := w.payloads(tc.text)
		var payload map[string]any
		require.NoError(t, json.Unmarshal(bodies[0], &payload))
		payload["comment"].(map[string]any)["created_at"] = time.Now().Add(-tc.age).UTC().Format(time.RFC3339)
		body, err := json.Marshal(payload)
		require.NoError(t, err)
		_, err = w.hub.Deliver(t.Context(), "issue_comment", body, ghsim.DeliverOptions{GUID: w.hub.Deliveries()[len(w.hub.Deliveries())-1].GUID})
		require.NoError(t, err)
		all[0].want = tc.want
		w.settled(time.Minute, all...)
		assert.Equal(t, tc.want == "confused", strings.Contains(w.repliesTo(all[0])[0], "stale"))
	}
	assert.Equal(t, []string{"api"}, w.repos("platform"))
	assert.Len(t, w.secretComments(), 1)
}
