package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

// An organization that was renamed works on by its id, on every channel and after a restart,
// and the answers, the log, /readyz and doctor say what to change.
func TestRenamedOrganization(t *testing.T) {
	t.Parallel()
	const told = "acme is now called acme-inc: change `org`"
	w := newWorld(t, acme(), "CHATOPS_TOKEN_REPLY_TTL=3s")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.hub.Update(func(st *ghsim.State) { st.Org("acme").Login = "acme-inc" })

	check := func() {
		t.Helper()
		w.ok("ghp_bob", "GET /api/v1/whoami")
		answer := w.ok("ghp_ada", "PATCH /api/v1/repos-set?team=platform&repos=acme-inc/api,acme/web")
		assert.NotEmpty(t, answer.Response)
		assert.ElementsMatch(t, []string{"api", "web"}, w.renamedRepos("platform"))
		refusal := w.refused(http.StatusForbidden, "not_maintainer", "ghp_bob", "GET /api/v1/group-list?team=platform")
		assert.Contains(t, refusal.Error, told)

		res, err := w.client.Get(w.url + "/readyz")
		require.NoError(t, err)
		defer res.Body.Close()
		var ready struct{ Details []string }
		require.NoError(t, json.NewDecoder(res.Body).Decode(&ready))
		assert.Contains(t, strings.Join(ready.Details, "\n"), told)
		assert.True(t, w.log.contains(told))
	}
	check()
	id, err := w.hub.Comment("acme-inc", "runner-admin", 2, "ada", "/runner-group repos-list --team platform\n/runner-group group-list --team platform")
	require.NoError(t, err)
	var reply string
	require.Eventually(t, func() bool {
		w.hub.Update(func(st *ghsim.State) {
			for _, c := range st.Org("acme-inc").Repo("runner-admin").Issue(2).Comments {
				if c.ID != id && c.Via != nil {
					reply = c.Body
				}
			}
		})
		return reply != ""
	}, eventually, tick, "a comment is not ignored")
	assert.Contains(t, reply, told)

	require.NoError(t, w.stop())
	w.start()
	check()

	var environ []string
	for name, value := range w.env {
		environ = append(environ, "ARM_"+name+"="+value)
	}
	c, err := config.Load("", environ)
	d := doctor.Run(t.Context(), c, err, "test")
	assert.Contains(t, d.Text(), "warn  installation: "+told)
	assert.NotContains(t, d.Text(), "not installed")

	// The operator follows the advice. What was begun under the old name is ended.
	_, err = w.hub.Comment("acme-inc", "runner-admin", 2, "ada", "/runner-group token-register --team platform")
	require.NoError(t, err)
	secret := func() (found bool) {
		w.hub.Update(func(st *ghsim.State) {
			for _, c := range st.Org("acme-inc").Repo("runner-admin").Issue(2).Comments {
				found = found || c.Via != nil && strings.Contains(c.Body, "./config.sh")
			}
		})
		return found
	}
	require.Eventually(t, secret, eventually, tick)
	require.NoError(t, w.stop())
	w.env["ORG"] = "acme-inc"
	w.start()
	require.Eventually(t, func() bool { return !secret() }, eventually, tick, "a comment with a secret is deleted")
	assert.NotContains(t, w.ok("ghp_ada", "GET /api/v1/group-list?team=platform").text, told)
}

// renamedRepos is repos for the organization's new name.
func (w *world) renamedRepos(group string) (names []string) {
	w.hub.Update(func(st *ghsim.State) { names = st.Org("acme-inc").ReposOf(group) })
	return names
}
