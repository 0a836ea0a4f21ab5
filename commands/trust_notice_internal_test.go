package commands

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

func TestEndsSoon(t *testing.T) {
	const day = 24 * time.Hour
	end := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name                string
		now, made, noticed  time.Duration // before the end
		want                bool
		neverNoticed, after bool
	}{
		{name: "far from its end", now: 15 * day, made: 180 * day, neverNoticed: true},
		{name: "14 days before", now: 14 * day, made: 180 * day, neverNoticed: true, want: true},
		{name: "told of that", now: 13 * day, made: 180 * day, noticed: 14 * day},
		{name: "the day before", now: day, made: 180 * day, noticed: 14 * day, want: true},
		{name: "told of that, too", now: day / 2, made: 180 * day, noticed: day},
		{name: "no server ran for two weeks", now: day / 2, made: 180 * day, neverNoticed: true, want: true},
		{name: "told once for both", now: day / 3, made: 180 * day, noticed: day / 2},
		{name: "made for a week", now: 7 * day, made: 7 * day, neverNoticed: true},
		{name: "made for a week, the day before", now: day, made: 7 * day, neverNoticed: true, want: true},
		{name: "made for an hour", now: time.Hour, made: time.Hour, neverNoticed: true},
		{name: "extended after a notice", now: 14 * day, made: 100 * day, noticed: 101 * day, want: true},
		{name: "over", now: -time.Minute, made: 180 * day, noticed: 14 * day},
	} {
		trust := store.Trust{Expires: end, MadeAt: end.Add(-tt.made)}
		if !tt.neverNoticed {
			trust.NoticedAt = end.Add(-tt.noticed)
		}
		assert.Equal(t, tt.want, endsSoon(trust, end.Add(-tt.now)), tt.name)
	}
}

func TestTrustNotice(t *testing.T) {
	trust := store.Trust{
		ID: 3, Repo: "acme/api", Ref: "refs/heads/it's", Environment: "pro duction", Workflow: ".github/workflows/a.yml",
		Commands: []string{"repos-add", "token-jit"}, TeamSlug: "platform", Expires: time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC),
	}
	text := trustNotice(&dispatch.Org{Trigger: "arm"}, trust)
	assert.Contains(t, text, "Trust 3 ends soon: jobs of `acme/api` on `refs/heads/it's`")
	assert.Contains(t, text, "until 2027-01-31 12:00 UTC.")
	assert.Contains(t, text, "`/arm trust-add api --commands repos-add,token-jit --ref 'refs/heads/it'"+`\''`+"s' --environment 'pro duction' --workflow .github/workflows/a.yml --team platform`")
}
