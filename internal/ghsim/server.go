package ghsim

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Server is the simulated GitHub. Its zero value is an empty GitHub, ready
// to serve. The exported fields are set before the first request.
type Server struct {
	// URL is where the server is reached, as in http://127.0.0.1:3000. Where
	// it is empty, links follow the Host of the request.
	URL string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// ClockSkew is how far GitHub's clock is ahead of Now.
	ClockSkew time.Duration
	// RateLimit is the requests an hour of an installation or user that has no
	// limit of its own; 0 means GitHub's 5,000.
	RateLimit int
	// GroupDeleteRefusesRunners makes deleting a runner group with runners
	// fail with 409. Otherwise its runners go back to the default group.
	// GitHub's documents do not say which it is.
	GroupDeleteRefusesRunners bool
	// OldRunners leaves out the version of runners, whether they are ephemeral, and the type
	// of their labels, as old Enterprise Servers may.
	OldRunners bool
	// WebhookTimeout is how long a delivery may take; 0 means GitHub's 10 s.
	WebhookTimeout time.Duration
	// WebhookClient delivers webhooks; nil means a client of its own.
	WebhookClient *http.Client
	// OnExchange, if set, is called for every request to the API and its
	// answer. It may be called from several goroutines at once.
	OnExchange func(Exchange)

	// Pages, if set, returns the handler of a web page, or nil if the path is the API's.
	// Package web sets it.
	Pages func(method, path string) http.HandlerFunc

	routing sync.Once
	routes  []splitRoute

	mu            sync.Mutex // guards all below
	state         State
	version       uint64        // counts changes of the state
	changed       chan struct{} // closed at the next change
	calls         []Call
	unknown       []string
	secondary     map[int64]*usage // by installation; nil: not enforced
	faults        []*activeFault
	latency       time.Duration
	secrets       []string
	instTokens    map[string]*instToken
	manifests     map[string]*App         // apps that wait for their conversion, by code
	grants        map[string]grant        // of the web flow, by code
	registrations map[string]registration // by token
	jit           map[string]*Runner      // by configuration
	buckets       map[string]*bucket
	suggestions   []string
	release       string // newest of the runner; empty: RunnerVersion
	living        living
	issuer        issuer
	closed        bool
	pauseHooks    bool
	inFlight      int // deliveries on their way
	cancels       map[*Delivery]context.CancelFunc
	base          string // if the first request reached the server
}

// maxBody is the largest request body that the server reads.
const maxBody = 25 << 20

// Update runs change on the state, under the server's lock.
func (s *Server) Update(change func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.state)
	s.touch()
}

// Secrets lists every secret that the server ever knew or handed out: user,
// installation, registration and removal tokens, JIT configurations, private
// keys, client and webhook secrets. A test greps logs for them.
func (s *Server) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.secrets)
}

// secret remembers a secret and returns it. The caller holds the lock.
func (s *Server) secret(v string) string {
	if v != "" && !slices.Contains(s.secrets, v) {
		s.secrets = append(s.secrets, v)
	}
	return v
}

// touch notifies those who watch that the state changed. The caller holds the lock.
func (s *Server) touch() {
	s.version++
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

func (s *Server) now() time.Time {
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	return now().Add(s.ClockSkew)
}

// ServeHTTP serves the API, with and without the prefix /api/v3, the issuer of Actions'
// tokens, the web flow of Apps, and the web pages.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.serveIssuer(w, r) || s.serveOAuth(w, r) {
		return
	}
	path, prefix := r.URL.EscapedPath(), ""
	if rest, ok := strings.CutPrefix(path, "/api/v3"); ok && (rest == "" || rest[0] == '/') {
		path, prefix = rest, "/api/v3"
	} else if s.Pages != nil {
		if page := s.Pages(r.Method, path); page != nil {
			page(w, r)
			return
		}
	}
	s.serveAPI(w, r, path, prefix)
}

// serveAPI answers one call of the API.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, path, prefix string) {
	record := Call{Method: r.Method, Path: path, Query: r.URL.RawQuery, Auth: "none", Start: time.Now()}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	route, params := s.match(r.Method, path)
	c := &call{s: s, st: &s.state, r: r, body: body, params: params, base: s.baseURL(r), prefix: prefix}
	if route != nil {
		record.Route = route.template
	}

	s.mu.Lock()
	if s.base == "" {
		s.base = c.base
	}
	c.who = s.authenticate(r)
	record.Auth = c.who.kind
	if c.who.inst != nil {
		record.InstallationID = c.who.inst.ID
	}
	fault := s.strike(r.Method, path)
	wait := s.latency
	s.mu.Unlock()
	if fault != nil {
		wait += fault.Delay
	}
	select {
	case <-time.After(wait):
	case <-r.Context().Done():
	}

	var a answer
	finish := func() {
		record.Status, record.End = a.status, time.Now()
		s.record(record)
	}
	switch {
	case fault != nil && fault.Drop:
		finish()
		panic(http.ErrAbortHandler)
	case fault != nil && fault.Status != 0 && !fault.DropAfter:
		a = fault.answer()
		s.mu.Lock()
		s.rateHeaders(c, &a)
		s.mu.Unlock()
	default:
		a = s.handle(c, route, &record)
	}
	a.finish(s, c)
	if fault != nil && fault.DropAfter {
		a = answer{}
		finish()
		panic(http.ErrAbortHandler)
	}
	if fault != nil {
		maps.Copy(a.header, fault.Header)
	}
	finish()
	// Before the answer leaves, so that who has it knows that it was checked.
	if s.OnExchange != nil {
		s.OnExchange(Exchange{
			Route: record.Route, Request: r, RequestBody: body, Status: a.status, Header: a.header,
			ResponseBody: a.raw, Injected: fault != nil && fault.Status != 0,
		})
	}
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.raw)
}

// handle runs a call through the checks that GitHub makes, in its order.
func (s *Server) handle(c *call, rt *route, record *Call) (a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live()
	defer s.rateHeaders(c, &a)
	if c.who.refused != nil {
		return *c.who.refused
	}
	if rt == nil {
		return notFound("")
	}
	if rt.template == "/rate_limit" {
		return rt.handle(c)
	}
	if refusal := s.throttle(c); refusal != nil {
		return *refusal
	}
	b := s.bucket(c.who)
	if b.used >= b.limit {
		return rateLimited(c)
	}
	b.used++
	record.Charged = true
	if refusal := c.resolve(rt); refusal != nil {
		return *refusal
	}
	a = rt.handle(c)
	if a.status == http.StatusOK && c.r.Method == http.MethodGet {
		a.encode()
		tag := a.etag(c)
		if matches(c.r.Header.Get("If-None-Match"), tag) {
			a = answer{status: http.StatusNotModified, header: http.Header{"Etag": {tag}}}
			b.used--
			record.Charged = false
		} else {
			a.set("Etag", tag)
		}
	} else if a.status < 300 && c.r.Method != http.MethodGet {
		s.touch()
	}
	return a
}

// baseURL is where the server is reached, without the prefix of the API.
func (s *Server) baseURL(r *http.Request) string {
	if s.URL != "" {
		return strings.TrimSuffix(s.URL, "/")
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// An answer is what a handler returns.
type answer struct {
	status int
	body   any // encoded as JSON, unless raw is set
	raw    []byte
	header http.Header
}

type obj = map[string]any

func ok(body any) answer      { return answer{status: http.StatusOK, body: body} }
func created(body any) answer { return answer{status: http.StatusCreated, body: body} }
func noContent() answer       { return answer{status: http.StatusNoContent} }

func (a *answer) set(key, value string) {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(key, value)
}

func (a *answer) encode() {
	if a.raw != nil || a.body == nil {
		return
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(a.body); err != nil {
		panic(err) // our own maps always encode
	}
	a.raw = bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// etag depends on the token too, as GitHub's does.
func (a *answer) etag(c *call) string {
	sum := sha256.Sum256(append([]byte(c.r.Header.Get("Authorization")+"\x00"+c.r.Header.Get("Accept")+"\x00"), a.raw...))
	return `W/"` + hex.EncodeToString(sum[:]) + `"`
}

func matches(header, tag string) bool {
	for t := range strings.SplitSeq(header, ",") {
		if strings.TrimPrefix(strings.TrimSpace(t), "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// finish adds what all of GitHub's answers have.
func (a *answer) finish(s *Server, c *call) {
	a.encode()
	if len(a.raw) > 0 && a.header.Get("Content-Type") == "" {
		a.set("Content-Type", "application/json; charset=utf-8")
	}
	a.set("Date", s.now().UTC().Format(http.TimeFormat))
	a.set("X-Github-Request-Id", requestID())
	a.set("X-Github-Media-Type", "github.v3; format=json")
	a.set("X-Content-Type-Options", "nosniff")
	if c.prefix != "" {
		a.set("X-Github-Enterprise-Version", "3.17.0")
	}
	if c.r.Method == http.MethodGet {
		a.set("Vary", "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With")
		a.set("Cache-Control", "private, max-age=60, s-maxage=60")
		if c.who.kind == "none" {
			a.set("Cache-Control", "public, max-age=60, s-maxage=60")
		}
	}
	if t := c.who.token; t != nil && c.who.user != nil {
		if !strings.HasPrefix(t.Value, "github_pat_") && !strings.HasPrefix(t.Value, "ghu_") {
			a.set("X-Oauth-Scopes", strings.Join(t.Scopes, ", "))
		}
		if t.ClientID != "" {
			a.set("X-Oauth-Client-Id", t.ClientID)
		}
	}
}

// requestID looks like GitHub's.
func requestID() string {
	var b [14]byte
	_, _ = rand.Read(b[:]) // never fails
	h := strings.ToUpper(hex.EncodeToString(b[:]))
	return h[:4] + ":" + h[4:10] + ":" + h[10:16] + ":" + h[16:22] + ":" + h[22:]
}

// randomToken makes a secret of the form that GitHub's have.
func randomToken(prefix string, n int) string {
	return prefix + (rand.Text() + rand.Text() + rand.Text())[:n]
}
