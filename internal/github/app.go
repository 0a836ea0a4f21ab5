// Package github is the client for GitHub's REST API. It sends requests as the App, as
// the App's installation in an organization, and as the user whose token a caller
// presents. It handles authentication, caching, retries, rate limits and typed errors.
// What an answer means for a command is up to the caller.
package github

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v4"
	"github.com/google/go-github/v41/github"
	"github.com/palantir/go-githubapp/githubapp"
	"github.com/rcrowley/go-metrics"
	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github/pacing"
)

const (
	// The answers about some 3,000 polled groups fit into 16 MiB. What does not fit is charged
	// against the rate limit each time, so the cache grows with the organizations.
	defaultCacheBytes  = 16 << 20
	cacheBytesOfOrg    = 4 << 20 // of each but the first
	defaultCallTimeout = 10 * time.Second
	defaultUserAgent   = "actions-runner-manager"
)

// Options configure an [App]. Key and AppID or ClientID are required; everything else has a
// default.
type Options struct {
	BaseURL     *url.URL         // of the REST API; default https://api.github.com/
	AppID       int64            // of the GitHub App
	ClientID    string           // of the GitHub App, used if AppID is 0
	Key         *rsa.PrivateKey  // of the GitHub App
	RootCAs     *x509.CertPool   // default: the system's
	Registry    metrics.Registry // for go-githubapp's client metrics and github.304; default: a new one
	UserAgent   string           // default: this program's name
	CacheBytes  int64            // budget of the response cache with one organization; default 16 MiB
	Clock       func() time.Time // default time.Now
	Logger      zerolog.Logger   // used if the context has none
	CallTimeout time.Duration    // of one HTTP exchange; default 10 s
	// Dial opens connections; nil: over the network. Tests replace it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// PointsPerMinute limits each installation: a read takes 1 point, a write 5. If it is 0,
	// requests are not paced.
	PointsPerMinute int
	Budget          pacing.Budget // shares the points with other replicas; default: in memory
	Replica         string        // unique among the replicas that share the budget
}

// An App sends requests as a GitHub App. Its methods may be called concurrently.
type App struct {
	base      *url.URL
	id        atomic.Int64 // 0 until GitHub was asked, if only the client id is given
	issuer    string       // of the App's JSON web tokens: its id or client id
	key       *rsa.PrivateKey
	userAgent string
	timeout   time.Duration
	now       func() time.Time
	log       zerolog.Logger
	registry  metrics.Registry
	pool      *http.Transport
	cache     *cache
	slots     *semaphore.Weighted
	points    int // per minute and installation; 0: not paced
	budget    pacing.Budget
	replica   string

	self *github.Client // authenticates as the App
	user *github.Client // authenticates with the user token in the context

	skew      atomic.Int64 // nanoseconds; see ClockSkew
	skewKnown atomic.Bool
	version   atomic.Pointer[string]
	remaining sync.Map // requests left, by installation id
	limiter   limiter  // of the whole App; each installation has one too

	mu     sync.Mutex
	logins []string // of the organizations, as configured
}

// concurrency returns how many requests may be in flight with so many points a minute.
func concurrency(points int) int64 {
	if points == 0 {
		return maxConcurrentUnpaced
	}
	return maxConcurrent
}

// New makes an App. It sends nothing to GitHub yet.
func New(o Options) (*App, error) {
	if o.Key == nil || o.AppID <= 0 && o.ClientID == "" {
		return nil, errors.New("a GitHub App needs its ID or client ID, and its private key")
	}
	a, err := newApp(o)
	if err != nil {
		return nil, err
	}
	a.key, a.issuer = o.Key, o.ClientID
	if o.AppID > 0 {
		a.issuer = strconv.FormatInt(o.AppID, 10)
		a.id.Store(o.AppID)
	}
	if a.self, err = a.appClient(); err != nil {
		return nil, fmt.Errorf("client of the GitHub App: %w", err)
	}
	if a.user, err = a.userClient(); err != nil {
		return nil, fmt.Errorf("client for users' tokens: %w", err)
	}
	return a, nil
}

// newApp makes an App without clients, with the defaults of o filled in.
func newApp(o Options) (*App, error) {
	base := &url.URL{Scheme: "https", Host: "api.github.com", Path: "/"}
	if o.BaseURL != nil {
		base = &url.URL{Scheme: o.BaseURL.Scheme, Host: o.BaseURL.Host, Path: strings.TrimSuffix(o.BaseURL.Path, "/") + "/"}
	}
	if base.Scheme != "https" && base.Scheme != "http" || base.Host == "" {
		return nil, fmt.Errorf("the URL of GitHub's API must look like https://api.github.com/, not %q", base)
	}
	a := &App{
		base: base, userAgent: o.UserAgent, timeout: o.CallTimeout, now: o.Clock, log: o.Logger,
		registry: o.Registry, pool: NewPool(o.RootCAs), slots: semaphore.NewWeighted(concurrency(o.PointsPerMinute)),
	}
	if a.userAgent == "" {
		a.userAgent = defaultUserAgent
	}
	if o.Dial != nil {
		a.pool.DialContext = o.Dial
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
	if a.points, a.budget, a.replica = o.PointsPerMinute, o.Budget, o.Replica; a.budget == nil {
		a.budget = pacing.NewMemory(a.now)
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = defaultCacheBytes
	}
	var err error
	a.cache, err = newCache(o.CacheBytes)
	return a, err
}

// Format implements [fmt.Formatter]. Whatever the verb, only the ID is printed, never a
// key.
func (a *App) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "GitHub App %s", a.issuer) }

// ID returns the App's ID. It is 0 if only the client ID was given and GitHub has not
// answered yet.
func (a *App) ID() int64 { return a.id.Load() }

// clientCreator returns go-githubapp's ClientCreator with middleware outside its own
// chain and transport inside.
func (a *App) clientCreator(transport http.RoundTripper, middleware githubapp.ClientMiddleware) githubapp.ClientCreator {
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(a.key)}
	return githubapp.NewClientCreator(a.base.String(), "", a.id.Load(), pem.EncodeToMemory(block),
		githubapp.WithClientUserAgent(a.userAgent),
		githubapp.WithTransport(transport),
		githubapp.WithClientMiddleware(middleware))
}

// appClient makes the client that authenticates as the App. It has no cache: GitHub's ETags
// depend on the token, and every request has a new one.
func (a *App) appClient() (*github.Client, error) {
	outermost := &transport{
		app:        a,
		next:       githubapp.ClientMetrics(a.registry)(&baseTransport{app: a, next: a.pool}),
		limiter:    new(limiter),
		credential: &credential{scheme: "Bearer", get: a.webToken},
	}
	return a.clientCreator(a.pool, replaceChain(outermost)).NewAppClient()
}

// webToken signs a JSON web token of the App. go-githubapp knows no client IDs. GitHub
// wants whole seconds, and the issue in the past by its own clock. See
// https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
func (a *App) webToken(context.Context) (string, error) {
	issued := time.Now().Add(-30 * time.Second).Truncate(time.Second)
	return jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer: a.issuer, IssuedAt: jwt.NewNumericDate(issued), ExpiresAt: jwt.NewNumericDate(issued.Add(2 * time.Minute)),
	}).SignedString(a.key)
}

// userClient makes the client that authenticates with the user token in the context. It
// neither caches nor coalesces, so that no user sees another's answer.
func (a *App) userClient() (*github.Client, error) {
	outermost := &transport{
		app:        a,
		next:       githubapp.ClientMetrics(a.registry)(&baseTransport{app: a, next: a.pool, userToken: true}),
		credential: &credential{scheme: "Bearer", get: userToken},
	}
	return a.clientCreator(a.pool, replaceChain(outermost)).NewInstallationClient(0)
}

// replaceChain is middleware that replaces go-githubapp's chain with ours. Its own would
// mint tokens with all of the App's permissions, renew them while a caller waits, and not
// retry.
func replaceChain(ours http.RoundTripper) githubapp.ClientMiddleware {
	return func(http.RoundTripper) http.RoundTripper { return ours }
}

// RateRemaining returns, by installation ID, how many requests were left of the primary
// rate limit at GitHub's last answer.
func (a *App) RateRemaining() map[int64]int {
	left := make(map[int64]int)
	a.remaining.Range(func(installation, n any) bool {
		left[installation.(int64)] = n.(int) //nolint:forcetypeassert // only baseTransport.observe stores here
		return true
	})
	return left
}

// ClockSkew returns how far our clock is ahead of GitHub's, to about a second. The result
// is false if GitHub has not answered yet.
func (a *App) ClockSkew() (time.Duration, bool) {
	return time.Duration(a.skew.Load()), a.skewKnown.Load()
}

// ServerVersion returns the version of the Enterprise Server. It is empty on github.com,
// and if GitHub has not answered yet.
func (a *App) ServerVersion() string {
	if v := a.version.Load(); v != nil {
		return *v
	}
	return ""
}

// An AppInfo describes the App as it is registered on GitHub.
type AppInfo struct {
	ID          int64             `json:"id"`
	Slug        string            `json:"slug"`
	Name        string            `json:"name"`
	HTMLURL     string            `json:"html_url"`
	Permissions map[string]string `json:"permissions"` // requested; an installation may not have granted them yet
	Events      []string          `json:"events"`
}

// App gets the App's registration.
func (a *App) App(ctx context.Context) (AppInfo, error) {
	info, _, err := send[AppInfo](ctx, a.self, http.MethodGet, "app", nil)
	if err == nil {
		a.id.CompareAndSwap(0, info.ID)
	}
	return info, a.failed("get the GitHub App", err)
}

// Ping checks that GitHub answers and accepts the App's key. If GitHub asked the App to
// wait within the last minute, Ping sends nothing: GitHub is up.
func (a *App) Ping(ctx context.Context) error {
	if a.limiter.blockedRecently(a.now()) {
		return nil
	}
	info, _, err := send[AppInfo](ctx, a.self, http.MethodGet, "app", nil)
	if err == nil {
		a.id.CompareAndSwap(0, info.ID)
	}
	return a.failed("reach GitHub", err)
}

// A HookConfig is the configuration of the App's webhook.
type HookConfig struct {
	URL         string
	InsecureSSL bool // GitHub does not verify our certificate
	HasSecret   bool // deliveries are signed
}

// HookConfig gets the configuration of the App's webhook.
func (a *App) HookConfig(ctx context.Context) (HookConfig, error) {
	c, _, err := a.self.Apps.GetHookConfig(ctx)
	if err != nil {
		return HookConfig{}, a.failed("get the App's webhook configuration", err)
	}
	return HookConfig{
		URL:         c.GetURL(),
		InsecureSSL: c.GetInsecureSSL() == "1",
		HasSecret:   c.GetSecret() != "",
	}, nil
}

// send makes a request for which go-github v41 has no method, or whose answer it decodes
// incompletely. headers are names and values in turn. Callers share the answer and must
// not change it: see [decode].
func send[T any](ctx context.Context, c *github.Client, method, path string, body any, headers ...string) (T, *github.Response, error) {
	var answer T
	req, err := c.NewRequest(method, path, body)
	if err != nil {
		return answer, nil, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	ctx, sent := watchSent(ctx)
	resp, err := c.BareDo(ctx, req)
	err = unlessSent(err, sent)
	var accepted *github.AcceptedError
	if errors.As(err, &accepted) { // go-github reports a 202 as an error
		return answer, resp, nil
	}
	if err != nil {
		return answer, resp, err
	}
	defer resp.Body.Close()
	answer, err = decode[T](resp.Response)
	if errors.Is(err, errBodyDropped) { // it gave way to others a moment ago: get all of it again
		return send[T](ctx, c, method, path, body, append(headers, "Cache-Control", "no-cache")...)
	}
	return answer, resp, err
}
