package server_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

// If the outcome cannot be recorded, the caller gets the answer all the same, and the next
// command on the group does not wait.
func TestOutcomeThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.dir, "arm.db")+"?_pragma=busy_timeout(5000)")
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), `CREATE TRIGGER odd BEFORE INSERT ON audit WHEN NEW.outcome = 'done' BEGIN SELECT RAISE(ABORT, 'no'); END`)
	require.NoError(t, err)
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api")
	var leases, asked int
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM lease`).Scan(&leases))
	assert.Zero(t, leases)
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM audit WHERE command = 'repos-add' AND outcome = 'asked'`).Scan(&asked))
	assert.Equal(t, 1, asked, "that it was begun is on record")
	assert.True(t, w.log.contains("the outcome could not be written to the audit"), "it is logged")
	w.ok("ghp_ada", "PATCH /api/v1/repos-remove?team=platform&repos=api")
}
