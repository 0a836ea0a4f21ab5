package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// GroupInfo is a runner group in an answer.
type GroupInfo struct {
	ID                       int64    `json:"id"`
	Name                     string   `json:"name"`
	Visibility               string   `json:"visibility"`
	AllowsPublicRepositories bool     `json:"allowsPublicRepositories"`
	RestrictedToWorkflows    bool     `json:"restrictedToWorkflows"`
	SelectedWorkflows        []string `json:"selectedWorkflows,omitempty"`
}

func groupInfo(g github.Group) GroupInfo {
	return GroupInfo{
		ID: g.ID, Name: g.Name, Visibility: g.Visibility,
		AllowsPublicRepositories: g.AllowsPublicRepositories,
		RestrictedToWorkflows:    g.RestrictedToWorkflows, SelectedWorkflows: g.SelectedWorkflows,
	}
}

// groupState is what a group holds.
type groupState struct {
	group   github.Group
	repos   []github.Repository
	runners []github.Runner
}

// readGroup reads the call's group with all that it holds.
func readGroup(ctx context.Context, c *dispatch.Call) (groupState, error) {
	id := c.Group.GroupID
	read := func() (groupState, error) { return fetchGroup(c.Recent(ctx), c.Org, id) }
	if begun, ok := c.Prefetched.(ahead[groupState]); ok && begun.group == id {
		read = begun.wait
	}
	found, err := read()
	if err != nil {
		return groupState{}, groupError(ctx, c, err, "read the runner group")
	}
	if err := ownership.New(c.Env).Refresh(ctx, c, found.group); err != nil {
		return groupState{}, err
	}
	return found, nil
}

// fetchGroup reads a group with all that it holds, side by side.
func fetchGroup(ctx context.Context, org *dispatch.Org, id int64) (groupState, error) {
	var found groupState
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { found.group, err = org.GitHub.Group(gctx, id); return err })
	g.Go(func() (err error) {
		found.repos, err = org.GitHub.GroupRepositories(gctx, id)
		if kind := github.KindOf(err); kind == github.Conflict || kind == github.Invalid {
			return nil // a group for all repositories has no list
		}
		return err
	})
	g.Go(func() (err error) { found.runners, err = org.GitHub.GroupRunners(gctx, id); return err })
	if err := g.Wait(); err != nil {
		return groupState{}, err
	}
	slices.SortFunc(found.repos, func(a, b github.Repository) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	slices.SortFunc(found.runners, func(a, b github.Runner) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

// groupError turns a failure on the call's group into an error for the caller. A group is
// said to be gone only if GitHub says so of the group itself: an older Enterprise Server
// answers 404 for what it does not know, too.
func groupError(ctx context.Context, c *dispatch.Call, err error, doing string) error {
	if github.KindOf(err) != github.NotFound {
		return dispatch.GitHubError(err, doing)
	}
	_, lookErr := c.Org.GitHub.Group(ctx, c.Group.GroupID)
	switch {
	case github.KindOf(lookErr) == github.NotFound:
		return groupGone(c, err)
	case lookErr != nil:
		return dispatch.GitHubError(lookErr, "read the runner group")
	}
	return dispatch.GitHubError(err, doing)
}

// lacksFeature refuses what this GitHub is too old for, or its plan too small.
func lacksFeature(what, needed string, cause error) *dispatch.Error {
	return &dispatch.Error{
		Reason: dispatch.ReasonGitHubError, Cause: cause, Permanent: true,
		Message: fmt.Sprintf("This GitHub has no %s (%s needed).", what, needed),
	}
}

func groupGone(c *dispatch.Call, cause error) *dispatch.Error {
	return &dispatch.Error{
		Reason: dispatch.ReasonGroupNotFound, Cause: cause,
		Message: fmt.Sprintf("The runner group %s of the team `%s` is gone: somebody deleted it on GitHub. `group-create` makes a new one, or an owner of %s gives the team another with `group-adopt`.",
			dispatch.Quote(c.Group.GroupName), c.Team.Slug, c.Org.Login),
	}
}

// mustBeSelected refuses work on the repositories of a group that is open to all
// or to all private ones: such a list has no effect.
func mustBeSelected(ctx context.Context, c *dispatch.Call) error {
	if hasList(c) {
		return nil
	}
	group, err := c.Org.GitHub.Group(ctx, c.Group.GroupID)
	if err != nil {
		return groupError(ctx, c, err, "read the runner group")
	}
	if group.Visibility != "selected" {
		return notSelected(c, group.Visibility, nil)
	}
	return ownership.New(c.Env).Refresh(ctx, c, group)
}

// hasList reports whether the call's group was made or seen to be one for selected
// repositories. GitHub refuses if that was changed since.
func hasList(c *dispatch.Call) bool {
	return c.Group.Visibility == github.VisibilitySelected && c.Recorded
}

func notSelected(c *dispatch.Call, visibility string, cause error) *dispatch.Error {
	return &dispatch.Error{
		Reason: dispatch.ReasonGroupNotSelected, Cause: cause,
		Message: fmt.Sprintf("The runner group %s is visible to %s repositories, so a list of repositories has no effect on it. An owner of %s can set its access to selected repositories on GitHub.",
			dispatch.Quote(c.Group.GroupName), visibility, c.Org.Login),
	}
}

// groupOfTeam names the group of a record, for a sentence, and its team if that has another
// name.
func groupOfTeam(r store.Record) string {
	if strings.EqualFold(r.GroupName, r.TeamSlug) {
		return dispatch.Quote(r.GroupName)
	}
	return fmt.Sprintf("%s of the team `%s`", dispatch.Quote(r.GroupName), r.TeamSlug)
}

// TeamArgs are the arguments of a command that needs only a team.
type TeamArgs struct {
	Team dispatch.Team `arg:"team,required" doc:"the team's slug" example:"platform"`
}

// GroupAnswer is what the commands that make, give or end a group answer.
type GroupAnswer struct {
	Team    string    `json:"team"`
	Group   GroupInfo `json:"group"`
	Message string    `json:"message"`
	Undo    string    `json:"undo,omitempty"`
}
