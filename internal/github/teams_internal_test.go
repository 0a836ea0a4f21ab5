package github

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTeamOfMembershipURL(t *testing.T) {
	tests := []struct {
		url  string
		want int64
	}{
		{"https://api.github.com/organizations/1/team/23/memberships/mona", 23},
		{"https://api.github.com/teams/23/memberships/mona", 23},
		{"https://api.github.com/orgs/acme/teams/platform/memberships/mona", 0},
		{"https://api.github.com/organizations/1/team/99999999999999999999/memberships/mona", 0},
		{"https://api.github.com/orgs/acme/memberships/mona", 0},
		{"", 0},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, teamOf(tt.url), tt.url)
	}
}
