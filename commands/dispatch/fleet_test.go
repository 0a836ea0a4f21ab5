package dispatch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestRunnerState(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	releases := []Release{{"2.9.0", now.Add(-90 * day)}, {"2.10.0", now.Add(-31 * day)}, {"2.11.0", now.Add(-30 * day)}}
	tests := []struct{ version, latest, want string }{
		{"2.11.0", "2.11.0", StateOK},
		{"2.12.0", "2.11.0", StateOK},
		{"2.10.0", "2.11.0", StateOutdated}, // for 30 days, not more
		{"2.9.0", "2.11.0", StateBlocked},
		{"2.8.0", "2.11.0", StateBlocked},
		{"", "2.11.0", StateOK},
		{"2.9.0", "", StateOK},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, RunnerState(tt.version, tt.latest, releases, now), tt)
	}
	assert.Equal(t, StateOutdated, RunnerState("2.9.0", "2.11.0", nil, now), "nothing is on record")
}
