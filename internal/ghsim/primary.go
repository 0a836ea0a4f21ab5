package ghsim

import (
	"strconv"
	"time"
)

// bucket counts the primary rate limit of one caller.
type bucket struct {
	limit, used int
	reset       time.Time
}

// bucket gives the caller's bucket, a new one if its hour is over.
func (s *Server) bucket(who actor) *bucket {
	if s.buckets == nil {
		s.buckets = map[string]*bucket{}
	}
	key, limit := who.bucket()
	if limit == 0 {
		limit = s.RateLimit
	}
	if limit == 0 {
		limit = 5000
	}
	b := s.buckets[key]
	if b == nil || !s.now().Before(b.reset) {
		b = &bucket{reset: s.now().Add(time.Hour)}
		s.buckets[key] = b
	}
	b.limit = limit
	return b
}

func (s *Server) rateHeaders(c *call, a *answer) {
	b := s.bucket(c.who)
	a.set("X-Ratelimit-Limit", strconv.Itoa(b.limit))
	a.set("X-Ratelimit-Used", strconv.Itoa(b.used))
	a.set("X-Ratelimit-Remaining", strconv.Itoa(max(0, b.limit-b.used)))
	a.set("X-Ratelimit-Reset", strconv.FormatInt(b.reset.Unix(), 10))
	a.set("X-Ratelimit-Resource", "core")
}

// ResetRateLimits gives everybody a new hour.
func (s *Server) ResetRateLimits() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets = nil
}
