package doctor_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

// trust records that the team platform owns the group legacy and trusts jobs of acme/api.
func (c *clinic) trust(change ...func(*store.Trust)) {
	c.t.Helper()
	t := store.Trust{Repo: "acme/api", Ref: "refs/heads/main", Commands: []string{"repos-add"}, Expires: time.Now().Add(time.Hour), MadeBy: "ada"}
	c.change(func(_ *ghsim.App, o *ghsim.Org) {
		team := o.Team("platform")
		t.OrgID, t.TeamID, t.GroupID, t.RepoID = o.ID, team.ID, o.Group("legacy").ID, o.Repo("api").ID
		team.Permissions[t.RepoID] = "admin"
	})
	for _, apply := range change {
		apply(&t)
	}
	c.record(store.Record{OrgID: t.OrgID, TeamID: t.TeamID, TeamSlug: "platform", GroupID: t.GroupID, GroupName: "legacy"})
	st, err := store.Open(c.t.Context(), store.Options{URL: c.env["DATABASE_URL"]})
	require.NoError(c.t, err)
	defer st.Close()
	require.NoError(c.t, st.SetOrgID(c.t.Context(), "acme", t.OrgID))
	_, err = st.AddTrust(c.t.Context(), t)
	require.NoError(c.t, err)
}

func TestDoctorWorkflows(t *testing.T) {
	t.Parallel()
	issuerDown := func(c *clinic) {
		c.hub.Inject(ghsim.Fault{Path: "^/_services/token", Status: 503, Times: -1, Header: http.Header{}, Body: "{}"})
	}
	tests := []struct {
		name   string
		setup  func(*clinic)
		check  string
		level  doctor.Level
		detail string
	}{
		{"nothing wrong, no trust", func(*clinic) {}, "workflows", doctor.OK, "teams have 0 trusts"},
		{"nothing wrong", func(c *clinic) { c.trust() }, "workflows", doctor.OK, "must be made for https://arm.example.com; teams have 1 trusts"},
		{"off", func(c *clinic) { c.env["POLICY_WORKFLOWS_ENABLED"] = "false"; issuerDown(c) }, "workflows", doctor.Info, "policy.workflows.enabled is false"},
		{"issuer down, and nobody needs it", issuerDown, "workflows", doctor.Warn, "cannot be read"},
		{"issuer down", func(c *clinic) { c.trust(); issuerDown(c) }, "workflows", doctor.Fail, "cannot be read"},
		{"another issuer", func(c *clinic) { c.trust(); c.env["GITHUB_OIDC_ISSUER"] = "http://127.0.0.1:1" }, "workflows", doctor.Fail, "http://127.0.0.1:1"},
		{"no usable key", func(c *clinic) { c.trust(); c.hub.HideActionsKey(true) }, "workflows", doctor.Fail, "has no key for RS256"},
		{"clock", func(c *clinic) {
			c.trust()
			c.hub.Inject(ghsim.Fault{
				Path: "openid-configuration$", Status: 200, Times: -1, Header: http.Header{"Date": {time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)}},
				Body: `{"issuer":"` + c.url + `/_services/token","jwks_uri":"` + c.url + `/_services/token/.well-known/jwks"}`,
			})
		}, "workflows", doctor.Fail, "clock differs by"},
		{"no address", func(c *clinic) { c.trust(); delete(c.env, "SERVER_PUBLIC_URL"); c.env["SERVER_PORT"] = "0" }, "workflows", doctor.Fail, "server.publicURL is not set"},
		{"no trusts", func(*clinic) {}, "trusts", doctor.OK, "no team trusts workflows"},
		{"a good trust", func(c *clinic) { c.trust() }, "trusts", doctor.OK, "the 1 trusts have their repository"},
		{"an expired trust", func(c *clinic) {
			c.trust(func(t *store.Trust) { t.Expires = time.Now().Add(-time.Minute); t.RepoID = 99 })
		}, "trusts", doctor.OK, "no team trusts workflows"},
		{"trusts, and switched off", func(c *clinic) { c.trust(); c.env["POLICY_WORKFLOWS_ENABLED"] = "false" }, "trusts", doctor.Info, "which do not count"},
		{"repository gone", func(c *clinic) { c.trust(func(t *store.Trust) { t.RepoID = 99 }) }, "trusts", doctor.Warn, "trust 1 of platform: the repository acme/api is gone"},
		{"repository renamed", func(c *clinic) { c.trust(); c.change(func(_ *ghsim.App, o *ghsim.Org) { o.Repo("api").Name = "api2" }) }, "trusts", doctor.OK, "the 1 trusts"},
		{"permission lost", func(c *clinic) {
			c.trust()
			c.change(func(_ *ghsim.App, o *ghsim.Org) { o.Team("platform").Permissions[o.Repo("api").ID] = "push" })
		}, "trusts", doctor.Warn, "does not have the permission admin on acme/api any more"},
		{"no permission left", func(c *clinic) {
			c.trust()
			c.change(func(_ *ghsim.App, o *ghsim.Org) { delete(o.Team("platform").Permissions, o.Repo("api").ID) })
		}, "trusts", doctor.Warn, "does not have the permission"},
		{"an environment", func(c *clinic) { c.trust(func(t *store.Trust) { t.Environment = "production" }) }, "trusts", doctor.Info, "trust 1 of platform: production in acme/api"},
		{"GitHub fails", func(c *clinic) {
			c.trust()
			c.hub.Inject(ghsim.Fault{Path: "^/repositories/", Status: 500, Times: -1, Header: http.Header{}, Body: "{}"})
		}, "trusts", doctor.Fail, "could not compare"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClinic(t)
			c.deliver(200)
			tt.setup(c)
			d := c.examine()
			i := slices.IndexFunc(d.Checks, func(c doctor.Check) bool { return c.Name == tt.check })
			require.GreaterOrEqual(t, i, 0, d.Text())
			assert.Equal(t, tt.level, d.Checks[i].Level, d.Text())
			assert.Contains(t, d.Checks[i].Detail, tt.detail)
			if tt.level == doctor.Info && tt.check == "workflows" {
				assert.False(t, slices.ContainsFunc(c.hub.Calls(), func(c ghsim.Call) bool { return c.Path == "/_services/token/.well-known/jwks" }))
			}
		})
	}
}
