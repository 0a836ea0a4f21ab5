package github_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rcrowley/go-metrics"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim/contract"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim/web"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// Both are made once for all tests, because that is slow.
var (
	key      = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
	document = sync.OnceValues(func() (*contract.Contract, error) {
		if dir := os.Getenv("GITHUB_CONTRACT_DIR"); dir != "" {
			return contract.New(dir)
		}
		return nil, nil
	})
)

// A buffer is a bytes.Buffer for concurrent use.
type buffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

// A clock changes only by Add.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// newApp makes an App for the API at that address.
func newApp(t *testing.T, address string, change ...func(*github.Options)) *github.App {
	t.Helper()
	base, err := url.Parse(address)
	require.NoError(t, err)
	k, err := key()
	require.NoError(t, err)
	options := github.Options{BaseURL: base, AppID: 4242, Key: k, Logger: zerolog.Nop(), Registry: metrics.NewRegistry()}
	for _, c := range change {
		c(&options)
	}
	app, err := github.New(options)
	require.NoError(t, err)
	return app
}

// A fake is a server with one installation. It mints the tokens t1, t2, …, answers as
// set by on and handle, and records every request. If there is no answer for a request,
// it answers 404.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
	answers  map[string]http.HandlerFunc
	minted   int
	now      func() time.Time
}

type request struct {
	method, path, body string
	header             http.Header
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{answers: map[string]http.HandlerFunc{}, now: time.Now}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	f.on("GET /orgs/acme/installation", http.StatusOK, `{"id":77,"account":{"id":1,"login":"Acme"},"permissions":{"members":"read"}}`)
	f.handle("POST /app/installations/77/access_tokens", f.mint)
	return f
}

// on sets the answer to a request such as "GET /app". headers are names and values in turn.
func (f *fake) on(what string, status int, body string, headers ...string) {
	f.handle(what, func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

func (f *fake) handle(what string, h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[what] = h
}

func (f *fake) mint(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	f.minted++
	n := f.minted
	f.mu.Unlock()
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"token":"t%d","expires_at":%q}`, n, f.now().Add(time.Hour).UTC().Format(time.RFC3339))
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.requests = append(f.requests, request{r.Method, r.URL.Path, string(body), r.Header.Clone()})
	answer := f.answers[r.Method+" "+r.URL.Path]
	f.mu.Unlock()
	if answer == nil {
		http.Error(w, `{"message":"Not Found"}`, http.StatusNotFound)
		return
	}
	answer(w, r)
}

// all returns every request.
func (f *fake) all() []request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

// mints returns the requests for tokens.
func (f *fake) mints() []request {
	return slices.DeleteFunc(f.all(), func(r request) bool { return !strings.HasSuffix(r.path, "/access_tokens") })
}

// calls returns all requests except those for installations and tokens.
func (f *fake) calls() []request {
	return slices.DeleteFunc(f.all(), func(r request) bool {
		return strings.HasPrefix(r.path, "/app/installations") || strings.HasSuffix(r.path, "/installation")
	})
}

// world is the scenario of the tests on the simulator.
const world = `
users:
  - {login: ada, tokens: [{value: ghp_ada}, {value: gho_ada, clientID: 178c6fc778ccc68e1d6a, scopes: [repo]}], keys: [ssh-ed25519 AAAA]}
organizations:
  - login: acme
    owners: [olga]
    members: [bob]
    repositories:
      - {name: runner-admin, issues: [{title: Requests, comments: [{author: ada, body: Hello}]}]}
      - {name: api}
      - {name: web, visibility: public}
      - {name: bare}
    teams:
      - {name: Platform, maintainers: [ada], members: [bob], pendingMaintainers: [pete], repositories: {api: admin, web: push}}
    runnerGroups:
      - {name: platform, repositories: [api], runners: [{name: r1}, {name: r2, busy: true, labels: [self-hosted, gpu]}]}
      - {name: everywhere, visibility: all, inherited: true}
apps:
  - {id: 4242, name: Runner Manager, webhookSecret: hush, installations: [{id: 77, org: acme}]}
`

// A sim is a running simulator. If GITHUB_CONTRACT_DIR is set, every exchange is checked
// against GitHub's OpenAPI document.
type sim struct {
	*ghsim.Server
	url string
}

func newSim(t *testing.T, change ...func(*ghsim.Scenario)) sim {
	t.Helper()
	scenario, err := ghsim.LoadScenario([]byte(world))
	require.NoError(t, err)
	k, err := key()
	require.NoError(t, err)
	scenario.Apps[0].PrivateKey = string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}))
	for _, c := range change {
		c(&scenario)
	}
	s, err := ghsim.New(scenario)
	require.NoError(t, err)
	web.Attach(s)
	doc, err := document()
	require.NoError(t, err)
	if doc != nil {
		s.OnExchange = func(e ghsim.Exchange) {
			if !e.Injected {
				assert.NoError(t, doc.Check(e.Request, e.RequestBody, e.Status, e.Header, e.ResponseBody))
			}
		}
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		server.Close()
	})
	return sim{s, server.URL}
}

// ids returns the IDs of team platform, repositories api and web, and group platform.
func (s sim) ids() (team, api, web, group int64) { return s.idsOf("api", "web") }

// idsOf is ids for repositories of other names.
func (s sim) idsOf(one, other string) (team, oneID, otherID, group int64) {
	s.Update(func(st *ghsim.State) {
		o := st.Org("acme")
		team, oneID, otherID, group = o.Team("platform").ID, o.Repo(one).ID, o.Repo(other).ID, o.Group("platform").ID
	})
	return team, oneID, otherID, group
}
