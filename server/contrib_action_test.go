package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const annotation = "::error title=Actions Runner Manager::"

// The Action gives the answer as an output and in the summary, and names no secret in either.
func TestAction(t *testing.T) {
	t.Parallel()
	w, f := newFront(t)
	s := newShell(t, f.URL)
	s.env["ARM_URL"], s.env["ARM_TOKEN"] = f.URL+"/\n", shellToken+"\n"
	for _, step := range []struct {
		command   string
		arguments []string
		summary   string
	}{
		{"group-create", []string{"team=platform"}, "### ✅ <code>group-create</code>\n\n<pre>Created runner group `platform`."},
		{"/runner-group repos-add \"api\", 'web' \\\n --team platform", nil, "Added 2 repositories to `platform`: `api`, `web`.\nundo  /runner-group repos-remove api,web --team platform</pre>"},
		{"repos-remove", []string{"team=platform", "", "repos=api\r"}, "Removed 1 repository"},
		{"group-list platform", nil, "repos    web\n"},
	} {
		r := s.action(step.command, step.arguments...)
		assert.Equal(t, 0, r.code, r.out)
		assert.Equal(t, "Done. The answer is in the output \"response\" and in the summary.\n", r.out)
		assert.Contains(t, s.read("summary"), step.summary)
		assert.Equal(t, 200, s.output().Code)
	}
	assert.Equal(t, []string{"web"}, w.repos("platform"))

	r := s.action("token-jit build-1 --team platform")
	assert.Equal(t, 0, r.code, r.out)
	configuration, _ := s.output().Response["encoded_jit_config"].(string)
	require.NotEmpty(t, configuration)
	assert.Contains(t, r.out, "::add-mask::"+configuration+"\n")
	assert.NotContains(t, s.read("summary"), configuration)
	assert.Contains(t, s.read("summary"), "The answer holds a secret.")
}

// output returns the answer in the output `response`, of which there is one.
func (s *shell) output() answer {
	s.t.Helper()
	text, ok := strings.CutPrefix(s.read("output"), "response=")
	require.True(s.t, ok, text)
	require.Equal(s.t, 1, strings.Count(text, "\n"), "the output is one line")
	return decodeAnswer(s.t, text)
}

// Each mistake has an annotation that says which it is.
func TestActionRefusals(t *testing.T) {
	t.Parallel()
	_, f := newFront(t)
	for _, test := range []struct {
		name, set, to string
		command       string
		arguments     []string
		want          string
		code          int
	}{
		{"no token, and no permission for one", "ARM_TOKEN", "", "whoami", nil, `GitHub gives this job no token: write "permissions: id-token: write"`, 2},
		{"a blank token", "ARM_TOKEN", " \n", "whoami", nil, `GitHub gives this job no token: `, 2},
		{"GITHUB_TOKEN", "ARM_TOKEN", "ghs_x", "whoami", nil, `The input "token" is GITHUB_TOKEN, which belongs to no person`, 2},
		{"a bad token", "ARM_TOKEN", "ghp_nobody", "whoami", nil, "GitHub does not accept this token", 1},
		{"an empty url", "ARM_URL", "", "whoami", nil, `The input "server" is empty: give the address`, 2},
		{"a wrong url", "ARM_URL", "arm.example.com", "whoami", nil, "'arm.example.com' must be like https://", 2},
		{"a server that is down", "ARM_URL", "http://127.0.0.1:1", "whoami", nil, "http://127.0.0.1:1 did not answer.", 1},
		{"no command", "", "", " ", nil, `The input "command" is empty: `, 2},
		{"an open quote", "", "", "repos-add 'api", nil, "a quote without its second half", 2},
		{"a bad argument", "", "", "repos-add", []string{"--server=http://127.0.0.1:1"}, "is not NAME=VALUE", 2},
		{"another server", "", "", "whoami --server http://127.0.0.1:1", nil, "knows no argument `server`", 2},
		{"another server first", "", "", "--server=http://127.0.0.1:1 whoami", nil, "is not a command", 2},
		{"a refusal", "", "", "repos-add api --team others", nil, "You're not a maintainer of team", 1},
	} {
		s := newShell(t, f.URL)
		if test.set != "" {
			s.env[test.set] = test.to
		}
		r := s.action(test.command, test.arguments...)
		assert.Equal(t, test.code, r.code, test.name)
		assert.Equal(t, 1, strings.Count(r.out, "\n"), "%s: %s", test.name, r.out)
		assert.True(t, strings.HasPrefix(r.out, annotation), "%s: %s", test.name, r.out)
		assert.Contains(t, r.out, test.want, test.name)
		assert.Empty(t, r.err, test.name)
		if test.name == "a refusal" {
			assert.Equal(t, "not_maintainer", s.output().Reason)
			assert.Contains(t, s.read("summary"), "### ❌ <code>repos-add api --team others</code>\n\n<pre>You&")
		}
	}
}

// The Action waits as the extension does.
func TestActionRetries(t *testing.T) {
	t.Parallel()
	_, f := newFront(t)
	s := newShell(t, f.URL)
	n := 0
	f.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if n++; n > 1 {
			return false
		}
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	r := s.action("whoami")
	assert.Equal(t, 0, r.code, r.out)
	assert.Equal(t, "7\n", s.read("sleeps"))
}

// Nothing that a server answers becomes a workflow command, an output or a page.
func TestActionHostileServer(t *testing.T) {
	t.Parallel()
	const evil = "x\n::set-output name=x::y\r\n::stop-commands::z\n100%0A\x1b[2J</pre><script>alert(1)</script>\nresponse<<E"
	text, err := json.Marshal(evil)
	require.NoError(t, err)
	for _, test := range []struct {
		name, body string
		status     int
	}{
		{"an error", `{"Error":%[1]s,"RequestID":%[1]s,"Items":[{"Item":%[1]s,"Error":%[1]s}]}`, 403},
		{"a success", `{"Response":{"message":%[1]s,"rows":[{"a":%[1]s}],"lines":[%[1]s]}}`, 200},
		{"a secret", `{"Response":{"token":%[1]s}}`, 200},
		{"a page", `%s`, 502},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/v1/help" {
				fmt.Fprint(w, `{"Response":{"commands":[{"arguments":[]}]}}`)
				return
			}
			w.WriteHeader(test.status)
			fmt.Fprintf(w, test.body, text)
		}))
		s := newShell(t, server.URL)
		r := s.action("whoami")
		server.Close()
		assert.Equal(t, test.status == 200, r.code == 0, "%s: %s", test.name, r.out)
		for line := range strings.Lines(r.out) {
			if strings.HasPrefix(strings.TrimSpace(line), "::") {
				assert.Regexp(t, "^(::add-mask::x%0A|"+annotation+")", line, test.name)
			}
			if !strings.HasPrefix(line, "::add-mask::") { // which the log does not show
				assert.NotRegexp(t, "[\x1b\r]", line, test.name)
			}
		}
		assert.Empty(t, r.err, test.name)
		if test.name != "a page" {
			s.output()
		}
		assert.NotContains(t, s.read("summary"), "<script>", test.name)
		assert.Equal(t, 1, strings.Count(s.read("summary"), "</pre>"), test.name)
		if test.name == "an error" {
			assert.Contains(t, r.out, annotation+"x%0A::set-output name=x::y", test.name)
			assert.Contains(t, r.out, "100%250A", test.name)
		}
	}
}

func decodeAnswer(t *testing.T, text string) (a answer) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &a), text)
	return a
}

func readAll(t *testing.T, from io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(from)
	assert.NoError(t, err)
	return string(text)
}
