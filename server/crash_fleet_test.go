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

// awaitPolls waits until the one recorded group was polled so often from now on.
func (w *crashWorld) awaitPolls(n int) {
	w.t.Helper()
	st, err := store.Open(w.t.Context(), store.Options{URL: w.env["DATABASE_URL"], Logger: zerolog.Nop()})
	require.NoError(w.t, err)
	defer st.Close()
	var org int64
	w.hub.Update(func(s *ghsim.State) { org = s.Org("acme").ID })
	seen := map[time.Time]bool{}
	require.Eventually(w.t, func() bool {
		polls, err := st.PollTimes(w.t.Context(), org)
		require.NoError(w.t, err)
		for _, at := range polls {
			seen[at] = true
		}
		return len(seen) > n
	}, eventually, 100*time.Millisecond)
}

// A command that was cut off between GitHub's change and its record changed the group itself,
// so that is no finding. What others change is.
func TestCrashIsNoFinding(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t, storetest.SQLite(t), acme(), "FLEET_POLL_INTERVAL=1s")
	p := w.run()
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=web")
	killed := w.killWhen(p, func(e ghsim.Exchange) bool { return e.Request.Method == http.MethodPut })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, w.url+"/api/v1/repos-add?team=platform&repos=api", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "ghp_ada")
	resp, err := w.client.Do(req)
	if err == nil {
		resp.Body.Close()
	}
	require.Error(t, err, "nobody gets the answer")
	w.gone(killed)
	w.run()
	w.awaitPolls(3)
	assert.Equal(t, []string{"api", "web"}, w.repos("platform"))
	assert.Empty(t, w.findings())
	w.hub.Update(org(func(o *ghsim.Org) {
		o.Group("platform").Repos = append(o.Group("platform").Repos, o.Repo("docs").ID)
	}))
	w.awaitFindings("repo_attached_outside")
}
