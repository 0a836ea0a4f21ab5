package fleet_test

import (
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func (w *watch) orgID() (id int64) {
	w.org(func(o *ghsim.Org) { id = o.ID })
	return id
}

func (w *watch) teamID(slug string) (id int64) {
	w.org(func(o *ghsim.Org) { id = o.Team(slug).ID })
	return id
}

// pollAll polls every recorded group once.
func (w *watch) pollAll() []fleet.Polled {
	w.t.Helper()
	w.mu.Lock()
	w.polled = nil
	w.mu.Unlock()
	w.Tick(w.t.Context())
	w.Advance(interval)
	w.Tick(w.t.Context())
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.polled {
		require.NoError(w.t, p.Err)
	}
	return w.polled
}

// onRequest calls do once, after the simulated GitHub answered the next request whose path
// ends so.
func (w *watch) onRequest(path string, do func()) {
	var done atomic.Bool
	w.Hub.OnExchange = func(e ghsim.Exchange) {
		if strings.HasSuffix(e.Request.URL.Path, path) && done.CompareAndSwap(false, true) {
			do()
		}
	}
}
