package fleet

import (
	"context"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A Checked is a group as it is now, for the commands group-check and group-accept.
type Checked struct {
	At       time.Time
	Deleted  bool
	Name     string          // of the group
	Findings []store.Finding // all that are found now
	Known    []store.Finding // all that polls found and that are open
	Expected store.Expected  // what the group would be expected to be if it is to stay as it is
	Before   *store.Expected // what it is expected to be; nil: nothing is recorded
}

// checkAttempts is how often a group is looked at that other commands change meanwhile.
const checkAttempts = 3

// Check asks GitHub for the call's group, and finds what is wrong with it. It records nothing.
// held says that the call has the group, as commands that change it do.
func Check(ctx context.Context, call *dispatch.Call, held bool) (Checked, error) {
	record := call.Group
	record.TeamID, record.TeamSlug = call.Team.ID, call.Team.Slug
	l := looker{env: call.Env, org: call.Org, orgID: call.OrgID, record: record, team: true, slug: call.Team.Slug, held: held, missed: missedAfter(0)}
	var out looked
	for range checkAttempts {
		var err error
		if out, err = l.look(ctx); err != nil {
			return Checked{}, err
		}
		if !out.Overlapped {
			break
		}
	}
	checked := Checked{At: out.At, Deleted: out.reading.deleted, Name: record.GroupName, Findings: out.Findings, Known: out.Known, Before: out.Expected}
	if !checked.Deleted {
		checked.Name, checked.Expected = out.reading.group.Name, out.reading.expected()
	}
	return checked, nil
}
