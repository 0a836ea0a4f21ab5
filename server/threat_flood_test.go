package server_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// One team's flood uses up no more than GitHub's secondary limits allow, so that GitHub
// refuses nothing, and another team's single command is served in time.
func TestThreatFloodOfOneTeam(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "GITHUB_POINTS_PER_MINUTE=900")
	w.hub.EnforceSecondaryLimits()
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_bob", "POST /api/v1/group-create?team=others")

	const (
		flood = 12 * time.Second
		quick = 3 * time.Second
	)
	var done, refused atomic.Int64
	var wrong sync.Map
	end := time.Now().Add(flood)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for time.Now().Before(end) {
				switch a := w.call("ghp_ada", "POST /api/v1/token-register?team=platform"); {
				case a.Code == http.StatusOK:
					done.Add(1)
				case a.Reason == "github_rate_limited":
					refused.Add(1)
					assert.NotEmpty(t, a.header.Get("Retry-After"))
				default:
					wrong.Store(a.Reason, a.Error)
				}
			}
		})
	}
	for time.Now().Before(end.Add(-quick)) {
		start := time.Now()
		w.ok("ghp_bob", "GET /api/v1/group-list?team=others")
		assert.Less(t, time.Since(start), quick, "another team is not kept waiting")
		select {
		case <-time.After(time.Second): // a single command now and then
		case <-t.Context().Done():
		}
	}
	callers.Wait()
	wrong.Range(func(reason, text any) bool { return assert.Fail(t, "refused otherwise", "%s: %s", reason, text) })
	assert.Zero(t, w.hub.Throttled(), "GitHub refuses nothing")
	assert.GreaterOrEqual(t, done.Load(), int64(60), "the flood gets its share")
	t.Logf("in %s: %d done, %d refused", flood, done.Load(), refused.Load())
}
