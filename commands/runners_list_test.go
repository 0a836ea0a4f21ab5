package commands_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A record is what a server has seen of runners.
type record struct {
	seen     map[int64]dispatch.Sighting
	releases []dispatch.Release
	noted    []string
}

func (r *record) Sightings(context.Context, int64, []int64) (map[int64]dispatch.Sighting, error) {
	return r.seen, nil
}

func (r *record) NoteRelease(_ context.Context, version string) ([]dispatch.Release, error) {
	r.noted = append(r.noted, version)
	return r.releases, nil
}

// names are the runners in the answer of runners-list.
func names(r dispatch.Result) (listed []string) {
	for _, runner := range r.Response.(commands.RunnersListing).Runners {
		listed = append(listed, runner.Name)
	}
	return listed
}

func TestRunnersList(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Test(t, []commandtest.Case{{Name: "without a group", Line: "runners-list team=platform", Reason: dispatch.ReasonGroupNotFound}})
	k.Must("ada", "group-create team=platform")
	for name, change := range map[string]func(*ghsim.Runner){
		"new":  func(r *ghsim.Runner) { r.Labels = []string{"self-hosted", "GPU", "large"} },
		"old":  func(r *ghsim.Runner) { r.Version, r.Busy = "2.99.0", true },
		"off":  func(r *ghsim.Runner) { r.Status, r.Version = "offline", "2.300.0" },
		"none": func(r *ghsim.Runner) { r.Status, r.Version, r.Ephemeral = "offline", "", true },
	} {
		k.AddRunner("platform", name, "online", false)
		k.Hub.SetRunner("acme", name, change)
	}
	lists := func(want ...string) func(*testing.T, dispatch.Result) {
		return func(t *testing.T, r dispatch.Result) {
			assert.Equal(t, want, names(r))
			assert.Len(t, r.Tables[0].Rows, len(want))
		}
	}
	k.Test(t, []commandtest.Case{
		{Name: "by a member", As: "bob", Line: "runners-list team=platform", Reason: dispatch.ReasonNotMaintainer},
		{Name: "a label that is none", Line: "runners-list team=platform label=$", Reason: dispatch.ReasonInvalidArgument},
		{Name: "all", Line: "runners-list team=platform", Then: lists("new", "none", "off", "old")},
		{Name: "offline", Line: "runners-list team=platform offline=true", Then: lists("none", "off")},
		{Name: "outdated", Line: "runners-list team=platform outdated=true", Then: lists("off", "old")},
		{Name: "busy", Line: "runners-list team=platform busy=true", Then: lists("old")},
		{Name: "with a label, whatever its case", Line: "runners-list team=platform label=gpu", Then: lists("new")},
		{Name: "with two labels", Line: "runners-list team=platform label=gpu,small", Then: lists()},
		{Name: "two filters", Line: "runners-list team=platform offline=true outdated=true", Then: lists("off")},
	})

	result, err := k.Run("ada", "runners-list team=platform")
	require.NoError(t, err)
	listing := result.Response.(commands.RunnersListing)
	assert.Equal(t, "platform platform "+ghsim.RunnerVersion, listing.Team+" "+listing.Group+" "+listing.Latest)
	text, err := json.Marshal(listing.Runners[1])
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":`+num(listing.Runners[1].ID)+`,"name":"none","os":"linux","status":"offline","busy":false,"labels":["self-hosted","linux"],
		"version":"","ephemeral":true,"state":"ok","firstSeen":null,"lastOnline":null,"lastBusy":null}`, string(text))
}

// What only the server knows comes from its record.
func TestRunnersListFromRecord(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	k.Env.Clock = func() time.Time { return now }
	k.Must("ada", "group-create team=platform")
	k.AddRunner("platform", "old", "offline", false)
	var id int64
	k.Hub.SetRunner("acme", "old", func(r *ghsim.Runner) { id, r.Version = r.ID, "2.322.0" })
	fleet := &record{
		seen:     map[int64]dispatch.Sighting{id: {FirstSeen: now.Add(-time.Hour), LastOnline: now.Add(-time.Minute)}},
		releases: []dispatch.Release{{Version: ghsim.RunnerVersion, FirstSeen: now.Add(-30 * 24 * time.Hour)}},
	}
	k.Env.Fleet = fleet
	state := func() commands.ListedRunner {
		t.Helper()
		result, err := k.Run("ada", "runners-list team=platform")
		require.NoError(t, err)
		return result.Response.(commands.RunnersListing).Runners[0]
	}
	runner := state()
	assert.Equal(t, dispatch.StateOutdated, runner.State)
	assert.Equal(t, now.Add(-time.Hour), *runner.FirstSeen)
	assert.Equal(t, now.Add(-time.Minute), *runner.LastOnline)
	assert.Nil(t, runner.LastBusy)
	assert.Equal(t, []string{ghsim.RunnerVersion}, fleet.noted)
	now = now.Add(time.Second)
	assert.Equal(t, dispatch.StateBlocked, state().State, "out for more than 30 days")
}

// Without the newest release the list is still an answer.
func TestRunnersListWithoutReleases(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	k.AddRunner("platform", "old", "online", false)
	k.Hub.SetRunner("acme", "old", func(r *ghsim.Runner) { r.Version = "2.0.0" })
	k.Hub.Inject(ghsim.Fault{Path: "/downloads$", Status: 404, Times: 9})
	result, err := k.Run("ada", "runners-list team=platform")
	require.NoError(t, err)
	listing := result.Response.(commands.RunnersListing)
	assert.Empty(t, listing.Latest)
	assert.Equal(t, dispatch.StateOK, listing.Runners[0].State)
}
