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

// A decided request is kept as long as the audit, at least for two days, and until its outcome is
// told. An undecided one stays, and no number is given twice.
func TestPruneRequests(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := context.Background()
		add := func(digest string, issue int) store.Request {
			r, isNew, err := s.AddRequest(ctx, store.Request{
				OrgID: 1, Kind: store.AccessRequest, Digest: digest, RequesterID: 9, ExpiresAt: now.Add(1000 * 24 * time.Hour), Source: store.Source{Issue: issue},
			}, nil)
			require.NoError(t, err)
			require.True(t, isNew)
			return r
		}
		move := func(r store.Request, e store.RequestEvent) {
			moved, err := s.MoveRequest(ctx, 1, r.Number, store.Decision{Event: e, By: "ada", Holder: "call"})
			require.NoError(t, err)
			require.True(t, moved)
		}
		move(add("denied", 0), store.DenyRequest)
		move(add("deciding", 0), store.HoldRequest)
		add("pending", 0)
		untold := add("untold", 3)
		move(untold, store.WithdrawRequest)
		numbers := func() (numbers []int64) {
			all, err := s.Requests(ctx, store.RequestQuery{OrgID: 1, All: true, Limit: 10})
			require.NoError(t, err)
			for _, r := range all {
				numbers = append(numbers, r.Number)
			}
			return numbers
		}
		*now = now.Add(24 * time.Hour)
		require.NoError(t, s.Prune(ctx, *now, *now))
		assert.Equal(t, []int64{4, 3, 2, 1}, numbers())
		*now = now.Add(30 * 24 * time.Hour)
		move(add("new", 0), store.DenyRequest)
		require.NoError(t, s.Prune(ctx, now.Add(-40*24*time.Hour), *now))
		assert.Equal(t, []int64{5, 4, 3, 2, 1}, numbers())
		require.NoError(t, s.Prune(ctx, now.Add(-20*24*time.Hour), *now))
		assert.Equal(t, []int64{5, 4, 3, 2}, numbers())
		require.NoError(t, s.Told(ctx, untold))
		require.NoError(t, s.Prune(ctx, now.Add(-20*24*time.Hour), *now))
		assert.Equal(t, []int64{5, 3, 2}, numbers())
		*now = now.Add(60 * 24 * time.Hour)
		require.NoError(t, s.Prune(ctx, now.Add(-20*24*time.Hour), *now))
		assert.Equal(t, []int64{3, 2}, numbers())
		assert.Equal(t, int64(6), add("newest", 0).Number)
	})
}
