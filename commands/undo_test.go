package commands_test

import (
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

// A changeRecord is what the audit has of a command of dryRuns once it has run: the kinds and
// names of what it changed, and the lines that reverse it.
type changeRecord struct{ before, after, undo string }

// noUndo has the commands that nothing reverses, and why.
var noUndo = map[string]string{
	"runners-remove":   "GitHub has forgotten the runner",
	"group-accept":     "what was expected before was wrong",
	"request-deny":     "the requester can ask again",
	"request-withdraw": "the requester can ask again",
}

// changeRecords has every command that changes something.
var changeRecords = map[string]changeRecord{
	"group-create":     {"", "team web, group web", "group-delete --team web"},
	"group-delete":     {"team platform, group platform, runner build-1", "runner build-1", "group-create --team platform\nrunners-transfer build-1 --to platform --team web"},
	"group-adopt":      {"", "team web, group legacy", "group-release --team web"},
	"group-release":    {"team platform, group platform", "", "group-adopt --group platform --team platform"},
	"group-accept":     {"group platform", "group platform, repo foreign, runner build-1", ""},
	"repos-add":        {"repo api", "repo api, repo web", "repos-remove api,web --team platform\nrepos-add api --for 1d --team platform"},
	"repos-remove":     {"repo web", "", "repos-add web --team platform"},
	"repos-set":        {"repo web", "repo api", "repos-set web --team platform"},
	"runners-label":    {"runner build-1", "runner build-1", "runners-label build-1 --remove gpu --team platform"},
	"runners-remove":   {"runner build-1", "", ""},
	"runners-transfer": {"runner build-1", "runner build-1", "runners-transfer build-1 --to platform --team web"},
	"workflows-set":    {"", "workflow acme/api/.github/workflows/ci.yml@main", `workflows-set --workflows "" --team platform`},
	"access-request":   {"", "request access-request", "request-withdraw 1"},
	"request-approve":  {"request access-request", "request access-request, repo foreign", "repos-remove foreign --team platform"},
	"request-deny":     {"request access-request", "request access-request", ""},
	"request-withdraw": {"request access-request", "request access-request", ""},
	"trust-add":        {"", "trust acme/api", "trust-remove 1 --team platform"},
	"trust-remove":     {"trust acme/api", "", "trust-add acme/api --commands repos-add --ref refs/heads/main --for 180d --team platform"},
}

// The audit entry of every command that changes something has what was there before and after,
// with ids and names, and the lines that reverse it. The answer has the same lines.
func TestEveryChangeIsRecorded(t *testing.T) {
	t.Parallel()
	for _, spec := range commandtest.New(t).Specs() {
		if spec.Effect != dispatch.Changes && spec.Effect != dispatch.Destroys {
			continue
		}
		_, isFinal := noUndo[spec.Name]
		assert.True(t, isFinal != (spec.Undo != nil) || spec.Name == "access-request", "%s needs an Undo, or a line in noUndo", spec.Name)
		t.Run(spec.Name, func(t *testing.T) {
			t.Parallel()
			want, ok := changeRecords[spec.Name]
			require.True(t, ok, "a command that changes something needs a line in changeRecords")
			k := platformKit(t)
			test := dryRuns[spec.Name]
			for _, line := range test.given {
				login, line, _ := strings.Cut(line, " ")
				k.Must(login, line)
			}
			if spec.Name == "group-accept" { // something that others changed
				k.Hub.Update(func(st *ghsim.State) {
					org := st.Org("acme")
					org.Group("platform").Repos = append(org.Group("platform").Repos, org.Repo("foreign").ID)
				})
			}
			result, err := k.Run(test.caller, test.line)
			require.NoError(t, err)
			entry := lastEntry(t, k, spec.Name)
			assert.True(t, entry.Changed)
			assert.Equal(t, want.before, partsText(entry.Diff.Before), "before")
			assert.Equal(t, want.after, partsText(entry.Diff.After), "after")
			for _, p := range append(entry.Diff.Before, entry.Diff.After...) {
				assert.True(t, p.ID != 0 || p.Kind == store.PartWorkflow, "%s %s has no id", p.Kind, p.Name)
			}
			assert.Equal(t, want.undo, strings.ReplaceAll(entry.Undo, "/runner-group ", ""))
			assert.Equal(t, entry.Undo, result.Undo)
		})
	}
}

func lastEntry(t *testing.T, k *commandtest.Kit, command string) store.Entry {
	t.Helper()
	installation, err := k.Env.Orgs[0].GitHub.Installation(t.Context())
	require.NoError(t, err)
	entries, err := k.Env.Store.AuditList(t.Context(), store.AuditQuery{OrgID: installation.OrgID, Command: command, Limit: 1})
	require.NoError(t, err)
	require.Len(t, entries, 1)
	return entries[0]
}

func partsText(parts []store.Part) string {
	var texts []string
	for _, p := range parts {
		texts = append(texts, fmt.Sprintf("%s %s", p.Kind, p.Name))
	}
	return strings.Join(texts, ", ")
}

// An entry has all that the attempts at its request changed, also what an attempt changed that
// failed, or that was cut off before it could say so. A failure has what was changed all the same.
func TestChangesOfAllAttempts(t *testing.T) {
	t.Parallel()
	k := platformKit(t)
	k.Must("ada", "repos-add team=platform repos=api,web")
	var web int64
	k.Hub.View(func(st *ghsim.State) { web = st.Org("acme").Repo("web").ID })
	k.Hub.Inject(ghsim.Fault{Method: http.MethodDelete, Path: fmt.Sprintf("/repositories/%d$", web), Status: http.StatusUnprocessableEntity, Times: 1, Body: `{"message":"Validation Failed"}`})
	attempt := func(repeated bool) (dispatch.Result, error) {
		var args dispatch.Args
		args.Add("team", "platform")
		args.Add("repos", "api,web")
		return k.Dispatch(t.Context(), dispatch.Request{
			ID: "delivery/0", Channel: dispatch.Comment, Command: "repos-remove", Org: "acme", Caller: k.Caller("ada"), Args: args, Repeated: repeated,
		})
	}
	_, err := attempt(false)
	var failure *dispatch.Error
	require.ErrorAs(t, err, &failure)
	assert.Equal(t, "/runner-group repos-add api --team platform", failure.Undo)
	entry := lastEntry(t, k, "repos-remove")
	assert.Equal(t, "failed: repo api", entry.Outcome+": "+partsText(entry.Diff.Before))

	result, err := attempt(true)
	require.NoError(t, err)
	assert.Equal(t, "/runner-group repos-add api,web --team platform", result.Undo)
	entry = lastEntry(t, k, "repos-remove")
	assert.Equal(t, "done: repo api, repo web", entry.Outcome+": "+partsText(entry.Diff.Before))
}
