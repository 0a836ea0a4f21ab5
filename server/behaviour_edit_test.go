package server_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// replies returns the texts of the App's comments on the first issue.
func (w *world) replies() (texts []string) {
	for _, c := range w.hub.Comments("acme", "runner-admin", 1) {
		if c.Via != nil {
			texts = append(texts, c.Body)
		}
	}
	return texts
}

// database opens the database beside the server.
func (w *world) database() *store.Store {
	w.t.Helper()
	s, err := store.Open(w.t.Context(), store.Options{URL: w.env["DATABASE_URL"]})
	require.NoError(w.t, err)
	w.t.Cleanup(func() { assert.NoError(w.t, s.Close()) })
	return s
}

// undone returns how many stored deliveries are not done.
func undone(t *testing.T, s *store.Store) (n int) {
	t.Helper()
	require.NoError(t, s.QueryRow(t.Context(), `SELECT count(*) FROM delivery WHERE done_at IS NULL`).Scan(&n))
	return n
}

// edits edits a comment, and returns the outcome of the delivery.
func (w *world) edits(id int64, login, text string) string {
	w.t.Helper()
	require.NoError(w.t, w.hub.Edit("acme", "runner-admin", 1, id, login, text))
	require.NoError(w.t, w.hub.Wait(w.t.Context()))
	all := w.hub.Deliveries()
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Action == "edited" {
			return outcomeOf(all[i])
		}
	}
	return "not delivered"
}

// An edit that adds or changes a command is not run, and is answered, up to three of a comment.
func TestEditsAreNotRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	tests := []struct {
		name, before string
		by           string
		edits        []string // one after the other
		outcomes     string   // of their deliveries
		replies      int      // besides that to the comment itself
	}{
		{"a command is added", "Hello", "ada", []string{"Hello\n\n/runner-group repos-add web"}, "accepted", 1},
		{"a command is changed", "/runner-group group-list", "ada", []string{"/runner-group repos-add web"}, "accepted", 1},
		{"a second time", "Hello", "ada", []string{"/runner-group repos-add web", "/runner-group repos-add api"}, "accepted accepted", 2},
		{"a fourth time", "Hello", "ada", []string{
			"/runner-group repos-add web", "/runner-group repos-add api", "/runner-group repos-add inner", "/runner-group repos-add docs",
		}, "accepted accepted accepted duplicate", 3},
		{"back and forth", "Hello", "ada", []string{"/runner-group repos-add web", "Hello", "/runner-group repos-add web"}, "accepted ignored accepted", 1},
		{"by somebody else", "Hello", "olga", []string{"/runner-group repos-add web"}, "accepted", 1},
		{"the same twice", "Hello", "ada", []string{"/runner-group group-list\n/runner-group group-list"}, "accepted", 1},
		{"text beside a command", "/runner-group group-list", "ada", []string{"Please:\n\n/runner-group group-list\n\nThanks"}, "ignored", 0},
		{"a command is removed", "/runner-group group-list", "ada", []string{"Never mind, runner-group"}, "ignored", 0},
		{"in code", "Hello", "ada", []string{"```\n/runner-group repos-add web\n```"}, "ignored", 0},
		{"by a bot", "Hello", "robot", []string{"/runner-group repos-add web"}, "ignored", 0},
		{"plain text", "Hello", "ada", []string{"Hello again"}, "ignored", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := w.in(t)
			id, err := w.hub.Comment("acme", "runner-admin", 1, "ada", tt.before)
			require.NoError(t, err)
			if strings.Contains(tt.before, "/runner-group") {
				require.Eventually(t, func() bool { return w.reaction(1, id) != "" }, eventually, tick)
			}
			before := len(w.replies())
			var outcomes []string
			for _, text := range tt.edits {
				outcomes = append(outcomes, w.edits(id, tt.by, text))
			}
			assert.Equal(t, tt.outcomes, strings.Join(outcomes, " "))
			if tt.replies > 0 {
				require.Eventually(t, func() bool { return len(w.replies()) == before+tt.replies }, eventually, tick)
				reply := w.replies()[before]
				assert.Contains(t, reply, "@"+tt.by)
				assert.Contains(t, reply, "Edits are not run")
				assert.NotContains(t, reply, "Only the first")
			}
			_, reaction := w.say("ada", 1, "/runner-group group-list") // all of the queue's earlier work is done
			assert.Equal(t, "rocket", reaction)
			assert.Len(t, w.replies(), before+tt.replies+1)
		})
	}
	assert.Empty(t, w.repos("platform"))
}

// A comment whose command is refused because it was edited gets one reply, whichever of its
// deliveries comes first.
func TestEditedBeforeItRan(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{true, false} {
		w := newWorld(t, acme())
		w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
		w.hub.PauseDeliveries(true)
		id, err := w.hub.Comment("acme", "runner-admin", 1, "ada", "/runner-group repos-add api")
		require.NoError(t, err)
		require.NoError(t, w.hub.Edit("acme", "runner-admin", 1, id, "ada", "/runner-group repos-add web"))
		w.hub.PauseDeliveries(false)
		var deliveries []ghsim.Delivery
		for _, d := range w.hub.Deliveries() {
			if d.Event == "issue_comment" {
				deliveries = append(deliveries, d)
			}
		}
		require.Len(t, deliveries, 2)
		w.hub.Update(func(st *ghsim.State) { st.Deliveries = nil }) // the server's own search for lost ones is not what is tested
		if late {
			slices.Reverse(deliveries)
		}
		db := w.database()
		for _, d := range deliveries {
			p := payloadOf(t, d).set("comment.created_at", time.Now().Add(-2*time.Minute).UTC().Format(time.RFC3339))
			_, outcome := w.deliver(p, ghsim.DeliverOptions{GUID: d.GUID})
			assert.Equal(t, "accepted", outcome)
			require.Eventually(t, func() bool { return undone(t, db) == 0 }, eventually, tick)
		}
		assert.Equal(t, "confused", w.reaction(1, id))
		assert.Len(t, w.replies(), 1)
		assert.Empty(t, w.repos("platform"))
	}
}
