package ownership

import (
	"context"
	"fmt"
	"slices"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// Release ends the ownership on record. The group itself stays as it is.
func (r *Registry) Release(ctx context.Context, call *dispatch.Call, record store.Record) error {
	return call.Change(ctx, func(ctx context.Context) error {
		return dispatch.StoreError(r.Store.DeleteRecord(ctx, record))
	}, dispatch.GroupOf(record.TeamID))
}

// Forget ends the ownership of the call's group, which GitHub no longer has: also if
// the caller's time is up.
func (r *Registry) Forget(ctx context.Context, call *dispatch.Call) error {
	if !call.Recorded {
		return nil
	}
	return dispatch.StoreError(r.Store.DeleteRecord(context.WithoutCancel(ctx), call.Group))
}

// IsGone reports whether the call's group no longer exists: GitHub says so of the group
// itself, and lists the organization's groups without it. Only then an ownership ends by
// itself: GitHub answers 404 also for what it does not want to show.
func (r *Registry) IsGone(ctx context.Context, call *dispatch.Call) (bool, error) {
	_, err := call.Org.GitHub.Group(ctx, call.Group.GroupID)
	if err == nil {
		return false, nil
	}
	if github.KindOf(err) != github.NotFound {
		return false, dispatch.GitHubError(err, "look at the runner group")
	}
	groups, err := call.Org.GitHub.Groups(ctx)
	if err != nil {
		return false, dispatch.GitHubError(err, "list the runner groups")
	}
	return !slices.ContainsFunc(groups, func(g github.Group) bool { return g.ID == call.Group.GroupID }), nil
}

// NotGone is the failure of a command for which GitHub both has the call's group and not.
func NotGone(call *dispatch.Call, cause error) error {
	return &dispatch.Error{
		Reason: dispatch.ReasonGitHubError, Cause: cause,
		Message: fmt.Sprintf("GitHub did not find the runner group %s, but it still exists. Nothing was recorded. Try again in a minute; repeating a command is safe.", dispatch.Quote(call.Group.GroupName)),
	}
}
