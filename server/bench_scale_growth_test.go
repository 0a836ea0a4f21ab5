//go:build unix

package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// scaleRound is in which the benchmark polls all groups of all organizations.
const scaleRound = 30 * time.Second

// scalePolling shows what it takes to poll all groups, whichever replica does it, after each was
// polled once.
func scalePolling(b *testing.B, doc *strings.Builder) {
	const window = 15 * time.Second
	w := newScale(b, scaleOrgs, scaleTeams)
	counted, counter := countSQL(b, w.database)
	w.settings["FLEET_POLL_INTERVAL"] = scaleRound.String()
	w.settings["GITHUB_POINTS_PER_MINUTE"] = "10000" // it polls ten times as often as it would
	w.start(b, scaleReplicas, counted)
	time.Sleep(scaleRound + 3*time.Second)
	w.hub.ResetCalls()
	cpu, statements, n := w.during(b, counter, window)
	roundTrips, calls, charged := counter.roundTrips.Load(), 0, 0
	for _, call := range w.hub.Calls() {
		calls++
		if call.Charged && call.Auth == "installation" {
			charged++
		}
	}
	each := func(n, polls int) string { return fmt.Sprintf("%.1f", float64(n)/float64(polls)) }
	var resident []string
	for _, p := range w.servers {
		resident = append(resident, fmt.Sprint(p.usage(b).RSS>>20))
	}
	share := float64(cpu) / float64(n) * scaleOrgs * scaleTeams / float64(fleetInterval)
	fmt.Fprintf(doc, "%d recorded groups with %d repositories and %d runners each, %d replicas, nothing changed; all are polled every %s.\n\n", scaleOrgs*scaleTeams, fleetRepos-1, fleetRunners, scaleReplicas, scaleRound)
	fmt.Fprint(doc, "| polls a second | calls for each | charged | statements | round trips | CPU of all replicas for each, ms | of a core at an interval of 5 minutes | resident, MiB |\n| --: | --: | --: | --: | --: | --: | --: | --: |\n")
	fmt.Fprintf(doc, "| %.0f | %s | %s | %s | %s | %.2f | %.1f %% | %s |\n", float64(n)/window.Seconds(), each(calls, n), each(charged, n),
		each(int(statements), n), each(int(roundTrips), n), ms(cpu)/float64(n), 100*share, strings.Join(resident, ", "))
	const late = 6 * time.Second
	w.hub.SetLatency(50 * time.Millisecond)
	_, _, n = w.during(b, counter, late) // more are due than it can
	w.hub.SetLatency(0)
	fmt.Fprintf(doc, "\nWith 50 ms to GitHub, %.0f groups a second were polled at most.", float64(n)/late.Seconds())
	w.stop()

	w.settings["FLEET_POLL_INTERVAL"] = "24h"
	w.start(b, 1, w.database)
	defer w.stop()
	cpu = cpuOf(b, w.servers)
	began := time.Now()
	res, err := w.client.Get(w.metrics)
	require.NoError(b, err)
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	require.NoError(b, err)
	fmt.Fprintf(doc, " One look at `/metrics`: %d lines, %.1f MB, %.0f ms, of which %.0f are CPU.\n",
		bytes.Count(page, []byte("\n")), float64(len(page))/1e6, ms(time.Since(began)), ms(cpuOf(b, w.servers)-cpu))
}

// timed50 returns the median time of 50 runs, in milliseconds.
func timed50(b *testing.B, do func(i int) error) float64 {
	b.Helper()
	var took []float64
	for i := range 50 {
		began := time.Now()
		require.NoError(b, do(i))
		took = append(took, ms(time.Since(began)))
	}
	return median(took)
}

// A scaledStatement is what is timed with more and more rows.
type scaledStatement struct {
	name string
	run  func(i int) error
}

// growth writes a row for each statement: its time with each number of rows that fill brings
// about.
func growth(b *testing.B, doc *strings.Builder, what string, sizes []int, fill func(rows int), statements []scaledStatement) {
	b.Helper()
	head, line := "| median, ms |", "| --- |"
	rows := make([]string, len(statements))
	for _, size := range sizes {
		fill(size)
		head, line = head+fmt.Sprintf(" %d %s |", size, what), line+" --: |"
		for i, s := range statements {
			rows[i] += fmt.Sprintf(" %.2f |", timed50(b, s.run))
		}
	}
	fmt.Fprintf(doc, "%s\n%s\n", head, line)
	for i, s := range statements {
		fmt.Fprintf(doc, "| %s |%s\n", s.name, rows[i])
	}
}

// scaleGroups shows the time of statements about recorded groups.
func scaleGroups(b *testing.B, doc *strings.Builder) {
	st := openStore(b, storetest.DurablePostgres(b))
	defer st.Close()
	ctx := b.Context()
	filled := 0
	fill := func(groups int) { // the first organization has 500 at most
		var records []store.Record
		for i := filled; i < groups; i++ {
			id, slug := int64(i+1), fmt.Sprintf("team-%d", i)
			records = append(records, store.Record{
				OrgID: int64(i/scaleTeams + 1), TeamID: id, TeamSlug: slug, GroupID: id, GroupName: slug, Visibility: "selected", Origin: store.Adopted, By: "operator", At: time.Now(),
			})
		}
		filled = groups
		require.NoError(b, st.AddRecords(ctx, records))
		_, err := st.Exec(ctx, `INSERT INTO group_poll (org_id, group_id, at, looked_at, none_online_since, idle, busy, offline, outdated, state)
			SELECT org_id, group_id, 1, 1, 0, 5, 0, 0, 0, '{"name":"' || group_name || '","visibility":"selected"}' FROM ownership ON CONFLICT DO NOTHING`)
		require.NoError(b, err)
		_, err = st.Exec(ctx, `INSERT INTO runner (org_id, runner_id, group_id, name, os, version, ephemeral, online, busy, first_seen, joined_at, absent_at, last_online, last_busy, offline_since, watched_since, gone_at)
			SELECT o.org_id, o.group_id * 10 + n, o.group_id, 'runner-' || n, 'linux', '2.330.0', 0, 1, 0, 1, 1, 0, 1, 1, 0, 0, 0 FROM ownership o, generate_series(0, 4) n ON CONFLICT DO NOTHING`)
		require.NoError(b, err)
		_, err = st.Exec(ctx, `INSERT INTO sample (org_id, group_id, at, idle, busy, offline)
			SELECT org_id, group_id, CAST(?1 AS BIGINT) - n * CAST(300000000 AS BIGINT), 5, 0, 0 FROM ownership, generate_series(1, 24) n ON CONFLICT DO NOTHING`, store.Micros(time.Now())) // of two hours
		require.NoError(b, err)
		_, err = st.Exec(ctx, `ANALYZE`)
		require.NoError(b, err)
	}
	previous := store.FromMicros(1)
	growth(b, doc, "groups", []int{scaleTeams, scaleOrgs * scaleTeams}, fill, []scaledStatement{
		{"a team's record and open intents", func(i int) error { _, _, err := st.RecordAndIntents(ctx, 1, int64(i+1)); return err }},
		{"what a poll compares with", func(i int) error {
			_, err := st.GroupHistory(ctx, 1, int64(i+1), fmt.Sprintf("team/1/%d", i+1))
			return err
		}},
		{"what a poll records", func(i int) error {
			p, err := st.Poll(ctx, 1, 7)
			if err != nil {
				return err
			}
			previous, p.At = p.At, time.Now().UTC().Truncate(time.Microsecond)
			return st.SavePoll(ctx, store.PollResult{Poll: p, Previous: previous, LeaseKey: "team/1/7"})
		}},
		{"samples of a group", func(i int) error {
			_, err := st.Samples(ctx, 1, int64(i+1), time.Now().Add(-24*time.Hour))
			return err
		}},
		{"groups-list --all of an organization with 500", func(int) error { _, err := st.GroupStatuses(ctx, 1); return err }},
		{"sum up samples (hourly, all groups)", func(int) error { return st.SumSamples(ctx) }},
		{"prune what is old, if nothing is (hourly)", func(int) error {
			return st.Prune(ctx, time.Now().Add(-time.Hour), time.Now().Add(-time.Hour))
		}},
	})
}

// scaleAudit shows the time of statements about the audit. BENCH_AUDIT_ROWS are more or fewer rows
// than a million.
func scaleAudit(b *testing.B, doc *strings.Builder) {
	const few = 10_000
	many := 1_000_000
	if given, err := strconv.Atoi(os.Getenv("BENCH_AUDIT_ROWS")); err == nil {
		many = given
	}
	st := openStore(b, storetest.DurablePostgres(b))
	defer st.Close()
	ctx := b.Context()
	from := time.Now().Add(-time.Duration(many) * time.Second)
	filled := 0
	var took time.Duration
	fill := func(rows int) {
		began := time.Now()
		_, err := st.Exec(ctx, `INSERT INTO audit (at, started_at, org_id, org, team_id, team, caller_id, caller, channel, command, args, outcome, reason, request_id, count, changed)
			SELECT ?1 + i * 1000000, ?1 + i * 1000000, 1 + i % 20, 'org-' || i % 20, 1 + i % 10000, 'team-' || i % 10000, i % 9973, 'user-' || i % 9973, 'rest',
				CASE i % 3 WHEN 0 THEN 'repos-add' WHEN 1 THEN 'group-list' ELSE 'token-register' END, '{"repos":["service-' || i % 977 || '"]}',
				'done', '', 'request-' || i, 1, CASE WHEN i % 3 = 0 THEN 1 ELSE 0 END
			FROM generate_series(CAST(?2 AS BIGINT), CAST(?3 AS BIGINT) - 1) AS i`, store.Micros(from), filled, rows)
		require.NoError(b, err)
		filled, took = rows, time.Since(began)
		_, err = st.Exec(ctx, `ANALYZE audit`)
		require.NoError(b, err)
	}
	e := store.Entry{OrgID: 1, Org: "org-0", TeamID: 21, Team: "team-20", CallerID: 20, Caller: "user-20", Channel: "rest", Command: "repos-add", Outcome: store.Asked}
	list := func(q store.AuditQuery) func(int) error {
		q.OrgID = 1
		return func(int) error { _, err := st.AuditList(ctx, q); return err }
	}
	pruned := 0
	growth(b, doc, "rows", []int{few, many}, fill, []scaledStatement{
		{"append a row", func(i int) error { e.RequestID = fmt.Sprint("new-", filled, "-", i); return st.Audit(ctx, e) }},
		{"audit-list of a team", list(store.AuditQuery{TeamID: 21, Team: "team-20"})},
		{"audit-list of a caller", list(store.AuditQuery{Caller: "user-20"})},
		{"audit-list of an organization", list(store.AuditQuery{})},
		{"audit-list of a team, one command", list(store.AuditQuery{TeamID: 21, Team: "team-20", Command: "group-list"})},
		{"audit-list of an organization, changes by a caller", list(store.AuditQuery{Caller: "user-20", Changes: true})},
		{"a page of 200 of an export", func(int) error {
			_, _, err := st.AuditExport(ctx, store.AuditPage{OrgID: 1, Since: from.Add(time.Hour)}, 200)
			return err
		}},
		{"prune the 100 oldest rows", func(int) error {
			pruned += 100
			return st.Prune(ctx, from.Add(time.Duration(pruned)*time.Second), from)
		}},
	})
	var size int64
	require.NoError(b, st.QueryRow(ctx, `SELECT pg_total_relation_size('audit')`).Scan(&size))
	fmt.Fprintf(doc, "\nWith its indexes a row takes %d bytes. %d rows were written in %.0f s.\n", size/int64(many), many-few, took.Seconds())
}

// scaleUsers shows what the memory of a server takes for many callers.
func scaleUsers(b *testing.B, doc *strings.Builder) {
	w := newScale(b, scaleOrgs, scaleTeams)
	w.start(b, 1, w.database)
	c := scaleCommandList()[0]
	fmt.Fprint(doc, "| callers within a minute, one server | resident, MiB | CPU for the first command of each, ms | for the next command of 1,000 of them, ms |\n| --: | --: | --: | --: |\n")
	fmt.Fprintf(doc, "| 0 | %d | | |\n", w.servers[0].usage(b).RSS>>20)
	done := 0
	run := func(from, to int) throughput {
		return driveAll(b, w.servers, connections, to-from, func(i int) error { return w.call(c, 0, (from+i)%scaleOrgs, (from+i)/scaleOrgs, 0) })
	}
	for _, callers := range []int{1000, scaleOrgs * scaleTeams} {
		first := run(done, callers)
		next := run(callers-1000, callers)
		done = callers
		fmt.Fprintf(doc, "| %d | %d | %.2f | %.2f |\n", callers, w.servers[0].usage(b).RSS>>20, ms(first.cpu), ms(next.cpu))
	}
	w.stop()
}

// scaleRunners shows what a group with many runners takes.
func scaleRunners(b *testing.B, doc *strings.Builder) {
	fmt.Fprint(doc, "| runners in the group | runners-list: calls | p50, ms, 0 ms to GitHub | 50 ms | CPU, ms | CPU of a second with one poll, ms | statements |\n| --: | --: | --: | --: | --: | --: | --: |\n")
	for _, runners := range []int{fleetRunners, 1000} {
		w := newScale(b, 1, 1)
		w.hub.Update(func(s *ghsim.State) {
			org := s.Org("acme")
			for i := len(org.Runners); i < runners; i++ {
				org.Runners = append(org.Runners, &ghsim.Runner{
					ID: int64(50_000 + i), GroupID: org.Group("team-0").ID, Name: fmt.Sprintf("more-%d", i), OS: "linux", Status: "online", Labels: []string{"self-hosted", "linux", "x64"},
				})
			}
		})
		counted, counter := countSQL(b, w.database)
		w.start(b, 1, counted)
		list := scaleCommand{"runners-list", http.MethodGet, "runners-list", func(int, int) string { return "" }}
		run := func(n int) throughput {
			return driveAll(b, w.servers, 1, n, func(i int) error { return w.call(list, 0, 0, 0, i) })
		}
		run(3)
		w.hub.ResetCalls()
		const n = 50
		fast := run(n)
		calls := len(w.hub.Calls()) / n
		w.hub.SetLatency(50 * time.Millisecond)
		late := run(8)
		w.hub.SetLatency(0)
		const idle = 3
		idleCPU, idleStatements, _ := w.during(b, counter, idle*time.Second)
		w.stop()
		w.settings["FLEET_POLL_INTERVAL"] = "1s"
		w.start(b, 1, counted)
		const seconds = 6
		cpu, statements, polls := w.during(b, counter, seconds*time.Second)
		w.stop()
		cpu, statements = cpu-idleCPU*seconds/idle, statements-idleStatements*seconds/idle
		fmt.Fprintf(doc, "| %d | %d | %.1f | %.1f | %.1f | %.1f | %.0f |\n", runners, calls, ms(fast.p50), ms(late.p50), ms(fast.cpu), ms(cpu)/float64(polls), float64(statements)/float64(polls))
	}
}

// during waits, and returns the CPU time of the servers, their statements and polls meanwhile.
func (w *scale) during(b *testing.B, counter *sqlCounter, wait time.Duration) (cpu time.Duration, statements int64, polls int) {
	b.Helper()
	st := openStore(b, w.database)
	defer st.Close()
	polled := func() (n int) {
		require.NoError(b, st.QueryRow(b.Context(), `SELECT count(*) FROM sample`).Scan(&n))
		return n
	}
	before, used := polled(), cpuOf(b, w.servers)
	counter.reset()
	time.Sleep(wait)
	return cpuOf(b, w.servers) - used, counter.statements.Load(), polled() - before
}
