package ghsim

import (
	"slices"
	"time"
)

// A Life is what happens in the simulated GitHub by itself: runners take jobs, go offline
// and get old. The zero value is that nothing happens. See [Server.Live].
type Life struct {
	// Repeat is after which time all of it happens again; 0: it happens once.
	Repeat time.Duration `yaml:"repeat,omitempty"`
	Events []Event       `yaml:"events,omitempty"`
}

// An Event is one thing that happens. Fields that are left out change nothing.
type Event struct {
	After   time.Duration `yaml:"after"`             // since the start
	Org     string        `yaml:"org,omitempty"`     // default: the first
	Runner  string        `yaml:"runner,omitempty"`  // its name; the event is void while there is none
	Status  string        `yaml:"status,omitempty"`  // online or offline
	Busy    *bool         `yaml:"busy,omitempty"`    // it takes a job, or has finished one
	Version string        `yaml:"version,omitempty"` // of the runner; "newest" for the newest release
	Remove  bool          `yaml:"remove,omitempty"`  // GitHub removes the runner
	Group   string        `yaml:"group,omitempty"`   // the runner is registered in this group, unless it exists
	Release string        `yaml:"release,omitempty"` // the newest release of the runner from now on
}

// living is a life that has begun.
type living struct {
	Life
	speed float64       // of its clock beside the server's
	since time.Time     // when it got that speed
	age   time.Duration // at that moment
	done  time.Duration // what happened until that age is done
}

// ageAt is how old the life is.
func (l *living) ageAt(now time.Time) time.Duration {
	return l.age + time.Duration(float64(now.Sub(l.since))*l.speed)
}

func (b *builder) life(l Life) {
	if len(l.Events) == 0 {
		return
	}
	for _, e := range l.Events {
		switch {
		case e.After < 0 || l.Repeat > 0 && e.After >= l.Repeat:
			b.fail("an event of life happens after %s, which is before the start or after it all is repeated", e.After)
		case e.Status != "" && e.Status != "online" && e.Status != "offline":
			b.fail("an event of life has the status %q, which is neither online nor offline", e.Status)
		}
	}
	events := slices.Clone(l.Events)
	slices.SortStableFunc(events, func(a, c Event) int { return int(a.After - c.After) })
	b.s.living = living{Life: Life{l.Repeat, events}, speed: 1, since: b.s.now(), done: -1}
}

// SetSpeed makes life, and only life, go that many times as fast as the server's clock; 0 stops
// it.
func (s *Server) SetSpeed(speed float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &s.living
	now := s.now()
	l.age, l.since, l.speed = l.ageAt(now), now, speed
}

// Live lets happen what is due by now. Every request to the API does so too; call it so that
// those who watch a page see it.
func (s *Server) Live() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live()
}

// live is Live for callers who hold the lock.
func (s *Server) live() {
	l := &s.living
	if len(l.Events) == 0 {
		return
	}
	age := l.ageAt(s.now())
	if l.Repeat <= 0 {
		s.happen(l.done, age)
	} else {
		// What happened more than one round ago was undone or done again since.
		round := max(l.done.Truncate(l.Repeat), (age - l.Repeat).Truncate(l.Repeat), 0)
		for ; round <= age; round += l.Repeat {
			s.happen(max(l.done-round, -1), age-round)
		}
	}
	l.done = age
}

// happen applies the events after one moment of a round until another.
func (s *Server) happen(after, until time.Duration) {
	for _, e := range s.living.Events {
		if e.After > after && e.After <= until {
			s.apply(e)
			s.touch()
		}
	}
}

func (s *Server) apply(e Event) {
	s.release = pick(e.Release, s.release)
	if e.Runner == "" || len(s.state.Orgs) == 0 {
		return
	}
	o := s.state.Orgs[0]
	if e.Org != "" {
		o = s.state.Org(e.Org)
	}
	if o == nil {
		return
	}
	if g := o.Group(e.Group); g != nil && o.Runner(e.Runner) == nil {
		b := builder{s: s, st: &s.state}
		b.runner(o, g, RunnerSpec{Name: e.Runner})
	}
	r := o.Runner(e.Runner)
	if r == nil {
		return
	}
	if e.Remove {
		o.Runners = filter(o.Runners, func(other *Runner) bool { return other != r })
		return
	}
	r.Status, r.Version = pick(e.Status, r.Status), pick(e.Version, r.Version)
	if r.Version == "newest" {
		r.Version = s.newest()
	}
	set(&r.Busy, e.Busy)
}
