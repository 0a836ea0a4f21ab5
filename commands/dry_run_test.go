package commands_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A dryRun is a call of a command that changes something, and what it would change.
type dryRun struct {
	caller string
	given  []string // lines of olga, an owner, and ada, before it
	line   string
	says   []string // parts of the answer
}

// dryRuns has every command that changes something.
var dryRuns = map[string]dryRun{
	"group-create":     {"ada", nil, "group-create team=web", []string{"would create the runner group `web`"}},
	"group-delete":     {"ada", []string{"ada group-create team=web"}, "group-delete team=platform move-runners-to=web", []string{"would delete the runner group `platform`", "build-1"}},
	"group-adopt":      {"olga", nil, "group-adopt team=web group=legacy", []string{"would give the runner group `legacy`"}},
	"group-release":    {"olga", nil, "group-release team=platform", []string{"would forget", "`platform`"}},
	"group-accept":     {"ada", nil, "group-accept team=platform", []string{"accept"}},
	"repos-add":        {"ada", []string{"ada repos-add team=platform repos=api for=1d"}, "repos-add team=platform repos=api,web", []string{"would add", `"added":["web"]`, "Has an end, and would have none: `api`"}},
	"repos-remove":     {"ada", []string{"ada repos-add team=platform repos=web"}, "repos-remove team=platform repos=web", []string{"would detach", `"removed":["web"]`}},
	"repos-set":        {"ada", []string{"ada repos-add team=platform repos=web"}, "repos-set team=platform repos=api", []string{"would change", `"added":["api"]`, `"removed":["web"`}},
	"runners-label":    {"ada", nil, "runners-label team=platform runners=build-1 add=gpu", []string{"would change the labels", "gpu"}},
	"runners-remove":   {"ada", nil, "runners-remove team=platform runners=build-1", []string{"would remove", "build-1"}},
	"runners-transfer": {"ada", []string{"ada group-create team=web"}, "runners-transfer team=platform runners=build-1 to=web", []string{"would move", "build-1"}},
	"workflows-set":    {"ada", nil, "workflows-set team=platform workflows=acme/api/.github/workflows/ci.yml@main", []string{"would change which workflows", "ci.yml"}},
	"access-request":   {"olga", nil, "access-request team=platform repos=foreign", []string{"would", "foreign"}},
	"request-approve":  {"ada", []string{"olga access-request team=platform repos=foreign for=7d"}, "request-approve id=1 for=2d", []string{"would approve request 1", "for 2 days", `"added":["foreign"]`}},
	"request-deny":     {"ada", []string{"olga access-request team=platform repos=foreign"}, "request-deny id=1", []string{"would deny request 1", "foreign"}},
	"request-withdraw": {"olga", []string{"olga access-request team=platform repos=foreign"}, "request-withdraw id=1", []string{"would withdraw request 1", "foreign"}},
	"trust-add":        {"ada", nil, "trust-add team=platform repo=api commands=repos-add ref=main", []string{"would trust", "repos-add"}},
	"trust-remove":     {"ada", []string{"ada trust-add team=platform repo=api commands=repos-add ref=main"}, "trust-remove team=platform id=1", []string{"would end trust 1"}},
}

// A dry run of every command that changes something makes all checks and changes nothing:
// GitHub gets no write, the record stays as it is, and the audit says that it was shown.
func TestDryRun(t *testing.T) {
	t.Parallel()
	for _, spec := range commandtest.New(t).Specs() {
		if spec.Effect != dispatch.Changes && spec.Effect != dispatch.Destroys {
			continue
		}
		t.Run(spec.Name, func(t *testing.T) {
			t.Parallel()
			test, ok := dryRuns[spec.Name]
			require.True(t, ok, "a command that changes something needs a preview, and a line in dryRuns")
			k := platformKit(t)
			for _, line := range test.given {
				login, line, _ := strings.Cut(line, " ")
				k.Must(login, line)
			}
			before := stateOf(t, k)
			k.Hub.ResetCalls()
			k.Hub.OnExchange = func(ghsim.Exchange) { assert.Zero(t, leases(t, k), "so that nobody waits for it") }
			result, err := k.Run(test.caller, test.line+" dry-run=true")
			k.Hub.OnExchange = nil
			require.NoError(t, err)
			assert.Zero(t, leases(t, k))
			assert.True(t, result.DryRun)
			assert.False(t, result.Changed)
			for _, call := range k.Hub.Calls() {
				if !strings.HasPrefix(call.Path, "/app/installations/") { // the token
					assert.Equal(t, http.MethodGet, call.Method, call.Path)
				}
			}
			assert.JSONEq(t, before, stateOf(t, k))
			answer, err := json.Marshal(result.Response)
			require.NoError(t, err)
			for _, part := range test.says {
				assert.Contains(t, result.Message+string(answer), part)
			}
			installation, err := k.Env.Orgs[0].GitHub.Installation(t.Context())
			require.NoError(t, err)
			entries, err := k.Env.Store.AuditList(t.Context(), store.AuditQuery{OrgID: installation.OrgID, Command: spec.Name, Limit: 1})
			require.NoError(t, err)
			require.Len(t, entries, 1)
			assert.Equal(t, "shown", entries[0].Outcome)
			assert.False(t, entries[0].Changed)

			_, err = k.Run("bob", test.line+" dry-run=true")
			assert.Error(t, err, "who may not do it may not see it either")
			k.Must(test.caller, test.line)
		})
	}
}

// leases returns how many leases are held.
func leases(t *testing.T, k *commandtest.Kit) (n int) {
	t.Helper()
	assert.NoError(t, k.Env.Store.Reader().QueryRow(t.Context(), `SELECT count(*) FROM lease WHERE ends_at > ?1`, store.Micros(k.Now())).Scan(&n))
	return n
}

// A dry run is charged to the caller like the command.
func TestDryRunIsCharged(t *testing.T) {
	t.Parallel()
	k := platformKit(t)
	k.Env.RateLimit = 2
	for range 2 {
		_, err := k.Run("ada", "repos-add team=platform repos=web dry-run=true")
		require.NoError(t, err)
	}
	_, err := k.Run("ada", "repos-add team=platform repos=web")
	assert.Equal(t, dispatch.ReasonRateLimited, dispatch.ReasonOf(err))
	_, err = k.Run("ada", "repos-add team=platform repos=web dry-run=true")
	assert.Equal(t, dispatch.ReasonRateLimited, dispatch.ReasonOf(err))
}

// A dry run says what the command would say: that the same request waits, or that too many do.
func TestDryRunOfAccessRequest(t *testing.T) {
	t.Parallel()
	k := requestKit(t)
	for i := range store.MaxPendingRequests - 1 {
		request(t, k, "bob", fmt.Sprintf("access-request team=platform repos=docs for=%dh", i+1))
	}
	_, err := k.Run("bob", "access-request team=platform repos=foreign dry-run=true")
	require.NoError(t, err)
	request(t, k, "bob", "access-request team=platform repos=docs for=99h")
	_, err = k.Run("bob", "access-request team=platform repos=foreign dry-run=true")
	assert.Equal(t, dispatch.ReasonInvalidArgument, dispatch.ReasonOf(err))
	result, err := k.Run("bob", "access-request team=platform repos=docs for=2h dry-run=true")
	require.NoError(t, err)
	assert.Contains(t, result.Message, "Request 2 waits already")
	assert.False(t, result.Changed)
}

// platformKit returns a kit in which platform owns a group with a runner.
func platformKit(t *testing.T) *commandtest.Kit {
	t.Helper()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	k.AddRunner("platform", "build-1", "online", false)
	return k
}

// stateOf is what the server has on record of groups, trusts and a request.
func stateOf(t *testing.T, k *commandtest.Kit) string {
	t.Helper()
	installation, err := k.Env.Orgs[0].GitHub.Installation(t.Context())
	require.NoError(t, err)
	records, err := k.Env.Store.Records(t.Context(), installation.OrgID)
	require.NoError(t, err)
	request, _ := k.Env.Store.RequestOf(t.Context(), installation.OrgID, 1) // zero: there is none
	state := []any{records, request}
	for _, r := range records {
		trusts, err := k.Env.Store.Trusts(t.Context(), r.OrgID, r.TeamID)
		require.NoError(t, err)
		state = append(state, trusts)
	}
	text, err := json.Marshal(state)
	require.NoError(t, err)
	return string(text)
}

// Commands that reveal a secret, and those that only read, have no dry run.
func TestDryRunOnlyOfChanges(t *testing.T) {
	t.Parallel()
	k := platformKit(t)
	for _, line := range []string{"token-register team=platform", "token-remove team=platform", "token-jit team=platform name=b", "group-list team=platform", "whoami"} {
		_, err := k.Run("ada", line+" dry-run=true")
		assert.Equal(t, dispatch.ReasonUnknownArgument, dispatch.ReasonOf(err), line)
	}
	_, err := k.Run("ada", "repos-add team=platform repos=web dry-run=maybe")
	assert.Equal(t, dispatch.ReasonInvalidArgument, dispatch.ReasonOf(err))
	result, err := k.Run("ada", "repos-add team=platform repos=web dry-run=false")
	require.NoError(t, err)
	assert.True(t, result.Changed)
	assert.False(t, result.DryRun)
	_, err = k.Run("ada", "group-create team=web dry-run=true")
	require.NoError(t, err)
	_, err = k.Run("ada", "repos-add team=platform repos=docs dry-run=true")
	assert.Equal(t, dispatch.ReasonRepoNotPermitted, dispatch.ReasonOf(err))
}
