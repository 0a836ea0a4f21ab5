package requests_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/requests"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

const (
	// resumedAfter is when the queue runs a comment again whose process ended.
	resumedAfter = 3 * time.Minute
	// finishedAfter is when what nothing runs again is ended.
	finishedAfter = 6 * time.Minute
)

// A crashing is an organization in which bob administers foreign and docs, ada maintains the
// teams t1, t2, …, and olga is an owner.
type crashing struct {
	*commandtest.Kit
	t        *testing.T
	database string
	channel  dispatch.Channel
	keeper   *requests.Keeper
	team     string // of this attempt
	id       int    // of its last command
	number   int64  // of its request; 0: it has none yet
	mentions map[string]string
	began    time.Time              // of the last command's first attempt
	recorded map[int64]store.Access // when the process ended
}

func newCrashing(t *testing.T, database string, channel dispatch.Channel) *crashing {
	t.Helper()
	k := commandtest.NewOn(t, database, func(p *dispatch.Policy) { p.Approval = []string{"group-create"} })
	w := &crashing{Kit: k, t: t, database: database, channel: channel, keeper: newKeeper(k)}
	w.Env.Notify = func(context.Context, int64, int64, string) error { return nil }
	require.NoError(t, k.Hub.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{{
		Login: "acme", Repositories: []ghsim.RepoSpec{{Name: "runner-admin", Issues: []ghsim.IssueSpec{{Title: "Anything"}}}},
	}}}))
	k.Hub.Update(func(st *ghsim.State) {
		for _, name := range []string{"foreign", "docs"} {
			st.Org("acme").Repo(name).Collaborators = map[int64]string{st.User("bob").ID: "admin"}
		}
	})
	return w
}

func newKeeper(k *commandtest.Kit) *requests.Keeper {
	return requests.New(requests.Options{
		Env: k.Env, Logger: zerolog.Nop(), Escape: func(text string) string { return text },
		Wrote: func(_ context.Context, appID int64, _ string) (bool, error) { return appID == 4242, nil },
	})
}

// begin prepares the next attempt, which has a team of its own.
func (w *crashing) begin(n int) {
	w.t.Helper()
	w.team, w.number, w.mentions = fmt.Sprintf("t%d", n), 0, map[string]string{}
	require.NoError(w.t, w.Hub.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{{
		Login: "acme", Teams: []ghsim.TeamSpec{{Name: w.team, Maintainers: []string{"ada"}, Repositories: map[string]string{"api": "admin"}}},
	}}}))
}

// group has an owner make the team's group.
func (w *crashing) group() {
	w.t.Helper()
	w.Must("ada", "group-create team="+w.team)
	w.request()
	w.Must("olga", fmt.Sprintf("request-approve id=%d", w.number))
	w.number = 0
}

// request finds the number of the newest request.
func (w *crashing) request() store.Request {
	w.t.Helper()
	all, err := w.Env.Store.Requests(w.t.Context(), store.RequestQuery{OrgID: w.org(), All: true, Team: w.team, Limit: 10})
	require.NoError(w.t, err)
	require.NotEmpty(w.t, all)
	w.number = all[0].Number
	return all[0]
}

func (w *crashing) org() (id int64) {
	w.Hub.Update(func(st *ghsim.State) { id = st.Org("acme").ID })
	return id
}

// A line is a command of somebody's. NUMBER and TEAM are replaced by those of the attempt.
type line struct{ login, text string }

// dispatch runs the line in that process. Repeated says that it was run before.
func (w *crashing) dispatch(ctx context.Context, k *commandtest.Kit, l line, repeated bool) error {
	if !repeated {
		w.id++
		w.began = w.Now()
	}
	words := strings.Fields(strings.NewReplacer("NUMBER", fmt.Sprint(w.number), "TEAM", w.team).Replace(l.text))
	req := dispatch.Request{
		ID: fmt.Sprintf("delivery-%d/0", w.id), Channel: w.channel, Command: words[0], Org: "acme", Caller: w.Caller(l.login), Repeated: repeated,
	}
	if w.channel == dispatch.Comment {
		req.Source = dispatch.Source{Repo: "runner-admin", Issue: 1, Comment: int64(w.id)}
	}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		req.Args.Add(name, value)
	}
	result, err := k.Dispatch(ctx, req)
	if err == nil {
		w.mentions[req.ID] = result.Mention
	}
	return err
}

// resume runs the line again as the queue does: until it does not fail by accident.
func (w *crashing) resume(l line) error {
	var err error
	for range 5 {
		if err = w.dispatch(w.t.Context(), w.Kit, l, true); err == nil || !dispatch.ReasonOf(err).Transient() {
			return err
		}
		w.Advance(time.Minute)
	}
	return err
}

// keep does what is due for requests.
func (w *crashing) keep() {
	for range 3 {
		w.keeper.Tick(w.t.Context())
		w.Advance(2 * time.Minute)
	}
}

// told returns the comments that tell the outcome of the request.
func (w *crashing) told() (bodies []string) {
	for _, c := range w.Hub.Comments("acme", "runner-admin", 1) {
		if strings.Contains(c.Body, fmt.Sprintf("<!-- arm:request %d/%d -->", w.org(), w.number)) {
			bodies = append(bodies, c.Body)
		}
	}
	return bodies
}

// outcome checks the request's state, and that its outcome was posted once, with a mention.
func (w *crashing) outcome(want ...store.RequestState) store.Request {
	w.t.Helper()
	r, err := w.Env.Store.RequestOf(w.t.Context(), w.org(), w.number)
	require.NoError(w.t, err)
	assert.Contains(w.t, want, r.State, "%+v", r)
	if w.channel == dispatch.Comment && r.State != store.RequestPending {
		if told := w.told(); assert.Len(w.t, told, 1, "comments that tell the outcome") {
			assert.Equal(w.t, 1, strings.Count(told[0], "@"+r.Requester), told[0])
		}
	}
	return r
}

// attached checks what is attached, and that it is on record as of this request.
func (w *crashing) attached(want ...string) {
	w.t.Helper()
	assert.ElementsMatch(w.t, want, w.Repos(w.team))
	access := w.access()
	assert.Len(w.t, access, len(want))
	for id, a := range access {
		assert.Equal(w.t, w.number, a.Request)
		assert.WithinDuration(w.t, w.began.Add(9*24*time.Hour), a.Until, 3*finishedAfter)
		if before, ok := w.recorded[id]; ok && w.channel == dispatch.Comment {
			assert.WithinDuration(w.t, before.Until, a.Until, time.Minute, "running it again does not put off the end")
		}
	}
}

// access returns what is on record of the team's group.
func (w *crashing) access() map[int64]store.Access {
	w.t.Helper()
	var id int64
	w.Hub.Update(func(st *ghsim.State) {
		if group := st.Org("acme").Group(w.team); group != nil {
			id = group.ID
		}
	})
	access, err := w.Env.Store.AccessOf(w.t.Context(), w.org(), id)
	require.NoError(w.t, err)
	return access
}

const asks = "access-request team=TEAM repos=foreign,docs for=9d"

// A crash is something that a process does when it ends.
type crash struct {
	name  string
	setup func(*crashing)
	line  line // empty: what the server does by itself
	check func(*crashing)
}

func crashes() []crash {
	asked := func(w *crashing) {
		w.group()
		require.NoError(w.t, w.dispatch(w.t.Context(), w.Kit, line{"bob", asks}, false))
		w.request()
	}
	toCreate := func(w *crashing) {
		require.NoError(w.t, w.dispatch(w.t.Context(), w.Kit, line{"ada", "group-create team=TEAM"}, false))
		w.request()
	}
	one := func(w *crashing, before int) {
		all, err := w.Env.Store.Requests(w.t.Context(), store.RequestQuery{OrgID: w.org(), All: true, Team: w.team, Limit: 10})
		require.NoError(w.t, err)
		assert.Len(w.t, all, before+1, "one request")
		w.request()
		w.outcome(store.RequestPending)
		if w.channel == dispatch.Comment && before == 1 {
			assert.Equal(w.t, "acme/"+w.team, w.mentions[fmt.Sprintf("delivery-%d/0", w.id)], "the answer mentions the team")
		}
	}
	return []crash{
		{"access-request", (*crashing).group, line{"bob", asks}, func(w *crashing) {
			one(w, 1)
			notices, err := w.Env.Store.Notices(w.t.Context(), w.org())
			require.NoError(w.t, err)
			n := 0
			for _, notice := range notices {
				if strings.Contains(notice.Text, fmt.Sprintf("request-approve %d`", w.number)) {
					n++
				}
			}
			assert.Equal(w.t, w.channel == dispatch.REST, n == 1, "%d notices to the team", n)
			w.Must("bob", fmt.Sprintf("request-withdraw id=%d", w.number)) // there may be 20
		}},
		{"approve access", asked, line{"ada", "request-approve id=NUMBER"}, func(w *crashing) {
			if w.channel == dispatch.Comment {
				w.outcome(store.RequestApproved)
				w.attached("foreign", "docs")
				return
			}
			// nothing runs it again
			r := w.outcome(store.RequestApproved, store.RequestFailed)
			assert.True(w.t, r.State == store.RequestApproved || r.Note != "")
			if r.State == store.RequestApproved {
				w.attached("foreign", "docs")
			} else {
				attached := w.Repos(w.team)
				w.attached(attached...)
				assert.Contains(w.t, r.Note, "Attached: "+strings.Join(attached, ", ")+". Not attached: ")
			}
		}},
		{"repos-add", (*crashing).group, line{"ada", "repos-add team=TEAM repos=api for=9d"}, func(w *crashing) { w.attached("api") }},
		{"a command to approve", func(*crashing) {}, line{"ada", "group-create team=TEAM"}, func(w *crashing) {
			one(w, 0)
			assert.False(w.t, w.HasGroup(w.team))
			w.Must("ada", fmt.Sprintf("request-withdraw id=%d", w.number))
		}},
		{"approve a command", toCreate, line{"olga", "request-approve id=NUMBER"}, func(w *crashing) {
			r := w.outcome(store.RequestApproved, store.RequestFailed)
			assert.True(w.t, r.State == store.RequestApproved || w.channel == dispatch.REST && r.Note != "", "%s", r.Note)
			assert.True(w.t, w.HasGroup(w.team) || r.State == store.RequestFailed)
		}},
		{"deny", asked, line{"ada", "request-deny id=NUMBER reason=reserved"}, func(w *crashing) {
			r := w.outcome(store.RequestDenied)
			assert.Equal(w.t, "reserved", r.Note)
			w.attached()
		}},
		{"withdraw", asked, line{"bob", "request-withdraw id=NUMBER"}, func(w *crashing) {
			w.outcome(store.RequestWithdrawn)
			w.attached()
		}},
		{"expire", func(w *crashing) {
			asked(w)
			w.Advance(15 * 24 * time.Hour)
		}, line{}, func(w *crashing) {
			w.outcome(store.RequestExpired)
			w.attached()
		}},
		{"tell", func(w *crashing) {
			asked(w)
			w.Must("ada", fmt.Sprintf("request-deny id=%d", w.number))
		}, line{}, func(w *crashing) { w.outcome(store.RequestDenied) }},
	}
}

// A process ends at each call to GitHub and at each write to the database in turn, before its
// effect and after it. Whatever comes next, the queue or the server's own work, the request is
// decided once, has its effect once, and its outcome is posted once.
func TestCrashOfRequests(t *testing.T) {
	for _, channel := range []dispatch.Channel{dispatch.Comment, dispatch.REST} {
		for _, c := range crashes() {
			if channel == dispatch.REST && c.line == (line{}) {
				continue
			}
			t.Run(string(channel)+" "+c.name, func(t *testing.T) {
				t.Parallel()
				for name, database := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
					t.Run(name, func(t *testing.T) { newCrashing(t, database(t), channel).atEachAct(c) })
				}
			})
		}
	}
}

// atEachAct lets a process end at each act.
func (w *crashing) atEachAct(c crash) {
	n := 0
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			n++
			w.begin(n)
			if !w.crashes(c, at, after) {
				w.t.Logf("%d acts, after their effect: %t", at-1, after)
				break
			}
			require.False(w.t, w.t.Failed(), "act %d, after its effect: %t", at, after)
			require.Less(w.t, at, 60)
		}
	}
}

// crashes lets a process end at that act, and reports false if it has fewer.
func (w *crashing) crashes(c crash, at int, after bool) bool {
	w.t.Helper()
	c.setup(w)
	p := newMortal(w.t, w.Kit, w.database)
	p.Env.Notify = w.Env.Notify
	p.dies(at, after)
	var err error
	if c.line == (line{}) {
		newKeeper(p.Kit).Tick(p.ctx)
	} else {
		err = w.dispatch(p.ctx, p.Kit, c.line, false)
	}
	died := p.isDead()
	p.Close()
	w.recorded = w.access()
	if !died {
		require.NoError(w.t, err)
	}
	switch {
	case c.line == (line{}):
	case w.channel == dispatch.REST: // the person tries again
		w.Advance(finishedAfter)
		w.keep()
		err := w.dispatch(w.t.Context(), w.Kit, c.line, false)
		if reason := dispatch.ReasonOf(err); reason != "" && reason != dispatch.ReasonRequestDecided {
			require.NoError(w.t, err)
		}
	case at%2 == 0: // the server's own work is first
		w.Advance(resumedAfter)
		w.keeper.Tick(w.t.Context())
		require.NoError(w.t, w.resume(c.line))
	default:
		w.Advance(resumedAfter)
		require.NoError(w.t, w.resume(c.line))
	}
	w.keep()
	c.check(w)
	return died
}
