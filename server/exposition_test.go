package server

import (
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/rcrowley/go-metrics"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// What is exposed is what Prometheus' own parser reads, whatever a label holds.
func TestExposition(t *testing.T) {
	t.Parallel()
	m := newMeter(metrics.NewRegistry())
	m.observe(dispatch.Observation{Channel: "rest", Command: "repos-add", Outcome: "done", Duration: 250 * time.Millisecond})
	hostile := "a\\\"b\nc\xff{}, \u202e"
	text := parseExposition(t, m.expose([]gauge{
		{name: "arm_odd", help: "A \\ and\na line.", labels: []label{{"of", hostile}}, value: math.Inf(1)},
		{name: "arm_odd", labels: []label{{"of", "b"}}, value: 1e21},
	}))
	assert.Contains(t, text, "# HELP arm_odd A \\\\ and\\na line.\n# TYPE arm_odd gauge\n")
	assert.Contains(t, text, `arm_odd{of="b"} 1e+21`+"\n")
	assert.Contains(t, text, "# TYPE arm_commands_total counter\n")
	assert.Contains(t, text, `arm_command_duration_seconds{channel="rest",command="repos-add",quantile="0.5"} 0.25`+"\n")
	families := familiesIn(t, text)
	assert.Equal(t, strings.ToValidUTF8(hostile, "�"), families["arm_odd"].GetMetric()[0].GetLabel()[0].GetValue())
	assert.InDelta(t, 0.25, families["arm_command_duration_seconds"].GetMetric()[0].GetSummary().GetSampleSum(), 1e-9)
}

func familiesIn(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	require.NoError(t, err, "%s", text)
	return families
}

// parseExposition fails the test if Prometheus would refuse x, or if a series is there twice.
func parseExposition(t *testing.T, x exposition) string {
	t.Helper()
	w := httptest.NewRecorder()
	x.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	assert.Equal(t, "text/plain; version=0.0.4; charset=utf-8", w.Header().Get("Content-Type"))
	text := w.Body.String()
	familiesIn(t, text)
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		series := line[:strings.LastIndex(line, " ")]
		assert.False(t, seen[series] && !strings.HasPrefix(line, "#"), "twice: %s", series)
		seen[series] = true
	}
	return text
}
