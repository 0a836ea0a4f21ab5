package requests_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// asked is an organization in which bob has requested access over that channel.
func asked(t *testing.T, channel dispatch.Channel) *crashing {
	t.Helper()
	w := newCrashing(t, storetest.SQLite(t), channel)
	w.begin(1)
	w.group()
	require.NoError(t, w.dispatch(t.Context(), w.Kit, line{"bob", asks}, false))
	w.request()
	return w
}

// hold holds the request, as a call that a server was stopped at.
func (w *crashing) hold(holder string) {
	w.t.Helper()
	moved, err := w.Env.Store.MoveRequest(w.t.Context(), w.org(), w.number, store.Decision{Event: store.HoldRequest, By: "ada", Holder: holder})
	require.NoError(w.t, err)
	require.True(w.t, moved)
}

// What a server was stopped at ends by what GitHub has of it.
func TestFinish(t *testing.T) {
	t.Parallel()
	attach := func(names ...string) func(*crashing) {
		return func(w *crashing) {
			w.Hub.Update(func(st *ghsim.State) {
				org := st.Org("acme")
				group := org.Group(w.team)
				for _, name := range names {
					group.Repos = append(group.Repos, org.Repo(name).ID)
				}
			})
		}
	}
	for _, tt := range []struct {
		name string
		do   func(*crashing)
		want store.RequestState
		note string
		left int // on record of the group's repositories
	}{
		{"all are attached", attach("foreign", "docs"), store.RequestApproved, "", 2},
		{"none is attached", attach(), store.RequestPending, "", 0},
		{"some are attached", attach("docs"), store.RequestFailed, "Attached: docs. Not attached: foreign.", 1},
		{"the group was deleted", func(w *crashing) {
			w.Hub.Update(func(st *ghsim.State) {
				for i, g := range st.Org("acme").Groups {
					if g.Name == w.team {
						st.Org("acme").Groups = append(st.Org("acme").Groups[:i], st.Org("acme").Groups[i+1:]...)
						return
					}
				}
			})
		}, store.RequestFailed, "does not exist any more", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := asked(t, dispatch.REST)
			r := w.request()
			var rows []store.Access
			for _, target := range r.Targets {
				rows = append(rows, store.Access{OrgID: r.OrgID, TeamID: r.TeamID, GroupID: r.GroupID, RepoID: target.ID, Repo: target.Name, Request: r.Number, Until: w.Now().Add(time.Hour)})
			}
			require.NoError(t, w.Env.Store.PutAccess(t.Context(), rows...))
			w.hold("a request over REST")
			tt.do(w)
			w.Advance(time.Minute)
			w.keeper.Tick(t.Context())
			assert.Equal(t, store.RequestDeciding, w.request().State, "a call may still be at it")
			w.Advance(2 * time.Minute)
			newKeeper(w.Kit).Tick(t.Context())
			assert.Equal(t, store.RequestDeciding, w.request().State, "a server that has just started waits")
			w.keeper.Tick(t.Context())
			r = w.request()
			assert.Equal(t, tt.want, r.State)
			assert.Contains(t, r.Note, tt.note)
			assert.Equal(t, tt.want == store.RequestApproved, !r.Until.IsZero())
			if tt.want != store.RequestPending {
				assert.Equal(t, "ada", r.DecidedBy)
			}
			if w.HasGroup(w.team) {
				assert.Len(t, w.access(), tt.left)
			}
		})
	}
}

// What a comment began is left to the queue, which runs it again; for an hour at most.
func TestFinishLeavesCommentsToTheQueue(t *testing.T) {
	t.Parallel()
	w := asked(t, dispatch.Comment)
	const id = "delivery-7/0"
	require.NoError(t, w.Env.Store.Start(t.Context(), store.Entry{OrgID: w.org(), RequestID: id, Command: "request-approve", Outcome: store.Asked, At: w.Now()},
		&store.Attempt{RequestID: id, OrgID: w.org(), Command: "request-approve", StartedAt: w.Now(), Saw: "{}"}))
	w.hold(id)
	w.Advance(59 * time.Minute)
	w.keeper.Tick(t.Context())
	assert.Equal(t, store.RequestDeciding, w.request().State)
	w.Advance(2 * time.Minute)
	w.keeper.Tick(t.Context())
	assert.Equal(t, store.RequestPending, w.request().State, "nothing was attached")
}

// Nobody decided the request: the issue says so once, with two servers at it.
func TestExpiryIsTold(t *testing.T) {
	t.Parallel()
	w := asked(t, dispatch.Comment)
	w.Advance(14*24*time.Hour - time.Minute)
	w.keeper.Tick(t.Context())
	assert.Empty(t, w.told())
	w.Advance(time.Minute)
	var servers sync.WaitGroup
	for range 2 {
		servers.Go(func() { newKeeper(w.Kit).Tick(t.Context()) })
	}
	servers.Wait()
	w.keep()
	require.Len(t, w.told(), 1)
	for _, part := range []string{
		fmt.Sprintf("❌ **Request %d expired, because nobody decided it**", w.number), "`foreign`", "`docs`", "team `t1`", "Request it again", "@bob",
	} {
		assert.Contains(t, w.told()[0], part)
	}
}

// Over REST the outcome is in requests-list only.
func TestOutcomeOverREST(t *testing.T) {
	t.Parallel()
	w := asked(t, dispatch.REST)
	w.Must("ada", fmt.Sprintf("request-deny id=%d", w.number))
	w.keep()
	assert.Empty(t, w.told())
}

// The outcome is posted when GitHub is back, and given up if the issue is gone or GitHub stays
// away for a week.
func TestOutcomeIsTold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		fault ghsim.Fault
		after time.Duration // GitHub is back
		want  int
	}{
		{"GitHub is down", ghsim.Fault{Status: http.StatusBadGateway, Times: -1}, time.Hour, 1},
		{"posted, but without an answer", ghsim.Fault{DropAfter: true, Times: 1}, time.Hour, 1},
		{"the issue is gone", ghsim.Fault{Status: http.StatusNotFound, Times: -1}, time.Hour, 0},
		{"the issue is locked", ghsim.Fault{Status: http.StatusForbidden, Times: -1, Body: `{"message":"Unable to create comment because issue is locked."}`}, 8 * 24 * time.Hour, 0},
		{"GitHub is down for more than a week", ghsim.Fault{Status: http.StatusBadGateway, Times: -1}, 8 * 24 * time.Hour, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := asked(t, dispatch.Comment)
			tt.fault.Method, tt.fault.Path = http.MethodPost, "/issues/1/comments$"
			w.Hub.Inject(tt.fault)
			w.Must("ada", fmt.Sprintf("request-deny id=%d reason=reserved", w.number))
			w.keep()
			w.Advance(tt.after)
			w.keep()
			w.Hub.ClearFaults()
			w.keep()
			assert.Len(t, w.told(), tt.want)
			assert.True(t, w.request().TellAt.IsZero(), "nothing is left to do")
		})
	}
}
