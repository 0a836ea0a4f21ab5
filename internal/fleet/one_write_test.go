package fleet_test

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// onList calls do once, after the simulated GitHub answered the next request with that method
// for the group's whole list of repositories.
func (w *watch) onList(method string, do func(*ghsim.Org)) {
	done := false
	path := regexp.MustCompile(`/runner-groups/\d+/repositories$`)
	w.Hub.OnExchange = func(e ghsim.Exchange) {
		if !done && e.Request.Method == method && path.MatchString(e.Request.URL.Path) {
			done = true
			w.org(do)
		}
	}
}

// An owner changes a group on GitHub's pages while a command replaces the group's list. What
// differs from what commands left is found.
func TestOwnerBesideOneWrite(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	admin := map[string]string{"r0": "admin", "r1": "admin", "r2": "admin", "r3": "admin", "r4": "admin"}
	sc := ghsim.OrgSpec{Login: "acme", Teams: []ghsim.TeamSpec{{Name: "platform", Repositories: admin}}}
	for name := range admin {
		sc.Repositories = append(sc.Repositories, ghsim.RepoSpec{Name: name})
	}
	require.NoError(t, w.Hub.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{sc}}))
	const add, remove = "repos-add team=platform repos=r0,r1,r2,r3,r4", "repos-remove team=platform repos=r0,r1,r2,r3,r4"
	w.Must("ada", "group-create team=platform")
	w.poll()

	w.attach("foreign")
	w.Must("ada", add)
	assert.Equal(t, []string{"repo_attached_outside"}, outside(w), "the command kept it, and did not make it expected")
	w.Must("ada", "repos-remove team=platform repos=foreign", remove)

	var old []int64
	w.org(func(o *ghsim.Org) { old = o.Group("platform").Repos })
	w.onList(http.MethodPut, func(o *ghsim.Org) { o.Group("platform").Repos = old })
	w.Must("ada", add)
	assert.Equal(t, []string{"repo_detached_outside"}, outside(w)[:1], "GitHub's page saved the list as it was before")

	w.Must("ada", add)
	w.onList(http.MethodGet, func(o *ghsim.Org) { o.Group("platform").Repos = append(o.Group("platform").Repos, o.Repo("docs").ID) })
	w.Must("ada", remove)
	assert.Empty(t, w.Repos("platform"), "what an owner attached between the list and the write is lost")
	assert.Empty(t, outside(w), "and the group is as commands left it")
}

// outside returns the kinds of the findings about changes on GitHub.
func outside(w *watch) (kinds []string) {
	for _, kind := range kindsOf(w.poll().Findings) {
		if kind == "repo_attached_outside" || kind == "repo_detached_outside" {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}
