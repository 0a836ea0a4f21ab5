package server_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// An enterprise's team is named as any other: by an argument, an issue's label, or the field of a form.
func TestEnterpriseTeam(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.state(func(o *ghsim.Org, st *ghsim.State) {
		o.Team("platform").Slug = "ent:platform"
		issues := o.Repo("runner-admin")
		issues.Issue(1).Labels = []string{"team:ent:platform"}
		issues.Issue(2).Body, issues.Issue(2).Author = "### Team\n\nent:platform\n", st.User("ada")
	})
	w.ok("ghp_ada", "POST /api/v1/group-create?team=ent:platform")
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=ent%3Aplatform&repos=api")
	_, reaction := w.say("ada", 1, "/runner-group repos-add web")
	assert.Equal(t, "rocket", reaction)
	_, reaction = w.say("ada", 2, "/runner-group group-list")
	assert.Equal(t, "rocket", reaction)
	_, reaction = w.say("ada", 2, "/runner-group repos-add inner --team @acme/ent:platform")
	assert.Equal(t, "rocket", reaction)
	assert.ElementsMatch(t, []string{"api", "web", "inner"}, w.repos("ent:platform"))
}
