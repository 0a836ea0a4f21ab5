package github

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

// maxAttempts is how often one request is sent if GitHub cannot be reached or answers
// 502, 503 or 504.
const maxAttempts = 3

// sendWithRetries sends req, and sends it again if that is safe and may help.
func (t *transport) sendWithRetries(req *http.Request) (*response, error) {
	ambiguous := false
	for attempt := 1; ; attempt++ {
		got, err := t.sendAuthenticated(req)
		if err == nil && !isTransient(got.status) {
			if attempt > 1 && req.Method == http.MethodDelete && got.status == http.StatusNotFound {
				return &response{status: http.StatusNoContent, header: got.header}, nil // an earlier attempt deleted it
			}
			return got, nil
		}
		// An error with an Op comes from another request, such as the one for a token. It
		// may be shared with other callers and does not describe req.
		var failure *Error
		own := errors.As(err, &failure) && failure.Op == ""
		if own {
			ambiguous = ambiguous || failure.Ambiguous
			failure.Ambiguous = ambiguous
		}
		again := err == nil && got.retryableSoon(t.app.now()) || own && failure.Kind == Unavailable
		if attempt == maxAttempts || !again || !isRepeatable(req) || !backOff(req.Context(), attempt) {
			return got, err
		}
	}
}

// isRepeatable reports whether sending req twice has the same effect as once, and its sender
// does not repeat it.
func isRepeatable(req *http.Request) bool {
	if !sendOnceBefore(req.Context()).IsZero() {
		return false
	}
	switch req.Method {
	case http.MethodGet, http.MethodPut, http.MethodDelete:
		return true
	}
	return req.Context().Value(repeatableKey{}) != nil
}

// repeatableKey marks the context of a POST that may be sent twice.
type repeatableKey struct{}

// onceKey marks the context of a change of something that was just read: whoever repeats it
// must read that again. Its value is when the change is no longer sent.
type onceKey struct{}

func onceBefore(ctx context.Context, end time.Time) context.Context {
	return context.WithValue(ctx, onceKey{}, end)
}

func sendOnceBefore(ctx context.Context) time.Time {
	end, _ := ctx.Value(onceKey{}).(time.Time)
	return end
}

func isTransient(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// retryableSoon is false if GitHub asks to wait for more than a second. Long waits are
// left to the caller.
func (r *response) retryableSoon(now time.Time) bool {
	wait, ok := parseRetryAfter(r.header.Get("Retry-After"), now)
	return !ok || wait <= time.Second
}

// backOff waits 100 to 200 ms, times the number of attempts made. It returns false if
// ctx ends first.
func backOff(ctx context.Context, attempts int) bool {
	const unit = 100 * time.Millisecond
	wait := time.Duration(attempts) * (unit + rand.N(unit)) //nolint:gosec // spreads retries, needs no secure randomness
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
