package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// checkRepoLimit refuses to attach more repositories than the group may have. What is attached
// must have been read under the team's lease. A group that has too many already may lose some.
func checkRepoLimit(c *dispatch.Call, attached, adds []github.Repository) error {
	limit := c.Org.Policy.Limits.Repos
	more, _ := difference(adds, attached) // a repeated attempt attached some
	if limit == 0 || len(adds) == 0 || len(attached)+len(more) <= limit {
		return nil
	}
	return dispatch.Refuse(dispatch.ReasonLimitReached,
		"The runner group %s would have %s; %d at most may be attached here (policy.limits.repos). Nothing was changed. Detach some with `repos-remove`, or ask the operator.",
		groupOfTeam(c.Group), countOf(len(attached)+len(more), "repository"), limit)
}

// checkRunnerLimit refuses to add runners of these names to a group that would then have more
// than it may. An empty name is a runner that chooses its own. One that the group has already
// is not counted twice. GitHub is asked only if there is a limit.
func checkRunnerLimit(ctx context.Context, c *dispatch.Call, group store.Record, names ...string) error {
	limit := c.Org.Policy.Limits.Runners
	if limit == 0 || len(names) == 0 || group.GroupID == 0 {
		return nil
	}
	runners, err := c.Org.GitHub.GroupRunners(ctx, group.GroupID)
	if err != nil {
		return groupError(ctx, c, err, "count the group's runners")
	}
	has := len(slices.DeleteFunc(runners, func(r github.Runner) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, r.Name) })
	}))
	if has+len(names) <= limit {
		return nil
	}
	return dispatch.Refuse(dispatch.ReasonLimitReached,
		"The runner group %s would have %s; it may have %d at most here (policy.limits.runners). Nothing was changed. Remove some with `runners-remove`, or ask the operator.",
		groupOfTeam(group), countOf(has+len(names), "runner"), limit)
}
