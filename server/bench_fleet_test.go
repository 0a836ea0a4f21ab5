//go:build unix

package server_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

const (
	fleetGroups   = 1000
	fleetRepos    = 3 // of each group
	fleetRunners  = 5
	fleetInterval = 5 * time.Minute  // for which the cost is computed
	fleetRound    = 10 * time.Second // in which the benchmark polls all groups
)

// fleetScenario has that many groups, and a team for each.
func fleetScenario(groups, repos, runners int) ghsim.Scenario {
	sc := acme()
	org := &sc.Organizations[0]
	org.Teams, org.RunnerGroups = nil, nil
	for i := range groups {
		team := ghsim.TeamSpec{Name: fmt.Sprintf("team-%d", i), Maintainers: []string{"ada"}, Repositories: map[string]string{}}
		group := ghsim.GroupSpec{Name: team.Name}
		for j := range repos {
			name := fmt.Sprintf("service-%d-%d", i, j)
			org.Repositories = append(org.Repositories, ghsim.RepoSpec{Name: name})
			team.Repositories[name] = "admin"
			group.Repositories = append(group.Repositories, name)
		}
		for j := range runners {
			group.Runners = append(group.Runners, ghsim.RunnerSpec{Name: fmt.Sprintf("runner-%d-%d", i, j), Labels: []string{"self-hosted", "linux", "x64"}})
		}
		org.Teams, org.RunnerGroups = append(org.Teams, team), append(org.RunnerGroups, group)
	}
	return sc
}

// recordAll records each team as the owner of the group of its name.
func (h *benchHub) recordAll(b testing.TB, database string) {
	b.Helper()
	st, err := store.Open(b.Context(), store.Options{URL: database})
	require.NoError(b, err)
	defer st.Close()
	var records []store.Record
	h.Update(func(s *ghsim.State) {
		org := s.Org("acme")
		for _, team := range org.Teams {
			group := org.Group(team.Slug)
			records = append(records, store.Record{
				OrgID: org.ID, TeamID: team.ID, TeamSlug: team.Slug, GroupID: group.ID, GroupName: group.Name,
				Visibility: "selected", Origin: store.Adopted, By: "operator", At: time.Now(),
			})
		}
	})
	for _, record := range records {
		require.NoError(b, st.PutRecord(b.Context(), record))
	}
}

// fleetTable shows what it costs to poll many groups with nothing changed. The server polls
// them faster than it would, and the cost of a poll is what counts; what it costs to wait for
// the next one is measured by itself.
func fleetTable(b *testing.B, doc *strings.Builder) {
	b.Helper()
	hub := newBenchHub(b, fleetScenario(fleetGroups, fleetRepos, fleetRunners))
	database := storetest.SQLite(b)
	hub.recordAll(b, database)
	settings := hub.settings(database)
	settings["GITHUB_POINTS_PER_MINUTE"] = "0" // it polls thirty times as often as it would

	settings["FLEET_POLL_INTERVAL"] = "24h"
	waiting := startProcess(b, "server", settings)
	time.Sleep(fleetRound) // it starts
	before := waiting.usage(b)
	time.Sleep(fleetRound)
	idle := float64(waiting.usage(b).CPU-before.CPU) / float64(fleetRound)
	waiting.stop()

	settings["FLEET_POLL_INTERVAL"] = fleetRound.String()
	hub.ResetCalls()
	p := startProcess(b, "server", settings)
	defer p.stop()
	require.Eventually(b, func() bool { return len(hub.groupReads()) == fleetGroups }, time.Minute, time.Second)
	time.Sleep(fleetRound) // each has been polled, and asked about hourly things
	hub.ResetCalls()
	before = p.usage(b)
	time.Sleep(3 * fleetRound)
	after := p.usage(b)
	calls := hub.Calls()
	polls, charged := 0, 0
	for _, reads := range hub.groupReads() {
		polls += reads
	}
	for _, call := range calls {
		if call.Charged && call.Auth == "installation" {
			charged++
		}
	}
	each := (after.CPU - before.CPU) / time.Duration(polls)
	share := float64(each) * fleetGroups / float64(fleetInterval)
	fmt.Fprintf(doc, "### Polling (SQLite, %d recorded groups with %d repositories and %d runners each, nothing changed)\n\n", fleetGroups, fleetRepos, fleetRunners)
	fmt.Fprint(doc, "| polls measured | calls for each | charged | CPU for each, ms | of a core at an interval of 5 minutes | of a core beside that, while nothing happens | resident, MiB | of that the program and the tests in it |\n| --: | --: | --: | --: | --: | --: | --: | --: |\n")
	fmt.Fprintf(doc, "| %d | %.1f | %d | %.2f | %.2f %% | %.2f %% | %d | %d |\n", polls, float64(len(calls))/float64(polls), charged, ms(each), 100*share, 100*idle, after.RSS>>20, after.File>>20)
}

// groupReads counts how often each group was read since the last reset.
func (h *benchHub) groupReads() map[string]int {
	reads := map[string]int{}
	for _, call := range h.Calls() {
		if rest, ok := strings.CutPrefix(call.Path, "/orgs/acme/actions/runner-groups/"); ok && !strings.Contains(rest, "/") {
			reads[rest]++
		}
	}
	return reads
}

// BenchmarkFleet writes the table of polling to the standard output, and into the file
// BENCH_DOC if that is set.
func BenchmarkFleet(b *testing.B) {
	if os.Getenv(processVariable) != "" {
		return
	}
	var doc strings.Builder
	fleetTable(b, &doc)
	fmt.Println(doc.String())
	intoDoc(b, "fleet", doc.String())
}
