//go:build unix

package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

const (
	connections = 32
	hookBytes   = 12_000
)

// A hook is a delivery that is ready to be sent.
type hook struct {
	guid, signature string
	body            []byte
}

// hooks returns n deliveries, each of a new comment. They are real, with filler that makes
// them as large as GitHub's.
func (h *benchHub) hooks(b *testing.B, n int, text string) []hook {
	b.Helper()
	all := make([]hook, n)
	for i := range all {
		body := h.payload(b, text, h.nextComment.Add(1))
		all[i] = hook{fmt.Sprintf("bench-%d", h.nextComment.Load()), signature(body), body}
	}
	return all
}

// payload returns what GitHub would send for a comment, with the given id.
func (h *benchHub) payload(b *testing.B, text string, id int64) []byte {
	b.Helper()
	text += "\\n\\n" + strings.Repeat("lorem ipsum ", max(0, hookBytes-len(h.template))/12)
	body := strings.Replace(h.template, `"body":"template"`, `"body":"`+text+`"`, 1)
	body = strings.ReplaceAll(body, h.templateID, fmt.Sprint(id))
	require.InDelta(b, hookBytes, len(body), 500)
	return []byte(body)
}

// webhookTable shows how fast deliveries are acknowledged, compared with a handler that
// only checks the signature: in turns, on a fresh database each time, the medians.
func webhookTable(b *testing.B, doc *strings.Builder) {
	b.Helper()
	const rounds, many, some = 5, 10_000, 6_000
	databases := []struct {
		name string
		url  func(testing.TB) string
	}{{"SQLite, synchronous FULL", storetest.SQLite}, {"PostgreSQL, with fsync", storetest.DurablePostgres}}
	hub := newBenchHub(b, acme())
	irrelevant := hub.hooks(b, 1000, "Thanks!")
	bareProcess := startProcess(b, "bare", nil)
	send(b, bareProcess, irrelevant, 2000)
	names, got := []string{}, map[string][]throughput{}
	add := func(name string, t throughput) {
		if len(got[name]) == 0 {
			names = append(names, name)
		}
		got[name] = append(got[name], t)
	}
	for range rounds {
		add("bare handler", send(b, bareProcess, irrelevant, many))
		for _, db := range databases {
			p := startProcess(b, "server", hub.settings(db.url(b)))
			send(b, p, irrelevant, 2000)
			add("irrelevant, "+db.name, send(b, p, irrelevant, many))
			add("with a command, "+db.name, send(b, p, hub.hooks(b, some, "/runner-group group-list"), some))
			p.stop()
		}
	}
	fmt.Fprintf(doc, "\n### Webhooks (%d connections, %d kB each, median of %d)\n\n| delivery | acknowledged/s | of bare | p50 / p99, ms | CPU, ms |\n| --- | --: | --: | --: | --: |\n", connections, hookBytes/1000, rounds)
	bare := medianOf(got["bare handler"])
	for _, name := range names {
		t := medianOf(got[name])
		fmt.Fprintf(doc, "| %s | %.0f | %.0f %% | %s | %.2f |\n", name, t.perSecond, 100*t.perSecond/bare.perSecond, t, ms(t.cpu))
	}
}

// A throughput is the result of one run.
type throughput struct {
	perSecond float64
	p50, p99  time.Duration
	cpu       time.Duration // of the server, for each
}

// medianOf returns the medians of several runs.
func medianOf(runs []throughput) throughput {
	of := func(value func(throughput) float64) float64 {
		var all []float64
		for _, run := range runs {
			all = append(all, value(run))
		}
		return median(all)
	}
	duration := func(value func(throughput) time.Duration) time.Duration {
		return time.Duration(of(func(t throughput) float64 { return float64(value(t)) }))
	}
	return throughput{
		of(func(t throughput) float64 { return t.perSecond }),
		duration(func(t throughput) time.Duration { return t.p50 }),
		duration(func(t throughput) time.Duration { return t.p99 }),
		duration(func(t throughput) time.Duration { return t.cpu }),
	}
}

// send sends n deliveries over all connections, and starts over if there are fewer. Each
// must be answered with 200.
func send(b *testing.B, p *benched, hooks []hook, n int) throughput {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	return drive(b, p, connections, n, func(i int) error {
		hook := hooks[i%len(hooks)]
		req, err := http.NewRequest(http.MethodPost, p.url+"/api/github/hook", bytes.NewReader(hook.body))
		if err != nil {
			return err
		}
		req.Header = http.Header{
			"Content-Type": {"application/json"}, "X-Github-Event": {"issue_comment"},
			"X-Github-Delivery": {hook.guid}, "X-Hub-Signature-256": {hook.signature},
		}
		return done(client.Do(req))
	})
}

// done reads an answer to its end. A status other than 200 is an error.
func done(res *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, text)
	}
	return err
}

// drive does n things with so many callers at a time, each one after the other, and
// measures them.
func drive(b *testing.B, p *benched, callers, n int, do func(i int) error) throughput {
	b.Helper()
	return driveAll(b, []*benched{p}, callers, n, do)
}

// driveAll is drive with several servers, whose CPU time it adds up.
func driveAll(b *testing.B, servers []*benched, callers, n int, do func(i int) error) throughput {
	b.Helper()
	took := make([]time.Duration, n)
	var all sync.WaitGroup
	before, began := cpuOf(b, servers), time.Now()
	for caller := range callers {
		all.Go(func() {
			for i := caller; i < n; i += callers {
				start := time.Now()
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(start)
			}
		})
	}
	all.Wait()
	elapsed := time.Since(began)
	cpu := cpuOf(b, servers) - before
	if b.Failed() {
		b.FailNow()
	}
	slices.Sort(took)
	return throughput{float64(n) / elapsed.Seconds(), took[n/2], took[n*99/100], cpu / time.Duration(n)}
}

// cpuOf adds up the CPU time that the servers have used.
func cpuOf(b *testing.B, servers []*benched) (sum time.Duration) {
	b.Helper()
	for _, p := range servers {
		sum += p.usage(b).CPU
	}
	return sum
}
