package store

import (
	"context"
	"time"
)

// A RequestState is how far a request has come.
type RequestState string

// The states of requests. All but the first two are final.
const (
	RequestPending   RequestState = "pending"
	RequestDeciding  RequestState = "deciding" // somebody approved it, and that is being carried out; people see it as pending
	RequestApproved  RequestState = "approved"
	RequestDenied    RequestState = "denied"
	RequestWithdrawn RequestState = "withdrawn"
	RequestExpired   RequestState = "expired"
	RequestFailed    RequestState = "failed" // approved, and then refused or failed
)

// A RequestEvent is what happens to a request.
type RequestEvent string

// The events of requests.
const (
	HoldRequest     RequestEvent = "hold"    // somebody who may approve it begins to carry it out
	ApproveRequest  RequestEvent = "approve" // it was carried out
	FailRequest     RequestEvent = "fail"    // it cannot be carried out
	ReleaseRequest  RequestEvent = "release" // nothing was changed, and it may succeed later
	DenyRequest     RequestEvent = "deny"
	WithdrawRequest RequestEvent = "withdraw"
	ExpireRequest   RequestEvent = "expire"
)

// A requestMove is the one state in which an event counts, the one that follows, and on what
// condition.
type requestMove struct {
	from, to RequestState
	only     string // SQL; ?9 is now, ?12 the call that decides
}

// requestMoves is the state machine of requests. Whatever it does not have changes nothing.
func requestMoves() map[RequestEvent]requestMove {
	const inTime, late, ours = `expires_at > ?9 AND CAST(?12 AS TEXT) IS NOT NULL`, `expires_at <= ?9 AND CAST(?12 AS TEXT) IS NOT NULL`, `holder = ?12`
	return map[RequestEvent]requestMove{
		HoldRequest:     {RequestPending, RequestDeciding, inTime},
		ApproveRequest:  {RequestDeciding, RequestApproved, ours},
		FailRequest:     {RequestDeciding, RequestFailed, ours},
		ReleaseRequest:  {RequestDeciding, RequestPending, ours},
		DenyRequest:     {RequestPending, RequestDenied, inTime},
		WithdrawRequest: {RequestPending, RequestWithdrawn, inTime},
		ExpireRequest:   {RequestPending, RequestExpired, late},
	}
}

// A Decision is an event of a request, with what it leaves on record.
type Decision struct {
	Event RequestEvent
	By    string    // who decides; "": the server
	Note  string    // why
	Until time.Time // when the access ends; zero: never
	// Holder is the call that holds the request. Only that call ends what it holds, and it may
	// hold it again.
	Holder string
}

// final reports whether nothing can happen to a request in that state.
func (s RequestState) final() bool { return s != RequestPending && s != RequestDeciding }

// MoveRequest makes the event happen to the request, in one statement: of several that are
// tried at the same moment, on whichever server, one counts. It reports whether this one did.
// Nothing but expiring happens to a request after its time.
func (s *Store) MoveRequest(ctx context.Context, orgID, number int64, d Decision) (moved bool, err error) {
	move, now := requestMoves()[d.Event], Micros(s.Now())
	held, told := "", int64(0)
	if move.to == RequestDeciding {
		held = d.Holder
	}
	if move.to.final() {
		told = now
	}
	decidedAt := now
	if !move.to.final() && move.to != RequestDeciding {
		decidedAt, d.By, d.Note, d.Until = 0, "", "", time.Time{}
	}
	n, err := s.Exec(ctx, `UPDATE request SET state = ?3, decided_by = ?4, decided_at = ?5, note = ?6, until = ?7, holder = ?8, held_at = ?9,
			tell_at = CASE WHEN issue = 0 THEN 0 ELSE CAST(?10 AS BIGINT) END
		WHERE org_id = ?1 AND number = ?2 AND state = ?11 AND `+move.only,
		orgID, number, string(move.to), d.By, decidedAt, cut(d.Note), Micros(d.Until), held, now, told, string(move.from), d.Holder)
	if err == nil && n == 0 && d.Event == HoldRequest {
		n, err = s.Exec(ctx, `UPDATE request SET held_at = ?4 WHERE org_id = ?1 AND number = ?2 AND state = 'deciding' AND holder = ?3`, orgID, number, d.Holder, now)
	}
	return n == 1, wrap(err, "decide request %d", number)
}

// ExpireRequests ends the requests that nobody decided in time. It reports how many.
func (s *Store) ExpireRequests(ctx context.Context) (int64, error) {
	n, err := s.Exec(ctx, `UPDATE request SET state = 'expired', decided_at = ?1, tell_at = CASE WHEN issue = 0 THEN 0 ELSE CAST(?1 AS BIGINT) END
		WHERE state = 'pending' AND expires_at <= ?1`, Micros(s.Now()))
	return n, wrap(err, "end requests that were not decided")
}
