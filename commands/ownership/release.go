package ownership

import (
	"context"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// Release ends the ownership on record. The group itself stays as it is.
func (r *Registry) Release(ctx context.Context, record store.Record) error {
	return dispatch.StoreError(r.Store.DeleteRecord(ctx, record.OrgID, record.TeamID))
}

// Forget ends the ownership of the call's group, which GitHub no longer has: also if
// the caller's time is up.
func (r *Registry) Forget(ctx context.Context, call *dispatch.Call) error {
	if !call.Recorded {
		return nil
	}
	return dispatch.StoreError(r.Store.DeleteRecord(context.WithoutCancel(ctx), call.OrgID, call.Team.ID))
}
