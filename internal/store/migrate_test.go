package store_test

import (
	"database/sql"
	"strconv"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // for databases that no version of ours opened
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// A database of the first release keeps its rows, and today's methods read them.
func TestMigrateFromFirstSchema(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		driver, source, dialect := "pgx", url, store.PostgreSQL
		if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
			driver, source, dialect = "sqlite", path, store.SQLite
		}
		old, err := sql.Open(driver, source)
		require.NoError(t, err)
		defer old.Close()
		schema, err := store.Migration(dialect, "0001_start.sql")
		require.NoError(t, err)
		for _, statement := range []string{
			schema,
			`CREATE TABLE schema_version (version BIGINT PRIMARY KEY, at BIGINT NOT NULL)`,
			`INSERT INTO schema_version (version, at) VALUES (1, 1)`,
			`INSERT INTO ownership (org_id, team_id, team_slug, group_id, group_name, visibility, origin, made_by, made_at)
				VALUES (1, 10, 'platform', 100, 'p', 'selected', 'created', 'alice', 5000000)`,
			`INSERT INTO intent (org_id, team_id, kind, team_slug, name, request_id, made_by, made_at)
				VALUES (1, 11, 'group-create', 'web', 'web', 'r9', 'bob', 6000000)`,
			auditOfFirstSchema(1, "operator", "operator", "r1", "NULL"),
			auditOfFirstSchema(2, "alice", "rest", "r2", "NULL"),
			auditOfFirstSchema(3, "operator", "comment", "r3", "NULL"), // a user of that name
			auditOfFirstSchema(4, "bob", "console", "", "0"),
			auditOfFirstSchema(2, "carol", "rest", "r4", "NULL"),
			auditOfFirstSchema(5, "carol", "rest", "r4", "NULL"),
			`UPDATE audit SET command = 'repos-add', outcome = CASE at WHEN 2 THEN 'asked' ELSE 'done' END, org_id = 2 WHERE request_id = 'r4'`,
		} {
			_, err := old.ExecContext(t.Context(), statement)
			require.NoError(t, err, statement)
		}
		require.NoError(t, old.Close())

		s, _ := openAt(t, url)
		assert.False(t, s.New())

		entries, err := s.AuditList(t.Context(), store.AuditQuery{OrgID: 1})
		require.NoError(t, err)
		var got []string
		for _, e := range entries {
			got = append(got, e.Caller+" "+e.Channel)
		}
		assert.Equal(t, []string{"bob console", "operator comment", "alice rest", "operator cli"}, got)

		entries, err = s.AuditList(t.Context(), store.AuditQuery{OrgID: 2, Changes: true})
		require.NoError(t, err)
		require.Len(t, entries, 1, "what was done by a command that changes something")
		assert.Equal(t, store.FromMicros(2), entries[0].At, "with the time of the request")

		record, open, err := s.RecordAndIntents(t.Context(), 1, 10)
		require.NoError(t, err)
		assert.False(t, open)
		assert.Equal(t, store.Record{
			OrgID: 1, TeamID: 10, TeamSlug: "platform", GroupID: 100, GroupName: "p", Visibility: "selected",
			Origin: store.Created, By: "alice", At: store.FromMicros(5000000),
		}, record, "which workflows it is limited to is unknown")
		intent, err := s.IntentOf(t.Context(), 1, 11, store.GroupCreate)
		require.NoError(t, err)
		assert.Equal(t, store.Intent{
			OrgID: 1, TeamID: 11, TeamSlug: "web", Kind: store.GroupCreate, Name: "web", RequestID: "r9", By: "bob",
			At: store.FromMicros(6000000),
		}, intent)

		// What is written now fits beside what was there.
		require.NoError(t, s.Audit(t.Context(), store.Entry{OrgID: 1, Caller: "alice", Channel: "cli", RequestID: "r5"}))
		for range 2 {
			require.NoError(t, s.AuditCount(t.Context(), store.Entry{OrgID: 1, Caller: "alice", Channel: "rest", Reason: "rate_limited"}))
		}
		entries, err = s.AuditList(t.Context(), store.AuditQuery{OrgID: 1})
		require.NoError(t, err)
		assert.Len(t, entries, 6)
	})
}

// auditOfFirstSchema returns an INSERT for the audit table as it was before migration 2.
func auditOfFirstSchema(at int, caller, channel, requestID, minute string) string {
	return `INSERT INTO audit (at, org_id, org, team_id, team, caller_id, caller, door, command, args, outcome, reason, request_id, count, minute)
		VALUES (` + strconv.Itoa(at) + `, 1, 'acme', 10, 'platform', 5, '` + caller + `', '` + channel + `', 'group-list', '', 'done', '', '` + requestID + `', 1, ` + minute + `)`
}
