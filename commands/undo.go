package commands

import (
	"fmt"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// The functions of this file return the lines that reverse what a command changed, as
// Spec.Undo has them: nil if no line can.

// ofKind returns the parts of that kind.
func ofKind(parts []store.Part, kind store.PartKind) []store.Part {
	var found []store.Part
	for _, p := range parts {
		if p.Kind == kind {
			found = append(found, p)
		}
	}
	return found
}

func partNames(parts []store.Part) []string {
	names := make([]string, 0, len(parts))
	for _, p := range parts {
		names = append(names, p.Name)
	}
	return names
}

// without returns those of parts that are not among others.
func without(parts, others []store.Part) []store.Part {
	return slices.DeleteFunc(slices.Clone(parts), func(p store.Part) bool {
		return slices.ContainsFunc(others, func(o store.Part) bool { return o.Kind == p.Kind && o.ID == p.ID })
	})
}

// teamLine is a line for the call's team.
func teamLine(c *dispatch.Call, command string, items []string, flags ...string) string {
	return c.Line(command, items, append(flags, "team", c.Team.Slug)...)
}

// detachLines detach the repositories.
func detachLines(c *dispatch.Call, repos []store.Part) []string {
	if len(repos) == 0 {
		return nil
	}
	return []string{teamLine(c, "repos-remove", partNames(repos))}
}

// attachLines attach the repositories for as long as they were attached: a line for each end.
// ok is false if one was attached by a request, or its time is over.
func attachLines(c *dispatch.Call, repos []store.Part) (lines []string, ok bool) {
	var ends []string
	byEnd := map[string][]string{}
	for _, repo := range repos {
		left := ""
		if repo.Until != nil {
			left = c.Remaining(*repo.Until)
		}
		if repo.Request != 0 || repo.Until != nil && left == "" {
			return nil, false
		}
		if byEnd[left] == nil {
			ends = append(ends, left)
		}
		byEnd[left] = append(byEnd[left], repo.Name)
	}
	for _, left := range ends {
		var flags []string
		if left != "" {
			flags = []string{"for", left}
		}
		lines = append(lines, teamLine(c, "repos-add", byEnd[left], flags...))
	}
	return lines, true
}

// undoReposAdd detaches what was added. What was attached already gets its old end: if it has
// none now, it is detached before, since an end is given only to what has one.
func undoReposAdd(c *dispatch.Call, d store.Diff) []string {
	lines, ok := attachLines(c, d.Before)
	if !ok {
		return nil
	}
	detached := slices.DeleteFunc(slices.Clone(d.After), func(p store.Part) bool {
		return p.Until != nil && len(without([]store.Part{p}, d.Before)) == 0
	})
	return slices.Concat(detachLines(c, detached), lines)
}

func undoReposRemove(c *dispatch.Call, d store.Diff) []string {
	lines, _ := attachLines(c, d.Before)
	return lines
}

// undoReposSet sets the list that was there before. What had an end then is added with it.
func undoReposSet(c *dispatch.Call, d store.Diff) []string {
	hasEnd := func(p store.Part) bool { return p.Until != nil || p.Request != 0 }
	ended := slices.DeleteFunc(slices.Clone(d.Before), func(p store.Part) bool { return !hasEnd(p) })
	forGood := slices.DeleteFunc(slices.Clone(d.Before), hasEnd)
	lines, ok := attachLines(c, ended)
	switch old := slices.Concat(d.Same, forGood); {
	case !ok:
		return nil
	case len(old) > 0:
		return append([]string{teamLine(c, "repos-set", partNames(old))}, lines...)
	}
	return slices.Concat(detachLines(c, d.After), lines)
}

// undoWorkflowsSet limits the group to what it was limited to. A group that no workflow may
// use cannot be made here.
func undoWorkflowsSet(c *dispatch.Call, d store.Diff) []string {
	names := partNames(ofKind(d.Before, store.PartWorkflow))
	switch {
	case slices.Contains(names, ""):
		return nil
	case len(names) == 0:
		return []string{teamLine(c, "workflows-set", nil, "workflows", "")}
	}
	return []string{teamLine(c, "workflows-set", names)}
}

// undoRunnersLabel gives the runners the labels that they lost, and takes those that they got:
// a line for those runners to which the same happened.
func undoRunnersLabel(c *dispatch.Call, d store.Diff) []string {
	minus := func(a, b []string) []string {
		return slices.DeleteFunc(slices.Clone(a), func(l string) bool { return containsLabel(b, l) })
	}
	var order [][2]string
	runners := map[[2]string][]string{}
	for _, after := range d.After {
		i := slices.IndexFunc(d.Before, func(p store.Part) bool { return p.ID == after.ID })
		if i < 0 {
			return nil
		}
		change := [2]string{strings.Join(minus(d.Before[i].Labels, after.Labels), ","), strings.Join(minus(after.Labels, d.Before[i].Labels), ",")}
		if runners[change] == nil {
			order = append(order, change)
		}
		runners[change] = append(runners[change], after.Name)
	}
	var lines []string
	for _, change := range order {
		var flags []string
		for i, name := range []string{"add", "remove"} {
			if change[i] != "" {
				flags = append(flags, name, change[i])
			}
		}
		lines = append(lines, teamLine(c, "runners-label", runners[change], flags...))
	}
	return lines
}

// moveBack moves the runners back to the group of the call's team.
func moveBack(c *dispatch.Call, moved []store.Part) []string {
	if len(moved) == 0 {
		return nil
	}
	return []string{c.Line("runners-transfer", partNames(moved), "to", c.Team.Slug, "team", c.Other.Slug)}
}

func undoRunnersTransfer(c *dispatch.Call, d store.Diff) []string { return moveBack(c, d.After) }

func undoTokenJIT(c *dispatch.Call, d store.Diff) []string {
	return []string{teamLine(c, "runners-remove", partNames(d.After))}
}

// undoTrustAdd ends the trust, or gives it the end that it had.
func undoTrustAdd(c *dispatch.Call, d store.Diff) []string {
	if len(d.Before) > 0 {
		return undoTrustRemove(c, d)
	}
	return []string{teamLine(c, "trust-remove", []string{fmt.Sprint(d.After[0].ID)})}
}

// undoTrustRemove makes the trust again until it would have ended.
func undoTrustRemove(c *dispatch.Call, d store.Diff) []string {
	was := d.Before[0]
	left := c.Remaining(*was.Until)
	if left == "" {
		return nil
	}
	flags := []string{"commands", strings.Join(was.Trust.Commands, ",")}
	for _, f := range [][2]string{{"ref", was.Trust.Ref}, {"environment", was.Trust.Environment}, {"workflow", was.Trust.Workflow}} {
		if f[1] != "" {
			flags = append(flags, f[0], f[1])
		}
	}
	return []string{teamLine(c, "trust-add", []string{was.Name}, append(flags, "for", left)...)}
}

func undoGroupCreate(c *dispatch.Call, _ store.Diff) []string {
	return []string{teamLine(c, "group-delete", nil)}
}

// undoGroupDelete makes the group again with all that it had but its trusts, if group-create
// makes one like it.
func undoGroupDelete(c *dispatch.Call, d store.Diff) []string {
	groups := ofKind(d.Before, store.PartGroup)
	if len(groups) == 0 { // only some runners were moved
		return moveBack(c, d.After)
	}
	policy := c.Org.Policy
	attach, ok := attachLines(c, ofKind(d.Before, store.PartRepo))
	if !ok || groups[0].Name != policy.GroupNameOf(c.Team.Slug) || groups[0].State != opennessOf("selected", policy.PublicRepos) {
		return nil
	}
	lines := append([]string{teamLine(c, "group-create", nil)}, attach...)
	if len(ofKind(d.Before, store.PartWorkflow)) > 0 {
		limit := undoWorkflowsSet(c, d)
		if limit == nil {
			return nil
		}
		lines = append(lines, limit...)
	}
	return slices.Concat(lines, moveBack(c, d.After))
}

// undoGroupAdopt forgets the ownership, unless the team had it before.
func undoGroupAdopt(c *dispatch.Call, d store.Diff) []string {
	if len(without(d.After, d.Before)) == 0 {
		return nil
	}
	return []string{teamLine(c, "group-release", nil)}
}

// undoGroupRelease gives the group back to its team, if that still exists.
func undoGroupRelease(c *dispatch.Call, d store.Diff) []string {
	team, group := d.Before[0], d.Before[1]
	if team.ID != c.Team.ID {
		return nil
	}
	flags := []string{"group", group.Name}
	if group.State == teamMayLimit {
		flags = append(flags, "workflows", workflowsTeam)
	}
	return []string{teamLine(c, "group-adopt", nil, flags...)}
}

// undoRequestApprove detaches what the request attached. What it only gave another end cannot
// get the old one.
func undoRequestApprove(c *dispatch.Call, d store.Diff) []string {
	if len(ofKind(d.Before, store.PartRepo)) > 0 {
		return nil
	}
	return detachLines(c, ofKind(d.After, store.PartRepo))
}
