package alerts_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
	"github.com/actions-runner-manager/actions-runner-manager/internal/alerts"
	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const interval = 5 * time.Minute

var appKey = sync.OnceValues(ghsim.NewKey)

// A world is a simulated GitHub, and the clock of the servers that use it. The team platform owns a group
// with the runners build-1 and build-2.
type world struct {
	t      *testing.T
	hub    *ghsim.Server
	front  *httptest.Server
	calls  atomic.Int64
	most   atomic.Int64 // the server dies after so many calls
	start  time.Time
	ahead  atomic.Int64
	policy dispatch.Policy
}

func (w *world) now() time.Time { return w.start.Add(time.Duration(w.ahead.Load())) }

func (w *world) advance(by time.Duration) { w.ahead.Add(int64(by)) }

func newWorld(t *testing.T) *world {
	t.Helper()
	key, err := appKey()
	require.NoError(t, err)
	hub, err := ghsim.New(ghsim.Scenario{
		Users: []ghsim.UserSpec{{Login: "ada"}, {Login: "olga"}},
		Organizations: []ghsim.OrgSpec{{
			Login: "acme", Owners: []string{"olga"}, Members: []string{"ada"},
			Repositories: []ghsim.RepoSpec{{Name: "runner-admin"}},
			Teams:        []ghsim.TeamSpec{{Name: "platform", Maintainers: []string{"ada"}}},
			RunnerGroups: []ghsim.GroupSpec{{Name: "platform", Runners: []ghsim.RunnerSpec{{Name: "build-1"}, {Name: "build-2"}}}},
		}},
		Apps: []ghsim.AppSpec{{ID: 4242, Name: "arm", PrivateKey: key, Installations: []ghsim.InstallationSpec{{ID: 77, Org: "acme"}}}},
	})
	require.NoError(t, err)
	w := &world{
		t: t, hub: hub, start: time.Now(),
		policy: dispatch.Policy{GroupName: "{team}", RepoPermission: "admin", RegistrationTokens: "true", Allow: []string{"*"}},
	}
	w.most.Store(math.MaxInt64)
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if w.calls.Add(1) > w.most.Load() {
			panic(http.ErrAbortHandler) // the dead send nothing
		}
		hub.ServeHTTP(rw, req)
	}))
	hub.URL = "http://" + front.Listener.Addr().String() // before anybody can ask
	front.Start()
	w.front = front
	t.Cleanup(func() {
		hub.Close()
		front.Close()
		assert.Empty(t, hub.Unknown(), "only addresses that GitHub has are asked")
	})
	return w
}

// A replica is a server, as far as it watches groups.
type replica struct {
	*world
	store  *store.Store
	env    *dispatch.Env
	poller *fleet.Poller
	alerts *alerts.Alerts
	// polled are the last poll's results.
	polled []fleet.Polled
}

// replica starts a server on the database.
func (w *world) replica(url string) *replica {
	w.t.Helper()
	st, err := store.Open(w.t.Context(), store.Options{URL: url, Logger: zerolog.Nop(), Clock: w.now})
	require.NoError(w.t, err)
	w.t.Cleanup(func() { assert.NoError(w.t, st.Close()) })
	r := w.onStore(st)
	r.adopt()
	return r
}

// onStore starts a server on an open database.
func (w *world) onStore(st *store.Store) *replica {
	w.t.Helper()
	key, err := appKey()
	require.NoError(w.t, err)
	base, err := url.Parse(w.front.URL + "/")
	require.NoError(w.t, err)
	block, _ := pem.Decode([]byte(key))
	private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	require.NoError(w.t, err)
	app, err := github.New(github.Options{BaseURL: base, AppID: 4242, Key: private, Logger: zerolog.Nop(), CallTimeout: 3 * time.Second})
	require.NoError(w.t, err)
	env := &dispatch.Env{
		Orgs:  []*dispatch.Org{{Login: "acme", GitHub: app.Org("acme", 77, "runner-admin"), Policy: w.policy}},
		Store: st, GitHubURL: w.front.URL, Holder: fmt.Sprintf("replica-%p", app), Clock: w.now,
		Fleet: &fleet.Records{Store: st}, OfflineAfter: 15 * time.Minute,
	}
	env.Ownership = ownership.New(env)
	dispatcher := dispatch.NewDispatcher(env, commands.All(), dispatch.Standard(env)...)
	r := &replica{world: w, store: st, env: env}
	r.alerts = alerts.New(alerts.Options{
		Env: env, Logger: zerolog.New(zerolog.NewTestWriter(w.t)),
		Wrote:  func(_ context.Context, appID int64, _ string) (bool, error) { return appID == 4242, nil },
		Escape: func(markdown string) string { return strings.ReplaceAll(markdown, "@", "@\u2060") },
	})
	cleaner := &fleet.Cleaner{Dispatch: dispatcher.Dispatch, Store: st, Now: w.now}
	keep := func(_ context.Context, polled fleet.Polled) { r.polled = append(r.polled, polled) }
	r.poller = fleet.New(fleet.Options{
		Env: env, Interval: interval, History: 24 * time.Hour, Logger: zerolog.New(zerolog.NewTestWriter(w.t)),
		Observe: []func(context.Context, fleet.Polled){cleaner.Observe, r.alerts.Observe, keep},
	})
	return r
}

// adopt records that the team platform owns the group platform.
func (r *replica) adopt() {
	r.t.Helper()
	record := store.Record{TeamSlug: "platform", GroupName: "platform", Visibility: "selected", Origin: store.Created, By: "ada"}
	r.hub.Update(func(st *ghsim.State) {
		org := st.Org("acme")
		record.OrgID, record.TeamID, record.GroupID = org.ID, org.Team("platform").ID, org.Group("platform").ID
	})
	require.NoError(r.t, r.store.PutRecord(r.t.Context(), record))
}

// poll waits for the next poll, and does what follows from it.
func (r *replica) poll(times int) {
	r.t.Helper()
	for range times {
		r.polled = nil
		r.advance(interval)
		r.poller.Tick(r.t.Context())
		r.alerts.Tick(r.t.Context())
	}
}

func (w *world) setOnline(name string, online bool) {
	w.hub.SetRunner("acme", name, func(r *ghsim.Runner) {
		r.Status = "offline"
		if online {
			r.Status = "online"
		}
	})
}

func (w *world) admin(change func(*ghsim.Repo)) {
	w.hub.Update(func(st *ghsim.State) { change(st.Org("acme").Repo("runner-admin")) })
}

// issues returns copies of the issues of the admin repository.
func (w *world) issues() (issues []ghsim.Issue) {
	w.admin(func(r *ghsim.Repo) {
		for _, i := range r.Issues {
			issues = append(issues, *i)
		}
	})
	return issues
}

// issue returns the only issue.
func (w *world) issue() ghsim.Issue {
	w.t.Helper()
	issues := w.issues()
	require.Len(w.t, issues, 1)
	return issues[0]
}

// mentions returns the comments on the only issue that mention the team.
func (w *world) mentions() (bodies []string) {
	w.t.Helper()
	for _, c := range w.issue().Comments {
		if strings.Contains(c.Body, "@acme/platform") {
			bodies = append(bodies, c.Body)
		}
	}
	return bodies
}
