package server_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// The elements of a JSON array are taken whole, with blanks around and duplicates dropped.
// All else is split at commas, in a repeated parameter too.
func TestListArguments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	w.add(ghsim.OrgSpec{RunnerGroups: []ghsim.GroupSpec{{Name: "platform", Runners: []ghsim.RunnerSpec{{Name: "com,ma"}, {Name: "com"}, {Name: "ma"}}}}})
	const asJSON = "application/json"

	w.ok("ghp_ada", "POST /api/v1/runners-transfer", `{"team":"platform","to":"web","runners":["com,ma"," com,ma ",""]}`, asJSON)
	w.state(func(o *ghsim.Org, _ *ghsim.State) {
		assert.Equal(t, []string{"com,ma"}, o.RunnersOf("web"))
		assert.Equal(t, []string{"com", "ma"}, o.RunnersOf("platform"))
	})
	w.ok("ghp_ada", "DELETE /api/v1/runners-remove", `{"team":"web","runners":["com,ma"]}`, asJSON)
	w.refused(http.StatusNotFound, "runner_not_found", "ghp_ada", "DELETE /api/v1/runners-remove", `{"team":"platform","runners":["com,ma"]}`, asJSON)
	a := w.refused(http.StatusBadRequest, "invalid_argument", "ghp_ada", "PATCH /api/v1/repos-add", `{"team":"platform","repos":["api,web","api"]}`, asJSON)
	assert.Equal(t, []string{"api,web invalid_argument", "api"}, a.items())
	w.refused(http.StatusBadRequest, "invalid_argument", "ghp_ada", "PATCH /api/v1/workflows-set",
		`{"team":"platform","workflows":["acme/api/.github/workflows/a.yml@main,acme/api/.github/workflows/b.yml@main"]}`, asJSON)
	w.refused(http.StatusBadRequest, "invalid_argument", "ghp_ada", "POST /api/v1/token-jit", `{"team":"platform","name":"r1","labels":["a,b"]}`, asJSON)
	assert.Empty(t, w.repos("platform"))

	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api,web&repos=api")
	assert.ElementsMatch(t, []string{"api", "web"}, w.repos("platform"))
	w.ok("ghp_ada", "PATCH /api/v1/repos-set", `{"team":"platform","repos":"api, web"}`, asJSON)
	assert.ElementsMatch(t, []string{"api", "web"}, w.repos("platform"))

	_, reaction := w.say("ada", 1, `/runner-group runners-remove '["com,ma"]'`)
	assert.Equal(t, "confused", reaction)
	_, reaction = w.say("ada", 1, `/runner-group runners-remove com,ma`)
	assert.Equal(t, "rocket", reaction)
	w.state(func(o *ghsim.Org, _ *ghsim.State) { assert.Empty(t, o.RunnersOf("platform")) })
}

// A command without a list takes its team as the positional argument, whatever the issue's
// label says.
func TestPositionalTeam(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	for _, line := range []string{"group-create web", "group-list @acme/web", "token-register web", "token-remove web", "audit-list web"} {
		_, reaction := w.say("ada", 1, "/runner-group "+line) // the label says platform
		assert.Equal(t, "rocket", reaction, line)
	}
	for _, line := range []string{"group-list web --team web", "group-list web --team platform", "group-list web platform", "group-list web,platform"} {
		_, reaction := w.say("ada", 1, "/runner-group "+line)
		assert.Equal(t, "confused", reaction, line)
	}
	_, reaction := w.say("olga", 1, "/runner-group group-adopt platform --group legacy")
	assert.Equal(t, "rocket", reaction)
	_, reaction = w.say("ada", 2, "/runner-group group-delete web --yes")
	assert.Equal(t, "rocket", reaction)
	w.state(func(o *ghsim.Org, _ *ghsim.State) { assert.Nil(t, o.Group("web")) })
}
