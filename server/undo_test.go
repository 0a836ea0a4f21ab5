package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// Whatever a command changed, the lines in its answer, sent as a comment by the same person, bring
// back what was there before. The audit has the same lines.
func TestUndo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	db := w.database()
	const workflow = "acme/api/.github/workflows/ci.yml@refs/heads/main"
	var kim int64
	w.hub.View(func(st *ghsim.State) { kim = st.User("kim").ID })
	w.hub.Update(org(func(o *ghsim.Org) {
		o.Repo("docs").Collaborators = map[int64]string{kim: "admin"}
	}))
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	w.runners("platform", "b1", "b2")
	for _, c := range []struct {
		name, login string
		given       []string // requests of the same person, before the state is noted
		request     string
		lines       int // of the undo
	}{
		{"repos-add", "ada", nil, "PATCH repos-add?team=platform&repos=api,web", 1},
		{"repos-add, one is there already", "ada", []string{"PATCH repos-add?team=platform&repos=api"}, "PATCH repos-add?team=platform&repos=api,web", 1},
		{"repos-add with an end", "ada", nil, "PATCH repos-add?team=platform&repos=web&for=7d", 1},
		{"another end", "ada", []string{"PATCH repos-add?team=platform&repos=web&for=7d"}, "PATCH repos-add?team=platform&repos=web&for=2h", 1},
		{"no end any more", "ada", nil, "PATCH repos-add?team=platform&repos=web", 2},
		{"repos-remove", "ada", nil, "PATCH repos-remove?team=platform&repos=api", 1},
		{"repos-remove of what has an end", "ada", nil, "PATCH repos-remove?team=platform&repos=api,web", 2},
		{"repos-set", "ada", nil, "PATCH repos-set?team=platform&repos=web", 1},
		{"repos-set, without what has an end", "ada", nil, "PATCH repos-set?team=platform&repos=api", 2},
		{"repos-set of an empty list", "ada", []string{"PATCH repos-remove?team=platform&repos=api,web"}, "PATCH repos-set?team=platform&repos=api", 1},
		{"workflows-set", "ada", nil, "PATCH workflows-set?team=platform&workflows=" + workflow, 1},
		{"workflows-set again", "ada", []string{"PATCH workflows-set?team=platform&workflows=" + workflow}, "PATCH workflows-set?team=platform&workflows=" + strings.ReplaceAll(workflow, "ci", "cd"), 1},
		{"workflows-set to none", "ada", nil, "PATCH workflows-set?team=platform&workflows=", 1},
		{"runners-label", "ada", nil, "PATCH runners-label?team=platform&runners=b1,b2&add=gpu,large", 1},
		{"runners-label of different runners", "ada", []string{"PATCH runners-label?team=platform&runners=b1&add=gpu"}, "PATCH runners-label?team=platform&runners=b1,b2&set=large", 2},
		{"runners-transfer", "ada", nil, "POST runners-transfer?team=platform&runners=b1,b2&to=web", 1},
		{"token-jit", "ada", nil, "POST token-jit?team=platform&name=once", 1},
		{"trust-add", "ada", nil, "POST trust-add?team=platform&repo=api&commands=repos-add&environment=production&for=30d", 1},
		{"trust-add again", "ada", []string{"POST trust-add?team=platform&repo=api&commands=repos-add,token-jit&ref=main&for=30d"}, "POST trust-add?team=platform&repo=api&commands=repos-add,token-jit&ref=main&for=2d", 1},
		{"trust-remove", "ada", nil, "DELETE trust-remove?team=platform&id=TRUST", 1},
		{"group-delete", "ada", []string{"DELETE trust-remove?team=platform&id=TRUST", "PATCH repos-add?team=platform&repos=api", "PATCH repos-add?team=platform&repos=web&for=3h"}, "DELETE group-delete?team=platform&move-runners-to=web", 5},
		{"group-create", "ada", []string{"DELETE group-delete?team=platform&move-runners-to=web"}, "POST group-create?team=platform", 1},
		{"group-adopt", "olga", nil, "POST group-adopt?team=platform&group=legacy", 1},
		{"group-release", "olga", []string{"POST group-adopt?team=platform&group=legacy&workflows=team"}, "PATCH group-release?team=platform", 1},
		{"access-request", "kim", nil, "POST access-request?team=platform&repos=docs&for=3d", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := w.in(t)
			api := func(request string) string {
				return strings.NewReplacer(" ", " /api/v1/", "TRUST", w.newestTrust()).Replace(request)
			}
			for _, request := range c.given {
				w.ok("ghp_"+c.login, api(request))
			}
			before := w.undoState(db)
			a := w.call("ghp_"+c.login, api(c.request))
			require.Less(t, a.Code, 300, a)
			require.NotEqual(t, before, w.undoState(db))
			entries, _ := w.ok("ghp_olga", "GET /api/v1/audit-list?changes=true&limit=1").Response["entries"].([]any)
			require.Len(t, entries, 1)
			entry, _ := entries[0].(map[string]any)
			undo, _ := entry["undo"].(string)
			assert.Len(t, strings.Split(undo, "\n"), c.lines, undo)
			if c.name != "access-request" { // whose answer has the number
				assert.Equal(t, undo, a.Response["undo"])
			}

			replies, reaction := w.say(c.login, 2, strings.ReplaceAll(undo, "\n", " --yes\n")+" --yes") // policy.confirm has some
			require.Equal(t, "rocket", reaction, "%s\n%s", undo, replies)
			assert.Equal(t, before, w.undoState(db), undo)
		})
	}
}

// newestTrust is the number of the newest trust of platform; 0 if it has none.
func (w *world) newestTrust() string {
	w.t.Helper()
	number := 0.0
	listed := w.call("ghp_ada", "GET /api/v1/trust-list?team=platform")
	trusts, _ := listed.Response["trusts"].([]any)
	for _, trust := range trusts {
		fields, _ := trust.(map[string]any)
		id, _ := fields["id"].(float64)
		number = max(number, id)
	}
	return fmt.Sprint(int(number))
}

// undoState is what GitHub and the server have of acme's groups. Times are rounded, and what was
// made again may have another id.
func (w *world) undoState(db *store.Store) string {
	w.t.Helper()
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	left := func(until time.Time) time.Duration { return until.Sub(w.now()).Round(10 * time.Minute) }
	var orgID int64
	w.hub.View(func(st *ghsim.State) {
		o := st.Org("acme")
		orgID = o.ID
		for _, g := range o.Groups {
			var limit []string
			if g.RestrictedToWorkflows {
				limit = g.SelectedWorkflows
			}
			add("group %s %s %t %t %v", g.Name, g.Visibility, g.AllowsPublic, g.RestrictedToWorkflows, limit)
			for _, name := range o.ReposOf(g.Name) {
				add("group %s repo %s", g.Name, name)
			}
			for _, r := range o.Runners {
				if r.GroupID == g.ID {
					labels := slices.Sorted(slices.Values(r.Labels))
					add("group %s runner %s %v", g.Name, r.Name, labels)
				}
			}
		}
	})
	records, err := db.Records(w.t.Context(), orgID)
	require.NoError(w.t, err)
	for _, r := range records {
		add("record %s %s %t", r.TeamSlug, r.GroupName, r.WorkflowsTeam)
		access, err := db.AccessOf(w.t.Context(), orgID, r.GroupID)
		require.NoError(w.t, err)
		for _, a := range access {
			add("access %s %s %s %d", r.TeamSlug, a.Repo, left(a.Until), a.Request)
		}
		trusts, err := db.Trusts(w.t.Context(), orgID, r.TeamID)
		require.NoError(w.t, err)
		for _, t := range trusts {
			add("trust %s %s %s %s %v %s", r.TeamSlug, t.Repo, t.Ref, t.Environment, t.Commands, left(t.Expires))
		}
	}
	requests, err := db.Requests(w.t.Context(), store.RequestQuery{OrgID: orgID, All: true, State: store.RequestPending, Limit: 10})
	require.NoError(w.t, err)
	add("%d requests", len(requests))
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
