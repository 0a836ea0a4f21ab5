package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// An installation is the shipped binary as a service of systemd, as docs/deploy.md installs it,
// in a folder instead of the machine.
type installation struct {
	t    *testing.T
	doc  document
	d    *demo // only its simulated GitHub runs
	sh   *shell
	root string
	url  string
}

// systemctl starts and stops the server as the unit in deploy/systemd does.
const systemctl = `
cd "$ROOT/var/lib/actions-runner-manager"
stop() { if [ -s "$ROOT/pid" ]; then pid=$(cat "$ROOT/pid"); kill "$pid" 2>/dev/null || :; while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done; rm "$ROOT/pid"; fi; }
start() {
  set -a; . "$ROOT/etc/actions-runner-manager/env"; set +a
  export ARM_PRIVATE_KEY_FILE="$ROOT/etc/actions-runner-manager/app.pem"
  "$ROOT/usr/local/bin/actions-runner-manager" serve >>"$ROOT/log" 2>&1 </dev/null & pid=$!; echo "$pid" >"$ROOT/pid"
  for _ in $(seq 600); do
    kill -0 "$pid" 2>/dev/null || { tail -1 "$ROOT/log"; exit 1; }
    "$ROOT/usr/local/bin/actions-runner-manager" healthcheck --ready >/dev/null 2>&1 && exit 0
    sleep 0.05
  done
  exit 1
}
case $1 in stop) stop ;; start) start ;; restart) stop; start ;; esac
`

func install(t *testing.T) *installation {
	t.Helper()
	i := &installation{t: t, doc: readDocument(t, "docs/operations.md"), d: &demo{address: "127.0.0.1"}}
	i.sh = newShell(t, slices.Concat(shellPrograms(), []string{"seq", "tail"})...)
	i.root = filepath.Dir(i.sh.dir)
	require.NoError(t, i.d.stage())
	stop, err := i.d.serveGitHub(t.Context())
	require.NoError(t, err)
	t.Cleanup(stop)

	port, err := storetest.FreePort()
	require.NoError(t, err)
	i.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	i.d.sim.SetHookURL(i.url + comment.WebhookPath)
	for _, folder := range []string{"etc/actions-runner-manager", "var/lib/actions-runner-manager", "var/backups", "usr/local/bin", "srv"} {
		require.NoError(t, os.MkdirAll(i.path(folder), 0o700))
	}
	c := i.d.cast
	i.write("etc/actions-runner-manager/env", fmt.Sprintf("ARM_ORG=%s\nARM_APP_ID=%d\nARM_GITHUB_WEBHOOK_SECRET=%s\nARM_CHATOPS_ADMIN_REPO=%s\n"+
		"ARM_SERVER_PUBLIC_URL=%s\nARM_SERVER_PORT=%d\nARM_GITHUB_URL=%s\nARM_DATABASE_URL=sqlite:actions-runner-manager.db\n",
		c.org, c.appID, c.webhookSecret, c.adminRepo, i.url, port, i.d.simURL))
	i.write("etc/actions-runner-manager/app.pem", c.privateKey)
	for _, program := range []string{"usr/local/bin/actions-runner-manager", "work/actions-runner-manager"} {
		data, err := os.ReadFile(binary)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(i.path(program), data, 0o700))
	}
	require.NoError(t, os.Symlink(i.path("usr/local/bin/actions-runner-manager"), filepath.Join(i.sh.bin, "actions-runner-manager")))
	i.sh.standIn(t, "systemctl", systemctl)
	t.Cleanup(i.kill)
	return i
}

// kill ends the server that is left.
func (i *installation) kill() {
	text, err := os.ReadFile(i.path("pid"))
	if err != nil {
		return
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// path is where the installation has what is at /name of a machine.
func (i *installation) path(name string) string {
	return filepath.Join(i.root, filepath.FromSlash(name))
}

func (i *installation) write(path, text string) {
	require.NoError(i.t, os.WriteFile(i.path(path), []byte(text), 0o600))
}

// run runs lines with the helper that the document begins with.
func (i *installation) run(script string) string {
	i.t.Helper()
	out, err := i.try(script)
	log, _ := os.ReadFile(i.path("log"))
	require.NoError(i.t, err, "%s\nsays:\n%s\nthe server's log:\n%s", script, out, log)
	return out
}

func (i *installation) try(script string) (string, error) {
	i.t.Helper()
	helper := i.doc.section(i.t, "Before you start").of("sh")[0]
	return i.sh.run(i.t, strings.NewReplacer("/etc/actions-runner-manager", i.root+"/etc/actions-runner-manager", "/var/lib/", i.root+"/var/lib/",
		"/var/backups", i.root+"/var/backups", "/usr/local/bin", i.root+"/usr/local/bin", "/srv/", i.root+"/srv/").Replace(helper+script))
}

// recipe runs the n-th block of the section, from 0.
func (i *installation) recipe(title string, n int) string {
	i.t.Helper()
	blocks := i.doc.section(i.t, title).of("sh")
	require.Greater(i.t, len(blocks), n, title)
	return i.run(blocks[n])
}

// say writes a comment, and returns the bot's reaction.
func (i *installation) say(body string) string {
	i.t.Helper()
	s := &stage{t: i.t, d: i.d}
	reaction, _ := s.say(i.t, "ada", 1, body)
	return reaction
}

// begin starts the service and gives the team its group.
func (i *installation) begin() {
	i.t.Helper()
	i.run("systemctl start actions-runner-manager\narm groups adopt --team platform\n")
	assert.Equal(i.t, "rocket", i.say("/runner-group repos-add api"))
}

// sqlite runs SQL on the service's database.
func (i *installation) sqlite(sql string) {
	i.t.Helper()
	i.run(`sqlite3 /var/lib/actions-runner-manager/actions-runner-manager.db ".timeout 10000" "` + sql + `"`)
}

func TestOperationsBackUpAndRestoreSQLite(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.begin()
	assert.Contains(t, i.recipe("Back up SQLite while the server runs", 0), "ok\n")
	i.sqlite("VACUUM INTO '/var/backups/small.db'") // the alternative that the text names
	i.run("arm groups release --team platform")
	assert.Contains(t, i.recipe("Restore SQLite", 0), "platform")
	assert.Equal(t, "rocket", i.say("/runner-group repos-add web"))
}

// postgres moves the installation to PostgreSQL by the document's recipe.
func (i *installation) postgres() {
	url := storetest.Postgres(i.t) + "&application_name=arm" // an address may have an ampersand
	i.sh.environ = append(i.sh.environ, "DATABASE_URL="+url)
	i.begin()
	require.Contains(i.t, i.recipe("SQLite to PostgreSQL", 0), "platform")
}

func TestOperationsMoveToPostgreSQL(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.postgres()
	assert.Equal(t, "rocket", i.say("/runner-group repos-add web"), "the ownership did not move")
}

func TestOperationsBackUpAndRestorePostgreSQL(t *testing.T) {
	t.Parallel()
	i := install(t)
	for _, name := range []string{"pg_dump", "pg_restore"} {
		path := storetest.Program(name)
		if path == "" {
			t.Skipf("SKIPPED: put %s into PATH to run this test", name)
		}
		require.NoError(t, os.Symlink(path, filepath.Join(i.sh.bin, name)))
	}
	i.postgres()
	i.recipe("Back up PostgreSQL", 0)
	i.run("arm groups release --team platform")
	assert.Contains(t, i.recipe("Restore PostgreSQL", 0), "platform")
	assert.Equal(t, "rocket", i.say("/runner-group repos-add web"))
}

func TestOperationsUpgradeAndGoBack(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.begin()
	i.recipe("Back up SQLite while the server runs", 0)
	assert.Contains(t, i.recipe("Upgrade", 0), "v1.2.3")
	assert.Equal(t, "rocket", i.say("/runner-group repos-add web"))

	i.sqlite("INSERT INTO schema_version SELECT max(version) + 1, 0 FROM schema_version") // as a newer program does
	out, err := i.try("systemctl restart actions-runner-manager")
	require.Error(t, err)
	assert.Regexp(t, `the database has schema \d+, but this program knows only \d+`, out)
	i.recipe("Go back", 0)
	assert.Equal(t, "rocket", i.say("/runner-group group-list"))
}

func TestOperationsRotateKey(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.begin()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	i.write("work/new.pem", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	app := func(change func(*ghsim.App)) { i.d.sim.Update(func(st *ghsim.State) { change(st.Apps[0]) }) }
	app(func(a *ghsim.App) { a.OtherKeys = []*rsa.PrivateKey{key} })
	i.recipe("Rotate the App's private key", 0)
	app(func(a *ghsim.App) { a.Key, a.OtherKeys = key, nil }) // the old one is deleted
	i.run("systemctl restart actions-runner-manager\narm doctor")
	assert.Equal(t, "rocket", i.say("/runner-group repos-add web"))
}

func TestOperationsRotateWebhookSecret(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.begin()
	old := i.d.cast.webhookSecret
	lines := strings.Fields(i.recipe("Rotate the webhook secret", 0))
	fresh := lines[len(lines)-1]
	assert.Equal(t, http.StatusOK, i.deliver(old), "GitHub still signs with the old one")
	assert.Equal(t, http.StatusOK, i.deliver(fresh))
	i.d.sim.Update(func(st *ghsim.State) { st.Apps[0].WebhookSecret = fresh })
	assert.Equal(t, "rocket", i.say("/runner-group status"))
	i.recipe("Rotate the webhook secret", 1)
	assert.Equal(t, "rocket", i.say("/runner-group status"))
	assert.Equal(t, http.StatusUnauthorized, i.deliver(old))
}

// deliver sends a webhook that is signed with the secret.
func (i *installation) deliver(secret string) int {
	i.t.Helper()
	const body = `{"zen":"Design for failure."}`
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	req, err := http.NewRequestWithContext(i.t.Context(), http.MethodPost, i.url+comment.WebhookPath, strings.NewReader(body))
	require.NoError(i.t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "ping")
	req.Header.Set("X-GitHub-Delivery", "00000000-0000-4000-8000-"+hex.EncodeToString([]byte(secret))[:12])
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := http.DefaultClient.Do(req)
	require.NoError(i.t, err)
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestOperationsMoveSQLite(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.begin()
	i.kill() // so that what it wrote is in the -wal file only
	assert.FileExists(t, i.path("var/lib/actions-runner-manager/actions-runner-manager.db-wal"))
	assert.Contains(t, i.recipe("SQLite to another disk or machine", 0), "platform")
	assert.FileExists(t, i.path("srv/arm/actions-runner-manager.db.lock"), "the server does not use it")
	assert.Equal(t, "rocket", i.say("/runner-group repos-add web"))
}

func TestOperationsExportAudit(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.begin()
	assert.Equal(t, "rocket", i.say("/runner-group repos-remove api"))
	i.recipe("Export the audit log", 0)
	assert.Regexp(t, `^{[^\n]*"command":"repos-remove"[^\n]*}\n$`, i.recipe("Export the audit log", 1), "who removed api, and nobody else")
	assert.Regexp(t, `"arguments":"api [^\n]*"outcome":"done"`, i.run("cat audit.jsonl"))
	assert.Contains(t, i.run("cat january.csv"), "at,org,caller,callerId,")
}

// TestOperationsRunsEveryBlock fails if a recipe is in no test above.
func TestOperationsRunsEveryBlock(t *testing.T) {
	source, err := os.ReadFile("operations_test.go")
	require.NoError(t, err)
	for _, s := range readDocument(t, "docs/operations.md").sections {
		for n := range s.of("sh") {
			if s.title != "Before you start" {
				assert.Contains(t, string(source), fmt.Sprintf("recipe(%q, %d)", s.title, n))
			}
		}
	}
}
