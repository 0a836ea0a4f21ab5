package server

import (
	"context"
	"sync"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
)

// fleetKept is how long what was read of the runner groups is used for scrapes.
const fleetKept = 5 * time.Second

// A fleetReader reads the gauges of the recorded runner groups from the database, so that
// they are the same on every replica, whichever polls, and end with the record.
type fleetReader struct {
	read func(context.Context) ([]fleet.Status, error)
	now  func() time.Time

	mu     sync.Mutex
	readAt time.Time
	last   []gauge
}

// gauges returns the gauges, none if the database does not answer.
func (f *fleetReader) gauges(ctx context.Context) []gauge {
	f.mu.Lock()
	defer f.mu.Unlock()
	if since := f.now().Sub(f.readAt); since >= 0 && since < fleetKept {
		return f.last
	}
	groups, err := f.read(ctx)
	if err != nil {
		return nil
	}
	f.last, f.readAt = fleetGauges(groups), f.now()
	return f.last
}

// fleetGauges returns the gauges of the groups that were polled. Teams of the same slug are
// added up: one of them was deleted, or renamed since a server last saw it.
func fleetGauges(groups []fleet.Status) []gauge {
	type team struct{ org, team string }
	byTeam := map[team]fleet.Status{}
	for _, g := range groups {
		if g.PolledAt.IsZero() {
			continue
		}
		key := team{g.Org, g.Team}
		sum := byTeam[key]
		sum.Idle, sum.Busy, sum.Offline, sum.Outdated = sum.Idle+g.Idle, sum.Busy+g.Busy, sum.Offline+g.Offline, sum.Outdated+g.Outdated
		found := map[string]int{}
		for _, severity := range fleet.Severities() {
			found[severity] = sum.Findings[severity] + g.Findings[severity]
		}
		sum.Findings = found
		byTeam[key] = sum
	}
	var out []gauge
	for key, g := range byTeam {
		add := func(name, help string, n int, more ...label) {
			labels := append([]label{{"org", key.org}, {"team", key.team}}, more...)
			out = append(out, gauge{name: name, help: help, labels: labels, value: float64(n)})
		}
		const runners, runnersHelp = "arm_group_runners", "Runners of the team's group at its last poll, by state."
		add(runners, runnersHelp, g.Idle, label{"state", "idle"})
		add(runners, runnersHelp, g.Busy, label{"state", "busy"})
		add(runners, runnersHelp, g.Offline, label{"state", "offline"})
		add("arm_group_runners_outdated", "Runners of the team's group for which there is a newer release, at its last poll.", g.Outdated)
		for severity, n := range g.Findings {
			add("arm_findings", "Open findings of the team's group that two polls in a row saw, by severity.", n, label{"severity", severity})
		}
	}
	return out
}
