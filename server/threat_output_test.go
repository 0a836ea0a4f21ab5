package server_test

import (
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A reply quotes names as text, never as a mention, a link, an image or a hidden comment.
func TestThreatMarkdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/token-jit?team=platform&name=build-1")
	const evil = "x`|@acme/everyone<img src=//evil.example/x>[a](//evil.example)<!-- -->"
	w.state(func(org *ghsim.Org, _ *ghsim.State) {
		org.Runner("build-1").Name = evil
		org.Group("platform").Name = "platform " + evil
	})
	for _, line := range []string{
		"group-list", "runners-remove '" + evil + "'", "repos-add '" + evil + "'", "group-list --team '" + evil + "'",
		"group-list --'" + evil + "' x", "token-jit '" + evil + "'", "help '" + evil + "'", "'" + evil + "'", "workflows-set '" + evil + "'",
		"group-delete", "audit-list",
	} {
		replies, _ := w.say("ada", 1, "/runner-group "+line)
		for _, reply := range replies {
			shown := inCode.ReplaceAllString(reply, "")
			for _, bad := range []string{"@acme/everyone", "<img", "](//evil"} {
				assert.NotContains(t, shown, bad, "%s answered:\n%s", line, reply)
			}
			assert.Equal(t, strings.Count(shown, "<!-- arm:"), strings.Count(shown, "<!--"), "only our own marker is hidden:\n%s", reply)
		}
	}
}

// inCode matches code, which GitHub shows verbatim.
var inCode = regexp.MustCompile("(?s)```.*?```|``[^`].*?``|`[^`]*`")

// No name can change the path of a call to GitHub.
func TestThreatPaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.hub.ResetCalls()
	for _, name := range []string{
		"..", ".", "../..", "../../orgs/acme", "platform/../secret", "platform%2f..%2fsecret", "platform?x=1", "platform#x", "platform\x00", "platform\nx",
		"globex/platform", "@globex/platform", "..;/x", `..\x`, "пlatform", "plat\u200bform", "\u202eplatform", strings.Repeat("x", 300),
	} {
		for _, request := range []string{
			"GET /api/v1/group-list?team=" + url.QueryEscape(name),
			"PATCH /api/v1/repos-add?team=platform&repos=" + url.QueryEscape("acme/"+name),
			"POST /api/v1/token-jit?team=platform&name=" + url.QueryEscape(name),
			"POST /api/v1/runners-transfer?team=platform&runners=x&to=" + url.QueryEscape(name),
			"PATCH /api/v1/workflows-set?team=platform&workflows=" + url.QueryEscape("acme/"+name+"/.github/workflows/ci.yml@main"),
			"POST /api/v1/token-jit?team=platform&name=ok&work-folder=" + url.QueryEscape("../"+name),
		} {
			w.refused(400, "invalid_argument", "ghp_ada", request)
		}
	}
	assert.Empty(t, w.groupCalls())
	assert.Empty(t, w.hub.Unknown())
}

// No secret is created or posted if others can read the admin repository.
func TestThreatReadableAdminRepo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withKey(acme(), "ada", "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY="))
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	for _, visibility := range []string{"public", "internal"} {
		w.state(func(org *ghsim.Org, _ *ghsim.State) { org.Repo("runner-admin").Visibility = visibility })
		w.hub.ResetCalls()
		replies, reaction := w.say("ada", 1, "/runner-group token-register")
		assert.Equal(t, "confused", reaction)
		assert.Contains(t, strings.Join(replies, "\n"), "not private")
		assert.Empty(t, w.groupCalls(), "no token is made")
	}
	w.state(func(org *ghsim.Org, _ *ghsim.State) { org.Repo("runner-admin").Visibility = "private" })
	_, reaction := w.say("ada", 1, "/runner-group token-jit build-1")
	assert.Equal(t, "confused", reaction, "and without a usable key a runner's configuration in none")
	assert.Empty(t, w.groupCalls())
}

// People can decrypt an encrypted reply with age and a key from ssh-keygen.
func TestThreatEncryptedReply(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"age", "ssh-keygen"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: %s is not installed (Debian: apt-get install age openssh-client), so nobody has looked if encrypted replies can be read", tool)
		}
	}
	for _, test := range []struct{ name, file string }{{"ed25519", "id_ed25519"}, {"rsa", "id_rsa"}} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			identity := filepath.Join(dir, test.file)
			run(t, "", "ssh-keygen", "-q", "-t", test.name, "-N", "", "-C", "ada@example.com", "-f", identity)
			public, err := os.ReadFile(identity + ".pub")
			require.NoError(t, err)
			w := newWorld(t, withKey(acme(), "ada", strings.TrimSpace(string(public))), "CHATOPS_TOKEN_REPLY=encrypted")
			w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
			for command, want := range map[string]string{"token-jit build-1": "./run.sh --jitconfig ", "token-register": "./config.sh --unattended --url "} {
				replies, reaction := w.say("ada", 1, "/runner-group "+command)
				require.Equal(t, "rocket", reaction, replies)
				all := strings.Join(replies, "\n")
				assert.Contains(t, all, test.file, "the line that decrypts names the key")
				begin, end := strings.Index(all, "-----BEGIN AGE"), strings.Index(all, "-----END AGE ENCRYPTED FILE-----")
				require.Greater(t, end, begin)
				plain := run(t, all[begin:end]+"-----END AGE ENCRYPTED FILE-----\n", "age", "-d", "-i", identity)
				_, line, found := strings.Cut(plain, want)
				require.True(t, found, plain)
				line, _, _ = strings.Cut(line, "\n")
				words := strings.Fields(line)
				secret := words[len(words)-1]
				assert.Contains(t, w.hub.Secrets(), secret)
				for _, c := range w.hub.Comments("acme", "runner-admin", 1) {
					assert.NotContains(t, c.Body, secret)
				}
			}
		})
	}
}

func run(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", cmd, out)
	return string(out)
}

// Only a reader of the log can set up a new server, and nobody can once it has an App.
func TestThreatSetupTakeover(t *testing.T) {
	t.Parallel()
	get := func(w *world, path string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+path, nil)
		require.NoError(t, err)
		res, err := w.client.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res.StatusCode
	}
	t.Run("without an App", func(t *testing.T) {
		w := newWorld(t, acme(), "APP_ID=", "PRIVATE_KEY=", "GITHUB_WEBHOOK_SECRET=", "LOGGING_LEVEL=error")
		link := regexp.MustCompile(`/setup\?token=([A-Z0-9]{20,})`).FindStringSubmatch(w.log.String())
		require.NotNil(t, link, "the link is in the log")
		for _, path := range []string{"/setup", "/setup?token=", "/setup?token=guess", "/setup/callback?code=x&state=", "/setup/callback?code=x&state=guess"} {
			assert.Contains(t, []int{400, 401, 403}, get(w, path), path)
		}
		assert.Equal(t, 200, get(w, link[0]))
		w.refused(503, "setup", "ghp_ada", "POST /api/v1/group-create?team=platform")
	})
	t.Run("with an App", func(t *testing.T) {
		w := newWorld(t, acme())
		for _, path := range []string{"/setup", "/setup?token=guess", "/setup/callback?code=x&state=guess"} {
			assert.Equal(t, 403, get(w, path), path)
		}
	})
}
