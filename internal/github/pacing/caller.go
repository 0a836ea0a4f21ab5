package pacing

// A Kind says on whose behalf a request is sent.
type Kind int

// The kinds of callers. The zero value is a person who works for a team.
const (
	Person     Kind = iota
	Owner           // an owner of the organization, or the operator
	Deletion        // the deletion of a secret, which must not wait
	Background      // work that nobody waits for
	Timed           // work that is due: behind people, but with as much room as they have
)

// A Caller says who a request is for. The zero value is a person without a team, such as
// a caller whose team is not authorized yet; all of these share one team's part.
type Caller struct {
	TeamID int64
	Kind   Kind
}

// A class orders requests: a lower class goes first.
type class int

const (
	urgent class = iota // owners, deletions, and teams that asked for little
	ordinary
	background
)
