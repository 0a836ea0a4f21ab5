package server

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// An exposition is what one scrape answers, in the text format of Prometheus, version 0.0.4:
// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
type exposition map[string]*exposedMetric // by name

// An exposedMetric is a metric with its samples.
type exposedMetric struct {
	help, kind string
	samples    []string
}

// The kinds of metrics.
const (
	kindCounter = "counter"
	kindGauge   = "gauge"
	kindSummary = "summary"
)

// A label is the name and the value of one.
type label struct{ name, value string }

// add adds a sample to a metric. The suffix is "" but for the sum and the count of a summary.
func (x exposition) add(kind, name, help, suffix string, labels []label, value float64) {
	m := x[name]
	if m == nil {
		m = &exposedMetric{help: help, kind: kind}
		x[name] = m
	}
	sample := name + suffix
	if len(labels) > 0 {
		labels = slices.SortedFunc(slices.Values(labels), func(a, b label) int { return strings.Compare(a.name, b.name) })
		pairs := make([]string, len(labels))
		for i, l := range labels {
			pairs[i] = l.name + `="` + escapeLabel.Replace(strings.ToValidUTF8(l.value, "�")) + `"`
		}
		sample += "{" + strings.Join(pairs, ",") + "}"
	}
	m.samples = append(m.samples, sample+" "+strconv.FormatFloat(value, 'g', -1, 64)+"\n")
}

var (
	escapeLabel = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
	escapeHelp  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
)

// ServeHTTP writes the metrics in the order of their names.
func (x exposition) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(x)) {
		m := x[name]
		if m.kind != kindSummary { // whose samples belong together
			slices.Sort(m.samples)
		}
		b.WriteString("# HELP " + name + " " + escapeHelp.Replace(m.help) + "\n# TYPE " + name + " " + m.kind + "\n")
		for _, sample := range m.samples {
			b.WriteString(sample)
		}
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write([]byte(b.String())) // whoever scrapes may have left
}
