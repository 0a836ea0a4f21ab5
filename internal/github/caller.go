package github

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github/pacing"
)

type callerKey struct{}

// WithCaller marks requests as sent on behalf of that caller. Its team, and whether it is
// an owner or a deletion, decide when its requests have their turn.
func WithCaller(ctx context.Context, c pacing.Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// callerOf returns the caller of ctx. If [WithCaller] set none, it is a person without a
// team. A request that is marked with [Background] stays in the background.
func callerOf(ctx context.Context) pacing.Caller {
	c, _ := ctx.Value(callerKey{}).(pacing.Caller)
	if ctx.Value(backgroundKey{}) != nil {
		c.Kind = pacing.Background
	}
	return c
}

type turnDeadlineKey struct{}

// withoutCancel is [context.WithoutCancel] for a request that other callers may join. It
// keeps the deadline of ctx for [turnContext], so that the request is refused at once if
// its turn cannot come in time.
func withoutCancel(ctx context.Context) context.Context {
	deadline, ok := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if ok {
		ctx = context.WithValue(ctx, turnDeadlineKey{}, deadline)
	}
	return ctx
}

// turnContext returns the context to wait for a turn with.
func turnContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Value(turnDeadlineKey{}).(time.Time); ok {
		return context.WithDeadline(ctx, deadline)
	}
	return ctx, func() {}
}

// costOf returns what a request takes from GitHub's secondary limits. Only new issues,
// comments and reactions count as content.
func costOf(req *http.Request) pacing.Cost {
	switch {
	case req.Method == http.MethodGet || req.Method == http.MethodHead:
		return pacing.Read()
	case req.Method == http.MethodPost && (strings.HasSuffix(req.URL.Path, "/comments") ||
		strings.HasSuffix(req.URL.Path, "/reactions") || strings.HasSuffix(req.URL.Path, "/issues")):
		return pacing.Content()
	}
	return pacing.Write()
}
