package dispatch

import (
	"context"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// ProveRepo proves that the caller has at least that permission on a repository, by whatever
// way: one of [github.Permissions]. A "no" of the last minute is repeated without asking.
// The same is asked for a repository that does not exist as for one that the caller may not
// use, and the refusal is the same, so that private repositories stay private. The operator
// needs no permission.
func (c *Call) ProveRepo(ctx context.Context, repo, least string) error {
	if c.Channel == CLI {
		return nil
	}
	key := c.key("", Member)
	key.repo = strings.ToLower(repo) + " " + least
	if refusal := c.Env.proofs.refused(key, c.Env.Now()); refusal != nil {
		return refusal
	}
	got, err := c.Org.GitHub.UserPermission(ctx, repo, c.Caller.Login)
	switch kind := github.KindOf(err); {
	case kind == github.NotFound, kind == github.Invalid:
	case err != nil:
		return GitHubError(err, "look up your permission on the repository")
	case got.UserID != 0 && got.UserID != c.Caller.ID: // the login passed to somebody else
	case github.PermissionAtLeast(got.Permission, least):
		return nil
	}
	return c.Env.proofs.refuse(key, Refuse(ReasonRepoNotPermitted,
		"You don't have %s permission on %s, or there is no such repository in %s. Somebody with admin permission on it can give it to you.",
		roleOf(least), Quote(repo), c.Org.Name()), c.Env.Now())
}

// roleOf returns what GitHub's pages call a permission.
func roleOf(permission string) string {
	switch permission {
	case github.PermissionPull:
		return "read"
	case github.PermissionPush:
		return "write"
	}
	return permission
}
