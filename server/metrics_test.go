package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/rcrowley/go-metrics"
	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	m := newMeter(metrics.NewRegistry())
	for range 2 {
		m.observe(dispatch.Observation{Channel: "rest", Command: "repos-add", Outcome: "refused", Reason: "not_maintainer", Duration: 250 * time.Millisecond})
	}
	m.observe(dispatch.Observation{Channel: "comment", Command: "repos-add", Outcome: "done", Duration: time.Second})
	m.countDelivery("accepted")
	metrics.GetOrRegisterGauge("github.rate.limit[installation:77]", m.registry).Update(5000)
	metrics.GetOrRegisterCounter("queue.done", m.registry).Inc(3)
	handler := m.handler(func(context.Context) []gauge { return []gauge{{name: "arm_queue_depth", help: "Depth.", value: 4}} })

	scrape := func(path string) (int, string) {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	code, text := scrape("/metrics")
	assert.Equal(t, 200, code)
	for _, line := range []string{
		`arm_commands_total{channel="rest",command="repos-add",outcome="refused",reason="not_maintainer"} 2`,
		`arm_commands_total{channel="comment",command="repos-add",outcome="done",reason=""} 1`,
		`arm_command_duration_seconds_count{channel="rest",command="repos-add"} 2`,
		`arm_command_duration_seconds_sum{channel="rest",command="repos-add"} 0.5`,
		`arm_command_duration_seconds{channel="comment",command="repos-add",quantile="0.99"} 1`,
		`arm_deliveries_total{outcome="accepted"} 1`,
		`github_rate_limit{installation="77"} 5000`,
		`queue_done 3`,
		`arm_queue_depth 4`,
	} {
		assert.Contains(t, text, line+"\n")
	}
	code, _ = scrape("/")
	assert.Equal(t, 404, code)
}

func scrapeOf(m *meter) string {
	w := httptest.NewRecorder()
	m.handler(func(context.Context) []gauge { return nil }).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}
