package server_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// A server that is asked to stop still answers for a while, on connections that are open too,
// and says that they end.
func TestDrain(t *testing.T) {
	t.Parallel()
	for _, tls := range []string{"false", "true"} {
		t.Run("TLS "+tls, func(t *testing.T) { t.Parallel(); testDrain(t, tls) })
	}
}

func testDrain(t *testing.T, tls string) {
	w := newWorld(t, acme(), "SERVER_TLS_ENABLED="+tls)
	require.NoError(t, w.stop())
	w.drain = 5 * time.Second
	w.start()
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	get := func(path string) (reused bool, res *http.Response, err error) {
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }})
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+path, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "ghp_ada")
		res, err = w.client.Do(req)
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
		return reused, res, err
	}
	connection := w.client.Transport // an open one stays in it
	stopped := make(chan error, 1)
	w.client = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	w.client.Transport.(*http.Transport).TLSClientConfig = connection.(*http.Transport).TLSClientConfig
	go func() { stopped <- w.stop() }()
	require.Eventually(t, func() bool {
		_, res, err := get("/readyz")
		return err == nil && res.StatusCode == http.StatusServiceUnavailable
	}, eventually, tick)
	w.client = &http.Client{Transport: connection}
	reused, res, err := get("/api/v1/group-list?team=platform")
	require.NoError(t, err, "on a connection that was open")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.True(t, reused)
	if tls == "false" {
		assert.True(t, res.Close)
	}
	_, _, err = get("/livez")
	assert.NoError(t, err, "on a new connection")
	require.NoError(t, <-stopped)
}

// Callers of two replicas lose nothing while one of them restarts.
func TestRestartOfOneReplica(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "DATABASE_URL="+storetest.Postgres(t), "SERVER_TLS_ENABLED=false")
	require.NoError(t, w.stop())
	w.drain = time.Second
	w.start()
	var urls [2]atomic.Value
	urls[0].Store(w.url)
	stopFirst := w.stop
	w.start()
	stopSecond := w.stop
	w.stop = nil
	urls[1].Store(w.url)
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")

	// The load balancer: it asks for readiness, and goes elsewhere if it gets no connection.
	var healthy [2]atomic.Bool
	end := make(chan struct{})
	var all sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: time.Minute}
	t.Cleanup(client.CloseIdleConnections)
	for i := range urls {
		healthy[i].Store(true)
		all.Go(func() {
			for {
				select {
				case <-end:
					return
				case <-time.After(50 * time.Millisecond):
				}
				res, err := client.Get(urls[i].Load().(string) + "/readyz")
				if err == nil {
					res.Body.Close()
				}
				healthy[i].Store(err == nil && res.StatusCode == http.StatusOK)
			}
		})
	}
	var done, lost atomic.Int64
	for caller := range 8 {
		all.Go(func() {
			for n := caller; ; n++ {
				select {
				case <-end:
					return
				default:
				}
				at := n % 2
				if !healthy[at].Load() {
					at = 1 - at
				}
				if lose(t, client, urls[at].Load().(string)) && lose(t, client, urls[1-at].Load().(string)) {
					lost.Add(1)
				}
				done.Add(1)
			}
		})
	}
	more := func() {
		t.Helper()
		from := done.Load()
		require.Eventually(t, func() bool { return done.Load() > from+50 }, eventually, tick)
	}
	more()
	require.NoError(t, stopFirst())
	more()
	w.start()
	urls[0].Store(w.url)
	more()
	close(end)
	all.Wait()
	client.CloseIdleConnections()
	require.NoError(t, errors.Join(w.stop(), stopSecond()))
	assert.Zero(t, lost.Load(), "of %d", done.Load())
}

// lose sends a request, and reports true if there was no connection to send it on. Any other
// failure fails the test.
func lose(t *testing.T, client *http.Client, url string) bool {
	req, err := http.NewRequest(http.MethodPost, url+"/api/v1/token-register?team=platform", nil)
	if !assert.NoError(t, err) {
		return false
	}
	req.Header.Set("Authorization", "ghp_ada")
	res, err := client.Do(req)
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return true
	}
	if assert.NoError(t, err) {
		res.Body.Close()
		assert.Equal(t, http.StatusOK, res.StatusCode)
	}
	return false
}
