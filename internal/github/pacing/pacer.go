package pacing

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

const (
	// block is how many points a replica leases beyond what waits, to save round trips.
	block = 30
	// useWithin is how long leased points may be used. Unused ones are returned with the
	// next lease.
	useWithin = 5 * time.Second
	// leaseTimeout bounds one round trip to the budget.
	leaseTimeout = 5 * time.Second
	// minRetry is the pause after a lease that granted too little.
	minRetry = 50 * time.Millisecond
)

// A RefusedError says that a request's turn would come only after its deadline.
type RefusedError struct{ RetryAfter time.Duration }

// Error implements [error].
func (e *RefusedError) Error() string {
	return fmt.Sprintf("GitHub's rate limit is busy; try again in %s", e.RetryAfter.Round(time.Second))
}

// A Clock is where a Pacer reads the time, and how it waits.
type Clock interface {
	Now() time.Time
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// System is the Clock of the operating system.
type System struct{}

// Now implements [Clock].
func (System) Now() time.Time { return time.Now() }

// AfterFunc implements [Clock].
func (System) AfterFunc(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }

// Options configure a Pacer. All are required.
type Options struct {
	Installation int64
	Replica      string // unique among the replicas that share the budget
	Meters       []Meter
	Budget       Budget
	Clock        Clock
}

// A Pacer gives the requests of one installation their turns. Its methods may be called
// concurrently.
type Pacer struct {
	o Options

	mu      sync.Mutex
	accts   []account // by meter
	waiting []*waiter
	teams   map[int64][]teamUse
	seq     int64
	leasing bool
	// After a lease that granted too little, there is none before retryAt, unless the
	// first waiter is of a more urgent class.
	retryAt    time.Time
	retryClass class
}

// An account is this replica's part of a meter.
type account struct {
	leased      int // may be used until leasedAt plus useWithin
	leasedAt    time.Time
	leasedClass class // of the last lease; background work cannot use another's
	inFlight    int
	spent       []stateSpent // not reported yet
	window      Window       // at the last lease
	windowAt    time.Time
}

type teamUse struct {
	at     time.Time
	points int
}

type waiter struct {
	caller   Caller
	cost     Cost
	class    class
	use      int   // of the team, when last sorted
	seq      int64 // order of arrival
	deadline time.Time
	done     chan error // buffered; nil: it is this waiter's turn
}

// New makes a Pacer.
func New(o Options) *Pacer {
	return &Pacer{o: o, accts: make([]account, len(o.Meters)), teams: map[int64][]teamUse{}}
}

// Acquire waits for a turn. If it returns no error, the caller must call ended when the
// request has ended, whatever its result. It fails with a [*RefusedError] at once if the
// turn cannot come before the deadline of ctx.
func (p *Pacer) Acquire(ctx context.Context, caller Caller, cost Cost) (ended func(), _ error) {
	p.mu.Lock()
	p.seq++
	w := &waiter{caller: caller, cost: cost, seq: p.seq, done: make(chan error, 1)}
	w.deadline, _ = ctx.Deadline()
	p.waiting = append(p.waiting, w)
	p.advance() //nolint:contextcheck // a lease serves all waiters, so it does not end with one
	p.mu.Unlock()
	select {
	case err := <-w.done:
		if err != nil {
			return nil, err
		}
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		if i := slices.Index(p.waiting, w); i >= 0 {
			p.waiting = slices.Delete(p.waiting, i, i+1)
			return nil, ctx.Err()
		}
		if err := <-w.done; err != nil { // decided meanwhile
			return nil, err
		}
		p.end(cost) // counts as spent, though nothing was sent
		return nil, ctx.Err()
	}
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.end(cost)
	}), nil
}

// end moves a cost from in flight to spent.
func (p *Pacer) end(cost Cost) {
	now := p.o.Clock.Now()
	for i := range p.accts {
		if n := cost.on(i); n > 0 {
			p.accts[i].inFlight -= n
			p.accts[i].spent = append(p.accts[i].spent, stateSpent{now, n})
		}
	}
}

// advance gives turns in order as far as leased amounts reach, leases more if they do
// not, and refuses whoever cannot have a turn in time. The caller holds the lock.
func (p *Pacer) advance() {
	now := p.o.Clock.Now()
	p.grant(now)
	p.refuseLate(now)
	if len(p.waiting) == 0 || p.leasing {
		return
	}
	if !now.Before(p.retryAt) || p.waiting[0].class < p.retryClass {
		p.leasing = true
		requests := p.requests(now)
		go p.lease(requests)
	}
}

// grant gives turns in order, as far as leased amounts reach.
func (p *Pacer) grant(now time.Time) {
	p.sort(now)
	for len(p.waiting) > 0 && p.take(now, p.waiting[0]) {
		p.waiting[0].done <- nil
		p.waiting = p.waiting[1:]
		p.sort(now) // the team is behind others now
	}
}

// sort orders the waiting by class, by what their team has used within a minute, and by
// arrival.
func (p *Pacer) sort(now time.Time) {
	for _, w := range p.waiting {
		w.use = p.teamUse(now, w.caller.TeamID)
		if w.caller.Kind == Timed {
			w.use = math.MaxInt
		}
		w.class = p.classOf(w)
	}
	slices.SortFunc(p.waiting, func(a, b *waiter) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.use, b.use), cmp.Compare(a.seq, b.seq))
	})
}

func (p *Pacer) classOf(w *waiter) class {
	switch w.caller.Kind {
	case Owner, Deletion:
		return urgent
	case Background:
		return background
	}
	if w.caller.TeamID != 0 && w.use < p.o.Meters[0].lightUse() {
		return urgent
	}
	return ordinary
}

// teamUse returns the points that a team has used within the span of the points, and
// forgets older ones.
func (p *Pacer) teamUse(now time.Time, team int64) (points int) {
	uses := p.teams[team]
	i := 0
	for i < len(uses) && now.Sub(uses[i].at) >= p.o.Meters[0].Span {
		i++
	}
	if uses = uses[i:]; len(uses) == 0 {
		delete(p.teams, team)
		return 0
	}
	p.teams[team] = uses
	for _, u := range uses {
		points += u.points
	}
	return points
}

// take takes the cost of w from the leased amounts. It returns false if they do not reach.
func (p *Pacer) take(now time.Time, w *waiter) bool {
	for i := range p.accts {
		a := &p.accts[i]
		if now.Sub(a.leasedAt) > useWithin {
			a.leased = 0
		}
		n := w.cost.on(i)
		if n > a.leased || n > 0 && w.class == background && a.leasedClass != background {
			return false
		}
	}
	for i := range p.accts {
		n := w.cost.on(i)
		p.accts[i].leased -= n
		p.accts[i].inFlight += n
	}
	if w.caller.Kind != Background && w.caller.Kind != Timed {
		p.teams[w.caller.TeamID] = append(p.teams[w.caller.TeamID], teamUse{now, w.cost.Points})
	}
	return true
}

// refuseLate refuses the waiters whose turn cannot come before their deadline, as far as
// the windows of the last lease show.
func (p *Pacer) refuseLate(now time.Time) {
	ahead := make([]int, len(p.accts))
	kept := p.waiting[:0]
	for _, w := range p.waiting {
		wait := time.Duration(0)
		for i := range p.accts {
			if n := w.cost.on(i); n > 0 && !p.accts[i].windowAt.IsZero() {
				wait = max(wait, p.waitFor(now, i, w.class, ahead[i]+n))
			}
		}
		if !w.deadline.IsZero() && now.Add(wait).After(w.deadline) {
			w.done <- &RefusedError{RetryAfter: max(wait, time.Second)}
			continue
		}
		for i := range ahead {
			ahead[i] += w.cost.on(i)
		}
		kept = append(kept, w)
	}
	p.waiting = kept
}

// waitFor returns how long it takes at least until amount is free in a meter.
func (p *Pacer) waitFor(now time.Time, meter int, c class, amount int) time.Duration {
	a := &p.accts[meter]
	leased := a.leased
	if c == background && a.leasedClass != background {
		leased = 0
	}
	if amount <= leased {
		return 0
	}
	w := Window{Open: a.window.Open}
	since := now.Sub(a.windowAt)
	for _, s := range a.window.Spent {
		w.Spent = append(w.Spent, Spent{s.Age + since, s.Amount})
	}
	// What ended since the last lease is open in its window. It has an age already.
	for _, s := range a.spent {
		w.Open -= s.Amount
		w.Spent = append(w.Spent, Spent{now.Sub(s.At), s.Amount})
	}
	// What is leased or in flight ends at the earliest now.
	w.Spent, w.Open = append(w.Spent, Spent{0, max(0, w.Open)}), 0
	m := p.o.Meters[meter]
	return w.earliest(m, c, amount-leased)
}

// requests settles all meters and asks for what the first waiter, and those of its class,
// need.
func (p *Pacer) requests(now time.Time) []LeaseRequest {
	first := p.waiting[0].class
	requests := make([]LeaseRequest, len(p.accts))
	for i := range p.accts {
		a := &p.accts[i]
		if now.Sub(a.leasedAt) > useWithin || first == background && a.leasedClass != background {
			a.leased = 0 // returns them: they are not Open
		}
		r := LeaseRequest{Meter: p.o.Meters[i], Open: a.leased + a.inFlight, Class: first}
		for _, s := range a.spent {
			r.Spent = append(r.Spent, Spent{now.Sub(s.At), s.Amount})
		}
		a.spent = nil
		for _, w := range p.waiting {
			if n := w.cost.on(i); w.class == first && (r.Want == 0 || r.Want+n <= a.leased+block) {
				r.Want += n
			}
		}
		r.Want = max(0, r.Want-a.leased)
		if i == 0 && first != background {
			r.Extra = block
		}
		requests[i] = r
	}
	return requests
}

// lease makes the round trip to the budget.
func (p *Pacer) lease(requests []LeaseRequest) {
	ctx, cancel := context.WithTimeout(context.Background(), leaseTimeout)
	defer cancel()
	began := p.o.Clock.Now()
	leases, err := p.o.Budget.Lease(ctx, p.o.Installation, p.o.Replica, requests)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leasing = false
	now := p.o.Clock.Now()
	wait := time.Duration(0)
	if err != nil {
		// The amounts stay ours to report. That the budget may have them already only makes
		// it count them twice.
		for i, r := range requests {
			for _, s := range r.Spent {
				p.accts[i].spent = append(p.accts[i].spent, stateSpent{began.Add(-s.Age), s.Amount})
			}
		}
		wait = time.Second
	} else {
		short := false
		for i, l := range leases {
			a := &p.accts[i]
			a.leased, a.leasedAt, a.leasedClass = a.leased+l.Granted, began, requests[i].Class
			a.window, a.windowAt = l.Window, now
			short = short || l.Granted < requests[i].Want
		}
		p.grant(now)
		if short && len(p.waiting) > 0 {
			wait = max(minRetry, p.waitForFirst(now))
		}
	}
	if wait > 0 {
		p.retryAt, p.retryClass = now.Add(wait), requests[0].Class
		p.o.Clock.AfterFunc(wait, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.advance()
		})
	}
	p.advance()
}

// waitForFirst returns how long it takes at least until the first waiter's cost is free.
func (p *Pacer) waitForFirst(now time.Time) (wait time.Duration) {
	first := p.waiting[0]
	for i := range p.accts {
		if n := first.cost.on(i); n > 0 {
			wait = max(wait, p.waitFor(now, i, first.class, n))
		}
	}
	return wait
}
