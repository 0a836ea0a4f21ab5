package github

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/rcrowley/go-metrics"
	"github.com/rs/zerolog"
)

const (
	apiVersion = "2022-11-28"
	mediaType  = "application/vnd.github+json"
	// repositoryMediaType makes the team's repository endpoint return the repository with
	// the team's permissions. With any other media type it only answers 204.
	repositoryMediaType = "application/vnd.github.v3.repository+json"

	// notModifiedKey is the metric of 304 answers, which GitHub does not charge to the
	// rate limit.
	notModifiedKey = "github.304"
)

// NewPool returns a connection pool for GitHub's hosts. It uses the proxies of the
// environment (HTTPS_PROXY), and HTTP/2 if the server supports it.
func NewPool(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 10 * time.Second},
		MaxIdleConns:        2 * maxConcurrentUnpaced,
		MaxIdleConnsPerHost: maxConcurrentUnpaced,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 5 * time.Second,
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
}

// A baseTransport is the innermost http.RoundTripper, directly above the connection
// pool. It logs every exchange and records what GitHub's headers say about clock,
// version and rate limit. Because it is below the cache, it sees 304 answers.
type baseTransport struct {
	app          *App
	next         http.RoundTripper
	installation int64 // 0 for requests as the App itself and as a user
	userToken    bool  // the rate limit in the answer is the user's, not ours
}

// RoundTrip implements [http.RoundTripper].
func (b *baseTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	// go-githubapp's App transport adds an old media type after ours.
	if accepts := req.Header["Accept"]; len(accepts) > 1 {
		req.Header["Accept"] = accepts[:1]
	}
	start := time.Now()
	resp, err := b.next.RoundTrip(req)
	event := b.app.logger(req.Context()).Debug().
		Str("method", req.Method).Str("path", req.URL.Path).
		Dur("duration", time.Since(start)).Int64("installation", b.installation)
	if err != nil {
		event.Err(err).Msg("GitHub request failed")
		return nil, err
	}
	notModified := resp.StatusCode == http.StatusNotModified
	if notModified {
		metrics.GetOrRegisterCounter(notModifiedKey, b.app.registry).Inc(1)
	}
	b.observe(resp)
	event.Int("status", resp.StatusCode).Bool("not_modified", notModified).Msg("GitHub request")
	return resp, nil
}

// observe records clock skew, server version and remaining requests from the headers.
func (b *baseTransport) observe(resp *http.Response) {
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		b.app.skew.Store(int64(b.app.now().Sub(at)))
		b.app.skewKnown.Store(true)
	}
	if version := resp.Header.Get("X-GitHub-Enterprise-Version"); version != "" {
		b.app.version.Store(&version)
	}
	if b.userToken {
		hideRateHeaders(resp.Header, rateLimit, rateRemaining) // from go-githubapp's metrics too
		return
	}
	if left, err := strconv.Atoi(resp.Header.Get(rateRemaining)); err == nil && b.installation != 0 {
		b.app.remaining.Store(b.installation, left)
	}
}

// logger returns the logger in ctx, or the App's if ctx has none.
func (a *App) logger(ctx context.Context) *zerolog.Logger {
	if l := zerolog.Ctx(ctx); l.GetLevel() != zerolog.Disabled {
		return l
	}
	return &a.log
}

// alwaysRevalidate overrides Cache-Control, so that the cache sends every read to GitHub,
// with the ETag of the last answer. (go-githubapp's "alwaysValidate" does the same, but
// only for clients whose tokens it mints.) It hands the bodies of these answers past httpcache,
// which would copy each several times: see [received].
type alwaysRevalidate struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (r alwaysRevalidate) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Header.Set("Cache-Control", "private, max-age=0")
	resp.Header.Del("Expires")
	if resp.StatusCode != http.StatusOK {
		// Otherwise httpcache stores refusals too, and after a 304 stores its entry again.
		resp.Header.Set("Cache-Control", "no-store")
		return resp, nil
	}
	// A body can only be found again by its ETag.
	if past, ok := req.Context().Value(receivedKey{}).(*received); ok && req.Method == http.MethodGet && etagOf(resp.Header) != "" {
		if err := past.take(resp); err != nil {
			return nil, err
		}
	}
	return resp, nil
}
