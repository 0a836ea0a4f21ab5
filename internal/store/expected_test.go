package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

func TestExpected(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, _ := openAt(t, url)
		ctx := t.Context()
		_, err := s.ExpectedOf(ctx, 1, 100)
		require.ErrorIs(t, err, store.ErrNotFound)

		ci := []string{"acme/api/.github/workflows/ci.yml@main"}
		found := store.Expected{Name: "p", Visibility: "selected", Repos: map[int64]string{5: "api"}, Runners: map[int64]bool{7: true}}
		record := store.Record{OrgID: 1, TeamID: 10, GroupID: 100, GroupName: "p", Expected: &found}
		require.NoError(t, s.PutRecord(ctx, record))
		end := func(change store.GroupChange) store.Expected {
			t.Helper()
			change.RequestID, change.OrgID = "r", 1
			require.NoError(t, s.ReleaseAfter(ctx, store.Entry{OrgID: 1}, nil, &change, "a"))
			got, err := s.ExpectedOf(ctx, 1, 100)
			require.NoError(t, err)
			return got
		}
		got := end(store.GroupChange{})
		want := found
		want.Seq, want.At = 1, s.Now()
		assert.Equal(t, want, got)

		got = end(store.GroupChange{Edits: []store.Edit{
			{GroupID: 100, Kind: store.AttachRepo, ID: 6, Name: "web"},
			{GroupID: 100, Kind: store.AttachRepo, ID: 6, Name: "web"},
			{GroupID: 100, Kind: store.DetachRepo, ID: 5},
			{GroupID: 100, Kind: store.AddRunner, ID: 8},
			{GroupID: 100, Kind: store.DropRunner, ID: 7},
			{GroupID: 100, Kind: store.SetWorkflows, Workflows: &ci},
			{GroupID: 101, Kind: store.AttachRepo, ID: 6, Name: "web"},
		}})
		want = store.Expected{Seq: 2, At: s.Now(), Name: "p", Visibility: "selected", Workflows: &ci, Repos: map[int64]string{6: "web"}, Runners: map[int64]bool{8: true}}
		assert.Equal(t, want, got)
		_, err = s.ExpectedOf(ctx, 1, 101)
		require.ErrorIs(t, err, store.ErrNotFound, "nothing is known of the other group, so nothing is expected")

		require.NoError(t, s.SetExpected(ctx, 1, 100, found))
		got, err = s.ExpectedOf(ctx, 1, 100)
		require.NoError(t, err)
		want = found
		want.Seq, want.At = 3, s.Now()
		assert.Equal(t, want, got)

		require.NoError(t, s.DeleteRecord(ctx, record))
		_, err = s.ExpectedOf(ctx, 1, 100)
		require.ErrorIs(t, err, store.ErrNotFound, "it ends with the ownership")
	})
}

// A change is marked from its begin until it is known what became of it.
func TestGroupChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := t.Context()
		change := store.GroupChange{RequestID: "r", OrgID: 1, Groups: []int64{100, 101}, Things: []string{"repos/10/5", "repos/10/6"}}
		marks := func(group int64) []store.ChangeMark {
			t.Helper()
			state, err := s.ChangeState(ctx, 1, group, "team/1/10")
			require.NoError(t, err)
			return state.Changes
		}
		for range 2 { // a repeated attempt
			require.NoError(t, s.BeginChange(ctx, change))
		}
		began := s.Now()
		want := []store.ChangeMark{{RequestID: "r", Things: change.Things, At: began}}
		assert.Equal(t, want, marks(100))
		assert.Equal(t, want, marks(101))

		*now = now.Add(time.Minute)
		change.Things = change.Things[1:]
		require.NoError(t, s.ReleaseAfter(ctx, store.Entry{OrgID: 1}, nil, &change, "a"))
		assert.Equal(t, []store.ChangeMark{{RequestID: "r", Things: []string{"repos/10/6"}, At: s.Now()}}, marks(100), "GitHub did not answer")
		change.Things = nil
		require.NoError(t, s.ReleaseAfter(ctx, store.Entry{OrgID: 1}, nil, &change, "a"))
		assert.Empty(t, marks(100))
		assert.Empty(t, marks(101))

		ok, err := s.Lease(ctx, "team/1/10", "a", time.Minute)
		require.NoError(t, err)
		require.True(t, ok)
		state, err := s.ChangeState(ctx, 1, 100, "team/1/10")
		require.NoError(t, err)
		assert.True(t, state.Leased)
		*now = now.Add(time.Minute)
		state, err = s.ChangeState(ctx, 1, 100, "team/1/10")
		require.NoError(t, err)
		assert.False(t, state.Leased, "it ended by itself")
	})
}
