package server_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// payloads writes comments while GitHub's webhooks are off, and returns what GitHub
// would have sent for each. A running server may ask for the failed deliveries in the
// meantime; such a redelivery repeats a GUID and does not count.
func (w *crashWorld) payloads(texts ...string) (all []said, bodies [][]byte) {
	w.t.Helper()
	w.hub.PauseDeliveries(true)
	defer w.hub.PauseDeliveries(false)
	seen := map[string]bool{}
	for _, d := range w.hub.Deliveries() {
		seen[d.GUID] = true
	}
	for i, text := range texts {
		all = append(all, w.write("ada", 1+i%2, text))
	}
	for _, d := range w.hub.Deliveries() {
		if !seen[d.GUID] {
			seen[d.GUID] = true
			bodies = append(bodies, d.Payload)
		}
	}
	require.Len(w.t, bodies, len(texts))
	return all, bodies
}

// hook sends a webhook as GitHub does, and returns its status and how long it took.
func (w *crashWorld) hook(url, event, guid string, body []byte) (status int, took time.Duration, err error) {
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write(body)
	req, err := http.NewRequest(http.MethodPost, url+"/api/github/hook", bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", event)
	req.Header.Set("X-GitHub-Delivery", guid)
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	start := time.Now()
	res, err := w.client.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, time.Since(start), err
}

// side calls f with 0 to n-1, by at a time.
func side(by, n int, f func(i int)) {
	work := make(chan int)
	var all sync.WaitGroup
	for range by {
		all.Go(func() {
			for i := range work {
				f(i)
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	all.Wait()
}

// botComments returns how many comments the bot wrote.
func (w *crashWorld) botComments() (n int) {
	for issue := 1; issue <= 2; issue++ {
		for _, c := range w.hub.Comments("acme", "runner-admin", issue) {
			if c.Via != nil {
				n++
			}
		}
	}
	return n
}

func TestCrashBurst(t *testing.T) {
	const commands = 500
	w := newCrashWorld(t, storetest.SQLite(t), acme(), "LOGGING_LEVEL=info")
	w.run()
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	all, bodies := w.payloads(slices.Repeat([]string{"/runner-group group-list"}, commands)...)
	took := make([]time.Duration, commands)
	side(32, commands, func(i int) {
		var status int
		var err error
		status, took[i], err = w.hook(w.url, "issue_comment", fmt.Sprintf("burst-%d", i), bodies[i])
		assert.NoError(t, err)
		assert.Less(t, status, 300)
	})
	slices.Sort(took)
	t.Logf("acknowledged: median %v, longest %v", took[commands/2], took[commands-1])
	assert.Less(t, took[commands-1], time.Second, "the longest acknowledgement")
	require.Eventually(t, func() bool { return w.botComments() >= commands }, time.Minute, 50*time.Millisecond)
	last := all[len(all)-1]
	require.Eventually(t, func() bool {
		return !slices.ContainsFunc(all, func(s said) bool { return s.issue == last.issue && w.reaction(s.issue, s.id) == "" })
	}, time.Minute, 200*time.Millisecond)
	assert.Equal(t, commands, w.botComments(), "one reply for each")
}

func TestCrashReplicas(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t, storetest.Postgres(t), acme(), "SERVER_RATE_LIMIT=10")
	one := w.spawn()
	two := w.run("SERVER_PORT=" + freePort(t)) // both start at once, on an empty database
	require.Eventually(t, func() bool {
		res, err := w.client.Get(one.url + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	}, eventually, tick)
	w.ok("ghp_olga", "POST /api/v1/group-adopt?team=platform&group=legacy")

	texts := make([]string, 12)
	for i := range texts {
		texts[i] = []string{"/runner-group repos-add web", "/runner-group token-register"}[i%2]
	}
	all, bodies := w.payloads(texts...)
	before := w.botComments()
	var sent sync.WaitGroup
	for i, body := range bodies {
		for j, url := range []string{one.url, two.url, one.url, two.url} {
			sent.Go(func() {
				// the same delivery on both, and the same comment under another GUID
				status, _, err := w.hook(url, "issue_comment", fmt.Sprintf("guid-%d-%d", i, j/2), body)
				assert.NoError(t, err)
				assert.Less(t, status, 300)
			})
		}
	}
	sent.Wait()
	require.Eventually(t, func() bool {
		return !slices.ContainsFunc(all, func(s said) bool { return w.reaction(s.issue, s.id) == "" })
	}, eventually, tick)
	assert.Equal(t, before+len(texts)+len(texts)/2, w.botComments(), "one reply for each comment, and one secret for each token")
	for _, s := range all {
		assert.Equal(t, "rocket", w.reaction(s.issue, s.id), s.text)
	}

	// bob has not asked for anything yet: ten at once, and ten more each second
	statuses := make([]int, 200)
	start := time.Now()
	side(20, len(statuses), func(i int) {
		url := []string{one.url, two.url}[i%2]
		req, err := http.NewRequest(http.MethodGet, url+"/api/v1/whoami", nil)
		if !assert.NoError(t, err) {
			return
		}
		req.Header.Set("Authorization", "ghp_bob")
		res, err := w.client.Do(req)
		if !assert.NoError(t, err) {
			return
		}
		res.Body.Close()
		statuses[i] = res.StatusCode
	})
	elapsed := time.Since(start)
	passed := 0
	for _, status := range statuses {
		if status == http.StatusOK {
			passed++
		} else {
			assert.Equal(t, http.StatusTooManyRequests, status)
		}
	}
	assert.GreaterOrEqual(t, passed, 10)
	assert.LessOrEqual(t, passed, 10+int(elapsed.Seconds()*10)+1, "in %v", elapsed)
	assert.Equal(t, 0, one.terminate(t))
	assert.Equal(t, 0, two.terminate(t))
}

// usage returns how much CPU time a process has used, and how much memory without the pages of
// files, which differ between kernels.
func (p *process) usage(t *testing.T) (cpu time.Duration, rss int) {
	t.Helper()
	dir := "/proc/" + strconv.Itoa(p.cmd.Process.Pid)
	stat, err := os.ReadFile(dir + "/stat")
	require.NoError(t, err)
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, field := range fields[11:13] { // user and system time, in hundredths of a second
		n, err := strconv.Atoi(field)
		require.NoError(t, err)
		cpu += time.Duration(n) * 10 * time.Millisecond
	}
	status, err := os.ReadFile(dir + "/status")
	require.NoError(t, err)
	_, after, ok := strings.Cut(string(status), "RssAnon:")
	require.True(t, ok)
	kB, err := strconv.Atoi(strings.Fields(after)[0])
	require.NoError(t, err)
	return cpu, kB << 10
}

func TestCrashFootprint(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: /proc is Linux's")
	}
	if testing.Short() {
		t.Skip("SKIPPED: -short")
	}
	t.Parallel()
	const idle, limit = 5 * time.Second, 60 << 20
	w := newCrashWorld(t, storetest.SQLite(t), acme(), "LOGGING_LEVEL=warn")
	p := w.run()
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	watch := func() float64 {
		begun, _ := p.usage(t)
		until := time.Now().Add(idle)
		require.Eventually(t, func() bool { return time.Now().After(until) }, 2*idle, 100*time.Millisecond)
		used, _ := p.usage(t)
		return float64(used-begun) / float64(idle)
	}
	share := watch()
	_, rss := p.usage(t)
	t.Logf("idle: %.2f %% of a core, %d MB", share*100, rss>>20)
	assert.Less(t, share, 0.02)
	assert.Less(t, rss, limit)

	all, bodies := w.payloads(slices.Repeat([]string{"/runner-group help"}, 200)...)
	// mostly comments without a command, and some with one
	var other map[string]any
	require.NoError(t, json.Unmarshal(bodies[0], &other))
	other["comment"].(map[string]any)["body"] = "Thanks! " + strings.Repeat("Nothing to do here. ", 100)
	chatter, err := json.Marshal(other)
	require.NoError(t, err)
	const deliveries = 20_000
	side(32, deliveries, func(i int) {
		body, guid := chatter, fmt.Sprintf("chatter-%d", i)
		if i%(deliveries/len(bodies)) == 0 {
			body, guid = bodies[i/(deliveries/len(bodies))], fmt.Sprintf("ours-%d", i)
		}
		status, _, err := w.hook(w.url, "issue_comment", guid, body)
		assert.NoError(t, err)
		assert.Less(t, status, 300)
	})
	require.Eventually(t, func() bool {
		return w.botComments() >= len(all)
	}, time.Minute, 50*time.Millisecond)
	_, rss = p.usage(t)
	t.Logf("after %d deliveries: %d MB", deliveries, rss>>20)
	assert.Less(t, rss, 100<<20)
	var unknown []ghsim.Call
	for _, c := range w.hub.Calls() {
		if c.Status >= 400 {
			unknown = append(unknown, c)
		}
	}
	assert.Empty(t, unknown)
}
