package server_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// freeDead frees the lease and the job of a dead replica, as if 3 minutes had passed. The
// other replica goes on.
func (w *crashWorld) freeDead(statements ...string) {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), storetest.Direct(w.database))
	require.NoError(w.t, err)
	defer conn.Close(context.Background())
	for _, statement := range statements {
		_, err := conn.Exec(w.t.Context(), statement)
		require.NoError(w.t, err, statement)
	}
}

const (
	freeLeases = `DELETE FROM lease`
	freeJobs   = `UPDATE river_job SET state = 'available' WHERE state = 'running'`
)

// A repos-set that GitHub put off on one replica yields to a newer one on the other.
func TestThreatReplicasSetOverNewer(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t, storetest.Postgres(t), acme())
	w.run()
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	limit := ghsim.SecondaryLimit(http.StatusForbidden, 4*time.Second)
	limit.Method, limit.Path = http.MethodPut, `/runner-groups/\d+/repositories$`
	w.hub.Inject(limit)
	old := w.write("ada", 1, "/runner-group repos-set api --yes")
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(w.hub.Calls(), func(c ghsim.Call) bool { return c.Status == http.StatusForbidden })
	}, eventually, tick)
	w.run("SERVER_PORT=" + freePort(t)) // it did not see GitHub's answer
	w.ok("ghp_ada", "PATCH /api/v1/repos-set?team=platform&repos=web")
	w.settled(time.Minute, old)
	assert.Equal(t, []string{old.text}, w.superseded)
	assert.Equal(t, []string{"web"}, w.repos("platform"))
}

// A replica dies between GitHub's effect of a group-delete and its record. The other one
// finishes the command, and deletes no group that was created since.
func TestThreatReplicasDeleteAfterACrash(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		recreate bool
	}{{"created again", true}, {"not created again", false}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newCrashWorld(t, storetest.Postgres(t), acme())
			p := w.run()
			w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
			ended := w.killWhen(p, func(e ghsim.Exchange) bool {
				return e.Request.Method == http.MethodDelete && strings.Contains(e.Request.URL.Path, "/runner-groups/")
			})
			deleted := w.write("ada", 1, "/runner-group group-delete --yes")
			select {
			case <-ended:
			case <-time.After(eventually):
				t.Fatal("the group was not deleted")
			}
			w.onExchange.Store(nil)
			w.freeDead(freeLeases)
			w.run("SERVER_PORT=" + freePort(t))
			if tt.recreate {
				w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
			}
			w.freeDead(freeJobs)
			w.settled(time.Minute, deleted)
			if tt.recreate {
				assert.Equal(t, []string{deleted.text}, w.superseded)
				w.ok("ghp_ada", "GET /api/v1/group-list?team=platform")
				return
			}
			assert.Empty(t, w.superseded)
			w.refused(http.StatusNotFound, "group_not_found", "ghp_ada", "GET /api/v1/group-list?team=platform")
		})
	}
}

// What a read of one replica learned does not bring back an ownership that the other ended.
func TestThreatReplicasReadAfterRelease(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t, storetest.Postgres(t), acme())
	w.run()
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	first := w.url
	w.run("SERVER_PORT=" + freePort(t))
	w.hub.Update(func(st *ghsim.State) { st.Org("acme").Group("platform").Name = "renamed" })
	w.hub.Inject(ghsim.Fault{Method: http.MethodGet, Path: `/runner-groups/\d+/runners$`, Delay: 3 * time.Second})
	read := make(chan struct{})
	second := w.url
	w.hub.ResetCalls()
	go func() {
		defer close(read)
		req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, first+"/api/v1/group-list?team=platform", http.NoBody)
		assert.NoError(t, err)
		req.Header.Set("Authorization", "ghp_ada")
		res, err := w.client.Do(req)
		if assert.NoError(t, err) {
			res.Body.Close()
		}
	}()
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(w.hub.Calls(), func(c ghsim.Call) bool { return strings.HasSuffix(c.Path, "/repositories") })
	}, eventually, tick)
	require.Equal(t, second, w.url)
	w.ok("ghp_olga", "PATCH /api/v1/group-release?team=platform")
	<-read
	w.refused(http.StatusNotFound, "group_not_found", "ghp_ada", "POST /api/v1/token-jit?team=platform&name=x")
}
