package server

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rcrowley/go-metrics"
)

// A meter counts in a go-metrics registry, where go-githubapp's client metrics are
// too, and shows all of it as Prometheus text.
type meter struct {
	registry metrics.Registry

	mu     sync.Mutex
	series map[string]series // by name in the registry
}

// A series is what Prometheus calls one of our metrics.
type series struct {
	name   string
	labels prometheus.Labels
}

func newMeter(registry metrics.Registry) *meter {
	if registry == nil {
		registry = metrics.NewRegistry()
	}
	return &meter{registry: registry, series: map[string]series{}}
}

// named keeps what Prometheus calls the metric of that name and those labels, and
// returns its name in the registry. Label values are a few words of our own.
func (m *meter) named(name string, labels prometheus.Labels) string {
	var key strings.Builder
	key.WriteString(name)
	for _, label := range []string{"channel", "command", "outcome", "reason"} {
		key.WriteString("|" + labels[label])
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.series[key.String()] = series{name, labels}
	return key.String()
}

// command counts a command that ended.
func (m *meter) command(o dispatch.Observation) {
	count := m.named("arm_commands_total", prometheus.Labels{
		"channel": string(o.Channel), "command": o.Command, "outcome": o.Outcome, "reason": string(o.Reason),
	})
	metrics.GetOrRegisterCounter(count, m.registry).Inc(1)
	took := m.named("arm_command_duration_seconds", prometheus.Labels{"channel": string(o.Channel), "command": o.Command})
	metrics.GetOrRegisterTimer(took, m.registry).Update(o.Duration)
}

// delivery counts a webhook delivery by what became of it.
func (m *meter) delivery(outcome string) {
	metrics.GetOrRegisterCounter(m.named("arm_deliveries_total", prometheus.Labels{"outcome": outcome}), m.registry).Inc(1)
}

// A gauge is a value that is looked up when it is asked for.
type gauge struct {
	name, help string
	labels     prometheus.Labels
	value      float64
}

// handler serves everything as Prometheus text; gauges are asked at each scrape.
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

// A collector turns one moment of the registry into Prometheus metrics.
type collector struct {
	meter  *meter
	gauges []gauge
}

// Describe implements [prometheus.Collector]; none: the metrics are not known before.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

var helps = map[string]string{ //nolint:gochecknoglobals // a table that is never written
	"arm_commands_total":           "Commands that ended, by channel, command, outcome (done, refused, failed) and reason.",
	"arm_command_duration_seconds": "How long commands took.",
	"arm_deliveries_total":         "Webhook deliveries, by outcome.",
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(out chan<- prometheus.Metric) {
	for _, g := range c.gauges {
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc(g.name, g.help, nil, g.labels), prometheus.GaugeValue, g.value)
	}
	c.meter.registry.Each(func(name string, metric any) {
		s, help := c.find(name)
		if s.name == "" {
			return
		}
		desc := prometheus.NewDesc(s.name, help, nil, s.labels)
		switch metric := metric.(type) {
		case metrics.Counter:
			out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(metric.Count()))
		case metrics.Gauge:
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(metric.Value()))
		case metrics.Timer:
			out <- summary(desc, metric.Snapshot())
		}
	})
}

// summary shows a timer in seconds.
func summary(desc *prometheus.Desc, t metrics.Timer) prometheus.Metric {
	quantiles := []float64{0.5, 0.9, 0.99}
	values := make(map[float64]float64, len(quantiles))
	for i, v := range t.Percentiles(quantiles) {
		values[quantiles[i]] = v / 1e9
	}
	return prometheus.MustNewConstSummary(desc, uint64(max(t.Count(), 0)), float64(t.Sum())/1e9, values)
}

var (
	foreign = regexp.MustCompile(`[^a-zA-Z0-9_]+`)
	// go-githubapp puts the installation into the name: github.rate.limit[installation:77]
	ofInstallation = regexp.MustCompile(`^(.*)\[installation:(\d+)\]$`)
)

// find returns what Prometheus calls a metric of the registry: ours as declared, the
// others by their name.
func (c *collector) find(name string) (series, string) {
	c.meter.mu.Lock()
	s, ours := c.meter.series[name]
	c.meter.mu.Unlock()
	if ours {
		return s, helps[s.name]
	}
	s = series{name: name}
	if m := ofInstallation.FindStringSubmatch(name); m != nil {
		s = series{name: m[1], labels: prometheus.Labels{"installation": m[2]}}
	}
	s.name = foreign.ReplaceAllString(s.name, "_")
	return s, "go-metrics " + s.name + "."
}

// gauges looks up what is true at this moment.
func (a *app) gauges(ctx context.Context) []gauge {
	var out []gauge
	if depth, oldest, err := a.queue.Depth(ctx); err == nil {
		out = append(out,
			gauge{name: "arm_queue_depth", help: "Deliveries that are not done.", value: float64(depth)},
			gauge{name: "arm_queue_oldest_seconds", help: "How long the oldest delivery that is not done has waited.", value: oldest.Seconds()})
	}
	if pending, err := a.queue.PendingEphemerals(ctx); err == nil {
		out = append(out, gauge{name: "arm_ephemeral_comments_pending", help: "Comments with a secret that are still to be deleted.", value: float64(pending)})
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
	return out
}
