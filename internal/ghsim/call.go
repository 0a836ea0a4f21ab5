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

const docs = "https://docs.github.com/rest"

// failure is an error in the form that GitHub gives them.
func failure(status int, message, documentation string) answer {
	return answer{status: status, body: obj{"message": message, "documentation_url": documentation, "status": itoa(status)}}
}

func notFound(doc string) answer {
	return failure(http.StatusNotFound, "Not Found", docs+doc)
}

func forbidden(message string) answer {
	return failure(http.StatusForbidden, message, docs)
}

// notAccessible is GitHub's refusal of a token that lacks a permission.
func notAccessible(c *call, permission string) answer {
	a := forbidden("Resource not accessible by integration")
	if c.who.user != nil {
		a = forbidden("Resource not accessible by personal access token")
	}
	a.set("X-Accepted-Github-Permissions", permission)
	return a
}

func unauthorized() answer {
	return failure(http.StatusUnauthorized, "Requires authentication", docs)
}

func conflict(message string) answer {
	return failure(http.StatusConflict, message, docs)
}

// invalid is GitHub's 422 with a list of fields.
func invalid(resource, field, code, message string) answer {
	item := obj{"resource": resource, "field": field, "code": code}
	if message != "" {
		item["message"] = message
	}
	a := failure(http.StatusUnprocessableEntity, "Validation Failed", docs)
	a.body.(obj)["errors"] = []any{item}
	return a
}

// unprocessable is GitHub's 422 with only a sentence.
func unprocessable(message string) answer {
	return failure(http.StatusUnprocessableEntity, message, docs)
}

func badJSON() answer {
	return failure(http.StatusBadRequest, "Problems parsing JSON", docs)
}

// rateLimited is GitHub's answer if the primary limit is used up.
func rateLimited(c *call) answer {
	who := "user ID " + itoa(0)
	switch {
	case c.who.inst != nil:
		who = "installation ID " + itoa(c.who.inst.ID)
	case c.who.user != nil:
		who = "user ID " + itoa(c.who.user.ID)
	case c.who.kind == "none":
		who = c.who.address
	}
	return failure(http.StatusForbidden, "API rate limit exceeded for "+who+". If you reach out to GitHub Support for help, please include the request ID.",
		"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api")
}
