package github

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"
)

// backgroundReserve is the share of a rate limit, in percent, that background work leaves
// to people's commands.
const backgroundReserve = 10

type backgroundKey struct{}

// Background marks work that nobody waits for. If GitHub asked the App to wait, or if
// little of an installation's rate limit is left, such work fails at once with
// RateLimited and nothing is sent. [Error.RetryAfter] says when to try again.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

// foreground removes the mark from work that other callers may join.
func foreground(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, nil)
}

// maxBlock bounds how long background work is blocked: GitHub's limits last an hour.
const maxBlock = time.Hour

// A limiter blocks background work for a while. The zero value does not block.
// Both times are Unix times in nanoseconds.
type limiter struct{ until, blockedAt atomic.Int64 }

// block blocks background work until now plus wait. It never shortens an earlier block.
func (l *limiter) block(now time.Time, wait time.Duration) {
	l.blockedAt.Store(now.UnixNano())
	until := now.Add(min(wait, maxBlock)).UnixNano()
	for {
		before := l.until.Load()
		if until <= before || l.until.CompareAndSwap(before, until) {
			return
		}
	}
}

// remaining returns how long the block lasts from now. If it is 0 or less, there is none.
func (l *limiter) remaining(now time.Time) time.Duration {
	return time.Unix(0, l.until.Load()).Sub(now)
}

// blockedRecently reports whether GitHub asked to wait within the last minute. If it
// did, GitHub is reachable.
func (l *limiter) blockedRecently(now time.Time) bool {
	return l.remaining(now) > 0 && now.Sub(time.Unix(0, l.blockedAt.Load())) < time.Minute
}

// refuseBackground returns an error if ctx is background work and that is blocked.
func (t *transport) refuseBackground(ctx context.Context) error {
	if t.limiter == nil || ctx.Value(backgroundKey{}) == nil {
		return nil
	}
	now := t.app.now()
	if wait := max(t.limiter.remaining(now), t.app.limiter.remaining(now)); wait > 0 {
		return &Error{Kind: RateLimited, Message: "background work is paused because little of GitHub's rate limit is left", RetryAfter: wait}
	}
	return nil
}

// observeLimits blocks background work if GitHub asked to wait or if little of the rate
// limit is left. A primary limit belongs to one installation. If GitHub asks to wait for
// another reason, the whole App is blocked.
func (t *transport) observeLimits(got *response) {
	if t.limiter == nil {
		return
	}
	now := t.app.now()
	if isLimitStatus(got.status) {
		if wait := retryAfter(got.status, got.header, string(got.body), now); wait > 0 {
			scope := &t.app.limiter
			if got.header.Get(keptPrefix+rateRemaining) == "0" {
				scope = t.limiter
			}
			scope.block(now, wait)
		}
	}
	limit, errLimit := strconv.Atoi(got.header.Get(keptPrefix + rateLimit))
	left, errLeft := strconv.Atoi(got.header.Get(keptPrefix + rateRemaining))
	reset, errReset := strconv.ParseInt(got.header.Get(keptPrefix+rateReset), 10, 64)
	if errLimit == nil && errLeft == nil && errReset == nil && left*100 < limit*backgroundReserve {
		t.limiter.block(now, time.Unix(reset, 0).Sub(now))
	}
}
