package ghsim_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim/contract"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim/web"
)

// key is made once for all tests of the package, since that takes a moment.
var key = sync.OnceValues(ghsim.NewKey)

// document is GitHub's OpenAPI document, or nil if the environment names none.
var document = sync.OnceValues(func() (*contract.Contract, error) {
	if dir := os.Getenv("GITHUB_CONTRACT_DIR"); dir != "" {
		return contract.New(dir)
	}
	return nil, nil
})

// world is the scenario of most tests.
const world = `
users:
  - {login: ada, name: Ada Lovelace, tokens: [{value: ghp_ada, scopes: [repo, "read:org", user]}], keys: [ssh-ed25519 AAAA ada]}
  - {login: bob, tokens: [{value: github_pat_bob}, {value: gho_bob, clientID: 178c6fc778ccc68e1d6a, scopes: [repo]}]}
  - {login: olga, tokens: [{value: ghp_olga, scopes: [repo, "admin:org"]}]}
  - {login: sus, suspended: true, tokens: [{value: ghp_sus}]}
  - {login: eve, tokens: [{value: ghp_eve, scopes: [repo, "admin:org"]}]}
organizations:
  - login: acme
    owners: [olga]
    members: [bob]
    pendingMembers: [pete]
    repositories:
      - name: runner-admin
        issues:
          - {title: Requests, body: "### Team\n\nplatform", labels: ["team:platform"], comments: [{author: ada, body: Hello}]}
          - {title: A change, pullRequest: true}
      - {name: api}
      - {name: web, visibility: public}
      - {name: old, archived: true, issues: [{title: Old}]}
      - {name: bare, noIssues: true}
    teams:
      - {name: Platform, maintainers: [ada], members: [bob, olga], pendingMaintainers: [pete], repositories: {api: admin, web: push}}
      - {name: Platform Core, parent: platform, maintainers: [cleo]}
      - {name: Hidden, privacy: secret, members: [cleo]}
    runnerGroups:
      - {name: platform, repositories: [api], runners: [{name: r1}, {name: r2, busy: true, labels: [self-hosted, gpu]}]}
      - {name: everywhere, visibility: all, inherited: true}
    runners: [{name: spare}]
  - login: other
    plan: free
    owners: [eve]
    repositories: [{name: api, issues: [{title: Theirs}]}]
    teams: [{name: Platform, members: [eve]}]
apps:
  - {id: 4242, name: Runner Manager, webhookSecret: hush, installations: [{id: 77, org: acme}, {id: 78, org: other}]}
  - {id: 4343, name: Stranger, installations: []}
`

// A sim is a running simulator whose every exchange is checked against GitHub's document.
type sim struct {
	*ghsim.Server
	t    *testing.T
	http *httptest.Server
}

func newSim(t *testing.T, change ...func(*ghsim.Scenario)) *sim {
	t.Helper()
	sc, err := ghsim.LoadScenario([]byte(world))
	require.NoError(t, err)
	pem, err := key()
	require.NoError(t, err)
	for i := range sc.Apps {
		sc.Apps[i].PrivateKey = pem
	}
	for _, c := range change {
		c(&sc)
	}
	s, err := ghsim.New(sc)
	require.NoError(t, err)
	web.Attach(s)
	doc, err := document()
	require.NoError(t, err)
	if doc != nil {
		s.OnExchange = func(e ghsim.Exchange) {
			if e.Route != "" && !e.Injected {
				assert.NoError(t, doc.Check(e.Request, e.RequestBody, e.Status, e.Header, e.ResponseBody))
			}
		}
	}
	srv := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		srv.Close()
	})
	return &sim{Server: s, t: t, http: srv}
}

// A reply is what the simulator answered.
type reply struct {
	*http.Response
	body string
}

// get decodes a value out of the answer: keys of objects and indexes of lists.
func (r reply) get(path ...any) any {
	var v any
	_ = json.Unmarshal([]byte(r.body), &v)
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// names are the values of one key in a list.
func (r reply) names(key string, path ...any) []string {
	list, _ := r.get(path...).([]any)
	names := []string{}
	for _, item := range list {
		name, _ := item.(map[string]any)[key].(string)
		names = append(names, name)
	}
	return names
}

func (s *sim) do(method, path, token, body string, header ...string) reply {
	s.t.Helper()
	url := path
	if !strings.HasPrefix(path, "http") {
		url = s.http.URL + path
	}
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(s.t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	var buf bytes.Buffer
	_, err = buf.ReadFrom(resp.Body)
	require.NoError(s.t, err)
	return reply{resp, buf.String()}
}

func (s *sim) get(path, token string) reply { return s.do(http.MethodGet, path, token, "") }

// jwt signs the usual claims, changed by the given ones.
func (s *sim) jwt(app int64, change ...func(jwt.MapClaims)) string {
	s.t.Helper()
	now := time.Now()
	if s.Now != nil {
		now = s.Now()
	}
	claims := jwt.MapClaims{"iss": strconv.FormatInt(app, 10), "iat": now.Add(-time.Minute).Unix(), "exp": now.Add(9 * time.Minute).Unix()}
	for _, c := range change {
		c(claims)
	}
	pem, err := key()
	require.NoError(s.t, err)
	private, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(pem))
	require.NoError(s.t, err)
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(private)
	require.NoError(s.t, err)
	return token
}

// token mints an installation token, narrowed by the body.
func (s *sim) token(body string) string {
	s.t.Helper()
	r := s.do(http.MethodPost, "/app/installations/77/access_tokens", s.jwt(4242), body)
	require.Equal(s.t, http.StatusCreated, r.StatusCode, r.body)
	return r.get("token").(string)
}

// state reads something of the state, under the lock.
func state[T any](s *sim, read func(*ghsim.State) T) (v T) {
	s.Update(func(st *ghsim.State) { v = read(st) })
	return v
}

func TestContractIsThere(t *testing.T) {
	if os.Getenv("GITHUB_CONTRACT_DIR") == "" {
		t.Skip("NOT CHECKED AGAINST GITHUB'S OPENAPI DOCUMENT: set GITHUB_CONTRACT_DIR to the folder that holds github-rest.json (make contract)")
	}
	doc, err := document()
	require.NoError(t, err)
	require.NotNil(t, doc)
}
