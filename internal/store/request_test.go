package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

func aRequest(digest string) store.Request {
	return store.Request{
		OrgID: 1, Kind: store.AccessRequest, TeamID: 10, TeamSlug: "platform", GroupID: 7, Command: "access-request",
		Arguments: []store.RequestArg{{Name: "repos", Values: []string{"api"}}}, Targets: []store.RequestTarget{{Kind: "repo", Name: "api", ID: 3}},
		Reason: "GPUs", Digest: digest, Length: time.Hour, RequesterID: 5, Requester: "kim",
		Source: store.Source{Repo: "runner-admin", Issue: 1, Comment: 9},
	}
}

// TestRequestEvents is the state machine: every event in every state.
func TestRequestEvents(t *testing.T) {
	events := []store.RequestEvent{
		store.HoldRequest, store.ApproveRequest, store.FailRequest, store.ReleaseRequest, store.DenyRequest, store.WithdrawRequest, store.ExpireRequest,
	}
	none := store.RequestEvent("")
	want := map[store.RequestEvent]map[store.RequestEvent]store.RequestState{ // by the event before
		none: {
			store.HoldRequest: store.RequestDeciding, store.DenyRequest: store.RequestDenied,
			store.WithdrawRequest: store.RequestWithdrawn, store.ExpireRequest: store.RequestExpired,
		},
		store.HoldRequest: {
			store.HoldRequest:    store.RequestDeciding, // by the same call, repeated
			store.ApproveRequest: store.RequestApproved, store.FailRequest: store.RequestFailed, store.ReleaseRequest: store.RequestPending,
		},
	}
	want[store.ReleaseRequest] = want[none]
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := t.Context()
		start := *now
		for _, first := range append([]store.RequestEvent{none}, events...) {
			for _, second := range events {
				*now = start
				r := aRequest(string(first + "/" + second))
				r.RequesterID = int64(100*len(first) + len(second)) // no one has too many
				r.ExpiresAt = start.Add(time.Hour)
				r, isNew, err := s.AddRequest(ctx, r, nil)
				require.NoError(t, err)
				require.True(t, isNew)
				do := func(event store.RequestEvent) bool {
					if event == store.ExpireRequest {
						*now = r.ExpiresAt
					}
					moved, err := s.MoveRequest(ctx, 1, r.Number, store.Decision{Event: event, By: "ada", Note: "n", Holder: "call", Until: start.Add(time.Minute)})
					require.NoError(t, err)
					return moved
				}
				switch first {
				case none:
				case store.ApproveRequest, store.FailRequest, store.ReleaseRequest:
					require.True(t, do(store.HoldRequest))
					fallthrough
				default:
					require.True(t, do(first), first)
				}
				before, err := s.RequestOf(ctx, 1, r.Number)
				require.NoError(t, err)
				state, counts := want[first][second]
				assert.Equal(t, counts, do(second), "%s after %q", second, first)
				after, err := s.RequestOf(ctx, 1, r.Number)
				require.NoError(t, err)
				if !counts {
					assert.Equal(t, before, after, "%s after %q", second, first)
					continue
				}
				assert.Equal(t, state, after.State, "%s after %q", second, first)
				final := state != store.RequestPending && state != store.RequestDeciding
				assert.Equal(t, final, !after.TellAt.IsZero(), "%s after %q: the outcome is to be told", second, first)
				assert.Equal(t, state == store.RequestPending, after.DecidedAt.IsZero())
			}
		}
	})
}

func TestRequestIsHeldByOneCall(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := t.Context()
		r := aRequest("d")
		r.ExpiresAt = now.Add(time.Hour)
		r, _, err := s.AddRequest(ctx, r, nil)
		require.NoError(t, err)
		var held, denied atomic.Int64
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				d, n := store.Decision{Event: store.HoldRequest, Holder: fmt.Sprint(i), By: "ada"}, &held
				if i%2 == 0 {
					d, n = store.Decision{Event: store.DenyRequest, By: "bob"}, &denied
				}
				moved, err := s.MoveRequest(ctx, 1, r.Number, d)
				assert.NoError(t, err)
				if moved {
					n.Add(1)
				}
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, held.Load()+denied.Load(), "it is decided once")

		if held.Load() == 1 {
			moved, err := s.MoveRequest(ctx, 1, r.Number, store.Decision{Event: store.ApproveRequest, Holder: "another"})
			require.NoError(t, err)
			assert.False(t, moved, "only the call that holds it ends it")
			*now = now.Add(time.Hour)
			stuck, err := s.StuckRequests(ctx, now.Add(-time.Minute))
			require.NoError(t, err)
			require.Len(t, stuck, 1)
			assert.Equal(t, store.RequestPending, stuck[0].StateAt(*now))
		}
	})
}

func TestRequests(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := t.Context()
		add := func(change func(*store.Request)) (store.Request, bool, error) {
			r := aRequest("d")
			r.ExpiresAt = now.Add(time.Hour)
			change(&r)
			return s.AddRequest(ctx, r, nil)
		}
		first, isNew, err := add(func(*store.Request) {})
		require.NoError(t, err)
		assert.True(t, isNew)
		assert.EqualValues(t, 1, first.Number)
		same, isNew, err := add(func(*store.Request) {})
		require.NoError(t, err)
		assert.False(t, isNew)
		assert.EqualValues(t, 1, same.Number)
		assert.Equal(t, first, same)
		other, isNew, err := add(func(r *store.Request) { r.RequesterID = 6 })
		require.NoError(t, err)
		assert.True(t, isNew, "of another person")
		assert.EqualValues(t, 2, other.Number, "no number was used for the same request")
		elsewhere, _, err := add(func(r *store.Request) { r.OrgID = 2 })
		require.NoError(t, err)
		assert.EqualValues(t, 1, elsewhere.Number, "each organization counts by itself")

		for i := range store.MaxPendingRequests - 1 {
			_, _, err := add(func(r *store.Request) { r.Digest = fmt.Sprint(i) })
			require.NoError(t, err)
		}
		_, _, err = add(func(r *store.Request) { r.Digest = "one more" })
		require.ErrorIs(t, err, store.ErrTooMany)
		*now = now.Add(time.Hour)
		again, isNew, err := add(func(*store.Request) {})
		require.NoError(t, err, "the others expired")
		assert.True(t, isNew)

		numbers := func(q store.RequestQuery) (got []int64) {
			q.OrgID, q.Limit = 1, 3
			list, err := s.Requests(ctx, q)
			require.NoError(t, err)
			for _, r := range list {
				got = append(got, r.Number)
			}
			return got
		}
		assert.Equal(t, []int64{again.Number, again.Number - 1, again.Number - 2}, numbers(store.RequestQuery{Requester: 5}))
		assert.Equal(t, []int64{again.Number}, numbers(store.RequestQuery{Requester: 5, State: store.RequestPending}))
		assert.Equal(t, []int64{2}, numbers(store.RequestQuery{Requester: 6, State: store.RequestExpired}))
		assert.Empty(t, numbers(store.RequestQuery{Requester: 7}))
		assert.Empty(t, numbers(store.RequestQuery{Requester: 7, Teams: []int64{11}}))
		assert.Empty(t, numbers(store.RequestQuery{Requester: 7, Commands: true}))
		assert.Equal(t, []int64{again.Number}, numbers(store.RequestQuery{Requester: 7, Teams: []int64{11, 10}, State: store.RequestPending}))
		assert.Len(t, numbers(store.RequestQuery{All: true, Team: "platform"}), 3)
		assert.Empty(t, numbers(store.RequestQuery{All: true, Team: "web"}))

		n, err := s.ExpireRequests(ctx)
		require.NoError(t, err)
		assert.EqualValues(t, store.MaxPendingRequests+2, n)
		untold, err := s.UntoldRequests(ctx)
		require.NoError(t, err)
		require.NotEmpty(t, untold)
		for want := range 2 {
			ok, err := s.ClaimTelling(ctx, untold[0], now.Add(time.Minute))
			require.NoError(t, err)
			assert.Equal(t, want == 0, ok, "one server tells")
		}
		require.NoError(t, s.Told(ctx, untold[0]))
		told, err := s.RequestOf(ctx, untold[0].OrgID, untold[0].Number)
		require.NoError(t, err)
		assert.True(t, told.TellAt.IsZero())
	})
}

// No statement that runs now and then looks at all requests.
func TestRequestsOfAnySize(t *testing.T) {
	s, now := openAt(t, storetest.SQLite(t))
	ctx := t.Context()
	r, _, err := s.AddRequest(ctx, aRequest("d"), nil)
	require.NoError(t, err)
	_, err = s.StuckRequests(ctx, *now)
	require.NoError(t, err)
	_, err = s.UntoldRequests(ctx)
	require.NoError(t, err)
	_, err = s.Requests(ctx, store.RequestQuery{OrgID: 1, All: true, Limit: 10})
	require.NoError(t, err)
	require.NoError(t, s.Told(ctx, r))
	require.NoError(t, s.Prune(ctx, *now, *now))
	plans, err := s.Plans(ctx, "request")
	require.NoError(t, err)
	require.Greater(t, len(plans), 5)
	for query, plan := range plans {
		assert.NotRegexp(t, `(?m)^SCAN request$`, plan, query)
	}
}
