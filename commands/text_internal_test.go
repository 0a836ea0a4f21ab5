package commands

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestCountOf(t *testing.T) {
	for want, got := range map[string]string{
		"1 day": countOf(1, "day"), "30 days": countOf(30, "day"), "0 repositories": countOf(0, "repository"),
		"2 runners": countOf(2, "runner"), "7 days": LengthOf(7 * 24 * time.Hour), "1h30m": LengthOf(90 * time.Minute),
	} {
		assert.Equal(t, want, got)
	}
}
