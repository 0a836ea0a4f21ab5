package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A repository's former name is refused with its new one, if the team has a permission on
// it. Other teams learn nothing: not from the answer, nor from what GitHub is asked.
func TestRenamedRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.add(ghsim.OrgSpec{Repositories: []ghsim.RepoSpec{{Name: "leaving"}}, Teams: []ghsim.TeamSpec{{Name: "platform", Repositories: map[string]string{"leaving": "admin"}}}})
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=web")
	w.hub.Update(func(st *ghsim.State) {
		acme := st.Org("acme")
		for old, name := range map[string]string{"api": "core", "docs": "handbook", "foreign": "hidden", "web": "front"} {
			acme.Repo(old).Rename(name)
		}
		st.Orgs = append(st.Orgs, &ghsim.Org{ID: 99, Login: "other"})
		acme.Repo("leaving").Transfer(st.Org("other"))
	})
	const usual = "or there is no such repository"
	for _, test := range []struct{ name, now string }{
		{"api", "`core`"}, {"acme/API", "`core`"}, {"docs", "`handbook`"}, // on which the team may do too little, but which it sees
		{"foreign", ""}, {"leaving", ""}, {"never", ""}, {"hidden", ""},
	} {
		for _, command := range []string{"repos-add", "repos-set"} {
			a := w.refused(http.StatusForbidden, "repo_not_permitted", "ghp_ada", "PATCH /api/v1/"+command+"?team=platform&repos="+test.name)
			if test.now == "" {
				assert.Contains(t, a.Error, usual, test.name)
				assert.NotContains(t, a.text, "renamed", test.name)
				continue
			}
			assert.Contains(t, a.Error, test.now, "%s %s", command, test.name)
			assert.NotContains(t, a.Error, usual)
		}
	}
	assert.Equal(t, []string{"front"}, w.repos("platform"), "nothing was changed")

	// In a list, also in one that is too long to be asked about one by one.
	a := w.refused(http.StatusForbidden, "repo_not_permitted", "ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=core,api,foreign")
	assert.Equal(t, []string{"core", "api repo_not_permitted", "foreign repo_not_permitted"}, a.items())
	assert.Contains(t, a.Items[1].Error, "`core`")
	assert.NotContains(t, a.Items[2].Error, "hidden")
	a = w.refused(http.StatusForbidden, "repo_not_permitted", "ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api,"+strings.Repeat("core,", 3)+many("never", 25))
	assert.Contains(t, a.Items[0].Error, "`core`")

	replies, reaction := w.say("ada", 1, "/runner-group repos-add api")
	assert.Equal(t, "confused", reaction)
	assert.Contains(t, replies[0], "`core`")

	// A former name is not in the group's list, but what it means now is still attached.
	a = w.ok("ghp_ada", "PATCH /api/v1/repos-remove?team=platform&repos=web,foreign,never")
	assert.Contains(t, a.Response["message"], "`front`")
	assert.NotContains(t, a.text, "hidden")
	replies, _ = w.say("ada", 1, "/runner-group repos-remove web,foreign --yes")
	assert.Contains(t, replies[0], "`front`")
	assert.NotContains(t, replies[0], "hidden")
	assert.Equal(t, []string{"front"}, w.repos("platform"))
}

// What GitHub is asked does not depend on whether a repository ever had the name. The list of the
// group's repositories does not count: it is read ahead whatever is named, and a refusal ends that.
func TestThreatFormerNamesStaySecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.hub.Update(func(st *ghsim.State) { st.Org("acme").Repo("foreign").Rename("hidden") })
	asked := func(name string) (routes []string) {
		var mu sync.Mutex
		w.watch(func(e ghsim.Exchange) {
			mu.Lock()
			defer mu.Unlock()
			ahead := strings.HasSuffix(e.Route, "/runner-groups/{runner_group_id}/repositories")
			if !ahead && (strings.HasPrefix(e.Route, "/orgs") || strings.HasPrefix(e.Route, "/repo")) { // not what the server asks for itself
				routes = append(routes, e.Route)
			}
		})
		a := w.refused(http.StatusForbidden, "repo_not_permitted", "ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos="+name)
		assert.Contains(t, a.Error, fmt.Sprintf("`%s`", name))
		mu.Lock()
		defer mu.Unlock()
		slices.Sort(routes)
		return routes
	}
	never := asked("never")
	assert.Equal(t, never, asked("foreign"), "renamed")
	assert.Equal(t, never, asked("hidden"), "of another team")
}
