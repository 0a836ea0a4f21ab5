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
	// repositoryMediaType makes the team's repository endpoint answer with the
	// repository and the permissions, not with 204 alone.
	repositoryMediaType = "application/vnd.github.v3.repository+json"

	// notModifiedKey counts the answers that cost no rate limit.
	notModifiedKey = "github.304"
)

// newTransport is the one connection pool. Proxies are taken from the
// environment (HTTPS_PROXY), HTTP/2 is used where it is spoken.
func newTransport(roots *x509.CertPool) *http.Transport {
	const idle = 64
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 10 * time.Second},
		MaxIdleConns:        2 * idle,
		MaxIdleConnsPerHost: idle,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 5 * time.Second,
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
}

// A wire is the last link before the connection pool: it sees each exchange as
// it is, one line of log for each, and nothing of the cache above it.
type wire struct {
	app          *App
	next         http.RoundTripper
	installation int64 // 0 for the App itself and for users
	hideRate     bool  // users' rate limits are none of our business
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	// go-githubapp's App transport adds an old media type beside ours.
	if accepts := req.Header["Accept"]; len(accepts) > 1 {
		req.Header["Accept"] = accepts[:1]
	}
	start := time.Now()
	resp, err := w.next.RoundTrip(req)
	event := w.app.logger(req.Context()).Debug().
		Str("method", req.Method).Str("path", req.URL.Path).
		Dur("duration", time.Since(start)).Int64("installation", w.installation)
	if err != nil {
		event.Err(err).Msg("GitHub did not answer")
		return nil, err
	}
	notModified := resp.StatusCode == http.StatusNotModified
	if notModified {
		metrics.GetOrRegisterCounter(notModifiedKey, w.app.registry).Inc(1)
	}
	w.observe(resp)
	event.Int("status", resp.StatusCode).Bool("not_modified", notModified).Msg("asked GitHub")
	return resp, nil
}

// observe notes what every answer tells beside what was asked.
func (w *wire) observe(resp *http.Response) {
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		w.app.skew.Store(int64(w.app.now().Sub(at)))
		w.app.skewKnown.Store(true)
	}
	if version := resp.Header.Get("X-GitHub-Enterprise-Version"); version != "" {
		w.app.version.Store(&version)
	}
	if w.hideRate {
		for _, name := range []string{"X-Ratelimit-Limit", "X-Ratelimit-Remaining"} {
			if value := resp.Header.Get(name); value != "" {
				resp.Header.Set(keptPrefix+name, value)
				resp.Header.Del(name)
			}
		}
		return
	}
	if left, err := strconv.Atoi(resp.Header.Get("X-RateLimit-Remaining")); err == nil && w.installation != 0 {
		w.app.remaining.Store(w.installation, left)
	}
}

// logger is the one that ctx carries, or else the App's own.
func (a *App) logger(ctx context.Context) *zerolog.Logger {
	if l := zerolog.Ctx(ctx); l.GetLevel() != zerolog.Disabled {
		return l
	}
	return &a.log
}

// revalidated lets the cache take nothing for fresh: every read is asked
// again, with the validators of the last answer. (go-githubapp's own
// "alwaysValidate" does the same, for clients whose tokens it makes.)
type revalidated struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (r revalidated) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Header.Set("Cache-Control", "private, max-age=0")
	resp.Header.Del("Expires")
	if resp.StatusCode != http.StatusOK {
		// httpcache keeps refusals too, and after a 304 it would write down once more
		// what it has.
		resp.Header.Set("Cache-Control", "no-store")
	}
	return resp, nil
}
