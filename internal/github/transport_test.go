package github_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func TestRetries(t *testing.T) {
	const path = "/actions/runner-groups"
	read := func(ctx context.Context, o *github.Org) error { _, err := o.Group(ctx, 2); return err }
	put := func(ctx context.Context, o *github.Org) error { return o.SetGroupRepositories(ctx, 2, nil) }
	create := func(ctx context.Context, o *github.Org) error {
		_, err := o.CreateGroup(ctx, github.NewGroup{Name: "n"})
		return err
	}
	remove := func(ctx context.Context, o *github.Org) error { return o.DeleteGroup(ctx, 2) }
	tests := []struct {
		name      string
		do        func(context.Context, *github.Org) error
		fault     ghsim.Fault
		want      github.Kind
		calls     int
		ambiguous bool
	}{
		{name: "read, twice 502", do: read, fault: ghsim.Fault{Status: 502, Times: 2}, calls: 3},
		{name: "read, always 503", do: read, fault: ghsim.Fault{Status: 503, Times: -1}, want: github.Unavailable, calls: 3},
		{name: "read, 500 is not retried", do: read, fault: ghsim.Fault{Status: 500, Times: -1}, want: github.Unavailable, calls: 1},
		{name: "read, broken connections", do: read, fault: ghsim.Fault{Drop: true, Times: 2}, calls: 3},
		{name: "read, asked to wait", do: read, fault: ghsim.Fault{Status: 503, Times: -1, Header: http.Header{"Retry-After": {"60"}}}, want: github.Unavailable, calls: 1},
		{name: "put, 504", do: put, fault: ghsim.Fault{Status: 504}, calls: 2},
		{name: "put, always broken", do: put, fault: ghsim.Fault{Drop: true, Times: -1}, want: github.Unavailable, calls: 3, ambiguous: true},
		{name: "create is not retried", do: create, fault: ghsim.Fault{Status: 502}, want: github.Unavailable, calls: 1, ambiguous: true},
		{name: "create, answer lost", do: create, fault: ghsim.Fault{DropAfter: true}, want: github.Unavailable, calls: 1, ambiguous: true},
		{name: "delete, answer lost: 404 is success", do: remove, fault: ghsim.Fault{DropAfter: true}, calls: 2},
		{name: "secondary limit", do: put, fault: ghsim.SecondaryLimit(403, 3*time.Second), want: github.RateLimited, calls: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSim(t)
			org := newApp(t, s.url).Org("acme", 0, "")
			require.NoError(t, org.Warm(t.Context()))
			s.ResetCalls()
			tt.fault.Path = path
			s.Inject(tt.fault)
			err := tt.do(t.Context(), org)
			assert.Equal(t, tt.want, github.KindOf(err), err)
			assert.Len(t, s.Calls(), tt.calls)
			if err != nil {
				assert.Equal(t, tt.ambiguous, err.(*github.Error).Ambiguous) //nolint:errorlint // not wrapped
			}
		})
	}
}

func TestIdenticalReadsAreCoalesced(t *testing.T) {
	f := newFake(t)
	var asked atomic.Int32
	release := make(chan struct{})
	f.handle("GET /orgs/acme/actions/runner-groups/5", func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		<-release
		w.Write([]byte(`{"id":5,"name":"five"}`))
	})
	f.on("PUT /orgs/acme/actions/runner-groups/5/repositories/6", http.StatusNoContent, "")
	org := newApp(t, f.URL).Org("acme", 0, "")
	require.NoError(t, org.Warm(t.Context()))

	impatient, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, err := org.Group(impatient, 5); left <- err }()
	require.Eventually(t, func() bool { return asked.Load() == 1 }, time.Second, time.Millisecond)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			g, err := org.Group(t.Context(), 5)
			assert.NoError(t, err)
			assert.Equal(t, "five", g.Name)
		})
	}
	leave() // if the first caller leaves, the others still get their answer
	require.ErrorIs(t, <-left, context.Canceled)

	// A read that begins after a write joins no earlier read.
	require.NoError(t, org.AddGroupRepository(t.Context(), 5, 6))
	wg.Go(func() { _, err := org.Group(t.Context(), 5); assert.NoError(t, err) })
	require.Eventually(t, func() bool { return asked.Load() >= 2 }, time.Second, time.Millisecond)
	close(release)
	wg.Wait()
	assert.LessOrEqual(t, asked.Load(), int32(3))
}

func TestConcurrentRequestsAreLimited(t *testing.T) {
	for points, limit := range map[int]int32{10_000: 64, 0: 256} {
		t.Run(fmt.Sprintf("%d points a minute", points), func(t *testing.T) {
			f := newFake(t)
			var now, most atomic.Int32
			release := make(chan struct{})
			letGo := sync.OnceFunc(func() { close(release) })
			defer letGo()
			f.handle("PUT /orgs/acme/actions/runner-groups/5/repositories/6", func(w http.ResponseWriter, _ *http.Request) {
				most.Store(max(most.Load(), now.Add(1)))
				<-release
				now.Add(-1)
				w.WriteHeader(http.StatusNoContent)
			})
			org := newApp(t, f.URL, func(o *github.Options) { o.PointsPerMinute = points }).Org("acme", 0, "")
			var wg sync.WaitGroup
			for range limit + 36 {
				wg.Go(func() { assert.NoError(t, org.AddGroupRepository(t.Context(), 5, 6)) })
			}
			require.Eventually(t, func() bool { return now.Load() == limit }, 5*time.Second, time.Millisecond)
			letGo()
			wg.Wait()
			assert.LessOrEqual(t, most.Load(), limit)
			assert.Len(t, f.mints(), 1)
		})
	}
}

func TestRedirects(t *testing.T) {
	var strayed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Add(1) }))
	t.Cleanup(elsewhere.Close)
	f := newFake(t)
	repo := `{"id":9,"name":"new","owner":{"login":"acme"},"visibility":"private","permissions":{"admin":true}}`
	f.on("GET /repositories/9", 200, repo)
	f.on("GET /orgs/acme/teams/t/repos/acme/renamed", 301, "{}", "Location", "/repositories/9")
	f.on("GET /orgs/acme/teams/t/repos/acme/strange", 302, "{}", "Location", elsewhere.URL+"/x")
	f.on("GET /orgs/acme/teams/t/repos/acme/taken", 200, strings.Replace(repo, "acme", "evil", 1))
	f.on("DELETE /orgs/acme/actions/runner-groups/5", 301, "{}", "Location", "/repositories/9")
	f.on("PATCH /orgs/acme/actions/runner-groups/5", 307, "{}", "Location", elsewhere.URL+"/y")
	org := newApp(t, f.URL).Org("acme", 0, "")

	_, err := org.TeamRepository(t.Context(), "t", "renamed")
	assert.Equal(t, github.NotFound, github.KindOf(err), "the repository's own endpoint returns the App's permission, not the team's")
	_, err = org.TeamRepository(t.Context(), "t", "strange")
	assert.ErrorContains(t, err, "not followed")
	_, err = org.TeamRepository(t.Context(), "t", "taken")
	assert.Equal(t, github.NotFound, github.KindOf(err))
	assert.Equal(t, github.NotFound, github.KindOf(org.DeleteGroup(t.Context(), 5)), "a write does not become a read")
	_, err = org.UpdateGroup(t.Context(), 5, github.GroupChange{Name: "x"})
	assert.ErrorContains(t, err, "not followed")
	assert.Zero(t, strayed.Load())
}

func TestHeaders(t *testing.T) {
	f := newFake(t)
	f.on("GET /orgs/acme/actions/runner-groups/5", 200, `{"id":5}`)
	f.on("GET /app", 200, `{"id":4242}`)
	app := newApp(t, f.URL)
	require.NoError(t, app.Ping(t.Context()))
	_, err := app.Org("acme", 0, "").Group(t.Context(), 5)
	require.NoError(t, err)
	for _, r := range f.calls() {
		assert.Equal(t, []string{"application/vnd.github+json"}, r.header["Accept"])
		assert.Equal(t, "2022-11-28", r.header.Get("X-GitHub-Api-Version"))
		assert.Contains(t, r.header.Get("User-Agent"), "actions-runner-manager")
	}
}

func TestEnterpriseServer(t *testing.T) {
	s := newSim(t)
	org := newApp(t, s.url+"/api/v3").Org("ACME", 0, "runner-admin")
	_, err := org.Groups(t.Context())
	require.NoError(t, err)
	_, err = org.AdminRepository(t.Context())
	require.NoError(t, err)
	assert.Empty(t, s.Unknown())
}

func TestTLS(t *testing.T) {
	f := newFake(t)
	var proto atomic.Value
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proto.Store(r.Proto)
		f.ServeHTTP(w, r)
	}))
	secure.EnableHTTP2 = true
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	f.on("GET /app", 200, `{"id":4242}`)

	err := newApp(t, secure.URL).Ping(t.Context())
	assert.Equal(t, github.Unavailable, github.KindOf(err))
	assert.ErrorContains(t, err, "certificate")
	pool := x509.NewCertPool()
	pool.AddCert(secure.Certificate())
	require.NoError(t, newApp(t, secure.URL, func(o *github.Options) { o.RootCAs = pool }).Ping(t.Context()))
	assert.Equal(t, "HTTP/2.0", proto.Load())
}
