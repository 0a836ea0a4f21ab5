package server_test

import (
	"errors"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// newReplicas is newWorld with two servers on one PostgreSQL, which get the requests in turns.
func newReplicas(t *testing.T, sc ghsim.Scenario, settings ...string) *world {
	t.Helper()
	w := newWorld(t, sc, append(settings, "DATABASE_URL="+storetest.Postgres(t))...)
	first, stopFirst := w.url, w.stop
	w.start()
	stopSecond := w.stop
	w.stop = func() error { return errors.Join(stopFirst(), stopSecond()) }
	w.balance(first, w.url)
	return w
}

// balance puts a load balancer before the servers: each request, of a caller or of GitHub,
// goes to the next of them.
func (w *world) balance(servers ...string) {
	w.t.Helper()
	targets := make([]*url.URL, len(servers))
	for i, server := range servers {
		var err error
		targets[i], err = url.Parse(server)
		require.NoError(w.t, err)
	}
	var next atomic.Uint64
	balancer := httptest.NewServer(&httputil.ReverseProxy{
		Transport: w.client.Transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(targets[next.Add(1)%uint64(len(targets))]) },
	})
	w.t.Cleanup(balancer.Close)
	w.url = balancer.URL
	w.hub.SetHookURL(w.url + "/api/github/hook")
}
