package dispatch

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A ThingKind is what of a runner group a [Thing] is.
type ThingKind string

// The kinds of things that are part of what a group is expected to be.
const (
	RepoList  ThingKind = "repos"     // the whole list
	OneRepo   ThingKind = "repo"      // one repository of it
	Workflows ThingKind = "workflows" // the limit to some
	OneRunner ThingKind = "runner"
)

// Parse returns the kind of the thing, and the id of its repository or runner. The kind is
// empty if the thing is none of the kinds.
func (t Thing) Parse() (ThingKind, int64) {
	parts := strings.Split(string(t), "/")
	id, _ := strconv.ParseInt(parts[len(parts)-1], 10, 64)
	switch {
	case parts[0] == "repos" && len(parts) == 3:
		return OneRepo, id
	case parts[0] == "repos" && len(parts) == 2:
		return RepoList, 0
	case parts[0] == "workflows":
		return Workflows, 0
	case parts[0] == "runner":
		return OneRunner, id
	}
	return "", 0
}

// Confirm records that GitHub confirmed the edits of what a group is expected to be, unless
// err says that it did not. It returns err.
func (c *Call) Confirm(err error, edits ...store.Edit) error {
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.edits = append(c.edits, edits...)
	}
	return err
}

// Accept makes expected what the call's group is expected to be, and ends the findings, when
// the call's outcome is recorded.
func (c *Call) Accept(expected store.Expected, ended []store.Finding) {
	c.mu.Lock()
	c.marked, c.accepted, c.ended = true, &expected, ended
	c.mu.Unlock()
	c.NoteChange(c.TheExpected())
}

// mark records what the call is about to change in groups, so that polls know it from what
// others change.
func (e *Env) mark(ctx context.Context, call *Call, things []Thing) error {
	var marked []string
	for _, thing := range things {
		kind, _ := thing.Parse()
		if kind != "" && (kind != OneRunner || call.OtherGroup.GroupID != 0) { // nobody is asked about runners that leave
			marked = append(marked, string(thing))
		}
	}
	if len(marked) == 0 || call.Group.GroupID == 0 || call.Spec.Effect == Reveals {
		return nil
	}
	call.marked = true
	return StoreError(e.Store.BeginChange(ctx, call.groupChange(marked)))
}

// groupChange returns a change of the call's groups.
func (c *Call) groupChange(things []string) store.GroupChange {
	groups := []int64{c.Group.GroupID}
	if c.OtherGroup.GroupID != 0 {
		groups = append(groups, c.OtherGroup.GroupID)
	}
	return store.GroupChange{RequestID: c.ID, OrgID: c.OrgID, Groups: groups, Things: things}
}

// endChange returns what became of what mark recorded; nil if that was nothing.
func (c *Call) endChange() *store.GroupChange {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.marked {
		return nil
	}
	change := c.groupChange(c.unsure)
	change.Edits, change.Accepted, change.Ended = slices.Clone(c.edits), c.accepted, c.ended
	return &change
}
