package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/server"
)

// demoApproval is the command that an owner must approve in the demo.
const demoApproval = "workflows-set"

// A past is what happened in the built-in scenario before the demo starts: the same commands,
// polls and changes on GitHub that a real month would have, each at its own time.
type past struct {
	*server.Operator
	org   *dispatch.Org
	sim   *ghsim.Server
	start time.Time // of the demo
	now   time.Time // what the operator's clock shows
	polls *fleet.Poller
}

// A happening is one event of the past: a command, or a change on GitHub.
type happening struct {
	before  time.Duration // the start of the demo
	who     string        // a login
	command string
	args    []string // names and values, by turns
	refused dispatch.Reason
	change  func(*ghsim.Org) // made on GitHub, not by a command; a poll sees it
}

const day = 24 * time.Hour

// happenings are in order of time.
func happenings() []happening {
	return []happening{
		{before: 29 * day, who: "carol", command: "repos-add", args: []string{"team", "mobile", "repos", "ios,android"}},
		{before: 29*day - time.Hour, who: "carol", command: "token-register", args: []string{"team", "mobile"}},
		{before: 28 * day, who: "dan", command: "repos-add", args: []string{"team", "data", "repos", "warehouse,pipelines"}},
		{before: 26 * day, who: "carol", command: "runners-label", args: []string{"team", "mobile", "runners", "mac-13,mac-14", "add", "xcode-beta"}},
		{before: 20 * day, who: "carol", command: "trust-add", args: []string{"team", "mobile", "repo", "ios", "commands", "token-jit,runners-list", "ref", "main", "for", "60d"}},
		{before: 15 * day, who: "dan", command: "access-request", args: []string{"team", "mobile", "repos", "warehouse", "reason", "Load tests"}},
		{before: 14 * day, who: "carol", command: "request-deny", args: []string{"id", "1", "reason", "The group data has faster machines."}},
		{before: 13 * day, change: func(*ghsim.Org) {}}, // the first poll, which finds what is outdated
		{before: 12 * day, who: "mallory", command: "repos-add", args: []string{"team", "platform", "repos", "api"}, refused: dispatch.ReasonNotMaintainer},
		{before: 9 * day, who: "carol", command: "repos-add", args: []string{"team", "mobile", "repos", "design-system", "for", "14d"}},
		{before: 6 * day, who: "dan", command: "repos-add", args: []string{"team", "data", "repos", "payroll"}, refused: dispatch.ReasonRepoNotPermitted},
		{before: 5 * day, who: "bob", command: "repos-remove", args: []string{"team", "mobile", "repos", "ios"}, refused: dispatch.ReasonNotMaintainer},
		{before: 2*day + time.Minute, change: func(*ghsim.Org) {}}, // a poll that sees all runners online
		{before: 2 * day, change: func(org *ghsim.Org) {
			org.Runner("mac-11").Status = "offline"
			group := org.Group("data")
			group.Repos = append(group.Repos, org.Repo("website").ID)
		}},
		{before: 26 * time.Hour, who: "dan", command: "access-request", args: []string{
			"team", "mobile", "repos", "pipelines", "for", "7d", "reason", "Nightly build of the mobile SDK",
		}},
		{before: 20 * time.Hour, who: "carol", command: "access-request", args: []string{
			"team", "platform", "repos", "android", "for", "30d", "reason", "Release builds while our Linux runners are replaced",
		}},
		{before: 3*time.Hour + time.Minute, change: func(*ghsim.Org) {}},
		{before: 3 * time.Hour, change: func(org *ghsim.Org) { org.Runner("platform-2").Status = "offline" }},
		{before: 2 * time.Hour, who: "carol", command: demoApproval, args: []string{
			"team", "mobile", "workflows", "acme/ios/.github/workflows/release.yml@refs/heads/main",
		}},
		{before: time.Minute, change: func(*ghsim.Org) {}}, // a last poll
	}
}

// loads returns how the groups of the built-in scenario were used.
func loads(start time.Time) []load {
	offline := func(since ...time.Duration) func(time.Time) int {
		return func(at time.Time) int {
			n := 0
			for _, ago := range since {
				if !at.Before(start.Add(-ago)) {
					n++
				}
			}
			return n
		}
	}
	mobile := offline(2 * day)
	return []load{
		{"platform", 2, offline(3 * time.Hour)},
		{"mobile", 20, func(at time.Time) int {
			if ago := start.Sub(at); ago > 4*day && ago < 4*day+3*time.Hour { // a rack without power
				return 6
			}
			return mobile(at)
		}},
		{"data", 4, offline()},
	}
}

// newPast returns the past whose operator's clock shows what its now says.
func (d *demo) newPast() *past {
	start := time.Now().Truncate(time.Second)
	return &past{sim: d.sim, start: start, now: start.Add(-loadDays * day)}
}

func (p *past) clock() time.Time { return p.now }

// happen makes all of it happen.
func (p *past) happen(ctx context.Context) error {
	p.polls = fleet.New(fleet.Options{Env: p.Env, Interval: time.Second, History: loadDays * day, Logger: zerolog.Nop()})
	p.sim.Update(func(st *ghsim.State) {
		for _, r := range st.Org(p.org.Login).Runners {
			r.Status = "online"
		}
	})
	if err := p.use(ctx); err != nil {
		return err
	}
	for i, h := range happenings() {
		p.now = p.start.Add(-h.before)
		if h.change != nil {
			p.sim.Update(func(st *ghsim.State) { h.change(st.Org(p.org.Login)) })
			p.poll(ctx)
			continue
		}
		if err := p.run(ctx, fmt.Sprintf("demo-%d", i+1), h); err != nil {
			return fmt.Errorf("%s of %s in the demo's past: %w", h.command, h.who, err)
		}
	}
	p.now = p.start
	p.occupy()
	return nil
}

// poll looks at all groups, once each.
func (p *past) poll(ctx context.Context) {
	p.polls.Tick(ctx)
	p.now = p.now.Add(time.Second) // the first look only plans when each group has its turn
	p.polls.Tick(ctx)
}

func (p *past) run(ctx context.Context, id string, h happening) error {
	req := dispatch.Request{ID: id, Channel: dispatch.REST, Command: h.command, Org: p.org.Login}
	p.sim.View(func(st *ghsim.State) { req.Caller = dispatch.Principal{ID: st.User(h.who).ID, Login: h.who} })
	for i := 0; i+1 < len(h.args); i += 2 {
		req.Args.Add(h.args[i], h.args[i+1])
	}
	_, err := p.Dispatch(ctx, req)
	if h.refused != "" && err != nil && dispatch.AsError(err).Reason == h.refused {
		return nil
	}
	return err
}

// use records how the runners were used. The sums of hours need the samples in order of time, so
// it comes before the polls.
func (p *past) use(ctx context.Context) error {
	orgID, err := p.org.ID(ctx)
	if err != nil {
		return err
	}
	p.now = p.start
	for _, l := range loads(p.start) {
		var group int64
		p.sim.View(func(st *ghsim.State) { group = st.Org(p.org.Login).Group(l.group).ID })
		if err := p.Store.AddSamples(ctx, orgID, group, l.samples(p.start)); err != nil {
			return err
		}
	}
	return p.Store.SumSamples(ctx)
}

// occupy makes as many runners busy as the last sample says.
func (p *past) occupy() {
	p.sim.Update(func(st *ghsim.State) {
		org := st.Org(p.org.Login)
		for _, l := range loads(p.start) {
			last := l.at(p.start.UTC()).MostBusy
			for _, r := range org.GroupRunners(org.Group(l.group)) {
				if r.Status == "online" {
					r.Busy = last > 0
					last--
				}
			}
		}
	})
}
