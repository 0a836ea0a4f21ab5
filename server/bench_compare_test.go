//go:build unix

package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkCompare compares this server with an earlier one, by turns in one run:
// BENCH_BEFORE is the test binary of another commit, BENCH_BEFORE_NAME that commit.
func BenchmarkCompare(b *testing.B) {
	binary := os.Getenv("BENCH_BEFORE")
	if binary == "" || os.Getenv(processVariable) != "" {
		b.Skip("BENCH_BEFORE names no test binary of another commit")
	}
	var doc strings.Builder
	fmt.Fprintf(&doc, "Before is %s. One run, in turns, the median of %d; %s, %d CPUs, shared by both servers, two simulated GitHubs and the driver.\n",
		os.Getenv("BENCH_BEFORE_NAME"), compareRounds, runtime.Version(), runtime.NumCPU())
	compareCommands(b, &doc, binary)
	compareContention(b, &doc, binary)
	compareWebhooks(b, &doc, binary)
	fmt.Println(doc.String())
	intoDoc(b, "compare", doc.String())
}

const compareRounds = 3

// emptyDatabase returns the URL of a database that does not exist yet: each server makes its own schema.
func emptyDatabase(b *testing.B) string {
	b.Helper()
	return "sqlite:" + filepath.Join(b.TempDir(), "arm.db")
}

func compareCommands(b *testing.B, doc *strings.Builder, binary string) {
	b.Helper()
	var both [2]*runner
	for i, path := range []string{binary, os.Args[0]} {
		hub := newBenchHub(b, commandScenario(1000))
		both[i] = newRunner(b, hub, startBinary(b, path, "server", hub.settings(emptyDatabase(b))))
	}
	all := timedCommands()
	for i := range both { // warms what a server keeps
		for _, c := range all {
			both[i].run(b, c, connections, c.count(connections, 0))
		}
	}
	type measured struct{ alone, crowd, rate []float64 }
	got := make([][2]measured, len(all))
	calls := make([][2]int, len(all))
	for range compareRounds {
		for _, callers := range []int{1, connections} {
			for i, c := range all {
				for side, r := range both {
					t, n := r.run(b, c, callers, c.count(callers, 0))
					m := &got[i][side]
					calls[i][side] = n
					if callers == 1 {
						m.alone = append(m.alone, ms(t.cpu))
						continue
					}
					m.crowd, m.rate = append(m.crowd, ms(t.cpu)), append(m.rate, t.perSecond)
				}
			}
		}
	}
	fmt.Fprintf(doc, "\n| command | calls: before | after | CPU, ms, 1 caller: before | after | ratio | %[1]d callers: before | after | ratio | commands/s: before | after | ratio |\n"+
		"| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n", connections)
	for i, c := range all {
		before, after := got[i][0], got[i][1]
		fmt.Fprintf(doc, "| %s | %d | %d | %s | %s | %s |\n", c.name, calls[i][0], calls[i][1],
			beside(before.alone, after.alone, 2), beside(before.crowd, after.crowd, 2), beside(before.rate, after.rate, 0))
	}
}

// compareContention has 32 callers work for 8 teams, with 50 ms to GitHub.
func compareContention(b *testing.B, doc *strings.Builder, binary string) {
	b.Helper()
	const late, times = 50 * time.Millisecond, 6
	var both [2]*runner
	for i, path := range []string{binary, os.Args[0]} {
		hub := newBenchHub(b, commandScenario(1000))
		both[i] = newRunner(b, hub, startBinary(b, path, "server", hub.settings(emptyDatabase(b))))
		both[i].createShared(b)
		hub.SetLatency(late)
	}
	fmt.Fprintf(doc, "\n| %d callers on %d teams, 50 ms to GitHub | p50 / p99, ms: before | after | CPU, ms: before | after | commands/s: before | after |\n| --- | --: | --: | --: | --: | --: | --: |\n", connections, sharedTeams)
	for _, c := range contendedCommands() {
		for _, r := range both {
			r.share(b, c, 1) // warms
		}
		var got [2]throughput
		for side, r := range both {
			got[side] = r.share(b, c, times)
		}
		fmt.Fprintf(doc, "| %s | %s | %s | %.2f | %.2f | %.0f | %.0f |\n", c.name, got[0], got[1], ms(got[0].cpu), ms(got[1].cpu), got[0].perSecond, got[1].perSecond)
	}
}

func compareWebhooks(b *testing.B, doc *strings.Builder, binary string) {
	b.Helper()
	const many, some = 10_000, 3_000
	hub := newBenchHub(b, acme())
	hooks := hub.hooks(b, 1000, "Thanks!")
	var both [2]*benched
	for i, path := range []string{binary, os.Args[0]} {
		both[i] = startBinary(b, path, "server", hub.settings(emptyDatabase(b)))
		send(b, both[i], hooks, 2000)
	}
	var irrelevant, relevant, slow [2][]float64
	for range compareRounds {
		for side, p := range both {
			irrelevant[side] = append(irrelevant[side], send(b, p, hooks, many).perSecond)
		}
		for side, p := range both {
			t := send(b, p, hub.hooks(b, some, "/runner-group group-list"), some)
			relevant[side], slow[side] = append(relevant[side], t.perSecond), append(slow[side], ms(t.p99))
			hub.idle()
		}
	}
	fmt.Fprint(doc, "\n| webhooks, SQLite with synchronous FULL | before | after | ratio |\n| --- | --: | --: | --: |\n")
	fmt.Fprintf(doc, "| irrelevant, acknowledged/s | %s |\n", beside(irrelevant[0], irrelevant[1], 0))
	fmt.Fprintf(doc, "| with a command, acknowledged/s | %s |\n", beside(relevant[0], relevant[1], 0))
	fmt.Fprintf(doc, "| with a command, p99, ms | %s |\n", beside(slow[0], slow[1], 1))
}

// beside formats two cells with the medians, and one with their ratio.
func beside(before, after []float64, digits int) string {
	x, y := median(before), median(after)
	return fmt.Sprintf("%.*f | %.*f | %.2f", digits, x, digits, y, y/x)
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}
