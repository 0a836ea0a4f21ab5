package server_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// The program is killed at some of the calls that a request and its approval in comments lead
// to, the reply, the mention and the outcome among them. TestCrashOfRequests has every call and
// every write of the commands.
func TestCrashRequestsInComments(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short")
	}
	t.Parallel()
	for name, database := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const stride, most = 3, 20
			random, seed := seeded(t)
			w := newCrashWorld(t, database(t), squads(most))
			w.seed = seed
			w.hub.Update(func(st *ghsim.State) {
				st.Org("acme").Repo("docs").Collaborators = map[int64]string{st.User("kim").ID: "admin"}
			})
			p := w.run()
			at := 1 + random.IntN(stride)
			for i := range most {
				team := fmt.Sprintf("t%d", i)
				w.ok("ghp_ada", "POST /api/v1/group-create?team="+team)
				before := p
				p = w.killedAt(p, at, "kim", 2, fmt.Sprintf("/runner-group access-request docs --team %s --for 2h", team))
				killed := p != before
				before = p
				p = w.killedAt(p, at, "ada", 1, fmt.Sprintf("/runner-group request-approve %d", i+1))
				w.decidedOnce(i+1, team)
				if !killed && p == before {
					return
				}
				at += stride
			}
			t.Fatal("a comment leads to more calls than expected")
		})
	}
}

// killedAt has somebody write the comment, kills the server at that call from then on, and
// waits until another server has answered the comment. It returns the server that runs.
func (w *crashWorld) killedAt(p *process, call int, login string, issue int, text string) *process {
	w.t.Helper()
	var n atomic.Int64
	killed := w.killWhen(p, func(ghsim.Exchange) bool { return n.Add(1) == int64(call) })
	s := w.write(login, issue, text)
	require.Eventually(w.t, func() bool { return p.gone() || w.reaction(issue, s.id) != "" }, eventually, tick)
	if !p.gone() {
		w.onExchange.Store(nil)
	}
	if p.gone() {
		w.gone(killed)
		p = w.run()
	}
	w.settled(time.Minute, s)
	return p
}

// decidedOnce checks that the request was made, mentioned, approved and told once.
func (w *crashWorld) decidedOnce(number int, team string) {
	w.t.Helper()
	st, err := store.Open(w.t.Context(), store.Options{URL: w.database, Logger: zerolog.Nop()})
	require.NoError(w.t, err)
	defer st.Close()
	told := func() bool { return w.told(2, fmt.Sprintf("**Request %d was approved", number)) == 1 }
	require.Eventually(w.t, func() bool {
		// the next attempt is not waited for
		_, err := st.Exec(w.t.Context(), `UPDATE request SET tell_at = 1 WHERE tell_at > ?1`, store.Micros(time.Now().Add(5*time.Second)))
		require.NoError(w.t, err)
		return told()
	}, eventually, 100*time.Millisecond, "the outcome of request %d", number)
	mentions := 0
	for _, c := range w.hub.Comments("acme", "runner-admin", 2) {
		if strings.Contains(c.Body, "@acme/"+team) {
			mentions++
		}
	}
	assert.Equal(w.t, 1, mentions, "mentions of team %s", team)
	assert.Equal(w.t, []string{"docs"}, w.repos(team))
}
