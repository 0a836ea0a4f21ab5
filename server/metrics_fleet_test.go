package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rcrowley/go-metrics"
	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// Teams of the same slug have one series each, and groups that were not polled have none.
func TestFleetGauges(t *testing.T) {
	t.Parallel()
	at := time.Unix(1, 0)
	status := func(org, team string, at time.Time, idle int, findings map[string]int) fleet.Status {
		return fleet.Status{Org: org, GroupStatus: store.GroupStatus{Team: team, PolledAt: at, Idle: idle, Findings: findings}}
	}
	list := fleetGauges([]fleet.Status{
		status("acme", "web", at, 1, map[string]int{"critical": 1}), status("acme", "web", at, 2, map[string]int{"critical": 2}),
		status("globex", "web", at, 4, nil), status("acme", "new", time.Time{}, 0, nil),
	})
	parseExposition(t, newMeter(metrics.NewRegistry()).expose(list))
	var got []string
	for _, g := range list {
		if g.value > 0 {
			got = append(got, fmt.Sprint(g.name, g.labels, " ", g.value))
		}
	}
	slices.Sort(got)
	assert.Equal(t, []string{
		"arm_findings[{org acme} {team web} {severity critical}] 3",
		"arm_group_runners[{org acme} {team web} {state idle}] 3",
		"arm_group_runners[{org globex} {team web} {state idle}] 4",
	}, got)
	assert.Len(t, list, 14)
}

func TestFleetReader(t *testing.T) {
	t.Parallel()
	now, reads, failure := time.Now(), 0, error(nil)
	f := fleetReader{now: func() time.Time { return now }, read: func(context.Context) ([]fleet.Status, error) {
		reads++
		return []fleet.Status{{Org: "acme", GroupStatus: store.GroupStatus{Team: "web", PolledAt: now}}}, failure
	}}
	assert.Len(t, f.gauges(t.Context()), 7)
	f.gauges(t.Context())
	assert.Equal(t, 1, reads, "scrapes that follow each other share what was read")
	now = now.Add(fleetKept)
	failure = errors.New("the database is gone")
	assert.Empty(t, f.gauges(t.Context()), "nothing old is shown")
	failure = nil
	assert.Len(t, f.gauges(t.Context()), 7)
	assert.Equal(t, 3, reads)
}

func TestPollMetrics(t *testing.T) {
	t.Parallel()
	m := newMeter(metrics.NewRegistry())
	assert.Contains(t, scrapeOf(m), "arm_fleet_poll_errors_total 0\n")
	m.observePoll(t.Context(), fleet.Polled{Took: time.Second})
	m.observePoll(t.Context(), fleet.Polled{Took: 3 * time.Second, Err: errors.New("GitHub is down")})
	text := scrapeOf(m)
	assert.Contains(t, text, "arm_fleet_poll_duration_seconds_count 2\n")
	assert.Contains(t, text, "arm_fleet_poll_duration_seconds_sum 4\n")
	assert.Contains(t, text, "arm_fleet_poll_errors_total 1\n")
}
