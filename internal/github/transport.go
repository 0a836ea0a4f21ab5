package github

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"
)

const (
	maxConcurrent = 64 // GitHub's secondary limit is 100
	maxWrites     = 4  // an installation's writes at a time; GitHub asks for few
	maxTries      = 3
	maxAnswer     = 32 << 20 // bytes of one answer

	// The rate limit's headers go on under these names: under their own,
	// go-github remembers them and refuses calls by itself until the reset,
	// even where GitHub asked for a shorter wait.
	keptPrefix    = "X-Kept-"
	keptLimit     = keptPrefix + "X-Ratelimit-Limit"
	keptRemaining = keptPrefix + "X-Ratelimit-Remaining"
	keptReset     = keptPrefix + "X-Ratelimit-Reset"
)

// A credential is what a gate signs its requests with.
type credential struct {
	scheme string
	get    func(context.Context) (string, error)
	// renew replaces a token that GitHub refused; nil where there is no other.
	renew func(ctx context.Context, refused string) (string, error)
}

// A gate is the first link of a client: it keeps requests on GitHub's host,
// asks identical reads once, signs, limits how much goes on at a time, and
// tries again what may be tried again. It reads every answer to its end, which
// the cache below needs.
type gate struct {
	app        *App
	next       http.RoundTripper
	credential *credential         // nil: a link below signs
	writes     *semaphore.Weighted // nil: no limit of their own
	pace       *pace               // nil: not the App's own rate limit
	share      bool                // identical reads are asked once
	flights    singleflight.Group
	written    atomic.Int64 // writes that ended: no read joins one that began before
}

// An exchanged answer, whole in memory, that several callers may share.
type exchanged struct {
	status int
	header http.Header
	body   []byte
}

// RoundTrip implements http.RoundTripper.
func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	req, err := g.prepare(req)
	if err == nil {
		err = g.held(req.Context())
	}
	if err != nil {
		return nil, err
	}
	if req.Method != http.MethodGet {
		got, err := g.attempts(req)
		g.written.Add(1)
		return g.response(req, got), err
	}
	if !g.share || req.Header.Get("Cache-Control") != "" {
		got, err := g.attempts(req)
		return g.response(req, got), err
	}
	key := strconv.FormatInt(g.written.Load(), 10) + " " + req.Header.Get("Accept") + " " + req.URL.String()
	flight := g.flights.DoChan(key, func() (any, error) { //nolint:contextcheck // one caller's going away must not fail the others
		return g.attempts(req.WithContext(foreground(context.WithoutCancel(req.Context()))))
	})
	select {
	case <-req.Context().Done():
		return nil, req.Context().Err()
	case result := <-flight:
		got, _ := result.Val.(*exchanged)
		return g.response(req, got), result.Err
	}
}

// prepare checks where req goes and makes a copy with our headers.
func (g *gate) prepare(req *http.Request) (*http.Request, error) {
	if req.Body != nil {
		req.Body.Close() // each try takes a new one from GetBody
	}
	base := g.app.base
	if req.URL.Scheme != base.Scheme || req.URL.Host != base.Host || !hasPrefix(req.URL.Path, base.Path) {
		return nil, &Error{Kind: Other, Message: "GitHub redirected to " + strconv.Quote(req.URL.Host) + ", which is not followed"}
	}
	// http.Client turns a write that is redirected by 301, 302 or 303 into a read.
	if first := req.Response; first != nil && first.Request != nil && first.Request.Method != req.Method {
		return nil, &Error{Kind: NotFound, Message: "it has moved: use its new name", Status: first.StatusCode}
	}
	// What a team may do in a repository is told by the team's own address alone:
	// the repository's answer tells what the App may do there.
	if first := req.Response; first != nil && req.Header.Get("Accept") == repositoryMediaType {
		return nil, &Error{Kind: NotFound, Message: "it has moved: use its new name", Status: first.StatusCode}
	}
	req = req.Clone(req.Context())
	req.Header.Set("X-GitHub-Api-Version", apiVersion)
	if req.Header.Get("Accept") != repositoryMediaType {
		req.Header.Set("Accept", mediaType)
	}
	return req, nil
}

func hasPrefix(path, base string) bool { return len(path) >= len(base) && path[:len(base)] == base }

// signed sends req with the gate's credential; a token that GitHub refuses is
// replaced once. The slots of exchange are not held meanwhile, since a new
// token needs one itself.
func (g *gate) signed(req *http.Request) (*exchanged, error) {
	if g.credential == nil {
		return g.exchange(req, "")
	}
	token, err := g.credential.get(req.Context())
	if err != nil {
		return nil, err
	}
	got, err := g.exchange(req, g.credential.scheme+" "+token)
	if err != nil || got.status != http.StatusUnauthorized || g.credential.renew == nil {
		return got, err
	}
	if token, err = g.credential.renew(req.Context(), token); err != nil {
		return nil, err
	}
	return g.exchange(req, g.credential.scheme+" "+token)
}

// exchange is one HTTP exchange.
func (g *gate) exchange(req *http.Request, authorization string) (*exchanged, error) {
	write := req.Method != http.MethodGet
	if write && g.writes != nil {
		if err := g.writes.Acquire(req.Context(), 1); err != nil {
			return nil, err
		}
		defer g.writes.Release(1)
	}
	if err := g.app.slots.Acquire(req.Context(), 1); err != nil {
		return nil, err
	}
	defer g.app.slots.Release(1)

	ctx, cancel := context.WithTimeout(req.Context(), g.app.timeout)
	defer cancel()
	var sent atomic.Bool
	if write { // only there it matters
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	}
	out := req.Clone(ctx)
	if authorization != "" {
		out.Header.Set("Authorization", authorization)
	}
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		out.Body = body
	}
	resp, err := g.next.RoundTrip(out)
	if err != nil {
		return nil, g.unanswered(req.Context(), err, write && sent.Load())
	}
	defer resp.Body.Close()
	body, err := readAnswer(resp)
	if err != nil {
		return nil, g.unanswered(req.Context(), err, write)
	}
	if len(body) > maxAnswer {
		return nil, &Error{Kind: Other, Message: fmt.Sprintf("the answer is larger than %d MiB", maxAnswer>>20), Ambiguous: write}
	}
	for _, name := range []string{"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"} {
		if value := resp.Header.Get(name); value != "" {
			resp.Header.Set(keptPrefix+name, value)
			resp.Header.Del(name)
		}
	}
	got := &exchanged{status: resp.StatusCode, header: resp.Header, body: body}
	g.watch(got)
	return got, nil
}

// unanswered says why there is no answer. ctx is the caller's.
func (g *gate) unanswered(ctx context.Context, err error, ambiguous bool) error {
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		return &Error{Kind: KindOf(ctx.Err()), Ambiguous: ambiguous, Err: ctx.Err()}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &Error{Kind: Timeout, Message: fmt.Sprintf("GitHub did not answer within %s", g.app.timeout), Ambiguous: ambiguous}
	}
	return &Error{Kind: Unavailable, Message: "GitHub could not be reached", Ambiguous: ambiguous, Err: err}
}

// response is a response of the caller's own.
func (g *gate) response(req *http.Request, e *exchanged) *http.Response {
	if e == nil {
		return nil
	}
	return &http.Response{
		Status:        strconv.Itoa(e.status) + " " + http.StatusText(e.status),
		StatusCode:    e.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        e.header.Clone(),
		Body:          g.bodyOf(req, e, bytes.NewReader(e.body)),
		ContentLength: int64(len(e.body)),
		Request:       req,
	}
}
