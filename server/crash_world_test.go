package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// program is the path of the real program, built once for all tests that kill it. It is in
// the folder of the test binary, which `go test` removes.
var program = sync.OnceValues(func() (string, error) {
	test, err := os.Executable()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(filepath.Dir(test), "actions-runner-manager")
	out, err := exec.Command("go", "build", "-o", binary, "../cmd/actions-runner-manager").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the program: %w: %s", err, out)
	}
	return binary, nil
})

// A crashWorld is a simulated GitHub in this process, and servers in processes of their
// own, which may be killed at any time.
type crashWorld struct {
	*world
	database string
	servers  []*process
	// onExchange, if set, is called for every call after its effect and before its answer.
	onExchange atomic.Pointer[func(ghsim.Exchange)]

	mu      sync.Mutex
	secrets map[string]int // comments with a secret ever written, by command
	// superseded are the commands that yielded to a newer one after an interruption.
	superseded []string
}

// newCrashWorld starts the simulated GitHub only. Settings are as for newWorld.
func newCrashWorld(t *testing.T, database string, sc ghsim.Scenario, settings ...string) *crashWorld {
	t.Helper()
	hub, err := ghsim.New(sc)
	require.NoError(t, err)
	w := &crashWorld{database: database, secrets: map[string]int{}}
	hub.OnExchange = func(e ghsim.Exchange) {
		w.noteSecret(e)
		if f := w.onExchange.Load(); f != nil {
			(*f)(e)
		}
	}
	front := httptest.NewUnstartedServer(hub)
	hub.URL = "http://" + front.Listener.Addr().String() // before anybody can ask
	front.Start()
	w.world = &world{
		t: t, hub: hub, hubURL: front.URL, log: &lockedBuffer{}, dir: t.TempDir(),
		client: &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
	w.env = map[string]string{
		"ORG": "acme", "APP_ID": "4242", "PRIVATE_KEY": appKey(), "LOGGING_LEVEL": "debug",
		"SERVER_RATE_LIMIT": "1000", "SERVER_PORT": freePort(t),
		"GITHUB_URL": front.URL, "GITHUB_API_URL": front.URL, "GITHUB_WEBHOOK_SECRET": webhookSecret,
		"CHATOPS_ADMIN_REPO": "runner-admin", "DATABASE_URL": database,
	}
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		w.env[name] = value
	}
	t.Cleanup(func() {
		for _, p := range w.servers {
			p.kill()
		}
		hub.Close()
		front.Close()
		w.client.CloseIdleConnections()
		assert.Empty(t, hub.Unknown(), "only addresses that GitHub has are asked")
		w.noSecrets()
		w.keepLog()
	})
	return w
}

func freePort(t *testing.T) string {
	t.Helper()
	port, err := storetest.FreePort()
	require.NoError(t, err)
	return strconv.Itoa(port)
}

// noteSecret counts the comments that contain a secret.
func (w *crashWorld) noteSecret(e ghsim.Exchange) {
	if _, after, ok := strings.Cut(string(e.RequestBody), "arm:secret "); ok && e.Status == http.StatusCreated {
		command, _, _ := strings.Cut(after, " ")
		w.mu.Lock()
		w.secrets[command]++
		w.mu.Unlock()
	}
}

// A process is a server that can be killed.
type process struct {
	cmd   *exec.Cmd
	url   string
	log   *lockedBuffer
	ended chan struct{} // closed once it is gone
	code  int           // its exit status, from then on
}

// spawn starts a server without waiting for it.
func (w *crashWorld) spawn(settings ...string) *process {
	w.t.Helper()
	binary, err := program()
	require.NoError(w.t, err)
	p := &process{log: &lockedBuffer{}, ended: make(chan struct{})}
	p.cmd = exec.Command(binary, "serve")
	p.cmd.Dir = w.dir
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir}
	port := w.env["SERVER_PORT"]
	for name, value := range w.env {
		p.cmd.Env = append(p.cmd.Env, "ARM_"+name+"="+value)
	}
	for _, setting := range settings { // the last one counts
		p.cmd.Env = append(p.cmd.Env, "ARM_"+setting)
		if value, ok := strings.CutPrefix(setting, "SERVER_PORT="); ok {
			port = value
		}
	}
	p.url = "http://127.0.0.1:" + port
	out := io.MultiWriter(p.log, w.log)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	require.NoError(w.t, p.cmd.Start())
	w.servers = append(w.servers, p)
	go func() {
		_ = p.cmd.Wait()
		p.code = p.cmd.ProcessState.ExitCode()
		close(p.ended)
	}()
	return p
}

// run starts a server that gets all requests, and waits until it is ready.
func (w *crashWorld) run(settings ...string) *process {
	w.t.Helper()
	p := w.spawn(settings...)
	w.ready(p)
	w.url = p.url
	w.hub.SetHookURL(p.url + "/api/github/hook")
	return p
}

// ready waits until a server is ready.
func (w *crashWorld) ready(p *process) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		select {
		case <-p.ended:
			return true
		default:
		}
		res, err := w.client.Get(p.url + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	}, eventually, tick, "the server is not ready")
	require.False(w.t, p.gone(), "the server ended at once")
}

func (p *process) gone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// terminate sends SIGTERM, and returns the exit status.
func (p *process) terminate(t *testing.T) int {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.ended:
	case <-time.After(eventually):
		t.Fatal("the server does not end on SIGTERM")
	}
	return p.code
}

// killWhen kills the server when a call matches, after its effect and before its answer. The channel is closed once the server is gone.
func (w *crashWorld) killWhen(p *process, matches func(ghsim.Exchange) bool) <-chan struct{} {
	var once sync.Once
	f := func(e ghsim.Exchange) {
		if !p.gone() && matches(e) {
			once.Do(p.kill)
		}
	}
	w.onExchange.Store(&f)
	return p.ended
}

// killAfter kills the server a moment after the given number of calls.
func (w *crashWorld) killAfter(p *process, calls int, moment time.Duration) <-chan struct{} {
	var n atomic.Int64
	f := func(ghsim.Exchange) {
		if n.Add(1) == int64(calls) {
			time.AfterFunc(moment, p.kill)
		}
	}
	w.onExchange.Store(&f)
	return p.ended
}

// gone waits for the end of a server, and for what the database server needs to
// notice it.
func (w *crashWorld) gone(ended <-chan struct{}) {
	w.t.Helper()
	select {
	case <-ended:
	case <-time.After(eventually):
		w.t.Fatal("the server was not killed: what should kill it did not happen")
	}
	w.onExchange.Store(nil)
	w.minutesLater()
}

// minutesLater frees the work of a dead replica on PostgreSQL, as if 3 minutes had passed.
// On SQLite the next server frees it at its start, because it is the only one.
func (w *crashWorld) minutesLater() {
	w.t.Helper()
	if !strings.HasPrefix(w.database, "postgres") {
		return
	}
	conn, err := pgx.Connect(w.t.Context(), storetest.Direct(w.database))
	require.NoError(w.t, err)
	defer conn.Close(context.Background())
	// A statement that the dead server had sent may still be running. If it took a job
	// after the update below, that job would wait for 3 real minutes.
	require.Eventually(w.t, func() bool {
		var others int
		err := conn.QueryRow(w.t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`).Scan(&others)
		require.NoError(w.t, err)
		return others == 0
	}, eventually, tick, "connections of the dead server are still open")
	for _, statement := range []string{
		`UPDATE river_job SET state = 'available' WHERE state = 'running'`,
		`DELETE FROM river_leader`,
		`DELETE FROM lease`,
	} {
		_, err := conn.Exec(w.t.Context(), statement)
		require.NoError(w.t, err, statement)
	}
}

// isPost matches a POST whose path has the suffix and whose body contains the text.
func isPost(suffix, holds string) func(ghsim.Exchange) bool {
	return func(e ghsim.Exchange) bool {
		return e.Request.Method == http.MethodPost && strings.HasSuffix(e.Request.URL.Path, suffix) && bytes.Contains(e.RequestBody, []byte(holds))
	}
}

// seeded returns a random source, and its seed, which CRASH_SEED can set.
func seeded(t *testing.T) (*rand.Rand, uint64) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given, err := strconv.ParseUint(os.Getenv("CRASH_SEED"), 10, 64); err == nil {
		seed = given
	}
	return rand.New(rand.NewPCG(seed, seed)), seed
}
