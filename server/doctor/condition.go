package doctor

import (
	"context"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A Condition is something without which the server cannot accept work. /readyz checks
// it continually and [Run] once, and both describe it in the same words.
type Condition struct {
	Name string
	// Try returns why the condition does not hold. The error may contain paths and host
	// names, so only the log and doctor may show it.
	Try    func(context.Context, *store.Store) error
	holds  string // what doctor says if it holds
	broken string // what anybody may read if it does not
	remedy string // what to do then
}

// DatabaseReady is the only condition. It does not check the schema, which is checked when
// the database is opened: older replicas keep working while a newer one migrates it.
func DatabaseReady() Condition {
	return Condition{
		Name:   "database",
		Try:    func(ctx context.Context, st *store.Store) error { return st.Ping(ctx) },
		holds:  "is writable and has the current schema",
		broken: "the database does not answer or cannot be written",
		remedy: "Make the database in database.url reachable and writable for the user that runs the server, with free disk space, or set another one.",
	}
}

// Reason is what /readyz and the command status answer if the condition does not hold:
// what is wrong and what to do, without the cause.
func (c Condition) Reason() string {
	advice := strings.ToLower(c.remedy[:1]) + strings.TrimSuffix(c.remedy[1:], ".")
	return c.broken + "; " + advice + "; the cause is in the server's log"
}

// check returns the condition as a check of the database at where.
func (c Condition) check(where string, err error) Check {
	if err != nil {
		return Check{Name: c.Name, Level: Fail, Detail: where + ": " + err.Error(), Remedy: c.remedy}
	}
	return Check{Name: c.Name, OK: true, Level: OK, Detail: where + " " + c.holds}
}
