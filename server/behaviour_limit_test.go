package server_test

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The rate limit counts all requests of a user: all tokens, both channels, refusals too.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "SERVER_RATE_LIMIT=2")
	for _, token := range []string{"ghp_ada", "github_pat_ada", "ghp_bob"} {
		w.call(token, "GET /api/v1/group-list?team=nowhere") // GitHub is asked about the tokens
	}
	w.advance(1100 * time.Millisecond) // the bucket is full again
	w.hub.ResetCalls()
	var passed, limited atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	for i := range 12 {
		all.Go(func() {
			a := w.call([]string{"ghp_ada", "github_pat_ada", "gho_ada"}[i%2], "GET /api/v1/group-list?team=platform")
			switch a.Reason {
			case "rate_limited":
				limited.Add(1)
				assert.Equal(t, 429, a.Code)
				seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
				assert.NoError(t, err)
				assert.GreaterOrEqual(t, seconds, 1)
			default:
				passed.Add(1)
			}
		})
	}
	all.Wait()
	most := 2 + int64(2*time.Since(start).Seconds()) + 1
	assert.GreaterOrEqual(t, passed.Load(), int64(2))
	assert.LessOrEqual(t, passed.Load(), most)
	assert.Positive(t, limited.Load())
	assert.Empty(t, w.groupCalls())
	w.refused(403, "not_maintainer", "ghp_bob", "GET /api/v1/group-list?team=platform") // another user is not touched

	// in a comment, commands wait for the rate limit
	begin := time.Now()
	replies, reaction := w.say("ada", 2, "/runner-group whoami\n/runner-group whoami\n/runner-group whoami\n/runner-group whoami\n/runner-group whoami\n")
	assert.Equal(t, "rocket", reaction, replies)
	assert.Greater(t, time.Since(begin), time.Second)
}

func TestRateLimitCountsWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "SERVER_RATE_LIMIT=0.05")
	w.refused(400, "unknown_argument", "ghp_ada", "GET /api/v1/whoami?colour=red")
	a := w.refused(429, "rate_limited", "ghp_ada", "GET /api/v1/whoami")
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	require.NoError(t, err)
	assert.LessOrEqual(t, seconds, 20)
	assert.GreaterOrEqual(t, seconds, 1)
	w.refused(429, "rate_limited", "github_pat_ada", "PATCH /api/v1/repos-add") // the limit comes before the arguments
	w.ok("ghp_bob", "GET /api/v1/whoami")
	_, reaction := w.say("olga", 2, "/runner-group whoami")
	assert.Equal(t, "rocket", reaction)
	w.refused(429, "rate_limited", "ghp_olga", "GET /api/v1/whoami") // comments count for the other channel
	for range 5 {
		w.ok("", "GET /api/v1/help") // nobody's budget
	}
}

func TestUnknownTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "SERVER_UNKNOWN_TOKEN_RATE=3")
	w.ok("ghp_ada", "GET /api/v1/whoami")
	for i := range 2 {
		for range 3 { // a refused token is refused again, and counts once
			w.refused(401, "bad_token", fmt.Sprintf("ghp_wrong%d", i), "GET /api/v1/whoami")
		}
	}
	w.hub.ResetCalls()
	a := w.refused(429, "rate_limited", "ghp_wrong9", "GET /api/v1/whoami")
	assert.NotEmpty(t, a.header.Get("Retry-After"))
	assert.Equal(t, "rate_limited", w.call("ghp_bob", "GET /api/v1/whoami").Reason)
	assert.Empty(t, w.hub.Calls())
	w.ok("ghp_ada", "GET /api/v1/whoami") // one that was accepted is not new
	w.refused(401, "bad_token", "ghp_wrong0", "GET /api/v1/whoami")
	w.refused(401, "missing_token", "", "GET /api/v1/whoami")
}
