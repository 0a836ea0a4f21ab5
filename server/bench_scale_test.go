//go:build unix

package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
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
	scaleOrgs     = 20
	scaleTeams    = 500 // of each organization, each with a recorded group
	scaleReplicas = 3
)

// BenchmarkScale writes the tables of docs/scale.md to the standard output, and into the file
// BENCH_DOC if that is set. Each part can run by itself: -bench Scale/audit.
func BenchmarkScale(b *testing.B) {
	if os.Getenv(processVariable) != "" {
		return
	}
	for _, part := range []struct {
		name  string
		table func(*testing.B, *strings.Builder)
	}{
		{"commands", scaleCommands}, {"polling", scalePolling}, {"groups", scaleGroups}, {"audit", scaleAudit}, {"users", scaleUsers}, {"runners", scaleRunners},
	} {
		b.Run(part.name, func(b *testing.B) {
			var doc strings.Builder
			part.table(b, &doc)
			fmt.Println(doc.String())
			intoDoc(b, "scale-"+part.name, doc.String())
		})
	}
}

// A scale is a simulated GitHub with many organizations, servers that share a PostgreSQL which
// waits for its disk, and the database's counter.
type scale struct {
	hub      *benchHub
	orgs     int
	database string
	settings map[string]string
	servers  []*benched
	metrics  string // of the last server
	client   *http.Client
}

// newScale returns that many organizations with that many teams each, of which every group is on
// record. No server is started yet.
func newScale(b *testing.B, orgs, teams int) *scale {
	b.Helper()
	w := &scale{hub: newBenchHub(b, scaleScenario(orgs, teams)), orgs: orgs, database: storetest.DurablePostgres(b)}
	w.record(b)
	w.settings = w.hub.settings(w.database)
	delete(w.settings, "ORG")
	var served []map[string]string
	for i := range orgs {
		served = append(served, map[string]string{"org": scaleOrg(i)})
	}
	list, err := json.Marshal(served)
	require.NoError(b, err)
	w.settings["ORGS"] = string(list)
	w.settings["GITHUB_POINTS_PER_MINUTE"] = "0"
	w.settings["FLEET_POLL_INTERVAL"] = "0"
	w.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}, Timeout: time.Minute}
	b.Cleanup(w.client.CloseIdleConnections)
	return w
}

// start starts replicas on the database at that URL.
func (w *scale) start(b *testing.B, replicas int, database string) {
	b.Helper()
	w.settings["DATABASE_URL"] = database
	w.servers = nil
	for range replicas {
		port, err := storetest.FreePort()
		require.NoError(b, err)
		address := fmt.Sprintf("127.0.0.1:%d", port)
		w.settings["SERVER_METRICS_ADDRESS"], w.metrics = address, "http://"+address+"/metrics"
		w.servers = append(w.servers, startProcess(b, "server", w.settings))
	}
	time.Sleep(2 * time.Second) // they get their tokens
}

func (w *scale) stop() {
	w.client.CloseIdleConnections()
	for _, p := range w.servers {
		p.stop()
	}
}

func scaleOrg(i int) string {
	if i == 0 {
		return "acme"
	}
	return fmt.Sprintf("org-%d", i)
}

// scaleUser is the login of the maintainer of a team.
func scaleUser(org, team int) string { return fmt.Sprintf("user-%d-%d", org, team) }

// scaleScenario gives each team a maintainer of its own, 3 repositories, and a group with two of
// them and 5 runners.
func scaleScenario(orgs, teams int) ghsim.Scenario {
	sc := acme()
	admin := ghsim.RepoSpec{Name: "runner-admin", Issues: []ghsim.IssueSpec{{Title: "Anything"}}}
	sc.Apps[0].Installations = nil
	sc.Organizations = nil
	for i := range orgs {
		org := ghsim.OrgSpec{Login: scaleOrg(i), Owners: []string{"olga"}, Members: []string{"ada"}, Repositories: []ghsim.RepoSpec{admin}}
		for j := range teams {
			login := scaleUser(i, j)
			sc.Users = append(sc.Users, ghsim.UserSpec{Login: login, Tokens: []ghsim.TokenSpec{{Value: "ghp_" + login}}})
			team := ghsim.TeamSpec{Name: fmt.Sprintf("team-%d", j), Maintainers: []string{login}, Repositories: map[string]string{}}
			group := ghsim.GroupSpec{Name: team.Name}
			for k := range fleetRepos {
				name := fmt.Sprintf("service-%d-%d", j, k)
				org.Repositories = append(org.Repositories, ghsim.RepoSpec{Name: name})
				team.Repositories[name] = "admin"
				if k > 0 {
					group.Repositories = append(group.Repositories, name)
				}
			}
			for k := range fleetRunners {
				group.Runners = append(group.Runners, ghsim.RunnerSpec{Name: fmt.Sprintf("runner-%d-%d", j, k), Labels: []string{"self-hosted", "linux", "x64"}})
			}
			org.Teams, org.RunnerGroups = append(org.Teams, team), append(org.RunnerGroups, group)
		}
		sc.Organizations = append(sc.Organizations, org)
		sc.Apps[0].Installations = append(sc.Apps[0].Installations, ghsim.InstallationSpec{ID: int64(77 + i), Org: org.Login, RateLimit: 1e9})
	}
	return sc
}

// record records each team as the owner of the group of its name, and that it was polled within the last
// scaleRound, at some time of its own.
func (w *scale) record(b *testing.B) {
	b.Helper()
	st := openStore(b, w.database)
	defer st.Close()
	var records []store.Record
	type row struct {
		Org, Group, ID int64
		Name           string
	}
	var repos, runners []row
	w.hub.Update(func(s *ghsim.State) {
		for _, org := range s.Orgs {
			groups, names := map[string]int64{}, map[int64]string{}
			for _, repo := range org.Repos {
				names[repo.ID] = repo.Name
			}
			for _, group := range org.Groups {
				groups[group.Name] = group.ID
				for _, repo := range group.Repos {
					repos = append(repos, row{org.ID, group.ID, repo, names[repo]})
				}
			}
			for _, runner := range org.Runners {
				runners = append(runners, row{org.ID, runner.GroupID, runner.ID, runner.Name})
			}
			for _, team := range org.Teams {
				records = append(records, store.Record{
					OrgID: org.ID, TeamID: team.ID, TeamSlug: team.Slug, GroupID: groups[team.Slug], GroupName: team.Slug,
					Visibility: "selected", Origin: store.Adopted, By: "operator", At: time.Now(),
				})
			}
		}
	})
	require.NoError(b, st.AddRecords(b.Context(), records))
	now := store.Micros(time.Now())
	exec := func(query string, args ...any) {
		_, err := st.Exec(b.Context(), query, args...)
		require.NoError(b, err)
	}
	rows := func(all []row) string {
		text, err := json.Marshal(all)
		require.NoError(b, err)
		return string(text)
	}
	const from = ` FROM jsonb_to_recordset(CAST(?1 AS jsonb)) AS r("Org" bigint, "Group" bigint, "ID" bigint, "Name" text) JOIN ownership o ON o.org_id = r."Org" AND o.group_id = r."Group"`
	exec(`INSERT INTO group_poll (org_id, group_id, at, looked_at, none_online_since, idle, busy, offline, outdated, state)
		SELECT org_id, group_id, CAST(?1 AS BIGINT) - group_id * 7919 % 1000 * ?2 / 1000, CAST(?1 AS BIGINT), 0, 5, 0, 0, 0, '{"name":"' || group_name || '","visibility":"selected"}'
		FROM ownership`, now, scaleRound.Microseconds())
	exec(`INSERT INTO expected_group (org_id, group_id, seq, at, name, visibility, public) SELECT org_id, group_id, 1, CAST(?1 AS BIGINT), group_name, 'selected', 0 FROM ownership`, now)
	exec(`INSERT INTO expected_repo (org_id, group_id, repo_id, name) SELECT "Org", "Group", "ID", "Name"`+from, rows(repos))
	exec(`INSERT INTO expected_runner (org_id, group_id, runner_id) SELECT "Org", "Group", "ID"`+from, rows(runners))
	exec(`INSERT INTO runner (org_id, runner_id, group_id, name, os, version, ephemeral, online, busy, first_seen, joined_at, absent_at, last_online, last_busy, offline_since, watched_since, gone_at)
		SELECT "Org", "ID", "Group", "Name", 'linux', '', 0, 1, 0, CAST(?2 AS BIGINT), CAST(?2 AS BIGINT), 0, CAST(?2 AS BIGINT), 0, 0, 0, 0`+from, rows(runners), now)
	exec(`ANALYZE`)
}

func openStore(b *testing.B, database string) *store.Store {
	b.Helper()
	st, err := store.Open(b.Context(), store.Options{URL: database})
	require.NoError(b, err)
	return st
}

// A scaleCommand is what callers run again and again, each for its team.
type scaleCommand struct {
	name, method, path string
	query              func(team, n int) string
}

func scaleCommandList() []scaleCommand {
	nothing := func(int, int) string { return "" }
	return []scaleCommand{
		{"token-register", http.MethodPost, "token-register", nothing},
		{"repos-add, 1 repo", http.MethodPatch, "repos-add", func(team, n int) string { return fmt.Sprintf("&repos=service-%d-%d", team, n%fleetRepos) }},
		{"group-list", http.MethodGet, "group-list", nothing},
	}
}

// call has the maintainer of the team run the command, on one of the servers.
func (w *scale) call(c scaleCommand, server, org, team, n int) error {
	address := fmt.Sprintf("%s/api/v1/%s?team=team-%d%s", w.servers[server].url, c.path, team, c.query(team, n))
	if w.orgs > 1 {
		address += "&org=" + scaleOrg(org)
	}
	req, err := http.NewRequest(c.method, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "ghp_"+scaleUser(org, team))
	if err := done(w.client.Do(req)); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

// run has callers spread over organizations run the command n times each, on the first of the
// servers in turns.
func (w *scale) run(b *testing.B, c scaleCommand, replicas, n int) throughput {
	b.Helper()
	return driveAll(b, w.servers, connections, connections*n, func(i int) error {
		caller, n := i%connections, i/connections
		return w.call(c, (caller+n)%replicas, caller%scaleOrgs, caller, n)
	})
}

// scaleCommands shows what commands take with three replicas, beside one.
func scaleCommands(b *testing.B, doc *strings.Builder) {
	w := newScale(b, scaleOrgs, scaleTeams)
	w.start(b, scaleReplicas, w.database)
	fmt.Fprintf(doc, "%d organizations with %d teams each, %d callers, each of a team of its own.\n\n", scaleOrgs, scaleTeams, connections)
	fmt.Fprint(doc, "| command | replicas that are called | CPU, ms | commands/s: 0 ms to GitHub | p50 / p99, ms | commands/s: 50 ms | p50 / p99, ms |\n| --- | --: | --: | --: | --: | --: | --: |\n")
	for _, c := range scaleCommandList() {
		w.hub.SetLatency(0)
		w.run(b, c, scaleReplicas, 2*scaleReplicas) // warms
		for _, replicas := range []int{1, scaleReplicas} {
			w.hub.SetLatency(0)
			fast := w.run(b, c, replicas, 15)
			w.hub.SetLatency(50 * time.Millisecond)
			late := w.run(b, c, replicas, 9)
			fmt.Fprintf(doc, "| %s | %d | %.1f | %.0f | %s | %.0f | %s |\n", c.name, replicas, ms(fast.cpu), fast.perSecond, fast, late.perSecond, late)
		}
	}
	var resident []string
	for _, p := range w.servers {
		resident = append(resident, fmt.Sprint(p.usage(b).RSS>>20))
	}
	w.stop()
	w.hub.SetLatency(0)
	counted, counter := countSQL(b, w.database)
	w.settings["GITHUB_POINTS_PER_MINUTE"] = "1000000" // paced as usual, but never held up
	w.start(b, scaleReplicas, counted)
	fmt.Fprint(doc, "\n| command | statements | round trips to the database |\n| --- | --: | --: |\n")
	for _, c := range scaleCommandList() {
		w.run(b, c, scaleReplicas, scaleReplicas)
		const n = 6
		counter.reset()
		w.run(b, c, scaleReplicas, n)
		fmt.Fprintf(doc, "| %s | %.1f | %.1f |\n", c.name, float64(counter.statements.Load())/(connections*n), float64(counter.roundTrips.Load())/(connections*n))
	}
	const idle = 5 * time.Second
	cpu := cpuOf(b, w.servers)
	counter.reset()
	time.Sleep(idle)
	cpu = cpuOf(b, w.servers) - cpu
	fmt.Fprintf(doc, "\nResident after all of them: %s MiB. The %d replicas that wait for something to do: %.0f statements a second and %.1f %% of a core, together.\n",
		strings.Join(resident, ", "), scaleReplicas, float64(counter.statements.Load())/idle.Seconds(), 100*float64(cpu)/float64(idle))
	w.stop()
}

func (c *sqlCounter) reset() {
	c.statements.Store(0)
	c.roundTrips.Store(0)
}
