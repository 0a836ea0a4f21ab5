package ownership

import (
	"context"
	"errors"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// MayAdopt refuses if the team's recorded group still exists, so that no team
// loses one by a slip.
func (r *Registry) MayAdopt(ctx context.Context, c *dispatch.Call, group github.Group) error {
	if !c.Recorded || c.Group.GroupID == group.ID {
		return nil
	}
	gone, err := r.IsGone(ctx, c)
	if err != nil || gone {
		return err
	}
	return dispatch.Refuse(dispatch.ReasonGroupExists, "The team `%s` owns the runner group %s, which still exists. Release it first with `group-release`, or delete it with `group-delete`.", c.Team.Slug, dispatch.Quote(c.Group.GroupName))
}

// Adopt writes the record, in place of one whose team is gone.
func (r *Registry) Adopt(ctx context.Context, c *dispatch.Call, record store.Record) error {
	err := r.Store.PutRecord(ctx, record)
	if !errors.Is(err, store.ErrConflict) {
		return dispatch.StoreError(err)
	}
	holder, err := r.Store.RecordOfGroup(ctx, c.OrgID, record.GroupID)
	if err != nil {
		return dispatch.StoreError(err)
	}
	team, err := c.Org.GitHub.TeamByID(ctx, holder.TeamID)
	switch {
	case err == nil:
		return dispatch.Refuse(dispatch.ReasonGroupNotOwned, "The runner group %s belongs to the team `%s`. It must be released first, with `group-release`.", dispatch.Quote(record.GroupName), team.Slug)
	case github.KindOf(err) != github.NotFound:
		return dispatch.GitHubError(err, "look up the team that holds the group")
	}
	err = r.Store.ReplaceRecord(ctx, holder, record)
	if errors.Is(err, store.ErrConflict) || isNotFound(err) {
		return dispatch.Refuse(dispatch.ReasonBusy, "Somebody else has just changed who owns this group. Look again, and repeat the command.")
	}
	return dispatch.StoreError(err)
}
