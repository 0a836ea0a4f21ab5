package github_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// If GitHub asks to wait or little of the rate limit is left, background work is refused
// and people's requests are sent.
func TestBackgroundIsRefused(t *testing.T) {
	now := &clock{now: time.Unix(1_700_000_000, 0)}
	inAnHour := strconv.FormatInt(now.Now().Add(time.Hour).Unix(), 10)
	rate := func(left string) []string {
		return []string{"X-RateLimit-Limit", "5000", "X-RateLimit-Remaining", left, "X-RateLimit-Reset", inAnHour}
	}
	tests := []struct {
		name   string
		status int
		body   string
		header []string
		wait   time.Duration // for which background work is blocked
		others bool          // the App's own requests are blocked too
	}{
		{"plenty is left", 200, `{}`, rate("500"), 0, false},
		{"little is left", 200, `{}`, rate("499"), time.Hour, false},
		{"asked to wait", 403, `{"message":"You have exceeded a secondary rate limit"}`, []string{"Retry-After", "30"}, 30 * time.Second, true},
		{"asked to wait, no time", 429, `{"message":"You have exceeded a secondary rate limit"}`, nil, time.Minute, true},
		{"forbidden for another reason", 403, `{"message":"Resource not accessible by integration"}`, rate("4000"), 0, false},
		{"used up", 403, `{"message":"API rate limit exceeded"}`, rate("0"), time.Hour, false},
		{"asked to wait a year", 429, `{}`, []string{"Retry-After", "31536000"}, time.Hour, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			f.now = now.Now
			f.on("GET /orgs/acme/actions/runner-groups/2", tt.status, tt.body, tt.header...)
			f.on("GET /app", 200, `{"id":4242}`)
			app := newApp(t, f.URL, func(o *github.Options) { o.Clock = now.Now })
			org := app.Org("acme", 0, "")
			_, _ = org.Group(t.Context(), 2)
			began := len(f.calls())

			background := github.Background(t.Context())
			_, err := org.Group(background, 2)
			if tt.wait == 0 {
				assert.Len(t, f.calls(), began+1)
			} else {
				var limited *github.Error
				require.ErrorAs(t, err, &limited)
				assert.Equal(t, github.RateLimited, limited.Kind)
				assert.Equal(t, tt.wait, limited.RetryAfter)
				assert.Len(t, f.calls(), began, "nothing is sent")
			}
			_, err = app.App(background)
			assert.Equal(t, tt.others, github.KindOf(err) == github.RateLimited, "the App's own requests")
			f.on("GET /app", 500, `{}`)
			assert.Equal(t, tt.others, app.Ping(t.Context()) == nil, "if GitHub asks to wait, it is reachable")
			f.on("GET /app", 200, `{"id":4242}`)
			before := len(f.calls())
			_, _ = org.Group(t.Context(), 2)
			assert.Len(t, f.calls(), before+1, "people's requests are sent")

			f.on("GET /orgs/acme/actions/runner-groups/2", http.StatusOK, `{"id":2}`)
			now.Add(time.Hour)
			_, err = org.Group(background, 2)
			require.NoError(t, err, "the block is over")
			now.Add(-time.Hour)
		})
	}
}
