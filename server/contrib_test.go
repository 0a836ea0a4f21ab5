package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The extension takes a comment's words, and shows sentences and tables.
func TestExtension(t *testing.T) {
	t.Parallel()
	w, f := newFront(t)
	s := newShell(t, f.URL)
	steps := []struct{ words, want string }{
		{"group-create platform", "Created runner group `platform`."},
		{"repos-add api, web --team platform", "Added 2 repositories to `platform`: `api`, `web`."},
		{"/runner-group repos-remove --yes --team=platform -- api", "Removed 1 repository from `platform`: `api`."},
		{"REPOS-SET repos=docs,api TEAM=platform --help=false", "knows no argument"},
		{"group-list platform", "team     platform\ngroup    platform\nrepos    web\nrunners  none\n"},
		{"groups-list", "TEAM      GROUP     ORIGIN\nplatform  platform  created\n"},
		{"audit-list platform --limit 1 --changes", "COMMAND "},
		{"help repos-add", "gh runner-group repos-add [--team platform] api,web"},
		{"repos-add --help", "--skip-refused  "},
		{"", "gh runner-group help COMMAND explains one."},
	}
	for _, step := range steps {
		r := s.gh(strings.Fields(step.words)...)
		assert.Contains(t, r.out+r.err, step.want, step.words)
	}
	assert.Equal(t, []string{"web"}, w.repos("platform"))

	r := s.gh("group-list", "--json", "platform")
	assert.Equal(t, 0, r.code)
	assert.Equal(t, w.ok("ghp_ada", "GET /api/v1/group-list?team=platform").Response, decodeAnswer(t, r.out).Response)
}

// A refusal is a sentence with the request's id on standard error.
func TestExtensionRefusals(t *testing.T) {
	t.Parallel()
	_, f := newFront(t)
	s := newShell(t, f.URL)
	tests := []struct {
		words, want string
		code        int
	}{
		{"repos-add api --team others", `^gh runner-group: You're not a maintainer of team .* \(request [a-z0-9]{26}\)\n$`, 1},
		{"repos-add --team platform", "needs the argument `repos`.*request", 2},
		{"repos-add docs", "needs the argument `team`: .* Usage: `gh runner-group repos-add \\[--team [a-z]+\\] api,web", 2},
		{"add repo docs --team platform", "^gh runner-group: Unknown command `add repo`. Did you mean `repos-add`", 2},
		{"list runners", "^gh runner-group: Unknown command `list runners`. Did you mean `runners-list`", 2},
		{"repos-ad api", "^gh runner-group: Unknown command `repos-ad`. Did you mean `repos-add`", 2},
		{"repos-add api --teem platform", "knows no argument `teem`. Did you mean `team`", 2},
		{"token-register --team platform --encrypted", "knows no argument `encrypted`", 2},
		{"repos-add --team", "^gh runner-group: --team needs a value.\n$", 2},
		{"repos-add -t platform", "begins with two dashes, which '-t' does not", 2},
		{"status now", "takes no word without a flag, such as 'now'", 2},
		{"../../setup", "is not a command", 2},
		{"whoami --server", "--server needs a value", 2},
		{"whoami --server http://arm.example.com", "must be like https://", 2},
		{"whoami --server https://arm.example.com@evil.example", "must be like https://", 2},
		{"whoami --server https://arm.example.com/api/v1", "without a path", 2},
		{"whoami --server http://127.0.0.1:1", "127.0.0.1:1 did not answer", 1},
		{"whoami --server=", "set ARM_URL to", 2},
	}
	for _, test := range tests {
		r := s.gh(strings.Fields(test.words)...)
		assert.Equal(t, test.code, r.code, test.words)
		assert.Empty(t, r.out, test.words)
		assert.Regexp(t, test.want, r.err, test.words)
	}
	r := s.gh("repos-add", "api", "--team", "others", "--json")
	assert.Equal(t, 1, r.code)
	assert.Equal(t, "not_maintainer", decodeAnswer(t, r.out).Reason)
	assert.Contains(t, r.err, "You're not a maintainer")
}

// Every word of a comment's syntax becomes the argument that a comment makes of it.
func TestExtensionArguments(t *testing.T) {
	t.Parallel()
	_, f := newFront(t)
	s := newShell(t, f.URL)
	tests := []struct{ command, words, want string }{
		{"repos-add", "api,web", "repos=api%2Cweb"},
		{"repos-add", "api, web", "repos=api%2C&repos=web"},
		{"repos-add", "--repos api , web --skip-refused", "repos=api%2Cweb&skip-refused=true"},
		{"repos-add", "--repos=api, --team platform", "repos=api%2C&team=platform"},
		{"repos-add", "--skip-refused false api", "skip-refused=false&repos=api"},
		{"repos-add", "--skip-refused api", "skip-refused=true&repos=api"},
		{"repos-add", "--Team=a=b&c --yes", "team=a%3Db%26c"},
		{"repos-add", "-- --team a=b", "repos=--team&repos=a%3Db"},
		{"group-list", "platform org=acme", "team=platform&org=acme"},
		{"token-jit", "--labels gpu, big b1", "labels=gpu%2Cbig&name=b1"},
		{"repos-add", "", ""},
	}
	for _, test := range tests {
		var form atomic.Value
		f.answer(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/api/v1/help" {
				return false
			}
			form.Store(readAll(t, r.Body))
			fmt.Fprint(w, `{"Code":200,"Response":"done"}`)
			return true
		})
		r := s.gh(append([]string{test.command}, strings.Fields(test.words)...)...)
		assert.Equal(t, "done\n", r.out, r.err)
		assert.Equal(t, test.want, form.Load(), test.words)
	}
}

// A server that says when to come back is asked again, a few times and soon.
func TestExtensionRetries(t *testing.T) {
	t.Parallel()
	_, f := newFront(t)
	tests := []struct {
		name           string
		status         int
		after          []string // Retry-After of the first answers; the next is the server's
		requests, code int
		sleeps         string
	}{
		{"once", 429, []string{"7"}, 2, 0, "7\n"},
		{"twice", 503, []string{"7", "08"}, 3, 0, "7\n08\n"},
		{"no more than three times", 429, []string{"1", "2", "3", "4"}, 3, 1, "1\n2\n"},
		{"no more than a minute", 429, []string{"40", "21"}, 2, 1, "40\n"},
		{"not if it takes too long", 429, []string{"3600"}, 1, 1, ""},
		{"not without a time", 503, []string{""}, 1, 1, ""},
		{"not what failed", 502, []string{"1"}, 1, 1, ""},
		{"not at a date", 503, []string{"Wed, 21 Oct 2026 07:28:00 GMT"}, 1, 1, ""},
	}
	for _, test := range tests {
		s := newShell(t, f.URL)
		n := 0
		f.answer(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/api/v1/whoami" || n >= len(test.after) {
				return false
			}
			if test.after[n] != "" {
				w.Header().Set("Retry-After", test.after[n])
			}
			n++
			w.WriteHeader(test.status)
			fmt.Fprintf(w, `{"Code":%d,"Error":"Too many requests.","Reason":"rate_limited","RequestID":"r%d"}`, test.status, n)
			return true
		})
		r := s.gh("whoami")
		assert.Equal(t, test.code, r.code, test.name)
		assert.Equal(t, test.requests, f.count("/api/v1/whoami"), test.name)
		assert.Equal(t, test.sleeps, s.read("sleeps"), test.name)
		if test.code != 0 {
			assert.Contains(t, r.err, "Too many requests. (request r"+strconv.Itoa(n)+")", test.name)
		}
	}
}

// Nothing that a server answers steers the terminal, or leads the token elsewhere.
func TestExtensionHostileServer(t *testing.T) {
	t.Parallel()
	var strayed atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Add(1) }))
	defer elsewhere.Close()
	const steer = `\u001b[2J\u009b31m\u202e\u0007\r`
	tests := []struct {
		name, body string
		status     int
	}{
		{"an error", `{"Error":"No. ` + steer + `","RequestID":"` + steer + `","Items":[{"Item":"` + steer + `","Error":"x"}]}`, 403},
		{"a sentence", `{"Response":"` + steer + `"}`, 200},
		{"a table", `{"Response":{"` + steer + `":"a","rows":[{"` + steer + `":"` + steer + `"}],"lines":["a ` + steer + `"]}}`, 200},
		{"C1 controls as they are", "{\"Response\":\"\u009b31m\u2066\"}", 200},
		{"zero bytes", "\x00{\"Response\":\"a\"}\x00", 200},
		{"a page", "<h1>\x1b[2J</h1>", 502},
		{"other types", `{"Error":{"a":"\u001b"},"RequestID":[1],"Items":"x"}`, 500},
		{"nothing", "", 200},
		{"a redirect", "", 302},
	}
	for _, test := range tests {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/v1/help" {
				fmt.Fprint(w, `{"Response":{"commands":[{"arguments":[]}]}}`)
				return
			}
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(test.status)
			fmt.Fprint(w, test.body)
		}))
		s := newShell(t, server.URL)
		for _, option := range []string{"--json", "--"} {
			r := s.gh(option, "whoami")
			assert.NotEmpty(t, r.out+r.err, test.name)
			assert.NotRegexp(t, regexp.MustCompile("[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f\u202e\u2066]"), r.out+r.err, test.name)
			assert.Equal(t, test.status == 200 && test.body != "", r.code == 0, "%s: %s", test.name, r.err)
		}
		server.Close()
	}
	assert.Zero(t, strayed.Load(), "the token went to another server")
}

// The token is that of GitHub CLI.
func TestExtensionToken(t *testing.T) {
	t.Parallel()
	_, f := newFront(t)
	s := newShell(t, f.URL)
	s.install("gh", `if [ "$*" = "auth token" ]; then cat token; else echo "$@" >asked; exit 1; fi`)
	require.NoError(t, os.WriteFile(s.path("token"), []byte(shellToken+"\n"), 0o600))
	s.env["ARM_TOKEN"] = ""
	assert.Contains(t, s.gh("whoami").out, "ada")

	r := s.gh("whoami", "--hostname", "github.example.com")
	assert.Contains(t, r.err, "Log in with `gh auth login`, or set GH_TOKEN.")
	assert.Equal(t, 1, r.code)
	assert.Equal(t, "auth token --hostname=github.example.com\n", s.read("asked"))

	require.NoError(t, os.WriteFile(s.path("token"), []byte("x\"\nurl = \"file:///etc/passwd"), 0o600))
	r = s.gh("whoami")
	assert.Equal(t, 2, r.code)
	assert.Equal(t, "gh runner-group: the token has characters that no token of GitHub has.\n", r.err)
}

// The lines of the README install the extension, over TLS with the server itself.
func TestExtensionInstalls(t *testing.T) {
	t.Parallel()
	w, _ := newFront(t)
	s := newShell(t, w.url, "gh")
	s.env["CURL_CA_BUNDLE"], s.env["ARM_TOKEN"], s.env["GH_TOKEN"] = w.env["SERVER_TLS_CERT_FILE"], "", shellToken
	readme, err := os.ReadFile(contribFile(t, "README.md"))
	require.NoError(t, err)
	lines := regexp.MustCompile("(?s)```sh\ngit clone [^\n]*\n(.*?)```").FindStringSubmatch(string(readme))
	require.NotNil(t, lines, "the README says how the extension is installed")
	require.NoError(t, os.Symlink(filepath.Dir(contribFile(t, "")), s.path("actions-runner-manager"))) // as cloned
	r := s.runIn(s.dir, "bash", "-euc", lines[1])
	require.Equal(t, 0, r.code, r.err)
	r = s.runIn(s.dir, "gh", "runner-group", "whoami")
	assert.Equal(t, 0, r.code, r.err)
	assert.Regexp(t, `(?m)^login +ada$`, r.out)
}
