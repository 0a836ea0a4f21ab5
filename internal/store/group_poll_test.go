package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

const platformLease = "team/1/10"

func TestSavePoll(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := t.Context()
		first := *now
		poll := store.Poll{OrgID: 1, GroupID: 100, At: first, Idle: 1, Offline: 1, NoneOnlineSince: first, LookedAt: first, Group: store.PolledGroup{
			Name: "p", Visibility: "selected", Repos: []store.PolledRepo{{ID: 5, Name: "api", Public: true}},
			Team: &store.PolledTeam{Maintainers: 2, Permissions: map[int64]string{5: "admin"}},
		}}
		result := store.PollResult{
			Poll: poll, LeaseKey: platformLease,
			Runners: []store.Runner{
				{ID: 7, GroupID: 100, Name: "a", OS: "linux", Version: "2.330.0", Online: true, FirstSeen: first, JoinedAt: first},
				{ID: 8, GroupID: 100, Name: "b", Ephemeral: true, FirstSeen: first, JoinedAt: first, OfflineSince: first, WatchedSince: first},
			},
			Findings: []store.Finding{{OrgID: 1, GroupID: 100, Kind: "repo_public", SubjectID: 5, Subject: "api", Severity: "critical", Since: first, Message: "m", Remedy: "r", Polls: 1}},
			Baseline: &store.Expected{Name: "p", Visibility: "selected", Repos: map[int64]string{5: "api"}, Runners: map[int64]bool{7: true, 8: true}},
		}
		require.ErrorIs(t, s.SavePoll(ctx, result), store.ErrConflict, "no team owns the group")
		require.NoError(t, s.PutRecord(ctx, store.Record{OrgID: 1, TeamID: 10, GroupID: 100}))
		require.NoError(t, s.SavePoll(ctx, result))
		got, err := s.GroupHistory(ctx, 1, 100, platformLease)
		require.NoError(t, err)
		want := store.GroupHistory{Poll: poll, Runners: result.Runners, Findings: result.Findings, Expected: result.Baseline}
		want.Runners[0].LastOnline = first
		want.Expected.Seq, want.Expected.At = 1, first
		assert.Equal(t, want, got)

		// Unchanged runners are not written, and the next poll says when they were online last.
		*now = now.Add(5 * time.Minute)
		require.ErrorIs(t, s.SavePoll(ctx, result), store.ErrConflict, "another server recorded one")
		result.Previous, result.Poll.At = first, *now
		result.Runners = []store.Runner{{ID: 8, GroupID: 100, GoneAt: *now}}
		result.Findings[0].ResolvedAt = *now
		result.Baseline = &store.Expected{Name: "another"}
		result.Edits = []store.Edit{{GroupID: 100, Kind: store.DetachRepo, ID: 5}}
		require.NoError(t, s.SavePoll(ctx, result))
		got, err = s.GroupHistory(ctx, 1, 100, platformLease)
		require.NoError(t, err)
		require.Len(t, got.Runners, 1)
		assert.Equal(t, *now, got.Runners[0].LastOnline)
		assert.Equal(t, first, got.Runners[0].FirstSeen)
		assert.Empty(t, got.Findings)
		assert.Equal(t, "p", got.Expected.Name, "a baseline is recorded once")
		assert.Empty(t, got.Expected.Repos)
		assert.EqualValues(t, 2, got.Expected.Seq)
		resolved, err := s.GroupFindings(ctx, 1, 100, first)
		require.NoError(t, err)
		assert.Equal(t, result.Findings, resolved)

		known, err := s.Runners(ctx, 1, []int64{7, 8, 9})
		require.NoError(t, err)
		assert.Len(t, known, 2)
		assert.Equal(t, *now, known[8].GoneAt)

		require.NoError(t, s.Prune(ctx, first, first))
		known, err = s.Runners(ctx, 1, []int64{7, 8})
		require.NoError(t, err)
		assert.Len(t, known, 2)
		*now = now.Add(49 * time.Hour)
		require.NoError(t, s.Prune(ctx, first, first))
		known, err = s.Runners(ctx, 1, []int64{7, 8})
		require.NoError(t, err)
		assert.Len(t, known, 1, "the ephemeral one is gone for two days")
	})
}

// A poll that ends just after the ownership did leaves nothing for long.
func TestPruneOrphans(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := t.Context()
		record := store.Record{OrgID: 1, TeamID: 10, GroupID: 100}
		require.NoError(t, s.PutRecord(ctx, record))
		require.NoError(t, s.SavePoll(ctx, store.PollResult{Poll: store.Poll{OrgID: 1, GroupID: 100, At: *now}, Baseline: &store.Expected{Name: "p"}}))
		require.NoError(t, s.Prune(ctx, *now, *now))
		_, err := s.ExpectedOf(ctx, 1, 100)
		require.NoError(t, err)
		_, err = s.Exec(ctx, `DELETE FROM ownership`)
		require.NoError(t, err)
		require.NoError(t, s.Prune(ctx, *now, *now))
		_, err = s.ExpectedOf(ctx, 1, 100)
		require.ErrorIs(t, err, store.ErrNotFound)
		samples, err := s.Samples(ctx, 1, 100, *now)
		require.NoError(t, err)
		assert.Empty(t, samples)
	})
}

// While a command has the group, nobody knows whether a poll saw its change.
func TestBaselineWaitsForCommands(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := t.Context()
		require.NoError(t, s.PutRecord(ctx, store.Record{OrgID: 1, TeamID: 10, GroupID: 100}))
		_, err := s.Lease(ctx, platformLease, "a", time.Minute)
		require.NoError(t, err)
		result := store.PollResult{LeaseKey: platformLease, Poll: store.Poll{OrgID: 1, GroupID: 100, At: *now}, Baseline: &store.Expected{Name: "p"}}
		require.NoError(t, s.SavePoll(ctx, result))
		_, err = s.ExpectedOf(ctx, 1, 100)
		require.ErrorIs(t, err, store.ErrNotFound)
	})
}

func TestReleasesAndTokens(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := t.Context()
		first := *now
		require.NoError(t, s.NoteRelease(ctx, "2.329.0"))
		*now = now.Add(time.Hour)
		require.NoError(t, s.NoteRelease(ctx, "2.329.0"))
		require.NoError(t, s.NoteRelease(ctx, "2.330.0"))
		list, err := s.Releases(ctx)
		require.NoError(t, err)
		assert.Equal(t, []store.Release{{Version: "2.329.0", FirstSeen: first}, {Version: "2.330.0", FirstSeen: *now}}, list)

		for _, e := range []store.Entry{
			{TeamID: 10, Command: "token-register", Outcome: store.Done},
			{TeamID: 10, Command: "token-register", Outcome: store.Refused},
			{TeamID: 10, Command: "repos-add", Outcome: store.Done},
			{TeamID: 11, Command: "token-jit", Outcome: store.Done},
		} {
			e.OrgID, e.Caller = 1, "ada"
			require.NoError(t, s.Audit(ctx, e))
		}
		tokens, err := s.TokensSince(ctx, 1, 10, *now)
		require.NoError(t, err)
		assert.Equal(t, []time.Time{*now}, tokens)
		tokens, err = s.TokensSince(ctx, 1, 10, now.Add(time.Second))
		require.NoError(t, err)
		assert.Empty(t, tokens)
	})
}
