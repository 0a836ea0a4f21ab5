package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

func TestPrune(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := context.Background()
		require.NoError(t, s.Audit(ctx, store.Entry{OrgID: 1, RequestID: "old"}))
		_, err := s.Take(ctx, "old", 1, 1)
		require.NoError(t, err)
		insert := func(guid string, done any) {
			_, err := s.Exec(ctx, `INSERT INTO delivery (guid, installation_id, received_at, done_at) VALUES (?1, 1, ?2, ?3)`,
				guid, store.Micros(*now), done)
			require.NoError(t, err)
		}
		require.NoError(t, s.WaitForLease(ctx, "team:1", "killed", 0, time.Minute))
		insert("old", store.Micros(*now))
		insert("open", nil)
		for range 3 { // more than one batch of entries that stay
			_, err := s.Exec(ctx, `INSERT INTO redelivery (guid, tries, failed_at, next_at) VALUES (?1, 1, 0, ?2)`, t.Name()+now.String(), store.Micros(*now))
			require.NoError(t, err)
			*now = now.Add(4 * 24 * time.Hour)
		}
		require.NoError(t, s.Audit(ctx, store.Entry{OrgID: 1, RequestID: "new"}))
		_, err = s.Take(ctx, "new", 1, 1)
		require.NoError(t, err)
		require.NoError(t, s.WaitForLease(ctx, "team:1", "new", 0, time.Minute))
		insert("new", store.Micros(*now))

		require.NoError(t, s.Prune(ctx, now.Add(-time.Hour), now.Add(-10*24*time.Hour)))
		count := func(query string) (n int) {
			require.NoError(t, s.QueryRow(ctx, query).Scan(&n))
			return n
		}
		assert.Equal(t, 1, count(`SELECT count(*) FROM audit`))
		assert.Equal(t, 1, count(`SELECT count(*) FROM rate_limit`))
		assert.Equal(t, 1, count(`SELECT count(*) FROM lease_waiter`))
		assert.Equal(t, 2, count(`SELECT count(*) FROM delivery`), "what is not done stays")
		assert.Equal(t, 2, count(`SELECT count(*) FROM redelivery`))
	})
}
