package server

import (
	"context"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
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
	desc   *prometheus.Desc
	labels int
	create func() M

	mu      sync.Mutex
	members map[[maxLabels]string]M
}

func newFamily[M any](create func() M, name, help string, labels ...string) *family[M] {
	return &family[M]{
		desc: prometheus.NewDesc(name, help, labels, nil), labels: len(labels), create: create,
		members: map[[maxLabels]string]M{},
	}
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

// collect sends every member to out, converted by convert.
func (f *family[M]) collect(out chan<- prometheus.Metric, convert func(*prometheus.Desc, M, ...string) prometheus.Metric) {
	f.mu.Lock()
	members := maps.Clone(f.members)
	f.mu.Unlock()
	for key, member := range members {
		out <- convert(f.desc, member, key[:f.labels]...)
	}
}

// A gauge is a value that is read at each scrape.
type gauge struct {
	name, help string
	labels     prometheus.Labels
	value      float64
}

// handler serves /metrics as Prometheus text. It calls gauges at each scrape.
func (m *meter) handler(gauges func(context.Context) []gauge) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			http.NotFound(w, r)
			return
		}
		scrape := prometheus.NewRegistry()
		scrape.MustRegister(&collector{meter: m, gauges: gauges(r.Context())})
		promhttp.HandlerFor(scrape, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	})
}

// A collector converts one moment of a meter to Prometheus metrics.
type collector struct {
	meter  *meter
	gauges []gauge
}

// Describe implements [prometheus.Collector]. It sends nothing, because the registry's
// metrics are not known in advance.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(out chan<- prometheus.Metric) {
	for _, g := range c.gauges {
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc(g.name, g.help, nil, g.labels), prometheus.GaugeValue, g.value)
	}
	c.meter.commands.collect(out, counter)
	c.meter.durations.collect(out, summary)
	c.meter.deliveries.collect(out, counter)
	c.meter.polls.collect(out, summary)
	c.meter.pollErrors.collect(out, counter)
	c.meter.registry.Each(func(name string, metric any) {
		desc := foreignDesc(name)
		switch metric := metric.(type) {
		case metrics.Counter:
			out <- counter(desc, metric)
		case metrics.Gauge:
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(metric.Value()))
		case metrics.Timer:
			out <- summary(desc, metric)
		}
	})
}

func counter(desc *prometheus.Desc, c metrics.Counter, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(c.Count()), labels...)
}

// summary converts a timer to a summary in seconds.
func summary(desc *prometheus.Desc, timer metrics.Timer, labels ...string) prometheus.Metric {
	t := timer.Snapshot()
	quantiles := []float64{0.5, 0.9, 0.99}
	values := make(map[float64]float64, len(quantiles))
	for i, v := range t.Percentiles(quantiles) {
		values[quantiles[i]] = v / float64(time.Second)
	}
	return prometheus.MustNewConstSummary(desc, uint64(max(t.Count(), 0)), float64(t.Sum())/float64(time.Second), values, labels...)
}

var (
	notInNames = regexp.MustCompile(`[^a-zA-Z0-9_]+`)
	// go-githubapp puts the installation into the name: github.rate.limit[installation:77]
	ofInstallation = regexp.MustCompile(`^(.*)\[installation:(\d+)\]$`)
)

// foreignDesc describes a metric that go-githubapp or the queue registered under name.
func foreignDesc(name string) *prometheus.Desc {
	var labels prometheus.Labels
	if m := ofInstallation.FindStringSubmatch(name); m != nil {
		name, labels = m[1], prometheus.Labels{"installation": m[2]}
	}
	name = notInNames.ReplaceAllString(name, "_")
	return prometheus.NewDesc(name, "go-metrics "+name+".", nil, labels)
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
	for installation, left := range a.github.RateRemaining() {
		if installation == 0 {
			continue // the App's own limit
		}
		out = append(out, gauge{
			name: "arm_github_rate_remaining", help: "Requests to GitHub that the installation has left in this hour.",
			labels: prometheus.Labels{"installation": strconv.FormatInt(installation, 10)}, value: float64(left),
		})
	}
	if a.fleetGauges != nil {
		out = append(out, a.fleetGauges.gauges(ctx)...)
	}
	return out
}
