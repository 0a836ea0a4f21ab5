package fleet

import (
	"context"
	"errors"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// rateLimitPause is the pause after GitHub's rate limit was short and nobody said for how long.
const rateLimitPause = 10 * time.Second

// rateLimited returns how long to wait if err says that GitHub's rate limit is short; else 0.
func rateLimited(err error) time.Duration {
	var failure *github.Error
	if github.KindOf(err) != github.RateLimited || !errors.As(err, &failure) {
		return 0
	}
	return max(failure.RetryAfter, rateLimitPause)
}

// missedAfter is how long after the last poll polls were missed: three intervals, at least
// 15 minutes.
func missedAfter(interval time.Duration) time.Duration { return max(3*interval, 15*time.Minute) }

// poll polls the group once. It returns an error if nothing was recorded.
func (p *Poller) poll(ctx context.Context, s *slot) error {
	p.mu.Lock()
	record := s.record
	p.mu.Unlock()
	began := p.o.Env.Now()
	bounded, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	polled, err := p.record(bounded, s, record)
	if ctx.Err() != nil || errors.Is(err, store.ErrConflict) {
		return nil // the server stops, another one polls, or the group was released
	}
	polled.Org, polled.OrgID, polled.Record = s.org, s.orgID, record
	polled.Took, polled.Err = p.o.Env.Now().Sub(began), err
	if rateLimited(err) == 0 {
		for _, observe := range p.o.Observe {
			observe(ctx, polled)
		}
	}
	return err
}

// record looks at the group, and records what it saw.
func (p *Poller) record(ctx context.Context, s *slot, record store.Record) (Polled, error) {
	st := p.o.Env.Store
	l := looker{env: p.o.Env, org: s.org, orgID: s.orgID, record: record, missed: missedAfter(p.o.Interval)}
	before, err := st.Poll(ctx, s.orgID, record.GroupID)
	if err != nil {
		return Polled{}, err
	}
	l.team = p.o.Env.Now().Sub(before.LookedAt) >= lookEvery
	out, err := l.look(ctx)
	if l.team && err != nil && out.teamFailed { // what is read each time must not wait for the rest
		l.team = false
		out, err = l.look(ctx)
	}
	if err != nil {
		return Polled{}, err
	}
	result := out.result(l)
	open := result.keepTrack(out)
	if err := st.SavePoll(ctx, result.PollResult); err != nil {
		return Polled{}, err
	}
	p.follow(ctx, s, record, out)
	return Polled{Poll: result.Poll, Runners: out.Runners, Findings: open}, nil
}

// follow brings the ownership record up to date with what the group and the team are called.
func (p *Poller) follow(ctx context.Context, s *slot, record store.Record, out looked) {
	var err error
	if !out.Group.Deleted && (out.Group.Name != record.GroupName || out.Group.Visibility != record.Visibility) {
		record.GroupName, record.Visibility = out.Group.Name, out.Group.Visibility
		err = p.o.Env.Store.UpdateSeen(ctx, record)
	}
	if err == nil && out.slug != "" && out.slug != record.TeamSlug {
		err = p.o.Env.Store.SetSlug(ctx, s.orgID, record.TeamID, out.slug)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		p.log.Debug().Err(err).Msg("the new name of a group or team cannot be recorded; the next poll tries again")
	}
}

// A result is what is to be recorded of a look.
type result struct{ store.PollResult }

func (out looked) result(l looker) result {
	poll := store.Poll{
		OrgID: l.orgID, GroupID: l.record.GroupID, At: out.At, LookedAt: out.history.Poll.LookedAt,
		NoneOnlineSince: out.observed.noneOnlineSince,
		Idle:            out.observed.idle, Busy: out.observed.busy, Offline: out.observed.offline, Group: out.Group,
	}
	if l.team {
		poll.LookedAt = out.At
	}
	for _, f := range out.Findings {
		if f.Kind == RunnerOutdated || f.Kind == RunnerBlocked {
			poll.Outdated++
		}
	}
	r := store.PollResult{
		Poll: poll, Previous: out.history.Poll.At, LeaseKey: l.leaseKey(),
		Runners: out.observed.changed, Edits: out.Edits, Settled: out.settled,
	}
	if out.Expected == nil && !out.Overlapped && !out.reading.deleted {
		expected := out.reading.expected()
		r.Baseline = &expected
	}
	return result{r}
}

// keepTrack counts the polls that saw each finding in a row, and ends those that the look
// did not find. It returns all that are open.
func (r *result) keepTrack(out looked) (open []store.Finding) {
	type key struct {
		kind Kind
		id   int64
	}
	known := map[key]store.Finding{}
	for _, f := range out.Known {
		known[key{f.Kind, f.SubjectID}] = f
	}
	for _, f := range out.Findings {
		before := known[key{f.Kind, f.SubjectID}]
		delete(known, key{f.Kind, f.SubjectID})
		if f.Polls == 0 { // else it is kept as it was
			f.Polls = min(before.Polls+1, 2)
		}
		if f != before {
			r.Findings = append(r.Findings, f)
		}
		open = append(open, f)
	}
	for _, f := range known {
		f.ResolvedAt = out.At
		r.Findings = append(r.Findings, f)
	}
	return open
}
