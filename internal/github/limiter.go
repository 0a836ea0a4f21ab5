package github

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// reserve is the part of a rate limit, in per cent, that background work leaves to
// people's commands.
const reserve = 10

type backgroundKey struct{}

// Background marks work that nobody waits for. While GitHub asks the App to wait, or
// little is left of an installation's rate limit, such work is not asked of GitHub but
// fails with RateLimited at once, and [Error.RetryAfter] says when to come again.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

// longest bounds how long background work is held back: GitHub's limits last an hour.
const longest = time.Hour

// A pace tells until when background work is held back, and since when that is known.
type pace struct{ until, told atomic.Int64 } // Unix time in nanoseconds

// hold holds it back that long, from now.
func (p *pace) hold(now time.Time, wait time.Duration) {
	p.told.Store(now.UnixNano())
	until := now.Add(min(wait, longest)).UnixNano()
	for {
		before := p.until.Load()
		if until <= before || p.until.CompareAndSwap(before, until) {
			return
		}
	}
}

// left is how long it still is; 0 or less: not at all.
func (p *pace) left(now time.Time) time.Duration {
	return time.Unix(0, p.until.Load()).Sub(now)
}

// heard tells whether GitHub asked to wait within the last minute: then it answers.
func (p *pace) heard(now time.Time) bool {
	return p.left(now) > 0 && now.Sub(time.Unix(0, p.told.Load())) < time.Minute
}

// foreground takes the mark from work that others may join.
func foreground(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, nil)
}

// held refuses background work while it is held back.
func (g *gate) held(ctx context.Context) error {
	if g.pace == nil || ctx.Value(backgroundKey{}) == nil {
		return nil
	}
	now := g.app.now()
	if wait := max(g.pace.left(now), g.app.pace.left(now)); wait > 0 {
		return &Error{Kind: RateLimited, Message: "it can wait, and little is left of GitHub's rate limit", RetryAfter: wait}
	}
	return nil
}

// watch keeps the rate limit in view. The requests that are left are those of one
// installation; where GitHub asks to wait for another reason, it asks the whole App.
func (g *gate) watch(got *exchanged) {
	if g.pace == nil {
		return
	}
	now := g.app.now()
	if got.status == http.StatusForbidden || got.status == http.StatusTooManyRequests {
		if wait := retryAfter(got.status, got.header, string(got.body), now); wait > 0 {
			whose := &g.app.pace
			if got.header.Get(keptRemaining) == "0" {
				whose = g.pace
			}
			whose.hold(now, wait)
		}
	}
	limit, errLimit := strconv.Atoi(got.header.Get(keptLimit))
	left, errLeft := strconv.Atoi(got.header.Get(keptRemaining))
	reset, errReset := strconv.ParseInt(got.header.Get(keptReset), 10, 64)
	if errLimit == nil && errLeft == nil && errReset == nil && left*100 < limit*reserve {
		g.pace.hold(now, time.Unix(reset, 0).Sub(now))
	}
}
