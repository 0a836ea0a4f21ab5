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

// While GitHub asks to wait, or little is left, people are served and chores wait.
func TestBackgroundWaits(t *testing.T) {
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
		wait   time.Duration // that background work is held back
		others bool          // another installation's and the App's, too
	}{
		{"plenty is left", 200, `{}`, rate("500"), 0, false},
		{"little is left", 200, `{}`, rate("499"), time.Hour, false},
		{"told to wait", 403, `{"message":"You have exceeded a secondary rate limit"}`, []string{"Retry-After", "30"}, 30 * time.Second, true},
		{"told without a time", 429, `{"message":"You have exceeded a secondary rate limit"}`, nil, time.Minute, true},
		{"forbidden for another reason", 403, `{"message":"Resource not accessible by integration"}`, rate("4000"), 0, false},
		{"used up", 403, `{"message":"API rate limit exceeded"}`, rate("0"), time.Hour, false},
		{"told to wait a year", 429, `{}`, []string{"Retry-After", "31536000"}, time.Hour, true},
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
			began := len(f.asked())

			background := github.Background(t.Context())
			_, err := org.Group(background, 2)
			if tt.wait == 0 {
				assert.Len(t, f.asked(), began+1)
			} else {
				var limited *github.Error
				require.ErrorAs(t, err, &limited)
				assert.Equal(t, github.RateLimited, limited.Kind)
				assert.Equal(t, tt.wait, limited.RetryAfter)
				assert.Len(t, f.asked(), began, "GitHub is not asked")
			}
			_, err = app.App(background)
			assert.Equal(t, tt.others, github.KindOf(err) == github.RateLimited, "the App's own requests")
			f.on("GET /app", 500, `{}`)
			assert.Equal(t, tt.others, app.Ping(t.Context()) == nil, "who asks to wait answers")
			f.on("GET /app", 200, `{"id":4242}`)
			before := len(f.asked())
			_, _ = org.Group(t.Context(), 2)
			assert.Len(t, f.asked(), before+1, "people do not wait")

			f.on("GET /orgs/acme/actions/runner-groups/2", http.StatusOK, `{"id":2}`)
			now.Add(time.Hour)
			_, err = org.Group(background, 2)
			require.NoError(t, err, "its time has come")
			now.Add(-time.Hour)
		})
	}
}
