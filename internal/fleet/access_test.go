package fleet_test

import (
	"context"
	"fmt"
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

// An ending is a kit whose team platform has a group, and two servers' timed work.
type ending struct {
	*commandtest.Kit
	t    *testing.T
	ends []*fleet.AccessEnder
	log  strings.Builder
}

func newEnding(t *testing.T) *ending {
	t.Helper()
	e := &ending{Kit: commandtest.New(t), t: t}
	e.Must("ada", "group-create team=platform")
	log := zerolog.New(zerolog.SyncWriter(&e.log))
	for range 2 {
		e.ends = append(e.ends, &fleet.AccessEnder{Dispatch: e.Dispatch, Env: e.Env, Logger: log})
	}
	return e
}

// pass lets time pass, and both servers look for what is over, at the same moment.
func (e *ending) pass(d time.Duration) {
	e.t.Helper()
	e.Advance(d)
	var all sync.WaitGroup
	for _, ender := range e.ends {
		all.Go(func() {
			for ender.Tick(e.t.Context()) {
			}
		})
	}
	all.Wait()
}

func (e *ending) org(change func(*ghsim.Org)) {
	e.Hub.Update(func(st *ghsim.State) { change(st.Org("acme")) })
}

// ids returns the ids of the organization, of team platform and of its group.
func (e *ending) ids() (org, team, group int64) {
	e.org(func(o *ghsim.Org) { org, team, group = o.ID, o.Team("platform").ID, o.Group("platform").ID })
	return org, team, group
}

// onRecord returns how many repositories of the group have something on record.
func (e *ending) onRecord() int {
	e.t.Helper()
	var orgID, groupID int64
	e.org(func(o *ghsim.Org) {
		orgID = o.ID
		if g := o.Group("platform"); g != nil {
			groupID = g.ID
		}
	})
	known, err := e.Env.Store.AccessOf(e.t.Context(), orgID, groupID)
	require.NoError(e.t, err)
	return len(known)
}

func TestAccessEnds(t *testing.T) {
	t.Parallel()
	e := newEnding(t)
	e.Must("ada", "repos-add team=platform repos=api,web for=2h")
	e.pass(119 * time.Minute)
	assert.Equal(t, []string{"api", "web"}, e.Repos("platform"))
	e.pass(2 * time.Minute)
	assert.Empty(t, e.Repos("platform"))
	assert.Zero(t, e.onRecord())
	org, _, group := e.ids()
	entries, err := e.Env.Store.AuditList(t.Context(), store.AuditQuery{OrgID: org, Command: "repos-remove", Limit: 10})
	require.NoError(t, err)
	require.Len(t, entries, 1, "one of the servers did it")
	assert.Equal(t, []string{"schedule", "server", "platform", "done", "true"},
		[]string{entries[0].Channel, entries[0].Caller, entries[0].Team, entries[0].Outcome, fmt.Sprint(entries[0].Changed)})
	expected, err := e.Env.Store.ExpectedOf(t.Context(), org, group)
	require.NoError(t, err)
	assert.Empty(t, expected.Repos, "so that no poll takes it for a change of others")
}

// What happens between the grant and its end decides what is left to do.
func TestAccessEndsOtherwise(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		before func(*ending)
		want   []string // attached after the first end
		left   int      // on record then
	}{
		{"extended", func(e *ending) { e.Must("ada", "repos-add team=platform repos=api for=3h") }, []string{"api"}, 1},
		{"shortened and extended", func(e *ending) {
			e.Must("ada", "repos-add team=platform repos=api for=1m", "repos-add team=platform repos=api for=5h")
		}, []string{"api"}, 1},
		{"made permanent", func(e *ending) { e.Must("ada", "repos-add team=platform repos=api") }, []string{"api"}, 0},
		{"kept by repos-set", func(e *ending) { e.Must("ada", "repos-set team=platform repos=api,web") }, []string{"web"}, 0},
		{"detached, and attached for good", func(e *ending) {
			e.Must("ada", "repos-remove team=platform repos=api", "repos-add team=platform repos=api")
		}, []string{"api"}, 0},
		{"left out by repos-set", func(e *ending) {
			e.Must("ada", "repos-set team=platform repos=web", "repos-set team=platform repos=api,web")
		}, []string{"api", "web"}, 0},
		{"detached on GitHub", func(e *ending) { e.org(func(o *ghsim.Org) { o.Group("platform").Repos = nil }) }, nil, 0},
		{"renamed, and another has its name", func(e *ending) {
			e.org(func(o *ghsim.Org) {
				o.Repo("api").Name = "old-api"
				o.Repo("docs").Name = "api"
				o.Group("platform").Repos = append(o.Group("platform").Repos, o.Repo("api").ID)
			})
		}, []string{"api"}, 0},
		{"the group was deleted", func(e *ending) { e.Must("ada", "group-delete team=platform") }, nil, 0},
		{"the group was deleted on GitHub", func(e *ending) {
			e.org(func(o *ghsim.Org) {
				for i, g := range o.Groups {
					if g.Name == "platform" {
						o.Groups = append(o.Groups[:i], o.Groups[i+1:]...)
						return
					}
				}
			})
		}, nil, 0},
		{"released", func(e *ending) { e.Must("olga", "group-release team=platform") }, []string{"api"}, 0},
		{"released, and adopted again", func(e *ending) {
			e.Must("olga", "group-release team=platform", "group-adopt team=platform group=platform")
		}, []string{"api"}, 0},
		{"adopted again by its team", func(e *ending) { e.Must("olga", "group-adopt team=platform group=platform") }, nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := newEnding(t)
			e.Must("ada", "repos-add team=platform repos=api for=2h")
			e.pass(time.Hour)
			tt.before(e)
			e.pass(61 * time.Minute)
			if tt.want == nil {
				assert.Empty(t, e.Repos("platform"))
			} else {
				assert.ElementsMatch(t, tt.want, e.Repos("platform"))
			}
			assert.Equal(t, tt.left, e.onRecord())
			overdue, err := e.Env.Store.CountOverdueAccess(t.Context(), e.Now())
			require.NoError(t, err)
			assert.Zero(t, overdue)
		})
	}
}

// While GitHub is down the end is overdue, and it comes when GitHub is back.
func TestAccessEndsLate(t *testing.T) {
	t.Parallel()
	e := newEnding(t)
	e.Must("ada", "repos-add team=platform repos=api for=1h")
	e.Hub.Inject(ghsim.Fault{Method: http.MethodDelete, Times: 1000, Status: http.StatusBadGateway})
	e.pass(time.Hour)
	e.pass(5 * time.Minute)
	assert.Equal(t, []string{"api"}, e.Repos("platform"))
	overdue, err := e.Env.Store.CountOverdueAccess(t.Context(), e.Now().Add(-fleet.AccessGrace))
	require.NoError(t, err)
	assert.Equal(t, 1, overdue)
	assert.Contains(t, e.log.String(), `"overdue":`)
	e.Hub.ClearFaults()
	e.pass(time.Minute)
	assert.Empty(t, e.Repos("platform"))
	assert.Zero(t, e.onRecord())
}

// A call that waited for its turn ends what is over then, not what was over when it was made.
func TestAccessIsExtendedMeanwhile(t *testing.T) {
	t.Parallel()
	e := newEnding(t)
	e.Must("ada", "repos-add team=platform repos=api,web for=1h")
	e.Advance(time.Hour)
	late := &fleet.AccessEnder{Env: e.Env, Logger: zerolog.Nop()}
	late.Dispatch = func(ctx context.Context, req dispatch.Request) (dispatch.Result, error) {
		e.Must("ada", "repos-add team=platform repos=api for=1h")
		return e.Dispatch(ctx, req)
	}
	late.Tick(t.Context())
	assert.Equal(t, []string{"api"}, e.Repos("platform"))
}

func TestAccessReminder(t *testing.T) {
	t.Parallel()
	e := newEnding(t)
	var notes []string
	e.Env.Notify = func(_ context.Context, _, _ int64, text string) error {
		notes = append(notes, text)
		return nil
	}
	e.ends = e.ends[:1]
	e.Must("ada", "repos-add team=platform repos=api for=5d", "repos-add team=platform repos=web for=3d")
	e.pass(3*24*time.Hour + time.Hour)
	assert.Empty(t, notes, "web lasted three days only, and api does for two more")
	e.pass(24 * time.Hour)
	e.pass(time.Hour)
	require.Len(t, notes, 1)
	assert.Contains(t, notes[0], "/runner-group repos-add api --for 7d --team platform")
}
