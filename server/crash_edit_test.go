package server_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// An edit is answered once, although the server is killed when it has posted the answer.
func TestCrashAfterTheAnswerToAnEdit(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t, storetest.SQLite(t), acme())
	p := w.run()
	id, err := w.hub.Comment("acme", "runner-admin", 1, "ada", "Hello")
	require.NoError(t, err)
	answers := func() (n int) {
		for _, c := range w.hub.Comments("acme", "runner-admin", 1) {
			if strings.Contains(c.Body, "Edits are not run") {
				n++
			}
		}
		return n
	}
	killed := w.killWhen(p, isPost("/issues/1/comments", "Edits are not run"))
	require.NoError(t, w.hub.Edit("acme", "runner-admin", 1, id, "ada", "/runner-group group-create --team platform"))
	w.gone(killed)
	assert.Equal(t, 1, answers())
	p = w.run()
	// a later command is answered after the interrupted work
	create := w.write("ada", 1, "/runner-group group-create --team web")
	w.settled(eventually, create)
	db, err := store.Open(t.Context(), store.Options{URL: w.database})
	require.NoError(t, err)
	defer db.Close()
	require.Eventually(t, func() bool { return undone(t, db) == 0 }, eventually, tick)
	assert.Equal(t, 1, answers())
	assert.Equal(t, 0, p.terminate(t))
}
