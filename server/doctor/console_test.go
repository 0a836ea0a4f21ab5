package doctor_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

func TestDoctorConsole(t *testing.T) {
	t.Parallel()
	const callback = "add https://arm.example.com/console/callback to the callback URLs"
	tests := []struct {
		name           string
		setup          func(*clinic)
		level          doctor.Level
		detail, remedy string
	}{
		{"on", func(*clinic) {}, doctor.OK, "https://arm.example.com/console/callback must be among the callback URLs", ""},
		{"off", func(c *clinic) { delete(c.env, "CLIENT_ID"); delete(c.env, "CLIENT_SECRET") }, doctor.Info, "clientID and clientSecret are not set", callback},
		{"no secret", func(c *clinic) { delete(c.env, "CLIENT_SECRET") }, doctor.Info, "clientSecret is not set", "ARM_CLIENT_SECRET"},
		{"no id", func(c *clinic) { delete(c.env, "CLIENT_ID") }, doctor.Info, "clientID is not set", "ARM_CLIENT_ID"},
		{"wrong secret", func(c *clinic) { c.env["CLIENT_SECRET"] = "old" }, doctor.Warn, "GitHub refuses", "generate a new client secret"},
		{"pages not reached", func(c *clinic) {
			c.hub.Inject(ghsim.Fault{Path: "^/login/oauth/", Status: 502, Times: -1})
		}, doctor.Warn, "it answered 502", "can reach it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClinic(t)
			tt.setup(c)
			d := c.examine()
			assert.True(t, d.OK, d.Text())
			var found int
			for _, check := range d.Checks {
				if check.Name == "console" {
					found++
					assert.Equal(t, tt.level, check.Level, check.Detail)
					assert.Contains(t, check.Detail, tt.detail)
					assert.Contains(t, check.Remedy, tt.remedy)
					assert.True(t, check.URL == "" || strings.HasPrefix(check.URL, c.url+"/organizations/acme/settings/apps"), check.URL)
				}
			}
			assert.Equal(t, 1, found)
			if secret := c.env["CLIENT_SECRET"]; len(secret) > 10 {
				assert.NotContains(t, d.Text(), secret)
			}
		})
	}
}
