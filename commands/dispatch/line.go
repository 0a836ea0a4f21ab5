package dispatch

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	// At most this many calls of one caller, and of all callers, wait for one team.
	maxWaitingPerCaller = 4
	maxWaitingPerTeam   = 16
	// placeKept is how long a call that waits in the queue keeps its place in line without
	// coming back. The queue looks for waiting jobs about once a second.
	placeKept = 3 * time.Second
)

// A rank orders those that wait: smaller first, and first come, first served within one.
type rank int

const (
	rankOwner      rank = iota // organization owners and the operator
	rankMaintainer             // everybody else
	rankBackground             // the server itself
)

// lines order the calls of this process that want the same lease: the calls take turns in
// memory, and only the one whose turn it is asks the database. The zero value is ready.
type lines struct {
	mu    sync.Mutex
	byKey map[string]*line
}

// A line is for one lease. It exists while somebody has the turn or waits.
type line struct {
	taken   bool // somebody has the turn
	waiting []*place
	timer   *time.Timer // ends the wait for a place whose call does not come back
}

// A place is that of a call in a line.
type place struct {
	key    string
	id     string // the call's; a call that waits in the queue finds its place by it
	caller int64
	rank   rank
	turn   chan struct{} // closed when the call has the turn; nil if it waits in the queue
	until  time.Time     // when a place of the queue is given up
}

// errLineFull says that too many wait already.
var errLineFull = Refuse(ReasonBusy, "Too many commands are waiting for this group. Try again in a moment.")

// join puts p in the line of its key. A place with a turn channel waits for it: it must be
// left or cancelled. One without gets the turn at once or keeps its place until the call
// comes back; ok says which.
func (l *lines) join(p *place, now time.Time) (ok bool, err *Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byKey == nil {
		l.byKey = map[string]*line{}
	}
	ln := l.byKey[p.key]
	if ln == nil {
		ln = &line{}
		l.byKey[p.key] = ln
	}
	ln.drop(now)
	if p.turn == nil {
		return ln.joinFromQueue(p, now), nil
	}
	if !ln.taken && len(ln.waiting) == 0 {
		ln.taken = true
		close(p.turn)
		return true, nil
	}
	mine := 0
	for _, other := range ln.waiting {
		if other.caller == p.caller {
			mine++
		}
	}
	if p.rank == rankMaintainer && (mine >= maxWaitingPerCaller || len(ln.waiting) >= maxWaitingPerTeam) {
		return false, errLineFull
	}
	ln.insert(p)
	l.advance(p.key, ln, now)
	return true, nil
}

// joinFromQueue gives p the turn if it is free and nobody is before it. Otherwise it keeps
// a place for it.
func (ln *line) joinFromQueue(p *place, now time.Time) bool {
	i := slices.IndexFunc(ln.waiting, func(other *place) bool { return other.id == p.id })
	if !ln.taken && (i == 0 || len(ln.waiting) == 0) {
		if i == 0 {
			ln.waiting = ln.waiting[1:]
		}
		ln.taken = true
		return true
	}
	if i < 0 {
		ln.insert(p)
		i = slices.Index(ln.waiting, p)
	}
	ln.waiting[i].until = now.Add(placeKept)
	return false
}

// insert puts p behind all of its rank.
func (ln *line) insert(p *place) {
	i := slices.IndexFunc(ln.waiting, func(other *place) bool { return other.rank > p.rank })
	if i < 0 {
		i = len(ln.waiting)
	}
	ln.waiting = slices.Insert(ln.waiting, i, p)
}

// drop gives up the places whose calls did not come back from the queue.
func (ln *line) drop(now time.Time) {
	ln.waiting = slices.DeleteFunc(ln.waiting, func(p *place) bool { return p.turn == nil && now.After(p.until) })
}

// leave gives the turn of key to the next.
func (l *lines) leave(key string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ln := l.byKey[key]; ln != nil {
		ln.taken = false
		l.advance(key, ln, now)
	}
}

// advance gives a free turn to the first in line. If that one waits in the queue, the turn
// is kept for it until it comes back or gives up its place.
func (l *lines) advance(key string, ln *line, now time.Time) {
	ln.drop(now)
	if ln.timer != nil {
		ln.timer.Stop()
		ln.timer = nil
	}
	switch {
	case ln.taken:
	case len(ln.waiting) == 0:
		delete(l.byKey, key)
	case ln.waiting[0].turn != nil:
		next := ln.waiting[0]
		ln.waiting = ln.waiting[1:]
		ln.taken = true
		close(next.turn)
	default:
		wait := ln.waiting[0].until.Sub(now) + time.Millisecond
		ln.timer = time.AfterFunc(wait, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.byKey[key] == ln && !ln.taken {
				l.advance(key, ln, now.Add(wait))
			}
		})
	}
}

// cancel takes p out of its line, or gives back the turn that it just got.
func (l *lines) cancel(p *place, now time.Time) {
	l.mu.Lock()
	ln := l.byKey[p.key]
	i := -1
	if ln != nil {
		i = slices.Index(ln.waiting, p)
	}
	if i >= 0 {
		ln.waiting = slices.Delete(ln.waiting, i, i+1)
		l.mu.Unlock()
		return
	}
	l.mu.Unlock()
	l.leave(p.key, now)
}

// wait waits for p's turn. If ctx ends first, p has left the line.
func (l *lines) wait(ctx context.Context, p *place, now func() time.Time) bool {
	select {
	case <-p.turn:
		return true
	case <-ctx.Done():
		l.cancel(p, now())
		return false
	}
}

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
