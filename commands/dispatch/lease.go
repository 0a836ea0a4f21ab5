package dispatch

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// lockPoll is how often a call that waits for another on the same group looks again.
const lockPoll = 50 * time.Millisecond

// lease is the last step before GitHub is asked. It lets one call at a time change a
// group, over both channels and all replicas: by a lease in the database, which ends with
// the call's deadline, or once its outcome is on record. And it puts a call that
// changes or reveals on record: what cannot be recorded is not done.
func (e *Env) lease(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		if call.Spec.Effect == Reads {
			return next(ctx, call)
		}
		var asked *store.Entry
		if !call.Preview {
			entry := e.Entry(call)
			entry.Outcome = store.Asked
			asked = &entry
		}
		if call.Resumed && asked != nil {
			before, err := e.Store.AuditAsked(ctx, call.ID)
			if err != nil {
				return Result{}, StoreError(err)
			}
			call.FirstStart = before
		}
		if call.Team.ID == 0 && call.Group.GroupID == 0 { // there is nothing to hold
			if asked != nil {
				if err := e.Store.Audit(ctx, *asked); err != nil {
					return Result{}, StoreError(err)
				}
			}
			return next(ctx, call)
		}
		if err := e.acquireLeases(ctx, call, asked); err != nil {
			return Result{}, err
		}
		if err := e.Ownership.Confirm(ctx, call); err != nil {
			return Result{}, err
		}
		return next(ctx, call)
	}
}

// acquireLeases takes the leases of the call's teams, and puts the call on record with the last.
func (e *Env) acquireLeases(ctx context.Context, call *Call, asked *store.Entry) error {
	keys := []string{TeamKey(call.OrgID, call.Team.ID)}
	if call.Other.ID != 0 {
		keys = append(keys, TeamKey(call.OrgID, call.Other.ID))
	}
	slices.Sort(keys) // one order for all, so that no two wait for each other
	for i, key := range keys {
		var entry *store.Entry
		if i == len(keys)-1 {
			entry = asked
		}
		call.leases = append(call.leases, key) // before, since who asked may have it without knowing
		if err := e.Acquire(ctx, call, key, e.holder(call), entry); err != nil {
			return err
		}
	}
	return nil
}

// holder names the call in its leases.
func (e *Env) holder(call *Call) string { return e.Holder + "/" + call.ID }

// teamKey names the lease of a team and its group. A group has one team, and a team
// one group, so the team's id, which is there before the group is, names both.
func TeamKey(orgID, teamID int64) string { return fmt.Sprintf("team/%d/%d", orgID, teamID) }

// acquire waits for the lease of the key. If entry is not nil, it is recorded
// together with the lease.
func (e *Env) Acquire(ctx context.Context, call *Call, key, holder string, entry *store.Entry) error {
	lease := e.Store.Lease
	if entry != nil {
		lease = func(ctx context.Context, key, holder string, ttl time.Duration) (bool, error) {
			entry.At = e.Now() // not when it began to wait
			return e.Store.LeaseFor(ctx, key, holder, ttl, *entry)
		}
	}
	for {
		ok, err := lease(ctx, key, holder, e.deadlineOf(call))
		if ok {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return StoreError(err)
		}
		timer := time.NewTimer(lockPoll)
		select {
		case <-ctx.Done():
			timer.Stop()
			refusal := Refuse(ReasonBusy, "Another command is still running on this group. Try again in a minute.")
			refusal.RetryAfter = 10 * time.Second
			refusal.Cause = ctx.Err()
			return refusal
		case <-timer.C:
		}
	}
}
