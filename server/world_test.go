package server_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim/contract"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim/web"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
	"github.com/actions-runner-manager/actions-runner-manager/server"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Most of these tests wait, for a retry or for the end of a server, so more of them
	// than there are processors run side by side, unless -parallel asks for a number.
	const waiting = 4
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if !asked {
		if err := flag.Set("test.parallel", strconv.Itoa(waiting*runtime.GOMAXPROCS(0))); err != nil {
			panic(err)
		}
	}
	storetest.Main(m)
}

const (
	eventually = 30 * time.Second
	tick       = 10 * time.Millisecond
	// latency is long enough for concurrent calls to overlap.
	latency = 60 * time.Millisecond
)

// webhookSecret signs the simulated GitHub's deliveries.
const webhookSecret = "it's a secret to everybody"

// appKey is the App's private key. It is generated once for all tests.
var appKey = sync.OnceValue(func() string {
	key, err := ghsim.NewKey()
	if err != nil {
		panic(err)
	}
	return key
})

// A world is a simulated GitHub and a real server that uses it, over TLS.
type world struct {
	t      testing.TB
	hub    *ghsim.Server
	hubURL string
	url    string
	client *http.Client
	log    *lockedBuffer
	dir    string
	env    map[string]string
	stop   func() error
	drain  time.Duration
	seed   uint64 // of the test's random choices; 0: none

	ahead   *atomic.Int64 // how far the server's clock is ahead, in nanoseconds
	watcher *atomic.Pointer[func(ghsim.Exchange)]
}

// advance sets the server's clock ahead, so that a test need not wait.
func (w *world) advance(by time.Duration) { w.ahead.Add(int64(by)) }

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// watch calls see for every later exchange with the simulated GitHub.
func (w *world) watch(see func(ghsim.Exchange)) { w.watcher.Store(&see) }

// acme is the organization that most tests are about.
func acme() ghsim.Scenario {
	key := "AAAAC3NzaC1lZDI1NTE5AAAAIPH1qyq0bRhVJpZ0Hk4RcKzKc3m3v0aHhYp8l7qGm0tJ"
	return ghsim.Scenario{
		Users: []ghsim.UserSpec{
			{Login: "ada", Tokens: []ghsim.TokenSpec{{Value: "ghp_ada"}, {Value: "github_pat_ada"}, {Value: "gho_ada", ClientID: "178c6fc778ccc68e1d6a"}}, Keys: []string{"ssh-ed25519 " + key}},
			{Login: "bob", Tokens: []ghsim.TokenSpec{{Value: "ghp_bob"}}},
			{Login: "pete", Tokens: []ghsim.TokenSpec{{Value: "ghp_pete"}}},
			{Login: "kim", Tokens: []ghsim.TokenSpec{{Value: "ghp_kim"}}},
			{Login: "olga", Tokens: []ghsim.TokenSpec{{Value: "ghp_olga"}}},
			{Login: "eve", Tokens: []ghsim.TokenSpec{{Value: "ghp_eve"}}},
			{Login: "sam", Suspended: true, Tokens: []ghsim.TokenSpec{{Value: "ghp_sam"}}},
			{Login: "robot", Type: "Bot", Tokens: []ghsim.TokenSpec{{Value: "ghp_robot"}}},
		},
		Organizations: []ghsim.OrgSpec{{
			Login: "acme", Owners: []string{"olga"}, Members: []string{"ada", "bob", "pete", "kim"},
			Repositories: []ghsim.RepoSpec{
				{Name: "api"},
				{Name: "web"},
				{Name: "docs"},
				{Name: "site", Visibility: "public"},
				{Name: "inner", Visibility: "internal"},
				{Name: "foreign"},
				{Name: "runner-admin", Issues: []ghsim.IssueSpec{
					{Title: "Runners of platform", Labels: []string{"team:platform"}},
					{Title: "Anything"},
				}},
			},
			Teams: []ghsim.TeamSpec{
				{
					Name: "platform", Maintainers: []string{"ada"}, Members: []string{"bob"}, PendingMaintainers: []string{"pete"},
					Repositories: map[string]string{"api": "admin", "web": "admin", "docs": "push", "site": "admin", "inner": "admin"},
				},
				{Name: "web", Maintainers: []string{"ada"}, Repositories: map[string]string{"web": "admin"}},
				{Name: "others", Maintainers: []string{"bob"}},
				{Name: "platform-kids", Parent: "platform", Members: []string{"kim"}},
				{Name: "secret", Privacy: "secret", Maintainers: []string{"olga"}},
			},
			RunnerGroups: []ghsim.GroupSpec{
				{Name: "legacy", Repositories: []string{"foreign"}, Runners: []ghsim.RunnerSpec{{Name: "old-1"}}},
				{Name: "open", Visibility: "all"},
				{Name: "enterprise", Inherited: true, Visibility: "all"},
			},
			Runners: []ghsim.RunnerSpec{{Name: "spare-1"}},
		}},
		Apps: []ghsim.AppSpec{{
			ID: 4242, Name: "arm", PrivateKey: appKey(), WebhookSecret: webhookSecret,
			Installations: []ghsim.InstallationSpec{{ID: 77, Org: "acme"}},
		}},
	}
}

// newWorld starts both. Settings are environment variables without their ARM_, over
// the defaults below.
func newWorld(t testing.TB, sc ghsim.Scenario, settings ...string) *world {
	t.Helper()
	hub, err := ghsim.New(sc)
	require.NoError(t, err)
	web.Attach(hub)
	checkContract(t, hub)
	w := &world{t: t, hub: hub, log: &lockedBuffer{}, dir: t.TempDir(), watcher: &atomic.Pointer[func(ghsim.Exchange)]{}, ahead: &atomic.Int64{}}
	check := hub.OnExchange
	hub.OnExchange = func(e ghsim.Exchange) {
		if check != nil {
			check(e)
		}
		if watcher := w.watcher.Load(); watcher != nil {
			(*watcher)(e)
		}
	}
	front := httptest.NewUnstartedServer(hub)
	hub.URL = "http://" + front.Listener.Addr().String() // before anybody can ask
	front.Start()
	w.hubURL = front.URL
	w.env = map[string]string{
		"ORG": "acme", "APP_ID": "4242", "PRIVATE_KEY": appKey(),
		"SERVER_PORT": "0", "SERVER_RATE_LIMIT": "1000", "LOGGING_LEVEL": "debug",
		"GITHUB_URL": front.URL, "GITHUB_API_URL": front.URL, "GITHUB_WEBHOOK_SECRET": webhookSecret,
		"CHATOPS_ADMIN_REPO": "runner-admin", "DATABASE_URL": storetest.SQLiteAt(t, filepath.Join(w.dir, "arm.db")),
		"FLEET_POLL_INTERVAL": "0", // many tests count calls
	}
	hub.View(func(st *ghsim.State) {
		if len(st.Apps) > 0 {
			w.env["CLIENT_ID"], w.env["CLIENT_SECRET"] = st.Apps[0].ClientID, st.Apps[0].ClientSecret // the console is on
		}
	})
	w.env["SERVER_TLS_ENABLED"] = "true"
	w.env["SERVER_TLS_CERT_FILE"], w.env["SERVER_TLS_KEY_FILE"], w.client = certificate(t, w.dir)
	hub.WebhookClient = w.client // the simulated GitHub trusts the server's certificate
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		w.env[name] = value
	}
	if w.env["PRIVATE_KEY"] == "" { // no App is configured yet
		delete(w.env, "CLIENT_ID")
		delete(w.env, "CLIENT_SECRET")
	}
	t.Cleanup(func() {
		if w.stop != nil {
			assert.NoError(t, w.stop())
		}
		hub.Close()
		front.Close()
		assert.Empty(t, hub.Unknown(), "only addresses that GitHub has are asked")
		w.noSecrets()
		w.keepLog()
	})
	w.start()
	return w
}

// start starts the server, again after a stop.
func (w *world) start() {
	w.t.Helper()
	var environ []string
	for name, value := range w.env {
		environ = append(environ, "ARM_"+name+"="+value)
	}
	c, err := config.Load("", environ)
	require.NoError(w.t, err)
	listening := make(chan string, 1)
	clock := w.now
	if !strings.HasPrefix(w.env["DATABASE_URL"], "sqlite:") {
		clock = nil // replicas go by the database's clock
	}
	s, err := server.New(w.t.Context(), server.Options{
		Config: c, Version: "test", Log: w.log, Clock: clock, Drain: w.drain, Listening: func(url string) { listening <- url },
	})
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	w.stop = sync.OnceValue(func() error {
		w.client.CloseIdleConnections() // else HTTP/2 keeps the end waiting for a second
		cancel()
		return <-ended
	})
	select {
	case w.url = <-listening:
	case err := <-ended:
		require.NoError(w.t, err, "the server ended at once")
	}
	w.hub.SetHookURL(w.url + "/api/github/hook")
	w.hub.SetCallbackURLs(w.url + "/console/callback")
}

// noSecrets checks that the log contains no secret of the simulated GitHub.
func (w *world) noSecrets() {
	logged := w.log.String()
	for _, secret := range append(w.hub.Secrets(), webhookSecret) {
		for line := range strings.Lines(secret) {
			if line = strings.TrimSpace(line); len(line) > 6 && !strings.HasPrefix(line, "-----") {
				assert.False(w.t, strings.Contains(logged, line), "a secret is in the log: %.6s…", line)
			}
		}
	}
}

// keepLog writes the server's log to a file if the test failed, and logs last of all
// its path and how to repeat the test.
func (w *world) keepLog() {
	w.t.Helper()
	if !w.t.Failed() {
		return
	}
	again := "go test ./server -run '^" + strings.ReplaceAll(w.t.Name(), "/", "$/^") + "$'"
	if w.seed != 0 {
		again = fmt.Sprintf("CRASH_SEED=%d %s", w.seed, again)
	}
	file, err := os.CreateTemp("", "arm-*.log")
	if err == nil {
		_, err = file.WriteString(w.log.String())
		file.Close()
	}
	if err != nil {
		w.t.Logf("the server's log could not be kept: %v", err)
		return
	}
	w.t.Logf("%s failed. The server's log: %s. Repeat with: %s", w.t.Name(), file.Name(), again)
}

// certificate writes a certificate for 127.0.0.1 and returns a client that trusts it.
func certificate(t testing.TB, dir string) (certFile, keyFile string, client *http.Client) {
	t.Helper()
	donor := httptest.NewUnstartedServer(nil)
	donor.StartTLS()
	defer donor.Close()
	pair := donor.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	pool := x509.NewCertPool()
	pool.AddCert(donor.Certificate())
	return certFile, keyFile, &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true},
		Timeout:   60 * time.Second,
	}
}

var loadContract = sync.OnceValues(func() (*contract.Contract, error) {
	return contract.New(os.Getenv("GITHUB_CONTRACT_DIR"))
})

// checkContract compares every exchange with the simulator with GitHub's own API
// description, if GITHUB_CONTRACT_DIR has it.
func checkContract(t testing.TB, hub *ghsim.Server) {
	if os.Getenv("GITHUB_CONTRACT_DIR") == "" {
		return // ghsim's own tests report that it is missing
	}
	known, err := loadContract()
	require.NoError(t, err)
	hub.OnExchange = func(e ghsim.Exchange) {
		if e.Injected {
			return
		}
		if err := known.Check(e.Request, e.RequestBody, e.Status, e.Header, e.ResponseBody); err != nil {
			t.Errorf("%s %s: %v", e.Request.Method, e.Request.URL.Path, err)
		}
	}
}
