package ghsim

import (
	"net/http"
	"slices"
	"time"
)

// A Call is one request to the API, as the server saw it.
type Call struct {
	Method         string
	Path           string // without /api/v3
	Route          string // the route's template, as in GitHub's reference; empty: unknown
	Query          string
	Auth           string // jwt, installation, user or none
	InstallationID int64
	Status         int  // 0: the connection was broken instead
	Charged        bool // counted against the rate limit
	Start, End     time.Time
}

// String is the method and the path, with the query.
func (c Call) String() string {
	if c.Query != "" {
		return c.Method + " " + c.Path + "?" + c.Query
	}
	return c.Method + " " + c.Path
}

// An Exchange is a request and its answer, for checks from outside.
type Exchange struct {
	Route        string // the route's template; empty: unknown
	Request      *http.Request
	RequestBody  []byte
	Status       int
	Header       http.Header
	ResponseBody []byte
	Injected     bool // the answer is a fault's
}

// maxCalls bounds what a server that runs for days remembers.
const maxCalls = 50_000

// Calls lists the calls of the API since the start or [Server.ResetCalls], in the order they ended.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// ResetCalls forgets the calls so far.
func (s *Server) ResetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

// Unknown lists the requests that no route of the simulator knows, as "METHOD path".
func (s *Server) Unknown() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unknown)
}

// Sequence is the length of the longest chain of calls of which each starts
// after the one before has ended: the round trips that a user waits for.
func Sequence(calls []Call) int {
	sorted := slices.SortedFunc(slices.Values(calls), func(a, b Call) int { return a.End.Compare(b.End) })
	var n int
	var end time.Time
	for _, c := range sorted {
		if n == 0 || !c.Start.Before(end) {
			n++
			end = c.End
		}
	}
	return n
}

func (s *Server) record(c Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) >= maxCalls {
		s.calls = slices.Clone(s.calls[maxCalls/2:])
	}
	s.calls = append(s.calls, c)
	if c.Route == "" && len(s.unknown) < maxCalls {
		s.unknown = append(s.unknown, c.Method+" "+c.Path)
	}
}
