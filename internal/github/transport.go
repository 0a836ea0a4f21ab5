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
	"strings"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github/pacing"
)

const (
	// Requests in flight: GitHub's secondary limit is 100. It has none where calls are not paced,
	// on an Enterprise Server.
	maxConcurrent        = 64
	maxConcurrentUnpaced = 256
	maxAnswer            = 32 << 20 // bytes of one response body

	// The rate limit headers are passed on with this prefix. If go-github sees them under
	// their own names, it refuses calls by itself until the reset, even if GitHub's
	// Retry-After is shorter.
	keptPrefix    = "X-Kept-"
	rateLimit     = "X-Ratelimit-Limit"
	rateRemaining = "X-Ratelimit-Remaining"
	rateReset     = "X-Ratelimit-Reset"
)

// A credential provides the Authorization header of a [transport].
type credential struct {
	scheme string // "Bearer" or "token"
	get    func(context.Context) (string, error)
	// renew replaces a token that GitHub refused with 401. If it is nil, the caller gets
	// the 401.
	renew func(ctx context.Context, refused string) (string, error)
}

// A transport is the outermost http.RoundTripper of a client. It keeps requests on
// GitHub's host, sends identical concurrent reads once, authenticates, limits
// concurrency, and retries. It reads every body to its end, because httpcache only
// stores a response if the body was read completely.
type transport struct {
	app        *App
	next       http.RoundTripper
	credential *credential   // nil if a transport below authenticates
	pacer      *pacing.Pacer // nil: requests are not paced
	limiter    *limiter      // nil if requests do not count against the App's rate limit
	coalesce   bool          // identical reads are sent once
	// renamed returns a request that GitHub answered with 404 for the organization's new
	// name, or nil. It may be nil itself.
	renamed    func(*http.Request) *http.Request
	flights    singleflight.Group
	writesDone atomic.Int64 // finished writes; no read joins one that began before a write finished
	recent     recentAnswers
}

// A response is complete in memory. Several callers may share one.
type response struct {
	status int
	header http.Header
	body   []byte
}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	req, err := t.prepare(req)
	if err == nil {
		err = t.refuseBackground(req.Context())
	}
	if err != nil {
		return nil, err
	}
	if req.Method != http.MethodGet {
		got, err := t.sendFollowing(req)
		t.writesDone.Add(1)
		return t.httpResponse(req, got), err
	}
	if !t.coalesce || req.Header.Get("Cache-Control") != "" {
		got, err := t.sendFollowing(req)
		return t.httpResponse(req, got), err
	}
	key := strconv.FormatInt(t.writesDone.Load(), 10) + " " + req.Header.Get("Accept") + " " + req.URL.String()
	if allowsRecent(req.Context()) {
		if got := t.recent.get(key, t.app.now()); got != nil {
			return t.httpResponse(req, got), nil
		}
	}
	flight := t.flights.DoChan(key, func() (any, error) { //nolint:contextcheck // if one caller leaves, the others still need the answer
		asked := t.app.now()
		got, err := t.sendFollowing(req.WithContext(foreground(withoutCancel(req.Context()))))
		if err == nil && allowsRecent(req.Context()) {
			t.recent.keep(key, got, asked)
		}
		return got, err
	})
	select {
	case <-req.Context().Done():
		return nil, req.Context().Err()
	case result := <-flight:
		got, _ := result.Val.(*response)
		return t.httpResponse(req, got), result.Err
	}
}

// sendFollowing sends req, and again to where its target is by now: a write that is
// redirected, because http.Client would make a read of it, and a request for an organization
// that was renamed.
func (t *transport) sendFollowing(req *http.Request) (*response, error) {
	got, err := t.sendWithRetries(req)
	if err != nil {
		return got, err
	}
	again := (*http.Request)(nil)
	switch got.status {
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if req.Method != http.MethodGet {
			again = t.redirected(req, got.header.Get("Location"))
		}
	case http.StatusNotFound:
		if t.renamed != nil {
			again = t.renamed(req)
		}
	}
	if again == nil {
		return got, nil
	}
	return t.sendWithRetries(again)
}

// redirected returns req for another address of GitHub's API, or nil if it is none.
func (t *transport) redirected(req *http.Request, location string) *http.Request {
	to, err := req.URL.Parse(location)
	base := t.app.base
	if err != nil || location == "" || to.Scheme != base.Scheme || to.Host != base.Host || !hasPrefix(to.Path, base.Path) {
		return nil
	}
	again := req.Clone(req.Context())
	again.URL = to
	return again
}

// prepare returns a copy of req with our headers. It fails if req goes to another host,
// or if it follows a redirect that would change its meaning.
func (t *transport) prepare(req *http.Request) (*http.Request, error) {
	if req.Body != nil {
		req.Body.Close() // every attempt takes a new one from GetBody
	}
	base := t.app.base
	if req.URL.Scheme != base.Scheme || req.URL.Host != base.Host || !hasPrefix(req.URL.Path, base.Path) {
		return nil, &Error{Kind: Other, Message: "GitHub redirected to " + strconv.Quote(req.URL.Host) + ", which is not followed"}
	}
	const moved = "it was renamed or moved; use its new name"
	// If a write is redirected with 301, 302 or 303, http.Client turns it into a read.
	if first := req.Response; first != nil && first.Request != nil && first.Request.Method != req.Method {
		return nil, &Error{Kind: NotFound, Message: moved, Status: first.StatusCode}
	}
	// The team's endpoint reports what the team may do in a repository. The repository's
	// endpoint, the target of the redirect, reports what the App may do.
	if first := req.Response; first != nil && (req.Header.Get("Accept") == repositoryMediaType || stays(req.Context())) {
		return nil, &Error{Kind: NotFound, Message: moved, Status: first.StatusCode, MovedTo: strings.TrimPrefix(req.URL.Path, base.Path)}
	}
	req = req.Clone(req.Context())
	req.Header.Set("X-GitHub-Api-Version", apiVersion)
	if req.Header.Get("Accept") != repositoryMediaType {
		req.Header.Set("Accept", mediaType)
	}
	return req, nil
}

func hasPrefix(path, base string) bool { return len(path) >= len(base) && path[:len(base)] == base }

// sendAuthenticated sends req with the credential. If GitHub answers 401, it renews the
// token and sends req once more. No slot of sendOnce is held while the token is renewed,
// because that needs a slot too.
func (t *transport) sendAuthenticated(req *http.Request) (*response, error) {
	if t.credential == nil {
		return t.sendWhole(req, "")
	}
	token, err := t.credential.get(req.Context())
	if err != nil {
		return nil, err
	}
	got, err := t.sendWhole(req, t.credential.scheme+" "+token)
	if err != nil || got.status != http.StatusUnauthorized || t.credential.renew == nil {
		return got, err
	}
	if token, err = t.credential.renew(req.Context(), token); err != nil {
		return nil, err
	}
	return t.sendWhole(req, t.credential.scheme+" "+token)
}

// sendWhole is sendOnce. If the cache lost what GitHub confirmed, because it gave way to others
// a moment ago, all of it is got again.
func (t *transport) sendWhole(req *http.Request, authorization string) (*response, error) {
	got, err := t.sendOnce(req, authorization)
	if !errors.Is(err, errBodyDropped) {
		return got, err
	}
	req = req.Clone(req.Context())
	req.Header.Set("Cache-Control", "no-cache")
	return t.sendOnce(req, authorization)
}

// sendOnce makes one HTTP exchange and reads the whole body. It waits if too many
// requests are in flight.
func (t *transport) sendOnce(req *http.Request, authorization string) (*response, error) {
	write := req.Method != http.MethodGet
	if t.pacer != nil {
		ctx, cancel := turnContext(req.Context())
		ended, err := t.pacer.Acquire(ctx, callerOf(ctx), costOf(req))
		cancel()
		if err != nil {
			return nil, pacingError(err)
		}
		defer ended()
	}
	if err := t.app.slots.Acquire(req.Context(), 1); err != nil {
		return nil, err
	}
	defer t.app.slots.Release(1)
	if end := sendOnceBefore(req.Context()); !end.IsZero() && t.app.now().After(end) {
		return nil, &Error{Kind: Stale, Message: "what the request was made of was read too long ago"}
	}

	ctx, cancel := context.WithTimeout(req.Context(), t.app.timeout)
	defer cancel()
	var sent atomic.Bool
	if write { // a read that may have been sent has no effect
		caller := req.Context()
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() {
			sent.Store(true)
			markSent(caller)
		}})
	}
	past := new(received)
	out := req.Clone(context.WithValue(ctx, receivedKey{}, past))
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
	resp, err := t.next.RoundTrip(out)
	if err != nil {
		return nil, t.noResponse(req.Context(), err, write && sent.Load())
	}
	defer resp.Body.Close()
	body, err := t.wholeBody(req, resp, past)
	if errors.Is(err, errBodyDropped) {
		return nil, err
	}
	if err != nil {
		return nil, t.noResponse(req.Context(), err, write)
	}
	if len(body) > maxAnswer {
		return nil, &Error{Kind: Other, Message: fmt.Sprintf("GitHub's answer is larger than %d MiB", maxAnswer>>20), Ambiguous: write}
	}
	hideRateHeaders(resp.Header, rateLimit, rateRemaining, rateReset)
	got := &response{status: resp.StatusCode, header: resp.Header, body: body}
	t.observeLimits(got)
	return got, nil
}

// hideRateHeaders renames those headers: see keptPrefix.
func hideRateHeaders(header http.Header, names ...string) {
	for _, name := range names {
		if value := header.Get(name); value != "" {
			header.Set(keptPrefix+name, value)
			header.Del(name)
		}
	}
}

// noResponse returns the [Error] for an exchange that failed with err. ctx is the
// caller's: its end is reported as such, and not as our own timeout.
func (t *transport) noResponse(ctx context.Context, err error, ambiguous bool) error {
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		return &Error{Kind: KindOf(ctx.Err()), Ambiguous: ambiguous, Err: ctx.Err()}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &Error{Kind: Timeout, Message: fmt.Sprintf("GitHub did not answer within %s", t.app.timeout), Ambiguous: ambiguous}
	}
	return &Error{Kind: Unavailable, Message: "GitHub could not be reached", Ambiguous: ambiguous, Err: err}
}

// httpResponse returns a copy of r for one caller, who may change its headers. If r is
// nil, so is the copy.
func (t *transport) httpResponse(req *http.Request, r *response) *http.Response {
	if r == nil {
		return nil
	}
	return &http.Response{
		Status:        strconv.Itoa(r.status) + " " + http.StatusText(r.status),
		StatusCode:    r.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        r.header.Clone(),
		Body:          t.newBody(req, r, bytes.NewReader(r.body)),
		ContentLength: int64(len(r.body)),
		Request:       req,
	}
}
