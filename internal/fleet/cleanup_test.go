package fleet_test

import (
	"context"
	"fmt"
	"net/http"
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

// A cleanup is a kit whose group platform is polled and cleaned up after two hours.
type cleanup struct{ *watch }

func newCleanup(t *testing.T) *cleanup {
	t.Helper()
	w := &watch{Kit: commandtest.New(t, func(p *dispatch.Policy) { p.RemoveOffline = 2 * time.Hour }), t: t}
	w.Must("ada", "group-create team=platform")
	w.Poller = w.poller()
	return &cleanup{w}
}

// clean is the part of Observe that removes runners, without a poller.
func (c *cleanup) clean(p fleet.Polled) {
	cleaner := &fleet.Cleaner{Dispatch: c.Dispatch, Store: c.Env.Store, Now: c.Now}
	cleaner.Observe(zerolog.New(zerolog.NewTestWriter(c.t)).WithContext(c.t.Context()), p)
}

// polls polls as many times, cleans up after the last one, and returns it.
func (c *cleanup) polls(times int) (p fleet.Polled) {
	c.t.Helper()
	for range times {
		p = c.poll()
	}
	c.clean(p)
	return p
}

func (c *cleanup) status(name, status string) {
	c.Hub.SetRunner("acme", name, func(r *ghsim.Runner) { r.Status = status })
}

// removals returns the audit's entries of clean-up.
func (c *cleanup) removals() []store.Entry {
	c.t.Helper()
	entries, err := c.Env.Store.AuditList(c.t.Context(), store.AuditQuery{OrgID: c.orgID(), Command: "runners-remove", Limit: 100})
	require.NoError(c.t, err)
	return entries
}

func (c *cleanup) orgID() (id int64) {
	c.org(func(o *ghsim.Org) { id = o.ID })
	return id
}

func TestRemoveOffline(t *testing.T) {
	t.Parallel()
	c := newCleanup(t)
	for _, name := range []string{"a", "b", "c"} {
		c.AddRunner("platform", name, "online", false)
	}
	c.polls(1)
	c.status("a", "offline")
	c.polls(24)
	assert.Len(t, c.Runners("platform"), 3, "offline for less than two hours")
	c.polls(2)
	assert.Equal(t, []string{"b", "c"}, c.Runners("platform"))
	removals := c.removals()
	require.NotEmpty(t, removals)
	assert.Equal(t, []string{"schedule", "server", "platform", "done", "true"},
		[]string{removals[0].Channel, removals[0].Caller, removals[0].Team, removals[0].Outcome, fmt.Sprint(removals[0].Changed)})
	c.polls(1)
	list, err := c.Env.Store.Removals(t.Context(), c.orgID(), c.Now().Add(-time.Hour))
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.Equal(t, "a", list[0].Name)

	// The last one of the group stays, and it is the one that was online last.
	c.status("b", "offline")
	c.polls(1)
	c.status("c", "offline")
	c.polls(30)
	c.polls(1)
	assert.Equal(t, []string{"c"}, c.Runners("platform"))
}

// What a poll showed may not be true any more when the runner's turn comes.
func TestRemoveOfflineAsksAgain(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*cleanup){
		"online again":     func(c *cleanup) { c.status("a", "online") },
		"busy":             func(c *cleanup) { c.Hub.SetRunner("acme", "a", func(r *ghsim.Runner) { r.Busy = true }) },
		"the last by now":  func(c *cleanup) { c.org(func(o *ghsim.Org) { o.Runner("b").GroupID = o.Group("Default").ID }) },
		"in another group": func(c *cleanup) { c.org(func(o *ghsim.Org) { o.Runner("a").GroupID = o.Group("Default").ID }) },
		"another of its name": func(c *cleanup) {
			c.Hub.SetRunner("acme", "a", func(r *ghsim.Runner) { r.ID += 1000 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCleanup(t)
			c.AddRunner("platform", "a", "offline", false)
			c.AddRunner("platform", "b", "online", false)
			var p fleet.Polled
			for range 26 {
				p = c.poll()
			}
			change(c)
			c.clean(p)
			c.org(func(o *ghsim.Org) { assert.NotNil(t, o.Runner("a")) })
			assert.Empty(t, c.removals(), "nothing was tried")
		})
	}
}

// While nobody looks, nobody knows that a runner is offline without a break.
func TestRemoveOfflineRestarts(t *testing.T) {
	t.Parallel()
	c := newCleanup(t)
	c.AddRunner("platform", "a", "offline", false)
	c.AddRunner("platform", "b", "online", false)
	c.polls(20)
	c.Advance(20 * time.Minute) // three polls are missed
	c.Tick(t.Context())
	c.polls(20)
	assert.Len(t, c.Runners("platform"), 2)
	c.polls(6)
	assert.Equal(t, []string{"b"}, c.Runners("platform"))
}

// At most 20 runners of a group are removed in an hour, over all servers and restarts.
func TestRemoveOfflineRate(t *testing.T) {
	t.Parallel()
	c := newCleanup(t)
	for i := range 45 {
		c.AddRunner("platform", fmt.Sprintf("r-%02d", i), "offline", false)
	}
	c.AddRunner("platform", "up", "online", false)
	c.polls(26)
	assert.Len(t, c.Runners("platform"), 26)
	c.polls(11)
	assert.Len(t, c.Runners("platform"), 26)
	c.polls(2)
	assert.Len(t, c.Runners("platform"), 6)
	c.polls(14)
	assert.Equal(t, []string{"up"}, c.Runners("platform"))
}

// A name with a comma is one runner, and a removal that GitHub refuses is not on record.
func TestRemoveOfflineNames(t *testing.T) {
	t.Parallel()
	c := newCleanup(t)
	for name, status := range map[string]string{"a": "online", "b": "online", "a,b": "offline"} {
		c.AddRunner("platform", name, status, false)
	}
	c.Hub.Inject(ghsim.Fault{Method: http.MethodDelete, Status: 403, Body: `{"message":"Resource not accessible by integration"}`})
	c.polls(26)
	list, err := c.Env.Store.Removals(t.Context(), c.orgID(), time.Time{})
	require.NoError(t, err)
	assert.Empty(t, list)
	assert.Len(t, c.Runners("platform"), 3)
	c.polls(1)
	assert.ElementsMatch(t, []string{"a", "b"}, c.Runners("platform"))
}

// Clean-up needs no maintainer, but the group must still be the team's.
func TestRemoveOfflineAfterRelease(t *testing.T) {
	t.Parallel()
	c := newCleanup(t)
	c.AddRunner("platform", "a", "offline", false)
	c.AddRunner("platform", "b", "online", false)
	var p fleet.Polled
	for range 26 {
		p = c.poll()
	}
	c.Must("olga", "group-release team=platform")
	c.clean(p)
	assert.Len(t, c.Runners("platform"), 2)
	_, err := c.Dispatch(context.Background(), dispatch.Request{
		ID: "x", Channel: dispatch.Schedule, Command: "runners-remove", Org: "acme", TeamID: p.Record.TeamID,
		Args: dispatch.Args{Named: []dispatch.NamedArg{{Name: "team", Values: []string{"platform"}}, {Name: "runners", Values: []string{"a"}}}},
	})
	assert.Equal(t, dispatch.ReasonGroupNotFound, dispatch.ReasonOf(err))
}
