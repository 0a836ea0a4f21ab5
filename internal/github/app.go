// Package github is everything that we ask of GitHub: as the App, as its
// installation in an organization with narrow tokens, and as a user who shows
// a token. It sees to caching, retries, limits and typed errors; what the
// answers mean is for its callers.
package github

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-github/v41/github"
	"github.com/palantir/go-githubapp/githubapp"
	"github.com/rcrowley/go-metrics"
	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"
)

const (
	defaultCacheBytes  = 16 << 20
	defaultCallTimeout = 10 * time.Second
	defaultUserAgent   = "actions-runner-manager"
)

// Options say which App we are, and where GitHub is. Only Key and AppID have
// no default.
type Options struct {
	BaseURL     *url.URL         // of the REST API; default https://api.github.com/
	AppID       int64            // of the GitHub App
	Key         *rsa.PrivateKey  // of the GitHub App
	RootCAs     *x509.CertPool   // default: the system's
	Registry    metrics.Registry // takes go-githubapp's client metrics and github.304; default: one of its own
	UserAgent   string           // default: the name of this program
	CacheBytes  int64            // budget of the cache for answers; default 16 MiB
	Clock       func() time.Time // default time.Now
	Logger      zerolog.Logger   // where the context carries none
	CallTimeout time.Duration    // of one HTTP exchange; default 10 s
}

// An App asks GitHub in the name of a GitHub App. Its methods may be called
// concurrently.
type App struct {
	base      *url.URL
	id        int64
	pem       Secret // of the App's key
	userAgent string
	timeout   time.Duration
	now       func() time.Time
	log       zerolog.Logger
	registry  metrics.Registry
	transport *http.Transport
	cache     *cache
	slots     *semaphore.Weighted

	self *github.Client // signed as the App
	user *github.Client // signed with the token in the context

	skew      atomic.Int64
	skewKnown atomic.Bool
	version   atomic.Pointer[string]
	remaining sync.Map // installation id → requests left
	pace      pace
}

// New makes an App. It asks nothing of GitHub yet.
func New(o Options) (*App, error) {
	if o.Key == nil || o.AppID <= 0 {
		return nil, errors.New("a GitHub App needs its id and its private key")
	}
	a, err := newApp(o)
	if err != nil {
		return nil, err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(o.Key)}
	a.pem = NewSecret(string(pem.EncodeToMemory(block)))
	if a.self, err = a.appClient(); err != nil {
		return nil, fmt.Errorf("client of the GitHub App: %w", err)
	}
	if a.user, err = a.userClient(); err != nil {
		return nil, fmt.Errorf("client for users' tokens: %w", err)
	}
	return a, nil
}

// newApp fills in defaults; it makes no clients.
func newApp(o Options) (*App, error) {
	base := &url.URL{Scheme: "https", Host: "api.github.com", Path: "/"}
	if o.BaseURL != nil {
		base = &url.URL{Scheme: o.BaseURL.Scheme, Host: o.BaseURL.Host, Path: strings.TrimSuffix(o.BaseURL.Path, "/") + "/"}
	}
	if base.Scheme != "https" && base.Scheme != "http" || base.Host == "" {
		return nil, fmt.Errorf("the address of GitHub's API must be like https://api.github.com/, not %q", base)
	}
	a := &App{
		base: base, id: o.AppID, userAgent: o.UserAgent, timeout: o.CallTimeout, now: o.Clock, log: o.Logger,
		registry: o.Registry, transport: newTransport(o.RootCAs), slots: semaphore.NewWeighted(maxConcurrent),
	}
	if a.userAgent == "" {
		a.userAgent = defaultUserAgent
	}
	if a.timeout <= 0 {
		a.timeout = defaultCallTimeout
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.registry == nil {
		a.registry = metrics.NewRegistry()
	}
	metrics.GetOrRegisterCounter(notModifiedKey, a.registry)
	if o.CacheBytes <= 0 {
		o.CacheBytes = defaultCacheBytes
	}
	var err error
	a.cache, err = newCache(o.CacheBytes)
	return a, err
}

// Format implements fmt.Formatter: however an App is printed, it shows its id
// alone, and nothing of what it holds.
func (a *App) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "GitHub App %d", a.id) }

// creator is go-githubapp's maker of clients, with our links before and behind
// its own.
func (a *App) creator(transport http.RoundTripper, middleware githubapp.ClientMiddleware) githubapp.ClientCreator {
	return githubapp.NewClientCreator(a.base.String(), "", a.id, []byte(a.pem.Reveal()),
		githubapp.WithClientUserAgent(a.userAgent),
		githubapp.WithTransport(transport),
		githubapp.WithClientMiddleware(middleware))
}

// appClient signs with the App's key, which go-githubapp does, and caches
// nothing: every signature is another, and so would be every ETag.
func (a *App) appClient() (*github.Client, error) {
	measured := githubapp.ClientMetrics(a.registry)
	return a.creator(&wire{app: a, next: a.transport}, func(next http.RoundTripper) http.RoundTripper {
		return &gate{app: a, next: measured(next), pace: new(pace)}
	}).NewAppClient()
}

// userClient signs with the token in the context; it neither caches nor shares.
func (a *App) userClient() (*github.Client, error) {
	link := &gate{
		app:        a,
		next:       githubapp.ClientMetrics(a.registry)(&wire{app: a, next: a.transport, hideRate: true}),
		credential: &credential{scheme: "Bearer", get: userToken},
	}
	return a.creator(a.transport, replace(link)).NewInstallationClient(0)
}

// replace ends go-githubapp's chain with link. Its own last link would mint
// tokens for everything that the App may do, renew them while a caller waits,
// and know no second try.
func replace(link http.RoundTripper) githubapp.ClientMiddleware {
	return func(http.RoundTripper) http.RoundTripper { return link }
}

// RateRemaining tells for each installation how many requests its rate limit
// had left at the last answer.
func (a *App) RateRemaining() map[int64]int {
	left := make(map[int64]int)
	a.remaining.Range(func(installation, n any) bool {
		left[installation.(int64)] = n.(int) //nolint:forcetypeassert // wire.observe alone stores here
		return true
	})
	return left
}

// ClockSkew is how far our clock is ahead of GitHub's by its last answer, to
// about a second; false before the first answer.
func (a *App) ClockSkew() (time.Duration, bool) {
	return time.Duration(a.skew.Load()), a.skewKnown.Load()
}

// ServerVersion is the version of the Enterprise Server; empty on github.com
// and before the first answer.
func (a *App) ServerVersion() string {
	if v := a.version.Load(); v != nil {
		return *v
	}
	return ""
}

// An AppInfo is what GitHub knows of the App itself.
type AppInfo struct {
	ID          int64             `json:"id"`
	Slug        string            `json:"slug"`
	Name        string            `json:"name"`
	HTMLURL     string            `json:"html_url"`
	Permissions map[string]string `json:"permissions"` // asked for; an installation may not have granted them yet
	Events      []string          `json:"events"`
}

// App asks for the App itself.
func (a *App) App(ctx context.Context) (AppInfo, error) {
	info, _, err := send[AppInfo](ctx, a.self, http.MethodGet, "app", nil)
	return info, a.failed("ask about the GitHub App", err)
}

// Ping asks for something small, to see whether GitHub answers and still knows
// the App's key. It does not ask where GitHub has just asked the App to wait: then
// GitHub answers.
func (a *App) Ping(ctx context.Context) error {
	if a.pace.heard(a.now()) {
		return nil
	}
	_, _, err := send[struct{}](ctx, a.self, http.MethodGet, "app", nil)
	return a.failed("reach GitHub", err)
}

// A HookConfig says where GitHub sends the App's webhooks.
type HookConfig struct {
	URL         string
	InsecureSSL bool // certificates are not checked
	HasSecret   bool // deliveries are signed
}

// HookConfig asks for the App's webhook.
func (a *App) HookConfig(ctx context.Context) (HookConfig, error) {
	c, _, err := a.self.Apps.GetHookConfig(ctx)
	if err != nil {
		return HookConfig{}, a.failed("ask about the App's webhook", err)
	}
	return HookConfig{
		URL:         c.GetURL(),
		InsecureSSL: c.GetInsecureSSL() == "1",
		HasSecret:   c.GetSecret() != "",
	}, nil
}

