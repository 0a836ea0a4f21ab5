package store_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

func trustRecord(team, group int64) store.Record {
	return store.Record{OrgID: 1, TeamID: team, TeamSlug: "platform", GroupID: group, GroupName: "g", Origin: store.Created, By: "ada"}
}

func TestTrusts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := context.Background()
		want := store.Trust{
			OrgID: 1, TeamID: 10, GroupID: 100, RepoID: 7, Repo: "acme/web", Ref: "refs/heads/main", Commands: []string{"repos-add", "group-list"},
			Expires: now.Add(time.Hour), MadeBy: "ada",
		}
		_, err := s.AddTrust(ctx, want)
		require.ErrorIs(t, err, store.ErrNotFound, "the team owns no group")
		require.NoError(t, s.PutRecord(ctx, trustRecord(10, 100)))
		id, err := s.AddTrust(ctx, want)
		require.NoError(t, err)
		want.Expires = now.Add(2 * time.Hour)
		again, err := s.AddTrust(ctx, want)
		require.NoError(t, err)
		assert.Equal(t, id, again, "the same conditions are one trust")
		want.Environment = "production"
		other, err := s.AddTrust(ctx, want)
		require.NoError(t, err)
		assert.NotEqual(t, id, other)
		none := want
		none.Ref, none.Environment = "", ""
		_, err = s.AddTrust(ctx, none)
		require.Error(t, err, "a trust without a condition cannot be recorded")

		all, err := s.Trusts(ctx, 1, 10)
		require.NoError(t, err)
		require.Len(t, all, 2)
		assert.Equal(t, store.Trust{
			ID: id, OrgID: 1, TeamID: 10, TeamSlug: "platform", GroupID: 100, RepoID: 7, Repo: "acme/web", Ref: "refs/heads/main",
			Commands: []string{"group-list", "repos-add"}, Expires: now.Add(2 * time.Hour), MadeBy: "ada", MadeAt: *now,
		}, all[0])
		of, err := s.TrustsOfRepo(ctx, 1, 7)
		require.NoError(t, err)
		assert.Equal(t, all, of)
		of, err = s.TrustsOfOrg(ctx, 1)
		require.NoError(t, err)
		assert.Equal(t, all, of)
		for _, elsewhere := range [][2]int64{{2, 7}, {1, 8}} {
			of, err = s.TrustsOfRepo(ctx, elsewhere[0], elsewhere[1])
			require.NoError(t, err)
			assert.Empty(t, of)
		}

		require.NoError(t, s.UseTrust(ctx, id))
		all, err = s.Trusts(ctx, 1, 10)
		require.NoError(t, err)
		assert.Equal(t, *now, all[0].UsedAt)
		require.ErrorIs(t, s.DeleteTrust(ctx, 1, 11, id), store.ErrNotFound)
		require.NoError(t, s.DeleteTrust(ctx, 1, 10, id))
		require.ErrorIs(t, s.DeleteTrust(ctx, 1, 10, id), store.ErrNotFound)

		*now = now.Add(31 * 24 * time.Hour)
		require.NoError(t, s.Prune(ctx, time.Time{}, time.Time{}))
		all, err = s.Trusts(ctx, 1, 10)
		require.NoError(t, err)
		assert.Empty(t, all)
	})
}

// Trusts end with the ownership of the group, however that ends, and do not come back.
func TestTrustsEndWithTheOwnership(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := context.Background()
		old := trustRecord(10, 100)
		for name, end := range map[string]func() error{
			"released":            func() error { return s.DeleteRecord(ctx, old) },
			"another group":       func() error { return s.PutRecord(ctx, trustRecord(10, 101)) },
			"another team's":      func() error { return s.ReplaceRecord(ctx, old, trustRecord(11, 100)) },
			"its own, made again": func() error { return s.ReplaceRecord(ctx, old, old) },
		} {
			for _, team := range []int64{10, 11} {
				for _, group := range []int64{100, 101} {
					require.NoError(t, s.DeleteRecord(ctx, trustRecord(team, group)))
				}
			}
			require.NoError(t, s.PutRecord(ctx, old))
			_, err := s.AddTrust(ctx, store.Trust{OrgID: 1, TeamID: 10, GroupID: 100, RepoID: 7, Ref: "refs/heads/main", Commands: []string{"repos-add"}, Expires: now.Add(time.Hour)})
			require.NoError(t, err)
			require.NoError(t, s.PutRecord(ctx, old)) // as it was
			of, err := s.TrustsOfRepo(ctx, 1, 7)
			require.NoError(t, err)
			require.Len(t, of, 1, name)
			require.NoError(t, end(), name)
			require.NoError(t, s.DeleteRecord(ctx, trustRecord(11, 100)))
			require.NoError(t, s.PutRecord(ctx, old)) // given back
			of, err = s.TrustsOfRepo(ctx, 1, 7)
			require.NoError(t, err)
			assert.Empty(t, of, name)
		}
	})
}

func TestUseToken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := context.Background()
		var firsts atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				first, err := s.UseToken(ctx, "a", now.Add(time.Hour))
				assert.NoError(t, err)
				if first {
					firsts.Add(1)
				}
			})
		}
		all.Wait()
		assert.EqualValues(t, 1, firsts.Load())
		first, err := s.UseToken(ctx, "b", now.Add(2*time.Hour))
		require.NoError(t, err)
		assert.True(t, first)
		*now = now.Add(90 * time.Minute)
		require.NoError(t, s.Prune(ctx, time.Time{}, time.Time{}))
		for id, want := range map[string]bool{"a": true, "b": false} {
			first, err := s.UseToken(ctx, id, now.Add(time.Hour))
			require.NoError(t, err)
			assert.Equal(t, want, first, id)
		}
	})
}

func TestAuditKeepsTheWorkflow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, _ := openAt(t, url)
		ctx := context.Background()
		run := store.WorkflowRun{Actor: "bob", Ref: "refs/heads/main", WorkflowRef: "acme/web/.github/workflows/ci.yml@refs/heads/main"}
		entry := store.Entry{OrgID: 1, Caller: "workflow:acme/web@7", Command: "repos-add", Outcome: store.Asked, RequestID: "r", Workflow: run}
		given, err := s.LeaseFor(ctx, "team/1/10", "h", time.Minute, entry, nil)
		require.NoError(t, err)
		assert.True(t, given)
		given, err = s.LeaseFor(ctx, "team/1/10", "other", time.Minute, store.Entry{OrgID: 1, RequestID: "waits"}, nil)
		require.NoError(t, err)
		assert.False(t, given)
		entry.Outcome = store.Done
		require.NoError(t, s.ReleaseAfter(ctx, entry, nil, nil, "h", "team/1/10"))
		require.NoError(t, s.AuditCount(ctx, store.Entry{OrgID: 1, Caller: "workflow:acme/web@7", Reason: "not_trusted", Outcome: store.Refused, Workflow: run}))
		list, err := s.AuditList(ctx, store.AuditQuery{OrgID: 1})
		require.NoError(t, err)
		require.Len(t, list, 2)
		for _, e := range list {
			assert.Equal(t, run, e.Workflow)
		}
	})
}
