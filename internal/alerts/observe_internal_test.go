package alerts

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// What was found is remembered only while it is wrong, however many groups come and go. A poll
// that finds what the one before did wakes nobody, nor does the first one that finds nothing.
func TestObserveForgets(t *testing.T) {
	a := New(Options{})
	observe := func(group int64, findings ...store.Finding) (woke bool) {
		a.Observe(t.Context(), fleet.Polled{OrgID: 1, Record: store.Record{GroupID: group}, Findings: findings})
		select {
		case <-a.wake:
			return true
		default:
			return false
		}
	}
	wrong := store.Finding{Kind: "no_runners", Polls: 2}
	for group := range int64(100) {
		assert.False(t, observe(group))
		assert.True(t, observe(group, wrong))
		assert.False(t, observe(group, wrong))
		assert.True(t, observe(group))
	}
	assert.Empty(t, a.found)
}
