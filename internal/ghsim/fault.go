package ghsim

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// A Fault makes the server misbehave for the calls that it matches.
type Fault struct {
	Method string // empty: every method
	Path   string // a regular expression that the path (without /api/v3) must match; empty: every path
	Skip   int    // let so many matching calls through first
	Times  int    // how often it strikes; 0: once; negative: always

	Delay     time.Duration // wait before anything else
	Drop      bool          // break the connection before the effect
	DropAfter bool          // let the effect happen, then break the connection instead of answering
	Status    int           // answer with this instead of doing anything
	Header    http.Header   // added to the answer
	Body      string        // of the answer; a JSON message in GitHub's form if it is empty
}

// SecondaryLimit is the fault of GitHub's secondary rate limit: status 403 or
// 429, with Retry-After if that is not zero.
// https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
func SecondaryLimit(status int, retryAfter time.Duration) Fault {
	f := Fault{Status: status, Header: http.Header{}, Body: `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again. ` +
		`If you reach out to GitHub Support for help, please include the request ID.",` +
		`"documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`}
	if retryAfter > 0 {
		f.Header.Set("Retry-After", strconv.Itoa(int(retryAfter.Round(time.Second)/time.Second)))
	}
	return f
}

type activeFault struct {
	Fault
	path       *regexp.Regexp
	skip, left int
}

// Inject adds a fault. Several may be active; the first that matches a call
// strikes. It panics if Path is no regular expression.
func (s *Server) Inject(f Fault) {
	a := &activeFault{Fault: f, path: regexp.MustCompile(f.Path), skip: f.Skip, left: f.Times}
	if f.Times == 0 {
		a.left = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, a)
}

// ClearFaults ends all faults.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// SetLatency makes every answer of the API take at least d.
func (s *Server) SetLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// strike gives the fault that a call meets, or nil. The caller holds the lock.
func (s *Server) strike(method, path string) *activeFault {
	for _, f := range s.faults {
		if f.left == 0 || f.Method != "" && f.Method != method || !f.path.MatchString(path) {
			continue
		}
		if f.skip > 0 {
			f.skip--
			continue
		}
		if f.left > 0 {
			f.left--
		}
		return f
	}
	return nil
}

// answer is the fault's own answer.
func (f *activeFault) answer() answer {
	a := answer{status: f.Status, header: f.Header.Clone(), raw: []byte(f.Body)}
	if f.Body == "" {
		a.raw = fmt.Appendf(nil, `{"message":%q}`, http.StatusText(f.Status))
	}
	return a
}
