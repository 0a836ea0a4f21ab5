package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// fleet works beside a running server, and without one, and asks GitHub nothing.
func TestFleet(t *testing.T) {
	t.Parallel()
	g := newGitHub(t)
	for range 2 { // the first makes none
		got := do(t, g.environ, "fleet")
		assert.Equal(t, exitFailed, got.status)
		assert.Contains(t, got.stderr, "there is no database at")
	}
	require.Equal(t, exitFine, do(t, g.environ, "groups", "list").status)
	assert.Equal(t, "No team owns a runner group yet.\n", do(t, g.environ, "fleet").stdout)
	assert.Equal(t, "[]\n", do(t, g.environ, "fleet", "--json").stdout)
	require.Equal(t, 0, do(t, g.environ, "groups", "adopt", "--all", "--yes").status)
	g.SetRunner("acme", "r1", func(r *ghsim.Runner) { r.Status = "offline" })

	g.ResetCalls()
	got := do(t, g.environ, "fleet", "--json")
	assert.Equal(t, 0, got.status, got.stderr)
	assert.JSONEq(t, `[
		{"org": "acme", "team": "old", "group": "old", "groupId": 2, "repos": 0, "idle": 0, "busy": 0, "offline": 0, "outdated": 0, "findings": {"critical": 0, "warning": 0, "info": 0}, "polledAt": null},
		{"org": "acme", "team": "young", "group": "young", "groupId": 3, "repos": 0, "idle": 0, "busy": 0, "offline": 0, "outdated": 0, "findings": {"critical": 0, "warning": 0, "info": 0}, "polledAt": null}
	]`, got.stdout)
	assert.Contains(t, do(t, g.environ, "fleet").stdout, "never")
	assert.Empty(t, g.Calls())

	_, out := spawnWith(t, g.with("ARM_FLEET_POLL_INTERVAL=1s", "ARM_ALERTS_OFFLINE_AFTER=1s"), "serve")
	logged(t, out)
	var rows []fleetRow
	require.Eventually(t, func() bool {
		got = do(t, g.environ, "fleet", "--json")
		require.Equal(t, 0, got.status, got.stderr)
		rows = nil // not to mix them
		require.NoError(t, json.Unmarshal([]byte(got.stdout), &rows))
		return rows[0].Findings.Critical > 0 && rows[1].PolledAt != nil
	}, 30*time.Second, 50*time.Millisecond, "%s", got.stdout)
	old := rows[0]
	assert.WithinDuration(t, time.Now(), *old.PolledAt, 15*time.Second)
	old.PolledAt, old.Outdated, old.Findings.Warning = nil, 0, 0
	assert.Equal(t, fleetRow{Org: "acme", Team: "old", Group: "old", GroupID: 2, Repos: 1, Offline: 1, Findings: fleetFindings{Critical: 1}}, old)
	got = do(t, g.environ, "fleet")
	assert.Regexp(t, `(?m)^TEAM +GROUP +REPOS +IDLE +BUSY +OFFLINE +OUTDATED +CRIT +WARN +INFO +POLLED$`, got.stdout)
	assert.Regexp(t, `(?m)^old +old +1 +0 +0 +1 `, got.stdout)
	assert.NotContains(t, got.stdout, "\x1b")

	for text, args := range map[string][]string{
		"exclude each other":               {"--watch", "--json"},
		"given without --watch":            {"--interval", "1s"},
		"--interval must be at least":      {"--watch", "--interval", "1ms"},
		"unexpected argument \"platform\"": {"platform"},
	} {
		got := do(t, g.environ, append([]string{"fleet"}, args...)...)
		assert.Equal(t, 2, got.status, args)
		assert.Contains(t, got.stderr, text)
	}
}

// Without a terminal --watch prints one table after the other, and ends when it is asked to.
func TestFleetWatchPipe(t *testing.T) {
	t.Parallel()
	g := newGitHub(t)
	require.Equal(t, 0, do(t, g.environ, "groups", "adopt", "--team", "old").status)
	ctx, cancel := context.WithCancel(t.Context())
	out, ended := new(buffer), make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"fleet", "--watch", "--interval", "100ms"}, &program{environ: g.environ, stdin: strings.NewReader(""), stdout: out, stderr: out})
	}()
	require.Eventually(t, func() bool { return strings.Count(out.String(), "1 group; runners: ") >= 2 }, 30*time.Second, 20*time.Millisecond)
	cancel()
	assert.Equal(t, 0, <-ended)
	assert.NotContains(t, out.String(), "\x1b")
}

var someGroups = []fleet.Status{
	{Org: "acme", GroupStatus: store.GroupStatus{Team: "fine", Group: "fine", Idle: 2, PolledAt: noonOf(12)}},
	{Org: "acme", GroupStatus: store.GroupStatus{Team: "new", Group: "new"}},
	{Org: "acme", GroupStatus: store.GroupStatus{Team: "platform-engineering", Group: "the runners of platform-engineering", Repos: 12, Busy: 3, Offline: 1, Outdated: 4, PolledAt: noonOf(300), Findings: map[string]int{"critical": 2, "warning": 1}}},
	{Org: "acme", GroupStatus: store.GroupStatus{Team: "東京", Group: "a\x1b[2J\u009b31m\u202eb\n", Offline: 1, PolledAt: noonOf(7200), Findings: map[string]int{"warning": 1}}},
}

func noonOf(secondsBefore int) time.Time {
	return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC).Add(-time.Duration(secondsBefore) * time.Second)
}

func TestFleetTable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		width int
		want  string
	}{
		{0, `
TEAM                  GROUP                                REPOS  IDLE  BUSY  OFFLINE  OUTDATED  CRIT  WARN  INFO  POLLED
platform-engineering  the runners of platform-engineering     12     0     3        1         4     2     1     0      5m
東京                  a�[2J�31m�b�                             0     0     0        1         0     0     1     0      2h
fine                  fine                                     0     2     0        0         0     0     0     0     12s
new                   new                                      -     -     -        -         -     -     -     -   never
`},
		{80, `
TEAM           GROUP           IDLE  BUSY  OFFLINE  OUTDATED  CRIT  WARN  POLLED
platform-eng…  the runners o…     0     3        1         4     2     1      5m
東京           a�[2J�31m�b�       0     0        1         0     0     1      2h
fine           fine               2     0        0         0     0     0     12s
new            new                -     -        -         -     -     -   never
`},
		{40, `
TEAM           IDLE  BUSY  OFFLINE  CRIT
platform-eng…     0     3        1     2
東京              0     0        1     0
fine              2     0        0     0
new               -     -        -     -
`},
	} {
		lines := fleetTable(someGroups, terminal{width: tt.width}, noonOf(0))
		assert.Equal(t, strings.TrimPrefix(tt.want, "\n"), strings.Join(lines, "\n")+"\n", "%d columns", tt.width)
	}
	for width := 1; width < 140; width++ {
		for _, line := range fleetTable(someGroups, terminal{width: width}, noonOf(0)) {
			assert.LessOrEqual(t, columns(line), max(width, 16), "%d columns: %q", width, line)
		}
	}
	colored := strings.Join(fleetTable(someGroups, terminal{color: true}, noonOf(0)), "\n")
	assert.Contains(t, colored, "\x1b[31m   2\x1b[0m")
	assert.Contains(t, colored, "\x1b[33m      1\x1b[0m")

	several := append([]fleet.Status{{Org: "globex", GroupStatus: store.GroupStatus{Team: "t"}}}, someGroups...)
	assert.True(t, strings.HasPrefix(fleetTable(several, terminal{}, noonOf(0))[0], "ORG     TEAM"))
}

func TestFleetFrame(t *testing.T) {
	t.Parallel()
	frame := fleetFrame(someGroups, terminal{width: 60, height: 5, live: true}, noonOf(0))
	assert.True(t, strings.HasPrefix(frame, "\x1b[H12:00:00  4 groups; runners: 2 idle, 3 busy, 2 offline, 4 o…\x1b[K\r\n"), "%q", frame)
	assert.Equal(t, 4, strings.Count(frame, "\r\n"), "the last line must not scroll")
	assert.Contains(t, frame, "… and 3 more groups\x1b[K\x1b[J")
	assert.NotContains(t, strings.TrimPrefix(frame, "\x1b[H"), "\x1b[2J")
	assert.Contains(t, fleetFrame(nil, terminal{}, noonOf(0)), "No team owns a runner group yet.")
}

// What a terminal would obey reaches it by no name: neither in tables nor in JSON.
func TestNamesAreHarmless(t *testing.T) {
	t.Parallel()
	g := newGitHub(t)
	require.Equal(t, 0, do(t, g.environ, "groups", "adopt", "--team", "old").status)
	exported := do(t, g.environ, "groups", "export").stdout
	require.Equal(t, 0, do(t, g.environ, "groups", "release", "--team", "old").status)
	const name = "a\x1b[2J\u009b\u202e\x7f"
	quoted, err := json.Marshal(name)
	require.NoError(t, err)
	changed := strings.Replace(exported, `"group": "old"`, `"group": `+string(quoted), 1)
	require.NotEqual(t, exported, changed)
	imported := doWith(t, g.environ, changed, "groups", "import", "-")
	require.Equal(t, 0, imported.status, imported.stderr)
	for _, args := range [][]string{{"fleet"}, {"fleet", "--json"}, {"groups", "list"}, {"groups", "export"}} {
		got := do(t, g.environ, args...)
		assert.Equal(t, 0, got.status, got.stderr)
		assert.NotContains(t, got.stdout, "No team", args)
		for _, r := range "\x1b\u009b\u202e\x7f" {
			assert.NotContains(t, got.stdout, string(r), fmt.Sprint(args))
		}
	}
	var rows []fleetRow
	require.NoError(t, json.Unmarshal([]byte(do(t, g.environ, "fleet", "--json").stdout), &rows))
	assert.Equal(t, name, rows[0].Group, "JSON has the name as it is")
}
