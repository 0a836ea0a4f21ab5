package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

const (
	manyRows = 60_000
	// readRows is more than all that the test's statements look at, and less than the table.
	readRows = 50_000
)

// fillMany writes many rows of the audit, a second after each other: of 100 callers, 50 teams
// and two organizations, one of 20 with a change.
func fillMany(t *testing.T, s *store.Store, dialect store.Dialect, from time.Time) {
	t.Helper()
	rows := `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?2 - 1)`
	if dialect == store.PostgreSQL {
		rows = `WITH n AS (SELECT i FROM generate_series(0, CAST(?2 AS BIGINT) - 1) AS i)`
	}
	_, err := s.Exec(t.Context(), `INSERT INTO audit (at, started_at, org_id, org, team_id, team, caller_id, caller, channel, command, args,
			outcome, reason, request_id, count, changed)
		`+rows+` SELECT ?1 + i * 1000000, ?1 + i * 1000000, 1 + i % 2, 'acme', 1 + i % 50, 'team-' || CAST(i % 50 AS TEXT), i % 100,
			'user-' || CAST(i % 100 AS TEXT), 'rest', CASE i % 3 WHEN 0 THEN 'repos-add' WHEN 1 THEN 'group-list' ELSE 'token-register' END,
			'{}', 'done', '', 'request-' || CAST(i AS TEXT), 1, CASE WHEN i % 20 = 0 THEN 1 ELSE 0 END FROM n`, store.Micros(from), manyRows)
	require.NoError(t, err)
}

// useAudit runs every statement about the audit.
func useAudit(t *testing.T, s *store.Store, from time.Time) {
	t.Helper()
	ctx := t.Context()
	e := store.Entry{OrgID: 1, Org: "acme", TeamID: 3, Team: "team-2", CallerID: 2, Caller: "user-2", Command: "repos-add", Outcome: store.Asked, RequestID: "new"}
	require.NoError(t, s.Audit(ctx, e))
	require.NoError(t, s.AuditCount(ctx, e))
	require.NoError(t, s.Start(ctx, e, nil))
	ok, err := s.LeaseFor(ctx, "team/1/3", "me", time.Minute, e, nil)
	require.NoError(t, err)
	require.True(t, ok)
	e.Outcome = store.Done
	require.NoError(t, s.ReleaseAfter(ctx, e, nil, nil, "me", "team/1/3"))
	for bits := range 16 {
		q := store.AuditQuery{OrgID: 1}
		if bits&1 != 0 {
			q.TeamID, q.Team = 3, "team-2"
		}
		if bits&2 != 0 {
			q.Caller = "user-51" // who never acted for that team
		}
		if bits&4 != 0 {
			q.Command = "group-list"
		}
		q.Changes = bits&8 != 0
		_, err := s.AuditList(ctx, q)
		require.NoError(t, err)
	}
	_, _, err = s.AuditExport(ctx, store.AuditPage{OrgID: 1, Since: from.Add(time.Hour)}, 100)
	require.NoError(t, err)
	_, err = s.AuditOrgs(ctx)
	require.NoError(t, err)
	_, err = s.TokensSince(ctx, 1, 3, from.Add((manyRows-100)*time.Second))
	require.NoError(t, err)
	require.NoError(t, s.Prune(ctx, from.Add(300*time.Second), from)) // few, so that an index pays in this table too
}

// No statement about the audit looks at all of it: each finds its rows by an index, and reads a
// bounded number of them. Rows are pruned in batches.
func TestAuditOfAnySize(t *testing.T) {
	t.Parallel()
	from := time.Now().Add(-manyRows * time.Second).Truncate(time.Second)
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		s := open(t, storetest.SQLite(t))
		fillMany(t, s, store.SQLite, from)
		useAudit(t, s, from)
		plans, err := s.Plans(t.Context(), "audit")
		require.NoError(t, err)
		require.Greater(t, len(plans), 20)
		for query, plan := range plans {
			for step := range strings.Lines(plan) {
				step = strings.TrimSpace(step)
				whole := strings.HasPrefix(step, "SCAN audit") && !strings.Contains(step, "USING") || strings.HasPrefix(step, "SCAN o")
				assert.False(t, whole, "%s:\n%s", query, plan)
			}
		}
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := storetest.Postgres(t)
		s := open(t, url)
		fillMany(t, s, store.PostgreSQL, from)
		_, err := s.Exec(t.Context(), `ANALYZE audit`)
		require.NoError(t, err)
		require.NoError(t, s.Close())
		scans, read := auditReads(t, url)
		s = open(t, url)
		useAudit(t, s, from)
		require.NoError(t, s.Close()) // then its counters are complete
		scansAfter, readAfter := auditReads(t, url)
		assert.Equal(t, scans, scansAfter, "scans of the whole table")
		assert.Less(t, readAfter-read, int64(readRows), "rows found by indexes")
	})
}

// auditReads returns how often PostgreSQL scanned the whole audit, and how many rows it found by
// indexes.
func auditReads(t *testing.T, url string) (scans, read int64) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	require.Eventually(t, func() bool { // the counters of closed connections come a little later
		var others int
		require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`).Scan(&others))
		return others == 0
	}, 30*time.Second, 10*time.Millisecond)
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT seq_scan, (SELECT coalesce(sum(idx_tup_read), 0)::bigint FROM pg_stat_user_indexes WHERE relname = 'audit')
		FROM pg_stat_user_tables WHERE relname = 'audit'`).Scan(&scans, &read))
	t.Logf("%d scans, %d rows", scans, read)
	return scans, read
}
