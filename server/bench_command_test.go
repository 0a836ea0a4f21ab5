//go:build unix

package server_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// BenchmarkCommand measures the CPU time of single commands, each in a server of its own, so
// that BENCH_PROFILE shows what one command does:
//
//	go test -run '^$' -bench 'BenchmarkCommand/token-register/32' -benchtime 1x ./server
//
// A command that changes something is measured together with the one that undoes it.
func BenchmarkCommand(b *testing.B) {
	if os.Getenv(processVariable) != "" {
		return
	}
	for _, c := range []struct {
		names []string
		runs  int // of all callers, about
	}{
		{[]string{"token-register"}, 4000},
		{[]string{"group-list"}, 4000},
		{[]string{"repos-add, 1 repo", "repos-remove, 1 repo"}, 1280},
		{[]string{"repos-set, 20 repos"}, 600},
		{[]string{"token-jit", "runners-remove, 1"}, 2000},
		{[]string{"group-create", "group-delete"}, 1000},
	} {
		for _, callers := range []int{1, connections} {
			b.Run(fmt.Sprintf("%s/%d callers", c.names[0], callers), func(b *testing.B) { runTogether(b, c.names, callers, c.runs) })
		}
	}
}

// runTogether has the callers run the commands by turns, and reports the CPU time of each.
func runTogether(b *testing.B, names []string, callers, runs int) {
	b.Helper()
	hub := newBenchHub(b, commandScenario(1000))
	r := newRunner(b, hub, startProcess(b, "server", hub.settings(storetest.SQLite(b))))
	commands := make([]timed, len(names))
	for i, name := range names {
		commands[i] = commandNamed(b, name)
	}
	if names[0] != "group-create" {
		r.run(b, commandNamed(b, "group-create"), callers, 1)
	}
	cpu := make([]time.Duration, len(names))
	rounds := max(1, runs/callers/commands[0].count(callers, 0))
	for round := range rounds + 1 {
		for i, c := range commands {
			got, _ := r.run(b, c, callers, c.count(callers, 0))
			if round > 0 { // the first warms what a server keeps
				cpu[i] += got.cpu / time.Duration(rounds)
			}
		}
	}
	for i, name := range names {
		b.ReportMetric(ms(cpu[i]), strings.ReplaceAll(name, " ", "_")+"-CPU-ms")
	}
}

func commandNamed(b *testing.B, name string) timed {
	b.Helper()
	for _, c := range timedCommands() {
		if c.name == name {
			return c
		}
	}
	b.Fatalf("no command %q", name)
	return timed{}
}
