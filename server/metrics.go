package server

import (
	"context"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/rcrowley/go-metrics"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
)

// A meter counts in go-metrics counters and timers, and shows them, with the client
// metrics that go-githubapp keeps in registry, as Prometheus text.
type meter struct {
	registry metrics.Registry

	commands   *family[metrics.Counter]
	durations  *family[metrics.Timer]
	deliveries *family[metrics.Counter]
	polls      *family[metrics.Timer]
	pollErrors *family[metrics.Counter]
}

func newMeter(registry metrics.Registry) *meter {
	m := &meter{
		registry: registry,
		commands: newFamily(metrics.NewCounter, "arm_commands_total",
			"Commands that ended, by channel, command, outcome (done, refused, failed) and reason.", "channel", "command", "outcome", "reason"),
		durations:  newFamily(metrics.NewTimer, "arm_command_duration_seconds", "How long commands took.", "channel", "command"),
		deliveries: newFamily(metrics.NewCounter, "arm_deliveries_total", "Webhook deliveries, by outcome.", "outcome"),
		polls:      newFamily(metrics.NewTimer, "arm_fleet_poll_duration_seconds", "How long the polls of one runner group each took, by this replica."),
		pollErrors: newFamily(metrics.NewCounter, "arm_fleet_poll_errors_total", "Polls of a runner group, by this replica, that could not read all of it."),
	}
	m.polls.with() // from 0 on, so that alerts see the first one
	m.pollErrors.with()
	return m
}

// observe counts a command that ended.
func (m *meter) observe(o dispatch.Observation) {
	channel := string(o.Channel)
	m.commands.with(channel, o.Command, o.Outcome, string(o.Reason)).Inc(1)
	m.durations.with(channel, o.Command).Update(o.Duration)
}

// observePoll counts a poll of a runner group.
func (m *meter) observePoll(_ context.Context, p fleet.Polled) {
	m.polls.with().Update(p.Took)
	if p.Err != nil {
		m.pollErrors.with().Inc(1)
	}
}

// countDelivery counts a webhook delivery by its outcome.
func (m *meter) countDelivery(outcome string) { m.deliveries.with(outcome).Inc(1) }

// maxLabels is the largest number of labels of a family.
const maxLabels = 4

// A family is one metric with labels: a go-metrics metric for each set of label values.
// Label values are from a few words of our own, so a family stays small.
type family[M any] struct {
	name, help string
	labels     []string // their names
	create     func() M

	mu      sync.Mutex
	members map[[maxLabels]string]M
}

func newFamily[M any](create func() M, name, help string, labels ...string) *family[M] {
	return &family[M]{name: name, help: help, labels: labels, create: create, members: map[[maxLabels]string]M{}}
}

// with returns the metric with the label values, in the order of the labels.
func (f *family[M]) with(values ...string) M {
	var key [maxLabels]string
	copy(key[:], values)
	f.mu.Lock()
	defer f.mu.Unlock()
	member, ok := f.members[key]
	if !ok {
		member = f.create()
		f.members[key] = member
	}
	return member
}

// expose adds every member to x, in the order of the labels' values.
func (f *family[M]) expose(x exposition, add func(x exposition, name, help string, labels []label, metric M)) {
	f.mu.Lock()
	members := maps.Clone(f.members)
	f.mu.Unlock()
	keys := slices.Collect(maps.Keys(members))
	slices.SortFunc(keys, func(a, b [maxLabels]string) int { return slices.Compare(a[:], b[:]) })
	for _, key := range keys {
		labels := make([]label, len(f.labels))
		for i, name := range f.labels {
			labels[i] = label{name, key[i]}
		}
		add(x, f.name, f.help, labels, members[key])
	}
}

// A gauge is a value that is read at each scrape.
type gauge struct {
	name, help string
	labels     []label
	value      float64
}

// handler serves /metrics as Prometheus text. It calls gauges at each scrape.
func (m *meter) handler(gauges func(context.Context) []gauge) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			http.NotFound(w, r)
			return
		}
		m.expose(gauges(r.Context())).ServeHTTP(w, r)
	})
}

// expose returns what is counted at this moment.
func (m *meter) expose(gauges []gauge) exposition {
	x := exposition{}
	for _, g := range gauges {
		x.add(kindGauge, g.name, g.help, "", g.labels, g.value)
	}
	m.commands.expose(x, exposeCounter)
	m.durations.expose(x, exposeTimer)
	m.deliveries.expose(x, exposeCounter)
	m.polls.expose(x, exposeTimer)
	m.pollErrors.expose(x, exposeCounter)
	m.registry.Each(func(name string, metric any) {
		name, help, labels := foreignName(name)
		switch metric := metric.(type) {
		case metrics.Counter:
			exposeCounter(x, name, help, labels, metric)
		case metrics.Gauge:
			x.add(kindGauge, name, help, "", labels, float64(metric.Value()))
		case metrics.Timer:
			exposeTimer(x, name, help, labels, metric)
		}
	})
	return x
}

func exposeCounter(x exposition, name, help string, labels []label, c metrics.Counter) {
	x.add(kindCounter, name, help, "", labels, float64(c.Count()))
}

// exposeTimer makes a summary in seconds of a timer.
func exposeTimer(x exposition, name, help string, labels []label, timer metrics.Timer) {
	t := timer.Snapshot()
	quantiles := []float64{0.5, 0.9, 0.99}
	for i, v := range t.Percentiles(quantiles) {
		quantile := label{"quantile", strconv.FormatFloat(quantiles[i], 'g', -1, 64)}
		x.add(kindSummary, name, help, "", append(slices.Clone(labels), quantile), v/float64(time.Second))
	}
	x.add(kindSummary, name, help, "_sum", labels, float64(t.Sum())/float64(time.Second))
	x.add(kindSummary, name, help, "_count", labels, float64(max(t.Count(), 0)))
}

var (
	notInNames = regexp.MustCompile(`[^a-zA-Z0-9_]+`)
	// go-githubapp puts the installation into the name: github.rate.limit[installation:77]
	ofInstallation = regexp.MustCompile(`^(.*)\[installation:(\d+)\]$`)
)

// foreignName describes a metric that go-githubapp or the queue registered under name.
func foreignName(name string) (metric, help string, labels []label) {
	if m := ofInstallation.FindStringSubmatch(name); m != nil {
		name, labels = m[1], []label{{"installation", m[2]}}
	}
	name = notInNames.ReplaceAllString(name, "_")
	return name, "go-metrics " + name + ".", labels
}

// gauges reads the gauges of this moment. Those that cannot be read are left out.
func (a *app) gauges(ctx context.Context) []gauge {
	var out []gauge
	if depth, oldest, err := a.queue.Depth(ctx); err == nil {
		out = append(out,
			gauge{name: "arm_queue_depth", help: "Deliveries that are waiting or in progress.", value: float64(depth)},
			gauge{name: "arm_queue_oldest_seconds", help: "Age of the oldest delivery in the queue.", value: oldest.Seconds()})
	}
	if pending, err := a.queue.PendingEphemerals(ctx); err == nil {
		out = append(out, gauge{name: "arm_ephemeral_comments_pending", help: "Comments with a secret that are not deleted yet.", value: float64(pending)})
	}
	if overdue, err := a.store.CountOverdueAccess(ctx, a.env.Now().Add(-fleet.AccessGrace)); err == nil {
		out = append(out, gauge{name: "arm_access_overdue", help: "Repositories that are still attached although their end was over a minute ago.", value: float64(overdue)})
	}
	for installation, left := range a.github.RateRemaining() {
		if installation == 0 {
			continue // the App's own limit
		}
		out = append(out, gauge{
			name: "arm_github_rate_remaining", help: "Requests to GitHub that the installation has left in this hour.",
			labels: []label{{"installation", strconv.FormatInt(installation, 10)}}, value: float64(left),
		})
	}
	if a.fleetGauges != nil {
		out = append(out, a.fleetGauges.gauges(ctx)...)
	}
	return out
}
