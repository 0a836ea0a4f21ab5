package ownership

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

func TestAgeWarning(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	year := func(y int) time.Time { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC) }
	e := &Registry{Env: &dispatch.Env{Clock: func() time.Time { return now }}}
	tests := []struct {
		name    string
		made    time.Time
		group   int64
		records []store.Record
		want    string
	}{
		{"an old team", year(2020), 5, nil, ""},
		{"a team of yesterday", now.Add(-24 * time.Hour), 5, nil, "the team may be younger than the group: it was made on 2026-05-31"},
		{"a later group was on record before the team was made", year(2024), 5, []store.Record{{GroupID: 6, At: year(2023)}}, "the team is younger than the group: it was made on 2024-01-01, and the group existed before 2023-01-01"},
		{"an earlier group says nothing", year(2024), 5, []store.Record{{GroupID: 4, At: year(2023)}}, ""},
		{"a record after the team was made says nothing", year(2024), 5, []store.Record{{GroupID: 6, At: year(2025)}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := e.ageWarning(github.Team{CreatedAt: tt.made}, github.Group{ID: tt.group}, tt.records)
			if tt.want == "" {
				assert.Empty(t, got)
			} else {
				assert.Contains(t, got, tt.want)
			}
		})
	}
}

func TestNamedGroup(t *testing.T) {
	groups := []github.Group{{ID: 1, Name: "Default", Default: true}, {ID: 2, Name: "Web"}, {ID: 3, Name: "web"}, {ID: 4, Name: "Api"}, {ID: 5, Name: "corp", Inherited: true}}
	for name, want := range map[string]int64{"web": 3, "Web": 2, "WEB": 2, "api": 4, "default": 0, "corp": 0, "none": 0} {
		group, ok := namedGroup(groups, name)
		assert.Equal(t, want != 0, ok, name)
		if ok {
			assert.Equal(t, want, group.ID, name)
		}
	}
}

func TestTaken(t *testing.T) {
	groups := []github.Group{{ID: 2}, {ID: 3}}
	tests := []struct {
		name    string
		records []store.Record
		want    bool
	}{
		{"no record", nil, false},
		{"the group is on record", []store.Record{{TeamID: 9, GroupID: 2}}, true},
		{"the team owns another group", []store.Record{{TeamID: 7, GroupID: 3}}, true},
		{"the team's group is gone", []store.Record{{TeamID: 7, GroupID: 99}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, isTaken(tt.records, groups, github.Team{ID: 7}, github.Group{ID: 2}))
		})
	}
}
