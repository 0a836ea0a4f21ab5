package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

func TestGroupStatuses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := t.Context()
		for _, r := range []store.Record{
			{OrgID: 1, TeamID: 20, TeamSlug: "web", GroupID: 200, GroupName: "w"},
			{OrgID: 1, TeamID: 10, TeamSlug: "platform", GroupID: 100, GroupName: "p"},
			{OrgID: 2, TeamID: 10, TeamSlug: "another", GroupID: 100, GroupName: "organization"},
		} {
			require.NoError(t, s.PutRecord(ctx, r))
		}
		finding := func(id int64, severity string, polls int, resolved time.Time) store.Finding {
			return store.Finding{OrgID: 1, GroupID: 100, Kind: "k", SubjectID: id, Severity: severity, Since: *now, Polls: polls, ResolvedAt: resolved}
		}
		require.NoError(t, s.SavePoll(ctx, store.PollResult{
			Poll: store.Poll{OrgID: 1, GroupID: 100, At: *now, Idle: 1, Busy: 2, Offline: 3, Outdated: 4, Group: store.PolledGroup{
				Name: "p", Repos: []store.PolledRepo{{ID: 5, Name: "api"}, {ID: 6, Name: "web"}},
			}},
			Findings: []store.Finding{
				finding(1, "critical", 2, time.Time{}), finding(2, "critical", 2, time.Time{}), finding(3, "warning", 2, time.Time{}),
				finding(4, "warning", 1, time.Time{}), finding(5, "info", 2, *now), // these do not count
			},
		}))
		got, err := s.GroupStatuses(ctx, 1)
		require.NoError(t, err)
		assert.Equal(t, []store.GroupStatus{
			{Team: "platform", Group: "p", GroupID: 100, PolledAt: *now, Repos: 2, Idle: 1, Busy: 2, Offline: 3, Outdated: 4, Findings: map[string]int{"critical": 2, "warning": 1}},
			{Team: "web", Group: "w", GroupID: 200},
		}, got)
	})
}
