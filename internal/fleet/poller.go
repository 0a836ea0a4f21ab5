// Package fleet watches the recorded runner groups: it polls GitHub for each, keeps what it
// saw, and finds what is wrong.
//
// [Poller] polls; one server at a time does. [Judge] turns a look at a group into findings.
// [Check] looks at one group for a command. [Records] is what commands ask about runners.
package fleet

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

const (
	// pollTimeout bounds one poll of a group. The lease must outlast it.
	pollTimeout = 20 * time.Second
	leaseKey    = "fleet"
	leaseFor    = 40 * time.Second
	leaseRenew  = 15 * time.Second
	leaseTry    = 5 * time.Second // while another server has it
	// listEvery is how often the recorded groups are listed, at most.
	listEvery = 15 * time.Second
	// lookEvery is how often the team's permissions and maintainers are read.
	lookEvery = time.Hour
	// choresEvery is how often samples are summed up and removed.
	choresEvery = time.Hour
	// wakeEvery is how often the clock is looked at: tests and the demo move it.
	wakeEvery = 200 * time.Millisecond
)

// Options are for [New]. All but Observe must be set.
type Options struct {
	Env      *dispatch.Env
	Interval time.Duration // fleet.pollInterval
	History  time.Duration // fleet.history
	Logger   zerolog.Logger
	// Observe are called, one after the other, after each poll of a group. The next poll of
	// the group waits for them. Their context ends when the server stops.
	Observe []func(context.Context, Polled)
}

// A Polled is one poll of a group that has ended.
type Polled struct {
	Org    *dispatch.Org
	OrgID  int64
	Record store.Record
	Took   time.Duration
	// Err says why nothing was recorded; nil: the poll is complete. The rest is zero then.
	Err      error
	Poll     store.Poll
	Runners  []store.Runner  // that are there
	Findings []store.Finding // that are open, counted or not, in order of severity
}

// A Poller polls all recorded groups, spread over the interval.
type Poller struct {
	o   Options
	log zerolog.Logger

	workers chan struct{} // one for each group that is being polled
	polls   sync.WaitGroup

	mu       sync.Mutex
	schedule schedule
	leader   bool
	leasedAt time.Time
	listedAt time.Time
	choresAt time.Time
}

// New returns a poller. [Poller.Run] makes it poll.
func New(o Options) *Poller {
	return &Poller{o: o, log: o.Logger, workers: make(chan struct{}, groupsAtOnce), schedule: schedule{}}
}

// Run polls until ctx ends. It waits while another server polls.
func (p *Poller) Run(ctx context.Context) {
	ctx = github.Background(p.log.WithContext(ctx))
	defer func() {
		p.polls.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.leader { // so that another server goes on at once
			_ = p.o.Env.Store.Release(context.WithoutCancel(ctx), leaseKey, p.o.Env.Holder)
		}
	}()
	ticker := time.NewTicker(min(wakeEvery, p.o.Interval))
	defer ticker.Stop()
	for {
		p.begin(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Tick polls the groups that are due, and returns when it has. It does nothing while another
// server polls.
func (p *Poller) Tick(ctx context.Context) {
	p.begin(ctx)
	p.polls.Wait()
}

// begin begins to poll the groups that are due, beside those that are being polled: a group
// that GitHub answers slowly does not keep the others waiting.
func (p *Poller) begin(ctx context.Context) {
	if !p.lead(ctx) {
		return
	}
	p.list(ctx)
	p.chores(ctx)
	for range groupsAtOnce {
		select {
		case p.workers <- struct{}{}:
		default:
			return
		}
		p.polls.Go(func() {
			defer func() { <-p.workers }()
			for p.lead(ctx) && ctx.Err() == nil {
				s := p.take()
				if s == nil {
					return
				}
				p.done(s, p.poll(ctx, s))
			}
		})
	}
}

// lead takes or extends the lease of the one that polls, and reports whether it has it.
func (p *Poller) lead(ctx context.Context) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.o.Env.Now()
	wait := leaseTry
	if p.leader {
		wait = leaseRenew
	}
	if since := now.Sub(p.leasedAt); since >= 0 && since < wait {
		return p.leader
	}
	ok, err := p.o.Env.Store.Lease(ctx, leaseKey, p.o.Env.Holder, leaseFor)
	if err != nil && ctx.Err() == nil {
		p.log.Warn().Err(err).Msg("the lease to poll runner groups cannot be had; the next attempt is in a moment")
	}
	if !ok && p.leader {
		p.schedule.forget() // what is due is another server's business now
		p.listedAt = time.Time{}
	}
	p.leader, p.leasedAt = ok, now
	return ok
}

// list brings the groups that are polled up to date with those that are recorded. Those of
// an organization that cannot be listed stay.
func (p *Poller) list(ctx context.Context) {
	now := p.o.Env.Now()
	p.mu.Lock()
	since := now.Sub(p.listedAt)
	if !p.listedAt.IsZero() && since >= 0 && since < min(listEvery, p.o.Interval) {
		p.mu.Unlock()
		return
	}
	p.listedAt = now // also if it fails
	p.mu.Unlock()
	for _, org := range p.o.Env.Orgs {
		if err := p.listOrg(ctx, org, now); err != nil && ctx.Err() == nil {
			p.log.Debug().Err(err).Str("org", org.Login).Msg("the recorded runner groups cannot be listed; the next attempt is in a moment")
		}
	}
}

func (p *Poller) listOrg(ctx context.Context, org *dispatch.Org, now time.Time) error {
	id, err := org.ID(ctx)
	if err != nil {
		return err
	}
	records, err := p.o.Env.Store.Records(ctx, id)
	if err != nil {
		return err
	}
	p.mu.Lock()
	added := p.schedule.of(id).keep(records)
	p.mu.Unlock()
	if len(added) == 0 {
		return nil
	}
	polled, err := p.o.Env.Store.PollTimes(ctx, id)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, record := range added {
		due := firstDue(now, polled[record.GroupID], p.o.Interval, i, len(added))
		p.schedule.of(id).add(&slot{org: org, orgID: id, record: record, due: due})
	}
	return nil
}

// firstDue returns when the group with index i of n is polled first by this server: an
// interval after the last poll, or spread over the interval with the others if that is past.
func firstDue(now, last time.Time, interval time.Duration, i, n int) time.Time {
	switch next := last.Add(interval); {
	case last.IsZero():
		return now.Add(interval * time.Duration(i+1) / time.Duration(n+1))
	case next.After(now) && next.Before(now.Add(interval)):
		return next
	}
	return now.Add(interval * time.Duration(i) / time.Duration(n))
}

// take returns the group that is polled next, or nil if none is due.
func (p *Poller) take() *slot {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.schedule.take(p.o.Env.Now())
}

// done plans the group's next poll: one interval after this one was due.
func (p *Poller) done(s *slot, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, org := p.o.Env.Now(), p.schedule.of(s.orgID)
	defer org.giveBack(s)
	if wait := rateLimited(err); wait > 0 {
		org.pausedTill = now.Add(wait) // the group stays due
		return
	}
	s.due = s.due.Add(p.o.Interval)
	if s.due.Before(now) { // no catching up
		s.due = now.Add(p.o.Interval)
	}
	p.logChange(org, s, err)
}

// logChange logs once that a group, or the whole organization, cannot be read any more, and
// once that it can again.
func (p *Poller) logChange(org *orgSchedule, s *slot, err error) {
	log := p.log.With().Str("org", s.org.Login).Logger()
	if err != nil && !aboutGroup(err) {
		if !org.failing {
			org.failing = true
			log.Warn().Err(err).Msg("the runner groups of the organization cannot be read; nothing is concluded until they can")
		}
		return
	}
	if org.failing {
		org.failing = false
		log.Info().Msg("the runner groups of the organization can be read again")
	}
	log = log.With().Str("team", s.record.TeamSlug).Int64("group_id", s.record.GroupID).Logger()
	if err != nil && !s.failing {
		log.Warn().Err(err).Msg("the runner group cannot be read; nothing is concluded until it can")
	} else if err == nil && s.failing {
		log.Info().Msg("the runner group can be read again")
	}
	s.failing = err != nil
}

// aboutGroup reports whether the failure is one of a single group: not of GitHub, of the
// App's installation or of the database.
func aboutGroup(err error) bool {
	var failure *github.Error
	if !errors.As(err, &failure) {
		return false
	}
	switch failure.Kind {
	case github.NotFound, github.Forbidden, github.Conflict, github.Invalid, github.Incomplete, github.Other:
		return true
	}
	return false
}

// chores sums up samples, and removes old ones.
func (p *Poller) chores(ctx context.Context) {
	now := p.o.Env.Now()
	p.mu.Lock()
	since := now.Sub(p.choresAt)
	if since >= 0 && since < choresEvery {
		p.mu.Unlock()
		return
	}
	p.choresAt = now
	p.mu.Unlock()
	err := p.o.Env.Store.SumSamples(ctx)
	if err == nil {
		err = p.o.Env.Store.PruneSamples(ctx, p.o.History)
	}
	if err != nil && ctx.Err() == nil {
		p.log.Warn().Err(err).Msg("the samples of runner groups cannot be summed up; the next hour tries again")
	}
}
