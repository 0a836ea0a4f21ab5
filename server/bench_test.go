//go:build unix

package server_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// A benchHub is the simulated GitHub of a benchmark, in the driver's process.
type benchHub struct {
	*ghsim.Server
	url         string
	template    string // of an issue_comment whose body is "template"
	templateID  string // the id of that comment
	nextComment atomic.Int64
}

// newBenchHub starts a simulated GitHub whose rate limit is out of reach.
func newBenchHub(b testing.TB, sc ghsim.Scenario) *benchHub {
	b.Helper()
	sc.Apps[0].Installations[0].RateLimit = 1e9
	hub, err := ghsim.New(sc)
	require.NoError(b, err)
	hub.RateLimit = 1e9
	front := httptest.NewUnstartedServer(hub)
	hub.URL = "http://" + front.Listener.Addr().String() // before anybody can ask
	front.Start()
	b.Cleanup(func() { hub.Close(); front.Close() })
	hub.PauseDeliveries(true)
	id, err := hub.Comment("acme", "runner-admin", 1, "ada", "template")
	require.NoError(b, err)
	sent := hub.Deliveries()
	h := &benchHub{Server: hub, url: front.URL, template: string(sent[len(sent)-1].Payload), templateID: fmt.Sprint(id)}
	h.nextComment.Store(id)
	hub.Update(func(st *ghsim.State) {
		st.Deliveries, st.Apps[0].Installations[0].Events = nil, nil // the driver sends all there are
	})
	return h
}

// settings returns the settings of a server that uses the hub.
func (h *benchHub) settings(database string) map[string]string {
	return map[string]string{
		"ORG": "acme", "APP_ID": "4242", "PRIVATE_KEY": appKey(), "SERVER_PORT": "0", "SERVER_RATE_LIMIT": "1000000", "SERVER_UNKNOWN_TOKEN_RATE": "1000000",
		"GITHUB_URL": h.url, "GITHUB_API_URL": h.url, "GITHUB_WEBHOOK_SECRET": webhookSecret,
		"CHATOPS_ADMIN_REPO": "runner-admin", "DATABASE_URL": database, "LOGGING_EPHEMERAL": "true",
	}
}

// BenchmarkServer writes the tables of docs/performance.md to the standard output, and
// into the file BENCH_DOC if that is set and no table was left out (-bench 'Server/webhooks').
func BenchmarkServer(b *testing.B) {
	if os.Getenv(processVariable) != "" {
		return
	}
	tables := []struct {
		name  string
		write func(*testing.B, *strings.Builder)
	}{
		{"calls", countTable}, {"time", commandTable}, {"console", consoleTable}, {"webhooks", webhookTable}, {"memory", memoryTable},
	}
	var doc strings.Builder
	fmt.Fprintf(&doc, "One run; %s, %s/%s, %d CPUs, shared by the server, the simulated GitHub and the driver.\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	written := 0
	for _, table := range tables {
		b.Run(table.name, func(b *testing.B) {
			table.write(b, &doc)
			written++
		})
	}
	fmt.Println(doc.String())
	if written == len(tables) {
		intoDoc(b, "bench", doc.String())
	}
}

// intoDoc writes the tables between the marks with the name, in the document BENCH_DOC.
func intoDoc(b *testing.B, name, tables string) {
	b.Helper()
	path := os.Getenv("BENCH_DOC")
	if path == "" {
		return
	}
	begin, end := "<!-- "+name+": begin -->\n", "<!-- "+name+": end -->\n"
	text, err := os.ReadFile(path)
	require.NoError(b, err)
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	require.True(b, ok && ok2, "%s has no marks for the tables", path)
	require.NoError(b, os.WriteFile(path, []byte(before+begin+"\n"+tables+"\n"+end+after), 0o644))
}

// countTable shows the calls to GitHub of each command, which the size of the organization
// does not change.
func countTable(b *testing.B, doc *strings.Builder) {
	b.Helper()
	sizes := []struct{ groups, repos int }{{10, 100}, {1000, 500}, {10_000, 500}}
	fmt.Fprint(doc, "\n### Calls to GitHub\n\n| command | groups in the organization | cold: calls | in sequence | warm: calls | charged | in sequence |\n| --- | --: | --: | --: | --: | --: | --: |\n")
	for _, c := range costs() {
		for _, size := range sizes {
			if size.groups > 1000 && c.name != "group-list" && c.name != "group-create" {
				continue // the others cannot know more groups than these
			}
			repos := max(size.repos, c.needsRepos+1)
			b.Run(fmt.Sprintf("%s, %d groups", c.name, size.groups), func(b *testing.B) {
				w := newWorld(b, bigAcme(size.groups, repos))
				c.prepare(w)
				require.NoError(b, w.stop())
				w.start()
				w.warmTokens()
				w.hub.SetLatency(latency)
				cold := c.measure(w)
				if c.undo != "" {
					w.ok("ghp_ada", c.undo)
				}
				warm := c.measure(w)
				fmt.Fprintf(doc, "| %s | %d | %d | %d | %d | %d | %d |\n", c.name, size.groups, cold.calls, cold.sequence, warm.calls, warm.charged, warm.sequence)
			})
		}
	}
}

// commandTable shows how long commands take, and how much CPU time they cost.
func commandTable(b *testing.B, doc *strings.Builder) {
	b.Helper()
	hub := newBenchHub(b, commandScenario(1000))
	p := startProcess(b, "server", hub.settings(storetest.SQLite(b)))
	defer p.stop()
	fmt.Fprintf(doc, "\n### Time (warm, SQLite, 1,000 groups, teams with %d repositories)\n\n", benchRepos)
	fmt.Fprintf(doc, "| command | calls | CPU, ms: 1 caller | %[1]d callers | budget | p50 / p99, ms: 1 caller, 0 ms | %[1]d callers, 0 ms | 1 caller, 50 ms | %[1]d callers, 50 ms | commands/s: %[1]d callers, 0 ms | %[1]d callers, 50 ms |\n| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n", connections)
	for _, t := range timeCommands(b, hub, p) {
		fmt.Fprintf(doc, "| %s | %d | %.1f | %.1f | %.1f | %s | %s | %s | %s | %.0f | %.0f |\n", t.name, t.calls,
			ms(t.alone.cpu), ms(t.crowd.cpu), ms(cpuBudget(t.calls)), t.alone, t.crowd, t.aloneLate, t.crowdLate, t.crowd.perSecond, t.crowdLate.perSecond)
	}
}

// memoryTable shows how much memory the server uses while deliveries arrive.
func memoryTable(b *testing.B, doc *strings.Builder) {
	b.Helper()
	const rounds, round, commands = 4, 25_000, 500
	hub := newBenchHub(b, acme())
	p := startProcess(b, "server", hub.settings(storetest.SQLite(b)))
	defer p.stop()
	irrelevant := hub.hooks(b, 500, "Thanks!")
	fmt.Fprintf(doc, "\n### Memory (SQLite; every %dth delivery holds a command, and is worked off)\n\n| after deliveries | resident, MiB |\n| --: | --: |\n", round/commands)
	row := func(deliveries int) {
		hub.idle()
		fmt.Fprintf(doc, "| %d | %d |\n", deliveries, p.usage(b).RSS>>20)
	}
	row(0)
	for i := range rounds {
		send(b, p, irrelevant, round-commands)
		send(b, p, hub.hooks(b, commands, "/runner-group group-list"), commands)
		row((i + 1) * round)
	}
}

// idle waits until the server has made no calls for a while, half a minute at most.
func (h *benchHub) idle() {
	for range 30 {
		h.ResetCalls()
		time.Sleep(time.Second)
		if len(h.Calls()) == 0 {
			return
		}
	}
}

// cpuBudget is the CPU time that a REST command on one item with this many calls to GitHub may
// cost.
func cpuBudget(calls int) time.Duration {
	return time.Millisecond + time.Duration(max(0, calls-1))*100*time.Microsecond
}

// String formats the median and the 99th percentile, in milliseconds.
func (t throughput) String() string { return fmt.Sprintf("%.1f / %.1f", ms(t.p50), ms(t.p99)) }

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }
