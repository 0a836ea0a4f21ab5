package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// lockPoll is how often a call that waits for another on the same group looks again.
const lockPoll = 50 * time.Millisecond

// lock lets one call at a time change a group, over both doors and all replicas: a
// lease in the database that ends with the call's deadline.
func (e *Env) lock(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		if call.Spec.Effect == Reads || call.Team.ID == 0 && call.Group.GroupID == 0 {
			return next(ctx, call)
		}
		keys := []string{teamKey(call.OrgID, call.Team.ID)}
		if call.Other.ID != 0 {
			keys = append(keys, teamKey(call.OrgID, call.Other.ID))
		}
		slices.Sort(keys) // one order for all, so that no two wait for each other
		holder := e.Holder + "/" + call.ID
		var held []string
		defer func() {
			for _, key := range held {
				_ = e.Store.Release(context.WithoutCancel(ctx), key, holder)
			}
		}()
		for _, key := range keys {
			if err := e.acquire(ctx, call, key, holder); err != nil {
				return Result{}, err
			}
			held = append(held, key)
		}
		if err := e.stillOwned(ctx, call); err != nil {
			return Result{}, err
		}
		return next(ctx, call)
	}
}

// teamKey names the lease of a team and its group. A group has one team, and a team
// one group, so the team's id, which is there before the group is, names both.
func teamKey(orgID, teamID int64) string { return fmt.Sprintf("team/%d/%d", orgID, teamID) }

func (e *Env) acquire(ctx context.Context, call *Call, key, holder string) error {
	for {
		ok, err := e.Store.Lease(ctx, key, holder, e.deadlineOf(call))
		if ok {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return storeError(err)
		}
		timer := time.NewTimer(lockPoll)
		select {
		case <-ctx.Done():
			timer.Stop()
			refusal := Refuse(ReasonBusy, "Another command on the same group has not ended. Try again in a minute.")
			refusal.RetryAfter = 10 * time.Second
			refusal.Cause = ctx.Err()
			return refusal
		case <-timer.C:
		}
	}
}

// stillOwned looks at the record again once the group is held: the call before this
// one may have changed it.
func (e *Env) stillOwned(ctx context.Context, call *Call) error {
	if call.Team.ID == 0 {
		return nil
	}
	// a group-create before this one may have been cut off after it made a group
	record, err := e.settleHeld(ctx, call, call.Team)
	if err == nil && record.TeamID == 0 {
		record, err = e.Store.RecordOf(ctx, call.OrgID, call.Team.ID)
	}
	if err != nil && !isNotFound(err) {
		return storeError(err)
	}
	if call.Recorded && (isNotFound(err) || record.GroupID != call.Group.GroupID) && call.Spec.Group == OwnsGroup {
		return Refuse(ReasonGroupNotFound, "Another command has just changed which group the team `%s` owns. Look with `group-list`.", call.Team.Slug)
	}
	call.Recorded = err == nil
	if call.Recorded {
		call.Group = record
	}
	if call.OtherGroup.GroupID == 0 || call.Org.Policy.Named {
		return nil
	}
	other, err := e.Store.RecordOf(ctx, call.OrgID, call.Other.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && other.GroupID != call.OtherGroup.GroupID {
		return Refuse(ReasonGroupNotFound, "Another command has just changed which group the team `%s` owns.", call.Other.Slug)
	}
	return storeError(err)
}
