package dispatch

import (
	"context"
	"strconv"
	"sync"
)

// maxShare is how many commands of one team the queue runs at a time in this process: a
// quarter of its workers. So the comments of one team do not keep the others waiting.
const maxShare = 4

// shares count what runs for each team. The zero value is ready.
type shares struct {
	mu      sync.Mutex
	running map[string]int
}

// take counts one more, unless there are maxShare already.
func (s *shares) take(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[key] >= maxShare {
		return false
	}
	if s.running == nil {
		s.running = map[string]int{}
	}
	s.running[key]++
	return true
}

// give counts one less.
func (s *shares) give(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[key]--; s.running[key] <= 0 {
		delete(s.running, key)
	}
}

// share keeps the commands of one team, or of one caller if there is no team, from taking
// all workers of the queue. The other channels wait in the caller's own request.
func (e *Env) share(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		if call.Channel != Comment {
			return next(ctx, call)
		}
		key := call.Request.Org + "/" + call.teamSlug()
		if call.teamSlug() == "" {
			key = "caller/" + strconv.FormatInt(call.Caller.ID, 10)
		}
		if !e.shares.take(key) {
			return Result{}, queued()
		}
		defer e.shares.give(key)
		return next(ctx, call)
	}
}
