package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

const tokenRequest = "/_services/token/request"

// newJob returns a world whose team trusts jobs of acme/web on its main branch, and a shell
// that is such a job: with the permission id-token: write, and without any stored token.
func newJob(t *testing.T) (*world, *front, *shell) {
	t.Helper()
	w, f := newFront(t)
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", trustWeb)
	s := newShell(t, f.URL)
	s.env["ARM_TOKEN"] = ""
	s.env["ACTIONS_ID_TOKEN_REQUEST_URL"], s.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = w.hubURL+tokenRequest+"?repository=acme/web", requestToken
	return w, f, s
}

// job runs the Action's step, and returns what the log shows of it and the tokens that are
// masked in it.
func (s *shell) job(command string, arguments ...string) (shown string, masked []string, code int) {
	s.t.Helper()
	r := s.action(command, arguments...)
	for line := range strings.Lines(r.out) {
		if secret, ok := strings.CutPrefix(strings.TrimSpace(line), "::add-mask::"); ok {
			masked = append(masked, secret)
		} else {
			shown += line
		}
	}
	for _, secret := range append(masked, requestToken) {
		assert.NotContains(s.t, shown+r.err+s.read("summary"), secret)
	}
	return shown, masked, r.code
}

// requests returns how many tokens jobs requested so far.
func (w *world) requests() (n int) {
	for _, call := range w.hub.Calls() {
		if call.Path == tokenRequest {
			n++
		}
	}
	return n
}

// A workflow that a team trusts needs no stored token: the Action requests the job's.
func TestActionWorkflow(t *testing.T) {
	t.Parallel()
	w, f, s := newJob(t)
	s.env["ARM_URL"] = " " + f.URL + "//\n" // tokens are for the address without that
	for _, step := range []struct {
		command   string
		arguments []string
		summary   string
	}{
		{"/runner-group repos-add web --team platform", nil, "Added 1 repository to `platform`: `web`."},
		{"repos-add", []string{"team=platform", "repos=inner"}, "Added 1 repository"},
		{"whoami", nil, "workflow:acme/web@1"},
	} {
		shown, masked, code := s.job(step.command, step.arguments...)
		assert.Equal(t, 0, code, shown)
		assert.Len(t, masked, 1)
		assert.Contains(t, s.read("summary"), step.summary)
		assert.Equal(t, 200, s.output().Code)
	}
	assert.ElementsMatch(t, []string{"inner", "web"}, w.repos("platform"))

	_, masked, code := s.job("token-jit build-1 --team platform")
	assert.Equal(t, 0, code)
	require.Len(t, masked, 2, "the job's token and the configuration")
	assert.Equal(t, masked[1], s.output().Response["encoded_jit_config"])
}

// Each try has a token of its own: for a secret each counts once.
func TestActionWorkflowRetries(t *testing.T) {
	t.Parallel()
	w, f, s := newJob(t)
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		seen := map[string]bool{}
		f.answer(func(rw http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/api/v1/token-jit" {
				return false
			}
			seen[r.Header.Get("Authorization")] = true
			if len(seen) > 1 {
				return false
			}
			rw.Header().Set("Retry-After", "7")
			rw.WriteHeader(status)
			return true
		})
		before := w.requests()
		shown, masked, code := s.job("token-jit --team platform", "name=build-"+http.StatusText(status)[:3])
		assert.Equal(t, 0, code, shown)
		assert.Len(t, masked, 3, "two tokens and the configuration")
		assert.Len(t, seen, 2)
		assert.Equal(t, 2, w.requests()-before)
	}
	assert.Equal(t, "7\n7\n", s.read("sleeps"))
}

// A refusal fails the step, and says what to do.
func TestActionWorkflowRefusals(t *testing.T) {
	t.Parallel()
	w, f, s := newJob(t)
	requested, address := s.env["ACTIONS_ID_TOKEN_REQUEST_URL"], f.URL
	tests := []struct {
		name    string
		set, to string
		fault   string // of GitHub's token service: what it answers
		command string
		says    string
		reason  string // of the server's answer; "": it was not asked
		code    int
	}{
		{name: "not trusted", command: "group-delete platform", says: "No trust can allow a workflow to use `group-delete`.", reason: "not_trusted", code: 1},
		{name: "another branch", set: "ACTIONS_ID_TOKEN_REQUEST_URL", to: requested + "&ref=refs/heads/dev", command: "group-list platform", says: "`ref` is `refs/heads/dev`, not `refs/heads/main`", reason: "not_trusted", code: 1},
		{name: "a pull request", set: "ACTIONS_ID_TOKEN_REQUEST_URL", to: requested + "&event=pull_request", command: "group-list platform", says: "`event_name` is `pull_request`", reason: "not_trusted", code: 1},
		{name: "another address", set: "ARM_URL", to: strings.Replace(address, "127.0.0.1", "localhost", 1), command: "group-list platform", says: "not for `" + address + "` only. Request it with that audience, which is the input `server` of the Action.", reason: "bad_token", code: 1},
		{name: "no permission", set: "ACTIONS_ID_TOKEN_REQUEST_URL", command: "group-list platform", says: `write "permissions: id-token: write" into the job`, code: 2},
		{name: "no permission, half of it", set: "ACTIONS_ID_TOKEN_REQUEST_TOKEN", command: "group-list platform", says: `write "permissions: id-token: write" into the job`, code: 2},
		{name: "GitHub refuses", fault: "-", command: "group-list platform", says: "GitHub gave no token for this job", code: 1},
		{name: "GitHub answers no token", fault: `{"count":0}`, command: "group-list platform", says: "GitHub gave no token for this job: its answer has none.", code: 1},
		{name: "GitHub answers a command", fault: `{"value":"x\n::set-output name=x::y"}`, command: "group-list platform", says: "GitHub gave no token for this job: its answer has none.", code: 1},
	}
	for _, tt := range tests {
		was := s.env[tt.set]
		if tt.set != "" {
			s.env[tt.set] = tt.to
		}
		if tt.fault != "" {
			fault := ghsim.Fault{Path: "^" + tokenRequest, Status: 200, Body: tt.fault}
			if tt.fault == "-" {
				fault.Status, fault.Body = 403, `{"message":"no"}`
			}
			w.hub.Inject(fault)
		}
		f.answer(nil)
		shown, _, code := s.job(tt.command)
		assert.Equal(t, tt.code, code, "%s: %s", tt.name, shown)
		assert.True(t, strings.HasPrefix(shown, annotation), "%s: %s", tt.name, shown)
		assert.Equal(t, 1, strings.Count(shown, "\n"), "%s: %s", tt.name, shown)
		assert.Contains(t, shown, tt.says, tt.name)
		if tt.reason != "" {
			assert.Equal(t, tt.reason, s.output().Reason, tt.name)
			assert.Contains(t, s.read("summary"), "### ❌ <code>"+tt.command, tt.name)
		} else {
			assert.Zero(t, f.count("/api/v1/group-list"), tt.name)
		}
		if tt.set != "" {
			s.env[tt.set] = was
		}
	}
}
