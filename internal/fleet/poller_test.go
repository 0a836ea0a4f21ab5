package fleet_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

const interval = 5 * time.Minute

// A watch is a kit with a poller.
type watch struct {
	*commandtest.Kit
	*fleet.Poller
	t testing.TB

	mu     sync.Mutex
	polled []fleet.Polled
}

func newWatch(t testing.TB) *watch {
	w := &watch{Kit: commandtest.New(t), t: t}
	w.Poller = w.poller()
	return w
}

func (w *watch) poller() *fleet.Poller {
	return fleet.New(fleet.Options{
		Env: w.Env, Interval: interval, History: 90 * 24 * time.Hour, Logger: zerolog.New(zerolog.NewTestWriter(w.t)),
		Observe: []func(context.Context, fleet.Polled){func(_ context.Context, p fleet.Polled) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.polled = append(w.polled, p)
		}},
	})
}

// poll polls the one recorded group once, and returns what came of it.
func (w *watch) poll() fleet.Polled {
	w.t.Helper()
	w.mu.Lock()
	w.polled = nil
	w.mu.Unlock()
	w.Tick(w.t.Context()) // lists the groups
	w.Advance(interval)
	w.Tick(w.t.Context())
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Len(w.t, w.polled, 1)
	return w.polled[0]
}

// org changes the simulated organization.
func (w *watch) org(change func(*ghsim.Org)) {
	w.Hub.Update(func(st *ghsim.State) { change(st.Org("acme")) })
}

func kindsOf(list []store.Finding) []string {
	kinds := []string{}
	for _, f := range list {
		kinds = append(kinds, f.Kind)
	}
	return kinds
}

func TestPoller(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	w.Must("ada", "group-create team=platform", "repos-add team=platform repos=api", "token-register team=platform")
	w.AddRunner("platform", "build-1", "online", false)
	w.AddRunner("platform", "build-2", "online", true)

	p := w.poll()
	require.NoError(t, p.Err)
	assert.Empty(t, p.Findings, "what happened through this server is no finding")
	assert.Equal(t, []int{1, 1, 0}, []int{p.Poll.Idle, p.Poll.Busy, p.Poll.Offline})

	// Nothing changed: all answers are free.
	w.poll()
	w.Hub.ResetCalls()
	w.poll()
	for _, call := range w.Hub.Calls() {
		assert.False(t, call.Charged, "%s %s", call.Method, call.Path)
	}

	// It counts once two polls in a row saw it, and ends by itself.
	online := w.Now()
	w.Hub.SetRunner("acme", "build-1", func(r *ghsim.Runner) { r.Status = "offline" })
	for range 3 {
		assert.Empty(t, w.poll().Findings, "offline for less than 15 minutes")
	}
	p = w.poll()
	assert.Equal(t, []string{"runner_offline"}, kindsOf(p.Findings))
	assert.False(t, p.Findings[0].Counts())
	p = w.poll()
	assert.True(t, p.Findings[0].Counts())
	seen, err := w.Env.Fleet.Sightings(t.Context(), p.OrgID, []int64{p.Runners[0].ID})
	require.NoError(t, err)
	assert.WithinDuration(t, online, seen[p.Runners[0].ID].LastOnline, time.Minute)

	// A poll that reads only a part concludes nothing.
	w.Hub.SetRunner("acme", "build-1", func(r *ghsim.Runner) { r.Status = "online" })
	w.Hub.Inject(ghsim.Fault{Method: http.MethodGet, Path: `/runner-groups/[0-9]+/repositories`, Status: 403, Times: 1, Body: `{"message":"Resource not accessible by integration"}`})
	require.Error(t, w.poll().Err)
	open, err := w.Env.Store.Findings(t.Context(), p.OrgID)
	require.NoError(t, err)
	assert.Len(t, open, 1)
	assert.Empty(t, w.poll().Findings)
	open, err = w.Env.Store.GroupFindings(t.Context(), p.OrgID, p.Record.GroupID, online)
	require.NoError(t, err)
	require.Len(t, open, 1)
	assert.False(t, open[0].ResolvedAt.IsZero())
}

// Every change that others make is found, and ends when it is undone.
func TestPollerOutside(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	w.Must("ada", "group-create team=platform", "repos-add team=platform repos=api,web")
	w.AddRunner("legacy", "old-9", "online", false)
	assert.Empty(t, w.poll().Findings)

	w.org(func(o *ghsim.Org) {
		g := o.Group("platform")
		g.Repos = []int64{o.Repo("api").ID, o.Repo("docs").ID}
		g.AllowsPublic, g.Name = true, "renamed"
		g.RestrictedToWorkflows, g.SelectedWorkflows = true, []string{"acme/api/.github/workflows/ci.yml@main"}
	})
	w.AddRunner("renamed", "mine", "online", false)
	got := kindsOf(w.poll().Findings)
	assert.Equal(t, []string{"public_allowed", "runner_unexpected", "repo_attached_outside", "workflows_changed", "group_renamed", "repo_detached_outside"}, got)

	// A command does not accept what others did.
	w.Must("ada", "repos-add team=platform repos=api")
	got = kindsOf(w.poll().Findings)
	assert.Len(t, got, 6)
}

// What is asked hourly is asked hourly, and the record follows renames.
func TestPollerHourly(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	w.Must("ada", "group-create team=platform", "repos-add team=platform repos=api")
	assert.Empty(t, w.poll().Findings)
	w.org(func(o *ghsim.Org) {
		o.Team("platform").Permissions[o.Repo("api").ID] = "push"
		o.Team("platform").Members = nil
		o.Team("platform").Name, o.Team("platform").Slug = "Base", "base"
	})
	w.Hub.ResetCalls()
	assert.Empty(t, w.poll().Findings)
	assert.Len(t, w.Hub.Calls(), 3, "group, repositories and runners")
	w.Advance(time.Hour)
	w.Tick(t.Context())
	p := w.poll()
	assert.Equal(t, []string{"no_maintainer", "repo_permission_lost"}, kindsOf(p.Findings))
	assert.Equal(t, "base", p.Record.TeamSlug)
	assert.Contains(t, p.Findings[1].Remedy, "--team base")

	// If the team cannot be read, the rest is still recorded.
	w.Hub.Inject(ghsim.Fault{Method: http.MethodGet, Path: `/members`, Status: 403, Times: -1, Body: `{"message":"Resource not accessible by integration"}`})
	w.AddRunner("platform", "new", "online", false)
	w.Advance(time.Hour)
	w.Tick(t.Context())
	p = w.poll()
	assert.Equal(t, []string{"runner_unexpected", "no_maintainer", "repo_permission_lost"}, kindsOf(p.Findings))
}

// A permission that came back in between is no finding if the repository is attached again.
func TestPollerPermissionBack(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	w.Must("ada", "group-create team=platform", "repos-add team=platform repos=api")
	permission := func(p string) {
		w.org(func(o *ghsim.Org) { o.Team("platform").Permissions[o.Repo("api").ID] = p })
	}
	permission("push")
	assert.Equal(t, []string{"repo_permission_lost"}, kindsOf(w.poll().Findings))
	w.Must("ada", "repos-remove team=platform repos=api")
	assert.Empty(t, w.poll().Findings)
	permission("admin")
	w.Must("ada", "repos-add team=platform repos=api")
	assert.Empty(t, w.poll().Findings)
}

// The team needs no permission on what an approved request attached, and what is attached past
// its end is found.
func TestPollerAccess(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	w.org(func(o *ghsim.Org) {
		o.Repo("foreign").Collaborators = map[int64]string{o.Member("bob").User.ID: "admin"}
	})
	w.Must("ada", "group-create team=platform")
	w.Must("bob", "access-request team=platform repos=foreign for=2h")
	w.Must("ada", "request-approve id=1")
	w.Advance(time.Hour)
	w.Tick(t.Context())
	assert.Empty(t, w.poll().Findings, "it came by a request")
	w.Advance(time.Hour)
	w.Tick(t.Context())
	p := w.poll()
	require.Equal(t, []string{"access_overdue"}, kindsOf(p.Findings))
	assert.Contains(t, p.Findings[0].Message, "`foreign` is still attached, although its access ended at `")
	assert.WithinDuration(t, w.Now().Add(-time.Hour), p.Findings[0].Since, time.Hour)
	w.Must("ada", "repos-remove team=platform repos=foreign")
	assert.Empty(t, w.poll().Findings)
}

// A deleted group has one finding, until the team has another group.
func TestPollerDeletedGroup(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	w.Must("ada", "group-create team=platform", "repos-add team=platform repos=api")
	w.AddRunner("platform", "new", "offline", false)
	assert.Equal(t, []string{"runner_unexpected"}, kindsOf(w.poll().Findings))
	w.org(func(o *ghsim.Org) {
		o.Groups = o.Groups[:len(o.Groups)-1]
		o.Runners = nil
	})
	p := w.poll()
	assert.Equal(t, []string{"group_deleted"}, kindsOf(p.Findings))
	assert.Equal(t, "/runner-group group-create --team platform", p.Findings[0].Remedy)
	w.Must("ada", "group-create team=platform")
	w.Advance(time.Minute) // the groups are listed from time to time
	p = w.poll()
	assert.Empty(t, p.Findings)
	require.NoError(t, w.Env.Store.Prune(t.Context(), w.Now(), w.Now()))
	open, err := w.Env.Store.Findings(t.Context(), p.OrgID)
	require.NoError(t, err)
	assert.Empty(t, open, "what was wrong with the old group ended with it")
}

// Polling gives way while GitHub's rate limit is short, and that is no error.
func TestPollerGivesWay(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	w.Must("ada", "group-create team=platform")
	w.poll()
	w.Hub.Inject(ghsim.SecondaryLimit(http.StatusForbidden, 30*time.Second))
	w.Advance(interval)
	w.polled = nil
	w.Tick(t.Context())
	assert.Empty(t, w.polled)
	w.Hub.ResetCalls()
	w.Advance(20 * time.Second)
	w.Tick(t.Context())
	assert.Empty(t, w.Hub.Calls(), "nothing is asked before the time")
}

// An outage of GitHub is one log line, however many groups there are.
func TestPollerOutage(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	w.Must("ada", "group-create team=platform", "group-create team=web")
	var log bytes.Buffer
	w.Poller = fleet.New(fleet.Options{Env: w.Env, Interval: interval, History: time.Hour, Logger: zerolog.New(&log)})
	poll := func() {
		w.Advance(interval)
		w.Tick(t.Context())
	}
	w.Tick(t.Context())
	w.Hub.Inject(ghsim.Fault{Method: http.MethodGet, Path: `/runner-groups/`, Status: 401, Times: -1})
	poll()
	poll()
	assert.Equal(t, 1, strings.Count(log.String(), "\n"), log.String())
	w.Hub.ClearFaults()
	for range 3 { // on a busy machine the first of them may be late
		poll()
	}
	assert.Equal(t, 2, strings.Count(log.String(), "\n"), log.String())
}

// One server polls at a time, and another goes on when it is gone.
func TestOneServerPolls(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	w.Must("ada", "group-create team=platform")
	ok, err := w.Env.Store.Lease(t.Context(), "fleet", "another", interval+10*time.Second)
	require.NoError(t, err)
	require.True(t, ok)
	w.Tick(t.Context())
	w.Advance(interval)
	w.Hub.ResetCalls()
	w.Tick(t.Context())
	assert.Empty(t, w.Hub.Calls())
	w.Advance(20 * time.Second)
	w.poll()
}

// If the App is not installed in an organization, GitHub is not asked again at each tick, and
// the groups of other organizations are polled.
func TestPollerWithoutInstallation(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	w.Must("ada", "group-create team=platform")
	w.Env.Orgs = append([]*dispatch.Org{{Login: "globex", GitHub: w.App.Org("globex", 0, "")}}, w.Env.Orgs...)
	w.Poller = w.poller()
	w.Hub.ResetCalls()
	for range 20 {
		w.Tick(t.Context())
	}
	assert.LessOrEqual(t, len(w.Hub.Calls()), 3)
	require.NoError(t, w.poll().Err)
}

// A group that GitHub answers slowly does not keep the others waiting.
func TestPollerSlowGroup(t *testing.T) {
	t.Parallel()
	w := &watch{Kit: commandtest.New(t), t: t}
	w.Must("ada", "group-create team=platform", "group-create team=web")
	var slow int64
	w.org(func(o *ghsim.Org) { slow = o.Group("platform").ID })
	polls := make(chan int64, 1000)
	p := fleet.New(fleet.Options{
		Env: w.Env, Interval: 10 * time.Millisecond, History: time.Hour, Logger: zerolog.Nop(),
		Observe: []func(context.Context, fleet.Polled){func(_ context.Context, polled fleet.Polled) { polls <- polled.Record.GroupID }},
	})
	began := make(chan struct{})
	release := make(chan struct{})
	defer close(release)
	var once sync.Once
	w.Hub.OnExchange = func(e ghsim.Exchange) {
		if strings.HasSuffix(e.Request.URL.Path, "/"+itoa(slow)+"/runners") {
			once.Do(func() { close(began); <-release })
		}
	}
	go p.Run(t.Context())
	<-began
	for len(polls) > 0 {
		<-polls
	}
	for range 5 {
		select {
		case id := <-polls:
			assert.NotEqual(t, slow, id)
		case <-time.After(10 * time.Second):
			t.Fatal("the other group is not polled")
		}
	}
}

// A server that lost the lease between two polls, however often, polls again once it has it.
func TestPollerLosesLease(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	var records []store.Record
	for i := range int64(8) {
		records = append(records, store.Record{OrgID: w.orgID(), TeamID: 1000 + i, TeamSlug: "t" + itoa(i), GroupID: 1000 + i, Origin: store.Created, By: "ada"})
	}
	require.NoError(t, w.Env.Store.AddRecords(t.Context(), records))
	polls := 0
	var mu sync.Mutex
	w.Poller = fleet.New(fleet.Options{
		Env: w.Env, Interval: interval, History: time.Hour, Logger: zerolog.Nop(),
		Observe: []func(context.Context, fleet.Polled){func(ctx context.Context, _ fleet.Polled) {
			mu.Lock()
			defer mu.Unlock()
			if polls++; polls > 1 {
				return
			}
			assert.NoError(t, w.Env.Store.Release(ctx, "fleet", w.Env.Holder))
			_, err := w.Env.Store.Lease(ctx, "fleet", "another", time.Hour)
			assert.NoError(t, err)
			w.Advance(time.Minute) // the lease is due to be extended
		}},
	})
	for lost := range 6 {
		polls = 0
		w.Tick(t.Context()) // lists the groups
		w.Advance(interval)
		w.Tick(t.Context())
		require.NotZero(t, polls, "polls after the lease was lost %d times", lost)
		require.NoError(t, w.Env.Store.Release(t.Context(), "fleet", "another"))
		w.Advance(time.Minute)
	}
}
