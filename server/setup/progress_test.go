package setup

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

// However often the page is loaded, the checks are made a few times a minute, and only those
// that did not pass yet.
func TestSetupChecklistCosts(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	found := map[string]doctor.Check{}
	made, refreshed := map[string]int{}, 0
	u := New(Options{
		Now: func() time.Time { return now },
		Check: func(_ context.Context, _ string, _ github.AppInfo, refresh bool, names ...string) (checks []doctor.Check) {
			if refresh {
				refreshed++
			}
			for _, name := range names {
				made[name]++
				if c, ok := found[name]; ok {
					c.Name = name
					checks = append(checks, c)
				}
			}
			return checks
		},
	})
	s := &session{org: "acme", adminRepo: "runner-admin"}
	minute := func() {
		clear(made)
		refreshed = 0
		for range 60 {
			now = now.Add(time.Second)
			u.update(t.Context(), s)
		}
	}
	found["installation"] = doctor.Check{Missing: true}
	minute()
	assert.Equal(t, map[string]int{"installation": 3, "installation-permissions": 3, "repositories": 3, "admin-repo": 3}, made)
	assert.Zero(t, refreshed)

	found["installation"], found["repositories"] = doctor.Check{OK: true}, doctor.Check{OK: true}
	found["installation-permissions"], found["webhook"] = doctor.Check{}, doctor.Check{}
	minute()
	minute()
	assert.Equal(t, map[string]int{"installation-permissions": 3, "admin-repo": 3, "webhook": 1}, made)
	assert.Equal(t, 1, refreshed)

	found["installation-permissions"], found["admin-repo"] = doctor.Check{OK: true}, doctor.Check{OK: true}
	s.progress.delivered = true
	minute()
	minute()
	assert.Empty(t, made, "all is in order")
}

// A webhook has the checks made at once, since it tells of the installation.
func TestSetupChecksAfterWebhook(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := &progress{}
	names, _ := p.due(now, true)
	assert.NotEmpty(t, names)
	p.record(nil)
	now = now.Add(checkSoon)
	names, _ = p.due(now, true)
	assert.Empty(t, names)
	p.delivered, p.soon = true, true
	names, _ = p.due(now, true)
	assert.NotEmpty(t, names)
	names, _ = p.due(now.Add(time.Hour), true)
	assert.Empty(t, names, "not while they are being made")
}
