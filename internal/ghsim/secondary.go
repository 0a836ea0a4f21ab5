package ghsim

import (
	"net/http"
	"strings"
	"time"
)

// GitHub's documented secondary limits of one installation.
// https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
const (
	pointsPerMinute  = 900
	contentPerMinute = 80
	contentPerHour   = 500
)

// usage is what an installation has sent lately, the oldest first.
type usage struct {
	calls   []used
	refused int
}

type used struct {
	at      time.Time
	points  int
	content int
}

// EnforceSecondaryLimits has the server refuse an installation's calls beyond GitHub's
// secondary limits.
func (s *Server) EnforceSecondaryLimits() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secondary = map[int64]*usage{}
}

// Throttled returns how many calls were refused for secondary limits.
func (s *Server) Throttled() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.secondary {
		n += u.refused
	}
	return n
}

// throttle counts a call of an installation, and returns GitHub's refusal if it is one too
// many. The caller holds the lock.
func (s *Server) throttle(c *call) *answer {
	if s.secondary == nil || c.who.inst == nil {
		return nil
	}
	u := s.secondary[c.who.inst.ID]
	if u == nil {
		u = &usage{}
		s.secondary[c.who.inst.ID] = u
	}
	now := s.now()
	this := used{at: now, points: 5}
	path := c.r.URL.Path
	switch {
	case c.r.Method == http.MethodGet || c.r.Method == http.MethodHead:
		this.points = 1
	case c.r.Method == http.MethodPost && (strings.HasSuffix(path, "/comments") || strings.HasSuffix(path, "/reactions") || strings.HasSuffix(path, "/issues")):
		this.content = 1
	}
	var points, minute, hour int
	kept := u.calls[:0]
	for _, call := range u.calls {
		age := now.Sub(call.at)
		if age >= time.Hour {
			continue
		}
		kept = append(kept, call)
		hour += call.content
		if age < time.Minute {
			points += call.points
			minute += call.content
		}
	}
	kept = append(kept, this)
	u.calls = kept
	if points+this.points <= pointsPerMinute && minute+this.content <= contentPerMinute && hour+this.content <= contentPerHour {
		return nil
	}
	u.refused++
	a := (&activeFault{Fault: SecondaryLimit(http.StatusForbidden, time.Minute)}).answer()
	return &a
}
