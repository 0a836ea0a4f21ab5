package doctor

import (
	"context"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A Condition is something without which the server cannot take work. It is tried in
// one way and told in one set of words, by /readyz again and again and by [Run] once.
type Condition struct {
	Name string
	// Try fails where the condition does not hold. Its error may hold paths and host
	// names, so it is for the log and for doctor alone.
	Try    func(context.Context, *store.Store) error
	holds  string // what doctor says where it holds
	broken string // what anybody may read where it does not
	remedy string // what to do then
}

// DatabaseReady is the one condition there is. That the schema is this program's, too,
// is seen to when the database is opened, and not asked again: while a newer replica
// brings it up to date, the older ones go on with their work.
func DatabaseReady() Condition {
	return Condition{
		Name:   "database",
		Try:    func(ctx context.Context, st *store.Store) error { return st.Ping(ctx) },
		holds:  "can be written, and its schema is this program's",
		broken: "the database does not answer or cannot be written",
		remedy: "Make the database that database.url names reachable and writable for the user that runs the server, with room on its disk, or name another.",
	}
}

// Reason is what /readyz and the command status answer, in half a sentence: what is
// wrong and what to do, without the cause.
func (c Condition) Reason() string {
	todo := strings.ToLower(c.remedy[:1]) + strings.TrimSuffix(c.remedy[1:], ".")
	return c.broken + "; " + todo + "; the cause is in the server's log"
}

// examined is what doctor makes of the condition, for the thing at where.
func (c Condition) examined(where string, err error) Check {
	if err != nil {
		return Check{Name: c.Name, Detail: where + ": " + err.Error(), Remedy: c.remedy}
	}
	return Check{Name: c.Name, OK: true, Detail: where + " " + c.holds}
}
