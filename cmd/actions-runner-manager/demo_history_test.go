package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDemoHistory asks the demo for the month before it started.
func TestDemoHistory(t *testing.T) {
	d := start(t, nil, demoArgs()...)
	server := regexp.MustCompile(`the server at (http://\S+)`).FindStringSubmatch(d.out.String())[1]
	ask := func(token, call string, answer any) {
		t.Helper()
		status, body := send(t, http.MethodGet, server+"/api/v1/"+call, http.Header{"Authorization": {"Bearer " + token}}, nil)
		require.Equal(t, http.StatusOK, status, body)
		require.NoError(t, json.Unmarshal([]byte(body), &struct{ Response any }{answer}), body)
	}
	const olga, carol = "ghp_olgaOwnsTheOrganization", "ghp_carolMaintainsMobileAndQA"

	var requests struct {
		Requests []struct{ Kind, State string }
	}
	ask(carol, "requests-list", &requests)
	states := map[string]int{}
	for _, r := range requests.Requests {
		states[r.Kind+" "+r.State]++
	}
	assert.Equal(t, map[string]int{"access denied": 1, "access pending": 2, "command pending": 1}, states)

	var group struct {
		RunnerDetails []struct{ State string }
		RepoDetails   []struct{ Until *time.Time }
	}
	ask(carol, "group-list?team=mobile", &group)
	assert.Len(t, group.RunnerDetails, 20)
	ends, outdated := 0, 0
	for _, r := range group.RepoDetails {
		if r.Until != nil {
			ends++
		}
	}
	for _, r := range group.RunnerDetails {
		if r.State == "outdated" {
			outdated++
		}
	}
	assert.Equal(t, 1, ends)
	assert.Equal(t, 2, outdated)
	ask(carol, "group-list?team=qa", &group)
	assert.Empty(t, group.RunnerDetails)
	assert.Empty(t, group.RepoDetails)

	var trusts struct{ Trusts []any }
	ask(carol, "trust-list?team=mobile", &trusts)
	assert.Len(t, trusts.Trusts, 1)

	var audit struct {
		Entries []struct {
			At      time.Time
			Outcome string
		}
	}
	ask(olga, "audit-list?since=31d&limit=100", &audit)
	outcomes := map[string]int{}
	for _, e := range audit.Entries {
		outcomes[e.Outcome]++
	}
	assert.Equal(t, 3, outcomes["refused"])
	require.GreaterOrEqual(t, outcomes["done"], 12)
	assert.Greater(t, time.Since(audit.Entries[len(audit.Entries)-1].At), 29*24*time.Hour)

	for team, want := range map[string][]string{
		"mobile":   {"runner_offline", "runner_outdated", "runner_outdated"},
		"data":     {"repo_public", "repo_attached_outside", "repo_permission_lost"},
		"platform": {"runner_offline", "runner_outdated"},
	} {
		token := map[string]string{"mobile": carol, "data": "ghp_danMaintainsData", "platform": "ghp_adaMaintainsPlatformAndWeb"}[team]
		var check struct {
			Findings []struct {
				Kind  string
				Since time.Time
			}
		}
		ask(token, "group-check?team="+team, &check)
		var kinds []string
		for _, f := range check.Findings {
			kinds = append(kinds, f.Kind)
			assert.Greater(t, time.Since(f.Since), time.Hour, "%s: %s", team, f.Kind)
		}
		assert.Equal(t, want, kinds, team)
	}
}

// The use of the runners has a daily shape, moments in which all are busy, and a gap; it is the
// same for the same date.
func TestDemoLoad(t *testing.T) {
	now := time.Date(2026, 3, 4, 15, 0, 0, 0, time.UTC) // a Wednesday
	for _, l := range loads(now) {
		samples := l.samples(now)
		assert.Equal(t, samples, l.samples(now))
		full, gaps := 0, 0
		var night, noon, nights, noons float64
		for i, s := range samples {
			assert.Equal(t, l.runners, s.MostIdle+s.MostBusy+s.MostOffline, "%s at %s", l.group, s.At)
			assert.GreaterOrEqual(t, min(s.MostIdle, s.MostBusy, s.MostOffline), 0, "%s at %s", l.group, s.At)
			if s.MostIdle == 0 {
				full++
			}
			if i > 0 && s.At.Sub(samples[i-1].At) > time.Hour {
				gaps++
			}
			switch {
			case s.At.Weekday() != time.Wednesday:
			case s.At.Hour() == 5:
				night, nights = night+float64(s.MostBusy), nights+1
			case s.At.Hour() == 14:
				noon, noons = noon+float64(s.MostBusy), noons+1
			}
		}
		assert.Equal(t, 2, gaps, l.group)
		assert.Positive(t, full, l.group)
		assert.Greater(t, noon/noons, 1.5*night/nights, l.group)
		assert.Greater(t, now.Sub(samples[0].At), 29*day)
	}
}
