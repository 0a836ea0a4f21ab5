package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// Every page size gives the same entries, oldest first, also if many started at one moment.
func TestAuditExport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		start := now.Add(time.Second)
		fillAudit(t, s, now)
		*now = now.Add(time.Second)
		for i := range 3 {
			require.NoError(t, s.Audit(t.Context(), store.Entry{OrgID: 1, Org: "acme", RequestID: fmt.Sprint("same", i), Outcome: store.Done}))
			require.NoError(t, s.Audit(t.Context(), store.Entry{OrgID: 2, Org: "globex", RequestID: "other", Outcome: store.Done}))
		}
		all := []string{"r1 done", "r2 failed", "r3 done", "r4 refused", "r5 done", "same0 done", "same1 done", "same2 done"}
		export := func(page store.AuditPage, limit int) (names []string) {
			page.OrgID = 1
			for {
				entries, next, err := s.AuditExport(t.Context(), page, limit)
				require.NoError(t, err)
				require.LessOrEqual(t, len(entries), limit)
				if len(entries) == 0 {
					return names
				}
				for _, e := range entries {
					names = append(names, e.RequestID+" "+e.Outcome)
				}
				page = next
			}
		}
		for _, limit := range []int{1, 2, 3, 100} {
			assert.Equal(t, all, export(store.AuditPage{}, limit), "%d in a page", limit)
		}
		assert.Equal(t, all[1:3], export(store.AuditPage{Since: start.Add(time.Second), Before: start.Add(3 * time.Second)}, 1))
		assert.Empty(t, export(store.AuditPage{Since: now.Add(time.Second)}, 1))

		orgs, err := s.AuditOrgs(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []store.AuditOrg{{ID: 1, Login: "acme"}, {ID: 2, Login: "globex"}}, orgs)
	})
}
