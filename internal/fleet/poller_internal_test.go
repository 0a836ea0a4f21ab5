package fleet

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestFirstDue(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		last time.Duration // ago; 0: never
		i, n int
		want time.Duration
	}{
		{"never polled", 0, 0, 1, 150 * time.Second},
		{"the last of many", 0, 98, 99, 297 * time.Second},
		{"polled lately", 2 * time.Minute, 5, 10, 3 * time.Minute},
		{"overdue", time.Hour, 0, 10, 0},
		{"overdue with others", time.Hour, 5, 10, 150 * time.Second},
		{"polled in the future", -time.Hour, 0, 10, 0},
	} {
		last := time.Time{}
		if tt.last != 0 {
			last = now.Add(-tt.last)
		}
		assert.Equal(t, now.Add(tt.want), firstDue(now, last, 5*time.Minute, tt.i, tt.n), tt.name)
	}
}
