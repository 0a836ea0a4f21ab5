package ghsim_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

const life = `
life:
  repeat: 10m
  events:
    - {after: 1m, runner: r1, busy: true}
    - {after: 2m, runner: r1, busy: false}
    - {after: 3m, runner: r1, status: offline}
    - {after: 5m, runner: r1, status: online, version: newest}
    - {after: 4m, release: 2.330.0}
    - {after: 6m, runner: r9, group: platform}
    - {after: 7m, runner: r9, remove: true}
    - {after: 8m, runner: nobody, busy: true}
`

// Runners take jobs, go offline and get old by the server's clock, again and again.
func TestLife(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := newSim(t)
	s.Now = func() time.Time { return now }
	sc, err := ghsim.LoadScenario([]byte(life))
	require.NoError(t, err)
	require.NoError(t, s.Apply(sc))
	start := now
	var seen string
	look := func() string {
		s.Live()
		s.Update(func(st *ghsim.State) {
			o := st.Org("acme")
			r := o.Runner("r1")
			seen = fmt.Sprint(r.Status, " ", r.Busy, " ", r.Version, " ", len(o.Runners))
		})
		return seen
	}
	tests := []struct {
		at   time.Duration
		want string
	}{
		{0, "online false 2.323.0 3"},
		{time.Minute, "online true 2.323.0 3"},
		{2 * time.Minute, "online false 2.323.0 3"},
		{4 * time.Minute, "offline false 2.323.0 3"},
		{5 * time.Minute, "online false 2.330.0 3"},
		{6 * time.Minute, "online false 2.330.0 4"},
		{9 * time.Minute, "online false 2.330.0 3"},
		{11 * time.Minute, "online true 2.330.0 3"},
		{73 * time.Minute, "offline false 2.330.0 3"},
	}
	for _, tt := range tests {
		now = start.Add(tt.at)
		assert.Equal(t, tt.want, look(), tt.at)
	}
	s.SetSpeed(60)
	now = now.Add(2 * time.Second)
	assert.Equal(t, "online false 2.330.0 3", look(), "2 seconds are 2 minutes")
	s.SetSpeed(0)
	now = now.Add(time.Hour + 2*time.Minute)
	assert.Equal(t, "online false 2.330.0 3", look(), "time stands still")

	downloads := s.get("/orgs/acme/actions/runners/downloads", s.token(""))
	assert.Contains(t, downloads.get(0, "filename"), "2.330.0")
	_, err = ghsim.New(ghsim.Scenario{Life: ghsim.Life{Repeat: time.Minute, Events: []ghsim.Event{{After: time.Hour}}}})
	require.Error(t, err)
	_, err = ghsim.New(ghsim.Scenario{Life: ghsim.Life{Events: []ghsim.Event{{Status: "asleep"}}}})
	require.Error(t, err)
}

// What a person may do in a repository comes from whatever gives most.
func TestPermissionOfPerson(t *testing.T) {
	s := newSim(t, func(sc *ghsim.Scenario) {
		sc.Organizations[0].BasePermission = "none"
		sc.Organizations[0].Repositories[1].Collaborators = map[string]string{"eve": "maintain"}
	})
	token := s.token("")
	tests := []struct{ repo, login, permission, role string }{
		{"api", "olga", "admin", "admin"},
		{"api", "ada", "admin", "admin"},
		{"web", "ada", "write", "write"},
		{"web", "eve", "read", "read"},
		{"api", "eve", "write", "maintain"},
		{"bare", "bob", "none", "none"},
	}
	for _, tt := range tests {
		r := s.get("/repos/acme/"+tt.repo+"/collaborators/"+tt.login+"/permission", token)
		assert.Equal(t, tt.permission, r.get("permission"), tt)
		assert.Equal(t, tt.role, r.get("role_name"), tt)
	}
	s.Update(func(st *ghsim.State) { st.Org("acme").Repo("runner-admin").DeleteIssue(1) })
	assert.Equal(t, http.StatusGone, s.get("/repos/acme/runner-admin/issues/1", token).StatusCode)
}

// A runner that never connected has no version, and old Enterprise Servers tell none.
func TestRunnerVersions(t *testing.T) {
	s := newSim(t)
	token := s.token("")
	s.SetRunner("acme", "r1", func(r *ghsim.Runner) { r.Version = "" })
	assert.Nil(t, s.get("/orgs/acme/actions/runners/1", token).get("version"))
	assert.Equal(t, ghsim.RunnerVersion, s.get("/orgs/acme/actions/runners/2", token).get("version"))
	s.OldRunners = true
	old := s.get("/orgs/acme/actions/runners/2", token)
	assert.NotContains(t, old.body, "version")
	assert.NotContains(t, old.body, "ephemeral")
}
