//go:build unix && !race

package server_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

const (
	guardFile = "testdata/bench_guard.golden"
	// guardAllowed is how much more than the committed figures a command may take.
	guardAllowed = 1.10
	guardUpdate  = "UPDATE_GOLDEN=1 make bench-guard"
)

// A guarded is what one warm command takes: calls to GitHub, and objects and bytes that the
// server allocates. Unlike times these hardly depend on the machine.
type guarded struct{ calls, objects, kilobytes float64 }

// TestBenchGuard compares the main commands with the committed figures, so that none gets more
// expensive unseen. It counts allocations, because the instructions of a Go program cannot be
// counted everywhere: valgrind does not run it, and virtual machines have no counters.
func TestBenchGuard(t *testing.T) {
	committed, order := readGuard(t)
	var text strings.Builder
	text.WriteString("# What one warm command takes: calls to GitHub, objects that the server allocates, and kilobytes.\n")
	fmt.Fprintf(&text, "# `make bench-guard` compares with it; `%s` writes it.\n", guardUpdate)
	for _, c := range costs() {
		if c.job {
			continue
		}
		got := c.guard(t)
		fmt.Fprintf(&text, "%-24s %3.0f %6.0f %6.0f\n", strings.ReplaceAll(c.name, " ", "_"), got.calls, got.objects, got.kilobytes)
		want, ok := committed[c.name]
		order = slices.DeleteFunc(order, func(name string) bool { return name == c.name })
		t.Logf("%-24s %3.0f calls %6.0f objects (%+.1f %%) %6.0f kB (%+.1f %%)", c.name, got.calls,
			got.objects, 100*(got.objects/want.objects-1), got.kilobytes, 100*(got.kilobytes/want.kilobytes-1))
		if os.Getenv("UPDATE_GOLDEN") != "" {
			continue
		}
		const help = "%s: %s. If that is wanted, write new figures with " + guardUpdate + " and say why in the commit."
		assert.True(t, ok, help, c.name, "there are no figures of it")
		assert.LessOrEqual(t, got.calls, want.calls, help, c.name, "more calls to GitHub")
		assert.LessOrEqual(t, got.objects, guardAllowed*want.objects, help, c.name, "more allocations")
		assert.LessOrEqual(t, got.kilobytes, guardAllowed*want.kilobytes, help, c.name, "more memory allocated")
	}
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(guardFile, []byte(text.String()), 0o644))
		return
	}
	assert.Empty(t, order, "committed figures of what is no command here")
}

func readGuard(t *testing.T) (committed map[string]guarded, names []string) {
	t.Helper()
	text, err := os.ReadFile(guardFile)
	require.NoError(t, err)
	committed = map[string]guarded{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var name string
		var g guarded
		_, err := fmt.Sscan(line, &name, &g.calls, &g.objects, &g.kilobytes)
		require.NoError(t, err, line)
		name = strings.ReplaceAll(name, "_", " ")
		committed[name], names = g, append(names, name)
	}
	return committed, names
}

// guard runs the command in a server that does nothing else, and returns the median of what it
// took.
func (c costed) guard(t *testing.T) guarded {
	t.Helper()
	hub := newBenchHub(t, bigAcme(10, 100))
	settings := hub.settings(storetest.SQLite(t))
	settings["FLEET_POLL_INTERVAL"] = "0"
	p := startProcess(t, "server", settings)
	defer p.stop()
	w := &world{t: t, hub: hub.Server, url: p.url, client: &http.Client{Timeout: time.Minute}}
	defer w.client.CloseIdleConnections()
	c.prepare(w)
	const warmUp, runs = 4, 15
	var calls, objects, kilobytes []float64
	for i := range warmUp + runs {
		hub.ResetCalls()
		before := p.usage(t)
		w.ok("ghp_ada", c.request)
		after := p.usage(t)
		sent := slices.DeleteFunc(hub.Calls(), func(c ghsim.Call) bool { return c.Auth == "jwt" || c.Path == "/app" || asksForItself(c.Path) })
		if i >= warmUp {
			calls = append(calls, float64(len(sent)))
			objects = append(objects, float64(after.Allocations-before.Allocations))
			kilobytes = append(kilobytes, float64(after.Allocated-before.Allocated)/1000)
		}
		if c.undo != "" {
			w.ok("ghp_ada", c.undo)
		}
	}
	return guarded{median(calls), median(objects), median(kilobytes)}
}
