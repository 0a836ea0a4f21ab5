package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// auditFilters are queries for which there is an index each, of the entries that
// [fillAudit] writes.
var auditFilters = []struct {
	name  string
	query store.AuditQuery
	index string
	want  []string
}{
	{"all", store.AuditQuery{}, "audit_org", []string{"r5 done", "r4 refused", "r3 done", "r2 failed", "r1 done"}},
	{"a team", store.AuditQuery{TeamID: 10, Team: "platform"}, "audit_team", []string{"r4 refused", "r2 failed", "r1 done"}},
	{"a caller, in any case", store.AuditQuery{Caller: "ALICE"}, "audit_caller", []string{"r3 done", "r1 done"}},
	{"a command", store.AuditQuery{Command: "repos-add"}, "audit_command", []string{"r4 refused", "r1 done"}},
	{"changes", store.AuditQuery{Changes: true}, "audit_changed", []string{"r2 failed", "r1 done"}},
	{"changes of a team", store.AuditQuery{TeamID: 11, Team: "web", Changes: true}, "audit_team", nil},
	{"all of them", store.AuditQuery{TeamID: 10, Team: "platform", Caller: "alice", Command: "repos-add", Changes: true}, "audit_team", []string{"r1 done"}},
	{"nobody's", store.AuditQuery{Caller: "carol"}, "audit_caller", nil},
}

func fillAudit(t *testing.T, s *store.Store, now *time.Time) {
	t.Helper()
	for _, e := range []store.Entry{
		{RequestID: "r1", TeamID: 10, Team: "platform", Caller: "Alice", Command: "repos-add", Outcome: store.Asked, Source: store.Source{Repo: "runner-admin", Issue: 3, Comment: 9001}},
		{RequestID: "r2", TeamID: 10, Team: "platform", Caller: "bob", Command: "group-delete", Outcome: store.Asked},
		{RequestID: "r3", TeamID: 11, Team: "web", Caller: "alice", Command: "group-list", Outcome: store.Done},
		{RequestID: "r1", TeamID: 10, Team: "platform", Caller: "Alice", Command: "repos-add", Outcome: store.Done, Changed: true, Source: store.Source{Repo: "runner-admin", Issue: 3, Comment: 9001}},
		{RequestID: "r2", TeamID: 10, Team: "platform", Caller: "bob", Command: "group-delete", Outcome: store.Failed, Changed: true},
		{RequestID: "r4", Team: "platform", Caller: "eve", Command: "repos-add", Outcome: store.Refused, Count: -1},
		{RequestID: "r5", Caller: "bob", Command: "whoami", Outcome: store.Done},
	} {
		*now = now.Add(time.Second)
		e.OrgID = 1
		write := s.Audit
		if e.Count < 0 {
			write = s.AuditCount
		}
		require.NoError(t, write(t.Context(), e))
	}
}

func auditNames(t *testing.T, s *store.Store, q store.AuditQuery) (names []string) {
	t.Helper()
	q.OrgID = 1
	entries, err := s.AuditList(t.Context(), q)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.RequestID+" "+e.Outcome)
	}
	return names
}

func TestAuditFilters(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		fillAudit(t, s, now)
		for _, test := range auditFilters {
			t.Run(test.name, func(t *testing.T) { assert.Equal(t, test.want, auditNames(t, s, test.query)) })
		}
		entries, err := s.AuditList(t.Context(), store.AuditQuery{OrgID: 1, Caller: "alice", Command: "repos-add"})
		require.NoError(t, err)
		require.Len(t, entries, 1)
		assert.Equal(t, store.Source{Repo: "runner-admin", Issue: 3, Comment: 9001}, entries[0].Source)
		assert.True(t, entries[0].Changed)
	})
}

// Each page begins where the one before ended, and every entry is on one of them: with the
// time of its request, even if its outcome is newer than other requests.
func TestAuditPages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		fillAudit(t, s, now)
		var pages []string
		q := store.AuditQuery{OrgID: 1, Limit: 1}
		for range 10 {
			entries, err := s.AuditList(t.Context(), q)
			require.NoError(t, err)
			for _, e := range entries {
				pages = append(pages, e.RequestID)
				q.Before = e.At
			}
		}
		assert.Equal(t, []string{"r5", "r4", "r3", "r2", "r1"}, pages)
		q = store.AuditQuery{OrgID: 1, Since: q.Before.Add(time.Second), Before: q.Before.Add(2 * time.Second)}
		assert.Equal(t, []string{"r2 failed"}, auditNames(t, s, q))
	})
}

// A request with more rows than an entry has on average takes no other's place.
func TestAuditListOfManyAttempts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		for _, request := range []string{"r1", "r2"} {
			for range 40 {
				*now = now.Add(time.Second)
				for _, outcome := range []string{store.Asked, store.Failed} {
					require.NoError(t, s.Audit(t.Context(), store.Entry{OrgID: 1, RequestID: request, Command: "repos-add", Outcome: outcome}))
				}
			}
		}
		assert.Equal(t, []string{"r2 failed", "r1 failed"}, auditNames(t, s, store.AuditQuery{Limit: 2}))
	})
}

// Every filter is served by an index in the order of the list, so that the cost of a page
// does not grow with the audit log.
func TestAuditFiltersUseIndexes(t *testing.T) {
	s, now := openAt(t, "sqlite:"+t.TempDir()+"/arm.db")
	fillAudit(t, s, now)
	for _, test := range auditFilters {
		t.Run(test.name, func(t *testing.T) {
			plan := planOf(t, s, test.query)
			assert.NotContains(t, plan, "SCAN audit", "every row would be read")
			assert.Contains(t, plan, "USING INDEX "+test.index)
			assert.NotRegexp(t, `SEARCH audit [^\n]*\nUSE TEMP B-TREE`, plan, "they would be sorted before the newest are taken")
		})
	}
}

func planOf(t *testing.T, s *store.Store, q store.AuditQuery) string {
	t.Helper()
	q.OrgID, q.Limit = 1, 50
	query, args := store.AuditListSQL(q)
	lines, err := store.Collect(context.Background(), s.Reader(), func(row store.Row) (string, error) {
		var id, parent, unused int
		var detail string
		err := row.Scan(&id, &parent, &unused, &detail)
		return detail, err
	}, "EXPLAIN QUERY PLAN "+query, args...)
	require.NoError(t, err)
	return strings.Join(lines, "\n")
}
