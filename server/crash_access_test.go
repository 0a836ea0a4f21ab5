package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// A server that is killed after GitHub has detached, and before that is on record, leaves
// nothing behind; what ended while no server ran ends at the start.
func TestCrashAccessEnds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		w := newCrashWorld(t, database, acme(), "FLEET_POLL_INTERVAL=1s")
		p := w.run()
		w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
		w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api,web&for=2h")
		use := func(do func(*store.Store)) {
			st, err := store.Open(t.Context(), store.Options{URL: database, Logger: zerolog.Nop()})
			require.NoError(t, err)
			defer st.Close()
			do(st)
		}
		var orgID, groupID int64
		w.hub.Update(org(func(o *ghsim.Org) { orgID, groupID = o.ID, o.Group("platform").ID }))
		over := func(st *store.Store) { // moves all ends into the past
			known, err := st.AccessOf(t.Context(), orgID, groupID)
			require.NoError(t, err)
			for _, a := range known {
				a.Until = time.Now().Add(-time.Second)
				require.NoError(t, st.PutAccess(t.Context(), a))
			}
		}
		done := func(st *store.Store) {
			t.Helper()
			require.Eventually(t, func() bool {
				known, err := st.AccessOf(t.Context(), orgID, groupID)
				require.NoError(t, err)
				return len(known) == 0
			}, eventually, 100*time.Millisecond)
			assert.Empty(t, w.repos("platform"))
		}

		killed := w.killWhen(p, func(e ghsim.Exchange) bool { return e.Request.Method == http.MethodDelete })
		use(over)
		w.gone(killed)
		p = w.run()
		use(done)

		w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api&for=2h")
		p.kill()
		use(over)
		w.minutesLater()
		w.run()
		use(done)
		w.awaitPolls(3)
		assert.Empty(t, w.findings())
	})
}
