package github_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func TestErrorKinds(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	const group = "/orgs/acme/actions/runner-groups/5"
	tests := []struct {
		name      string
		status    int
		body      string
		headers   []string
		want      github.Kind
		wait      time.Duration
		ambiguous bool // a write with this answer is Ambiguous
	}{
		{name: "not found", status: 404, body: `{"message":"Not Found"}`, want: github.NotFound},
		{name: "gone", status: 410, body: `{"message":"Issues are disabled for this repo"}`, want: github.NotFound},
		{name: "conflict", status: 409, body: `{"message":"exists"}`, want: github.Conflict},
		{name: "422 for a conflict", status: 422, body: `{"message":"Validation Failed","errors":[{"code":"already_exists","field":"name"}]}`, want: github.Conflict},
		{name: "422 for a conflict by message", status: 422, body: `{"message":"Name has already been taken"}`, want: github.Conflict},
		{name: "422", status: 422, body: `{"message":"Validation Failed","errors":["only a text"]}`, want: github.Invalid},
		{name: "bad request", status: 400, body: `{}`, want: github.Invalid},
		{name: "forbidden", status: 403, body: `{"message":"Resource not accessible by integration"}`, want: github.Forbidden},
		{name: "forbidden with requests left", status: 403, body: `{"message":"no"}`, headers: []string{"X-RateLimit-Remaining", "12"}, want: github.Forbidden},
		{
			name: "primary limit", status: 403, body: `{"message":"API rate limit exceeded for installation ID 77."}`,
			headers: []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1777896090"},
			want:    github.RateLimited, wait: 90 * time.Second,
		},
		{
			name: "Retry-After wins over the reset", status: 403, body: `{"message":"You have exceeded a secondary rate limit."}`,
			headers: []string{"Retry-After", "3", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1777899600"},
			want:    github.RateLimited, wait: 3 * time.Second,
		},
		{name: "secondary limit without Retry-After", status: 403, body: `{"message":"You have exceeded a secondary rate limit"}`, want: github.RateLimited, wait: time.Minute},
		{
			name: "secondary limit that go-github recognizes", status: 403, want: github.RateLimited, wait: time.Minute,
			body: `{"message":"You have triggered an abuse detection mechanism.","documentation_url":"https://docs.github.com/en/free-pro-team@latest/rest/reference/#abuse-rate-limits"}`,
		},
		{name: "too many requests", status: 429, body: `{"message":"slow down"}`, want: github.RateLimited, wait: time.Minute},
		{name: "Retry-After as a date", status: 429, headers: []string{"Retry-After", "Mon, 04 May 2026 12:00:20 GMT"}, want: github.RateLimited, wait: 20 * time.Second},
		{name: "Retry-After of the past", status: 429, headers: []string{"Retry-After", "Mon, 04 May 2026 11:00:00 GMT"}, want: github.RateLimited, wait: time.Second},
		{name: "server error", status: 500, body: `oops`, want: github.Unavailable, ambiguous: true},
		{name: "unavailable, come back later", status: 503, headers: []string{"Retry-After", "30"}, want: github.Unavailable, wait: 30 * time.Second, ambiguous: true},
		{name: "one-time password", status: 401, headers: []string{"X-GitHub-OTP", "required; app"}, want: github.Unauthorized},
		{name: "teapot", status: 418, body: `{}`, want: github.Other},
		{name: "nonsense", status: 200, body: `<html>`, want: github.Other, ambiguous: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			f.on("GET "+group, tt.status, tt.body, tt.headers...)
			f.on("PATCH "+group, tt.status, tt.body, tt.headers...)
			app := newApp(t, f.URL, func(o *github.Options) { o.Clock = func() time.Time { return now } })
			f.now = func() time.Time { return now }
			org := app.Org("acme", 0, "")

			_, err := org.Group(t.Context(), 5)
			var e *github.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tt.want, e.Kind, e)
			assert.Equal(t, tt.wait, e.RetryAfter)
			assert.False(t, e.Ambiguous, "a read has no effect")
			assert.ErrorContains(t, err, "get group 5 of acme")
			_, err = org.UpdateGroup(t.Context(), 5, github.GroupChange{Name: "x"})
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tt.want, e.Kind)
			assert.Equal(t, tt.ambiguous, e.Ambiguous)
		})
	}
}

func TestKindOf(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want github.Kind
	}{
		{name: "none", want: ""},
		{name: "wrapped", err: errors.Join(errors.New("x"), &github.Error{Kind: github.Conflict}), want: github.Conflict},
		{name: "canceled", err: context.Canceled, want: github.Canceled},
		{name: "deadline", err: context.DeadlineExceeded, want: github.Timeout},
		{name: "other", err: errors.New("x"), want: github.Other},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, github.KindOf(tt.err)) })
	}
}

func TestContextErrorsPassThrough(t *testing.T) {
	f := newFake(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	entered := make(chan struct{}, 10)
	hang := func(http.ResponseWriter, *http.Request) { entered <- struct{}{}; <-release }
	f.handle("GET /orgs/acme/actions/runner-groups/5", hang)
	f.handle("DELETE /orgs/acme/actions/runner-groups/5", hang)
	org := newApp(t, f.URL).Org("acme", 0, "")
	require.NoError(t, org.Warm(t.Context()))

	for _, ask := range map[string]func(context.Context) error{
		"read":  func(ctx context.Context) error { _, err := org.Group(ctx, 5); return err },
		"write": func(ctx context.Context) error { return org.DeleteGroup(ctx, 5) },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-entered; cancel() }()
		err := ask(ctx)
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, github.Canceled, github.KindOf(err))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := org.DeleteGroup(ctx, 5)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	var e *github.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, github.Timeout, e.Kind)
	assert.True(t, e.Ambiguous)
}

func TestOwnTimeout(t *testing.T) {
	f := newFake(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	f.handle("PUT /orgs/acme/actions/runner-groups/5/repositories/6", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK) // the body never ends
		w.(http.Flusher).Flush()
		<-release
	})
	org := newApp(t, f.URL, func(o *github.Options) { o.CallTimeout = 100 * time.Millisecond }).Org("acme", 0, "")
	err := org.AddGroupRepository(t.Context(), 5, 6)
	var e *github.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, github.Timeout, e.Kind)
	assert.True(t, e.Ambiguous)
	assert.ErrorContains(t, err, "within 100ms")
	assert.Len(t, f.calls(), 1, "a timeout is not retried")
}

func TestUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	err := newApp(t, server.URL).Org("acme", 0, "").DeleteGroup(t.Context(), 5)
	var e *github.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, github.Unavailable, e.Kind)
	assert.False(t, e.Ambiguous, "nothing was sent")
}
