package dispatch

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestReasons(t *testing.T) {
	seen := map[Reason]bool{}
	for _, info := range Reasons() {
		assert.False(t, seen[info.Reason], "%s is in the table twice", info.Reason)
		seen[info.Reason] = true
		assert.NotEmpty(t, info.Meaning, info.Reason)
		assert.NotEmpty(t, http.StatusText(info.Status), info.Reason)
		assert.Equal(t, info.Status, info.Reason.Status())
		if info.Transient {
			assert.GreaterOrEqual(t, info.Status, 502, "%s is transient", info.Reason)
		}
	}
	assert.Equal(t, http.StatusInternalServerError, Reason("unheard of").Status())
	assert.False(t, Reason("unheard of").Transient())
}
