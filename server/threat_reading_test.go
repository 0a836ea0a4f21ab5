package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A comment that ended the server when it was read is not read again when it is delivered
// again, but answered.
func TestThreatCommentThatCrashed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	db := w.database()
	do := func(query string, args ...any) {
		t.Helper()
		_, err := db.Exec(t.Context(), query, args...)
		require.NoError(t, err)
	}
	begun := func() (n int) {
		t.Helper()
		require.NoError(t, db.QueryRow(t.Context(), `SELECT count(*) FROM once`).Scan(&n))
		return n
	}
	long := "/runner-group repos-add api\n\n" + strings.Repeat("many words ", 1000)
	w.commented(long)
	assert.Zero(t, begun(), "that it was read is forgotten")
	w.ok("ghp_ada", "PATCH /api/v1/repos-remove?team=platform&repos=api")

	// A process that ends while it reads leaves the record of that, and no delivery.
	do(`CREATE TRIGGER crash BEFORE DELETE ON once BEGIN SELECT RAISE(IGNORE); END`)
	w.commented("/runner-group group-list")
	assert.Zero(t, begun(), "a short comment is not recorded")
	d, p := w.commented(long)
	assert.Equal(t, 1, begun())
	w.ok("ghp_ada", "PATCH /api/v1/repos-remove?team=platform&repos=api")
	do(`DELETE FROM delivery`)
	before := len(w.replies())
	again := func() string {
		status, outcome := w.deliver(p, ghsim.DeliverOptions{GUID: d.GUID})
		return fmt.Sprint(status, " ", outcome)
	}
	assert.Equal(t, "503 failed", again(), "another process may be at it")
	do(`UPDATE once SET at = ?1`, store.Micros(time.Now().Add(-time.Minute)))
	assert.Equal(t, "200 accepted", again())
	assert.Equal(t, "200 duplicate", again())
	require.Eventually(t, func() bool { return undone(t, db) == 0 }, eventually, tick)
	require.Len(t, w.replies(), before+1)
	assert.Contains(t, w.replies()[before], "could not be read")
	assert.Contains(t, w.log.String(), "A comment is not read again")
	assert.Empty(t, w.repos("platform"))
}
