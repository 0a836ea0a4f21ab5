package github

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

// attempts sends req, and sends it again where that can do no harm.
func (g *gate) attempts(req *http.Request) (*exchanged, error) {
	ambiguous := false
	for try := 1; ; try++ {
		got, err := g.signed(req)
		if err == nil && !transient(got.status) {
			if try > 1 && req.Method == http.MethodDelete && got.status == http.StatusNotFound {
				return &exchanged{status: http.StatusNoContent, header: got.header}, nil // an earlier try did it
			}
			return got, nil
		}
		var failure *Error
		own := errors.As(err, &failure) && failure.Op == "" // another's is shared, and says nothing of this request
		if own {
			ambiguous = ambiguous || failure.Ambiguous
			failure.Ambiguous = ambiguous
		}
		again := err == nil && got.mayRepeatSoon(g.app.now()) || own && failure.Kind == Unavailable
		if try == maxTries || !again || !repeatable(req) || !pause(req.Context(), try) {
			return got, err
		}
	}
}

// repeatable says whether req may be sent twice.
func repeatable(req *http.Request) bool {
	switch req.Method {
	case http.MethodGet, http.MethodPut, http.MethodDelete:
		return true
	}
	return req.Context().Value(harmlessKey{}) != nil
}

// harmlessKey marks the context of a POST that may be repeated.
type harmlessKey struct{}

func transient(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// mayRepeatSoon is false where GitHub asks to wait: waiting is for the caller.
func (e *exchanged) mayRepeatSoon(now time.Time) bool {
	wait, told := parseRetryAfter(e.header.Get("Retry-After"), now)
	return !told || wait <= time.Second
}

// pause waits a little, longer after each try; false where ctx ends first.
func pause(ctx context.Context, try int) bool {
	const unit = 100 * time.Millisecond
	wait := time.Duration(try) * (unit + rand.N(unit)) //nolint:gosec // it spreads retries, it guards nothing
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

