package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// However many rows are old, each statement deletes a bounded number of them, so that no writer
// waits for long.
func TestPruneInBatches(t *testing.T) {
	t.Parallel()
	const old, batch = 4_500, 2_000
	s := open(t, storetest.Postgres(t))
	exec := func(query string, args ...any) {
		t.Helper()
		_, err := s.Exec(t.Context(), query, args...)
		require.NoError(t, err)
	}
	exec(`CREATE TABLE deleted (name TEXT, n BIGINT)`)
	exec(`CREATE FUNCTION count_deleted() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN INSERT INTO deleted SELECT TG_TABLE_NAME, count(*) FROM gone; RETURN NULL; END'`)
	tables := map[string]string{
		"audit": `INSERT INTO audit (at, started_at, org_id, org, team_id, team, caller_id, caller, channel, command, args, outcome, reason, request_id, count)
			SELECT 1, 1, 1, '', 1, '', 1, '', '', '', '', '', '', i, 1`,
		"sample":      `INSERT INTO sample SELECT 1, i, 1, 1, 1, 1`,
		"sample_hour": `INSERT INTO sample_hour SELECT 1, i, 1, 1, 1, 1, 1, 1, 1`,
		"runner":      `INSERT INTO runner SELECT 1, i, 7, '', '', '', i % 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1`,
		"finding":     `INSERT INTO finding SELECT 1, i, '', 0, '', '', 1, '', '', 2, 1`,
		"removal":     `INSERT INTO removal SELECT 1, 1, i, '', 1, 1`,
		"attempt":     `INSERT INTO attempt (request_id, org_id, team_id, other_team_id, command, caller, started_at, saw) SELECT i, 1, 1, 0, '', '', 1, ''`,
		"delivery":    `INSERT INTO delivery (guid, installation_id, received_at, done_at) SELECT i, 1, 1, 1`,
		"session":     `INSERT INTO session SELECT i, 1, '', 1, 1`,
	}
	for table, rows := range tables {
		exec(rows+` FROM generate_series(1, CAST(?1 AS BIGINT)) i`, old)
		exec(`CREATE TRIGGER counted AFTER DELETE ON ` + table + ` REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION count_deleted()`)
	}
	require.NoError(t, s.Prune(t.Context(), time.Now(), time.Now()))
	require.NoError(t, s.PruneSamples(t.Context(), time.Hour))
	for table := range tables {
		var all, most int
		require.NoError(t, s.QueryRow(t.Context(), `SELECT coalesce(sum(n), 0), coalesce(max(n), 0) FROM deleted WHERE name = ?1`, table).Scan(&all, &most))
		assert.Equal(t, old, all, table)
		assert.LessOrEqual(t, most, batch, table)
	}
}
