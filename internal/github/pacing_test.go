package github_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github/pacing"
)

// If a request's turn cannot come before the deadline, it fails at once and nothing is
// sent.
func TestPacing(t *testing.T) {
	f := newFake(t)
	f.on("PUT /orgs/acme/actions/runner-groups/5/repositories/6", http.StatusNoContent, "")
	f.on("GET /orgs/acme/actions/runner-groups/5", http.StatusOK, `{"id":5}`)
	app := newApp(t, f.URL, func(o *github.Options) { o.PointsPerMinute = 12 })
	org := app.Org("acme", 0, "")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	require.NoError(t, org.AddGroupRepository(ctx, 5, 6))
	tests := []struct {
		name string
		do   func(context.Context) error
		want github.Kind
	}{
		{name: "a write beyond the burst", want: github.RateLimited, do: func(ctx context.Context) error { return org.AddGroupRepository(ctx, 5, 6) }},
		{name: "reads within the burst", do: func(ctx context.Context) error { _, err := org.Group(ctx, 5); return err }},
		{name: "an owner's write within the reserve", do: func(ctx context.Context) error {
			return org.AddGroupRepository(github.WithCaller(ctx, pacing.Caller{Kind: pacing.Owner}), 5, 6)
		}},
		{name: "a read beyond the limit", want: github.RateLimited, do: func(ctx context.Context) error {
			_, _ = org.Group(ctx, 5)
			_, err := org.Group(ctx, 5)
			return err
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.do(ctx)
			assert.Equal(t, tt.want, github.KindOf(err), err)
			if err != nil {
				wait := err.(*github.Error).RetryAfter //nolint:errorlint // not wrapped
				assert.Greater(t, wait, 5*time.Second)
				assert.LessOrEqual(t, wait, time.Minute)
				assert.False(t, err.(*github.Error).Ambiguous) //nolint:errorlint // not wrapped
			}
		})
	}
	require.NoError(t, ctx.Err(), "nobody waited")
}
