package setup

import (
	"context"
	"sync"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

// Together these bound what the checklist costs: two calls to GitHub every 20 seconds until
// the App is installed, then at most one, and three more in a minute if something is wrong.
const (
	checkEvery = 20 * time.Second
	probeEvery = time.Minute
	// checkSoon is how soon the checks are made after a webhook came.
	checkSoon = 2 * time.Second
	// checkTimeout bounds the checks, and checkWait how long a page waits for them.
	checkTimeout = 30 * time.Second
	checkWait    = 3 * time.Second
)

// A progress is how far the set-up has come. What was once in order stays so.
type progress struct {
	mu                 sync.Mutex
	delivered, command bool
	found              map[string]doctor.Check // by name: the last result
	running, soon      bool
	checked, probed    time.Time
}

// passed reports whether the check found all in order. The caller holds the lock.
func (p *progress) passed(name string) bool {
	c, made := p.found[name]
	return made && c.OK && !c.Skipped && (name != "admin-repo" || c.Remedy == "")
}

// due returns the checks that are to be made now, and whether what is known of the
// installation is to be asked again. There are none if all is in order.
func (p *progress) due(now time.Time, adminRepo bool) (names []string, refresh bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	since := now.Sub(p.checked)
	if p.running || since < checkEvery && (!p.soon || since < checkSoon) {
		return nil, false
	}
	for _, name := range []string{"installation", "installation-permissions", "repositories"} {
		if !p.passed(name) {
			names = append(names, name)
		}
	}
	refresh = len(names) > 0
	if adminRepo && !p.passed("admin-repo") {
		names = append(names, "admin-repo")
	}
	probe := p.passed("installation") && now.Sub(p.probed) >= probeEvery
	if probe {
		p.probed = now
		if !p.delivered {
			names = append(names, "webhook")
		}
	}
	if len(names) > 0 {
		p.running, p.soon, p.checked = true, false, now
	}
	return names, refresh && probe
}

func (p *progress) record(checks []doctor.Check) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = false
	if p.found == nil {
		p.found = map[string]doctor.Check{}
	}
	for _, c := range checks {
		p.found[c.Name] = c
	}
}

// update makes the checks that are due, and waits for them a little.
func (u *Setup) update(ctx context.Context, s *session) {
	names, refresh := s.progress.due(u.Now(), s.adminRepo != "")
	if len(names) == 0 {
		return
	}
	made := make(chan struct{})
	go func() {
		defer close(made)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
		defer cancel()
		s.progress.record(u.Check(ctx, s.org, s.app, refresh, names...))
	}()
	select {
	case <-made:
	case <-time.After(checkWait):
	case <-ctx.Done():
	}
}

// Delivered notes that a signed webhook arrived.
func (u *Setup) Delivered() {
	u.note(func(p *progress) { p.delivered, p.soon = true, true })
}

// Commanded notes that somebody's command succeeded.
func (u *Setup) Commanded() { u.note(func(p *progress) { p.command = true }) }

func (u *Setup) note(change func(*progress)) {
	u.mu.Lock()
	s := u.session
	u.mu.Unlock()
	if s != nil {
		s.progress.mu.Lock()
		defer s.progress.mu.Unlock()
		change(&s.progress)
	}
}
