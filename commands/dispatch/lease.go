package dispatch

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

const (
	// minAfterLease is the least time that a call must have left once it has its leases.
	minAfterLease = 15 * time.Second
	// leasePoll is how often a call asks the database again whether another server has
	// released the lease, and leasePlace how long the database keeps its place in between.
	leasePoll  = 50 * time.Millisecond
	leasePlace = 2 * time.Second
	// queuePoll is how soon the queue should come back for a call that waits in it.
	queuePoll = 250 * time.Millisecond
)

// lease is the last step before GitHub is asked. It lets one call at a time change a
// group, over all channels and replicas, first come, first served: by turns within this
// process and by a lease in the database, which ends with the call's deadline, or once its
// outcome is recorded. And it records a call that changes or reveals something: what
// cannot be recorded is not done.
func (e *Env) lease(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		if call.Spec.Effect == Reads || call.Preview { // neither changes anything
			if err := call.stillWanted(ctx); err != nil {
				return Result{}, err
			}
			return next(ctx, call)
		}
		call.Seen.Group, call.Seen.OtherGroup = call.Group.GroupID, call.OtherGroup.GroupID
		asked := e.Entry(call)
		asked.Outcome = store.Asked
		if call.Spec.Concurrent || call.Team.ID == 0 && call.Group.GroupID == 0 {
			if err := call.stillWanted(ctx); err != nil {
				return Result{}, err
			}
			if err := e.Store.Start(ctx, asked, e.start(call)); err != nil {
				return Result{}, StoreError(err)
			}
			return next(ctx, call)
		}
		if err := e.acquireLeases(ctx, call, &asked); err != nil {
			return Result{}, err
		}
		if err := e.checkHeld(ctx, call); err != nil {
			return Result{}, err
		}
		return next(ctx, call)
	}
}

// checkHeld checks again, once the call has its leases, what may have changed while it
// waited: whether it is wanted, the caller's rights, and which group is whose.
func (e *Env) checkHeld(ctx context.Context, call *Call) error {
	if err := call.stillWanted(ctx); err != nil {
		return err
	}
	if err := e.findNewer(ctx, call); err != nil {
		return err
	}
	if refusal := call.superseded(nil); refusal != nil {
		return refusal
	}
	if err := e.reauthorize(ctx, call); err != nil {
		return err
	}
	return e.Ownership.Confirm(ctx, call)
}

func (c *Call) stillWanted(ctx context.Context) error {
	if c.StillWanted == nil {
		return nil
	}
	return c.StillWanted(ctx)
}

// acquireLeases takes the leases of the call's teams, and records the call with the last.
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
		if err := e.acquire(ctx, call, key, entry); err != nil {
			return err
		}
	}
	return nil
}

// holder names the call in its leases.
func (e *Env) holder(call *Call) string { return e.Holder + "/" + call.ID }

// TeamKey names the lease of a team and its group. A group has one team, and a team
// one group, so the team's id, which exists before the group does, names both.
func TeamKey(orgID, teamID int64) string { return fmt.Sprintf("team/%d/%d", orgID, teamID) }

// AcquireTeam waits for the lease of the team, as a call that changes its group does. The
// lease is released when the call's outcome is recorded, or by release.
func (e *Env) AcquireTeam(ctx context.Context, call *Call, teamID int64) (release func(), err error) {
	if err := e.acquire(ctx, call, TeamKey(call.OrgID, teamID), nil); err != nil {
		return nil, err
	}
	return func() { e.releaseLeases(context.WithoutCancel(ctx), call) }, nil
}

// rankOf is the call's place among those that wait.
func rankOf(call *Call) rank {
	switch {
	case call.Channel == CLI || call.Spec.Needs == Owner:
		return rankOwner
	case call.Channel == "" || call.Channel == Schedule:
		return rankBackground
	}
	return rankMaintainer
}

// acquire waits for the lease of the key. If entry is not nil, it is recorded together
// with the lease. A comment's call does not wait: it keeps its place, and the refusal says
// that the queue is to come back. The others are refused once they would have too little
// time left.
func (e *Env) acquire(ctx context.Context, call *Call, key string, entry *store.Entry) error {
	wait := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		wait, cancel = context.WithDeadline(ctx, deadline.Add(-minAfterLease))
		defer cancel()
	}
	p := &place{key: key, id: call.ID, caller: call.Caller.key(), rank: rankOf(call), turn: make(chan struct{})}
	if call.Channel == Comment {
		p.turn = nil
	}
	turn, refusal := e.lines.join(p, e.Now())
	switch {
	case refusal != nil:
		return busy(refusal, time.Second)
	case p.turn == nil && !turn:
		return queued()
	case p.turn != nil && !e.lines.wait(wait, p, e.Now):
		return busy(errBusy, 10*time.Second)
	}
	call.leases = append(call.leases, key) // before it is asked for: a lost answer may have given it
	return e.askForLease(wait, call, key, entry)
}

// askForLease takes the lease in the database. It waits if a call of another server has it.
func (e *Env) askForLease(ctx context.Context, call *Call, key string, entry *store.Entry) error {
	ask := e.Store.Lease
	if entry != nil {
		ask = func(ctx context.Context, key, holder string, ttl time.Duration) (bool, error) {
			entry.At = e.Now() // not when it began to wait
			return e.Store.LeaseFor(ctx, key, holder, ttl, *entry, e.start(call))
		}
	}
	holder := e.holder(call)
	for waited := false; ; waited = true {
		ok, err := ask(ctx, key, holder, e.deadlineOf(call))
		if ok && waited {
			_ = e.Store.StopWaiting(ctx, key, holder) // else it ends by itself
		}
		if ok {
			return nil
		}
		if err == nil && e.Store.Shared() {
			err = e.Store.WaitForLease(ctx, key, holder, int(rankOf(call)), leasePlace)
		}
		if err != nil && ctx.Err() == nil {
			return StoreError(err)
		}
		if call.Channel == Comment {
			return queued()
		}
		timer := time.NewTimer(leasePoll)
		select {
		case <-ctx.Done():
			timer.Stop()
			_ = e.Store.StopWaiting(context.WithoutCancel(ctx), key, holder)
			return busy(errBusy, 10*time.Second)
		case <-timer.C:
		}
	}
}

// errBusy says that another call has the group.
var errBusy = Refuse(ReasonBusy, "Another command is still running on this group. Try again in a minute.")

// busy returns a copy of the refusal that says when to try again.
func busy(refusal *Error, after time.Duration) *Error {
	out := *refusal
	out.RetryAfter = after
	return &out
}

// queued says that the call keeps its place in line and is to be dispatched again.
func queued() *Error {
	out := busy(errBusy, queuePoll)
	out.Queued = true
	return out
}
