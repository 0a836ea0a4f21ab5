package alerts_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// A server that dies at any of its calls, before or after their effect, leaves one issue and
// one comment behind, whatever the next one has to do.
func TestCrashes(t *testing.T) {
	for _, after := range []bool{false, true} {
		for call := range 14 {
			t.Run(fmt.Sprintf("call %d, after=%v", call, after), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				r := w.replica(storetest.SQLite(t))
				r.poll(1)
				w.setOnline("build-1", false)
				r.quietly(5)

				w.dieAt(r, call, after)
				r = w.onStore(r.store)
				w.advance(2 * interval) // the lease of the dead one ends
				r.poll(2)
				require.Len(t, w.mentions(), 1)
				assert.Equal(t, "open", w.issue().State)

				// the same when it is closed, and opened again
				w.setOnline("build-1", true)
				r.quietly(12)
				w.advance(interval)
				w.dieAt(r, call, after)
				r = w.onStore(r.store)
				w.advance(2 * interval)
				r.poll(13)
				require.Equal(t, "closed", w.issue().State)

				w.setOnline("build-1", false)
				r.quietly(6)
				w.dieAt(r, call, after)
				r = w.onStore(r.store)
				w.advance(2 * interval)
				r.poll(2)
				require.Equal(t, "open", w.issue().State)
				assert.Len(t, w.mentions(), 2)
			})
		}
	}
}

// quietly polls without looking at issues.
func (r *replica) quietly(times int) {
	for range times {
		r.advance(interval)
		r.poller.Tick(r.t.Context())
	}
}

// dieAt lets a server poll and keep its issues until it dies at that call to GitHub: before
// the call has its effect, or after.
func (w *world) dieAt(r *replica, call int, after bool) {
	w.t.Helper()
	w.advance(interval)
	r.poller.Tick(w.t.Context())
	ctx, die := context.WithCancel(w.t.Context())
	defer die()
	w.hub.OnExchange = nil
	w.hub.Inject(ghsim.Fault{Method: "", Skip: call, Times: -1, Drop: !after, DropAfter: after})
	w.calls.Store(0)
	w.most.Store(int64(call) + 1)
	r.alerts.Tick(ctx)
	w.most.Store(math.MaxInt64)
	w.hub.ClearFaults()
}
