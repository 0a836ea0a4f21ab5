package server

import (
	"context"
	"encoding/json"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github/pacing"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// pacingBudget shares GitHub's secondary rate limits over all servers on the database. It
// implements [pacing.Budget].
type pacingBudget struct{ store *store.Store }

// Lease implements [pacing.Budget].
func (b pacingBudget) Lease(ctx context.Context, installation int64, replica string, requests []pacing.LeaseRequest) (leases []pacing.Lease, err error) {
	err = b.store.UpdatePacing(ctx, installation, func(text string, now int64) (string, error) {
		var state pacing.State
		if text != "" {
			if err := json.Unmarshal([]byte(text), &state); err != nil {
				return "", err
			}
		}
		leases = state.Lease(store.FromMicros(now), replica, requests)
		out, err := json.Marshal(state)
		return string(out), err
	})
	return leases, err
}
