package commands

import (
	"context"
	"fmt"
	"net/http"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// TeamArgs are the arguments of a command that needs a team alone.
type TeamArgs struct {
	Team string `arg:"team,required" doc:"the team's slug" example:"platform"`
}

// Check refuses what is no slug.
func (a TeamArgs) Check(call *Call) error { return call.checkTeam(a.Team) }

func groupCreate() Command {
	return Define(Spec{
		Name: "group-create", Aliases: []string{"group-add"}, Method: http.MethodPost, Legacy: true,
		Summary: "Create the team's runner group",
		Details: "The group is visible to selected repositories only, none at first. The team owns it from then on.",
		Needs:   Maintainer, Effect: Changes,
		Sample: created(sampleCall(), sampleGroup()),
	}, runGroupCreate)
}

// GroupAnswer is what the commands that make, give or end a group answer.
type GroupAnswer struct {
	Team    string    `json:"team"`
	Group   GroupInfo `json:"group"`
	Message string    `json:"message"`
}

func runGroupCreate(ctx context.Context, call *Call, _ TeamArgs) (Result, error) {
	name := call.Org.Policy.GroupNameOf(call.Team.Slug)
	if call.Recorded {
		group, err := call.Org.GitHub.Group(ctx, call.Group.GroupID)
		switch {
		case err == nil && !call.asked.IsZero() && !call.Group.At.Before(call.asked):
			return created(call, group), nil // by this very request, before it was cut off
		case err == nil:
			return Result{}, Refuse(ReasonGroupExists, "The team `%s` owns the runner group %s already, so there is nothing to do. `group-list` shows it.", call.Team.Slug, Quote(group.Name))
		case github.KindOf(err) != github.NotFound:
			return Result{}, GitHubError(err, "look at the team's runner group")
		}
		// the recorded group is gone: a new one takes its place
	}
	if call.Preview {
		return Result{Message: fmt.Sprintf("This would create the runner group %s for the team `%s`.", Quote(name), call.Team.Slug)}, nil
	}
	intent := store.Intent{
		OrgID: call.OrgID, TeamID: call.Team.ID, TeamSlug: call.Team.Slug, Kind: intentCreate,
		Name: name, RequestID: call.ID, By: call.Caller.Login, At: call.Env.Now(),
	}
	if err := call.Env.Store.PutIntent(ctx, intent); err != nil {
		return Result{}, storeError(err)
	}
	group, err := call.Org.GitHub.CreateGroup(ctx, github.NewGroup{Name: name, AllowsPublic: call.Org.Policy.PublicRepos})
	if err != nil {
		return call.notCreated(ctx, intent, err)
	}
	record := store.Record{
		OrgID: call.OrgID, TeamID: call.Team.ID, TeamSlug: call.Team.Slug,
		GroupID: group.ID, GroupName: group.Name, Visibility: group.Visibility,
		Origin: store.Created, By: call.Caller.Login, At: call.Env.Now(),
	}
	// the group stands: even where the caller's time is up, it must become the team's
	if err := call.Env.Store.CompleteIntent(context.WithoutCancel(ctx), record); err != nil {
		return Result{}, storeError(err)
	}
	return created(call, group), nil
}

// notCreated answers for a group that GitHub did not confirm. The intent stays where
// nobody knows whether the group was made; it is settled later.
func (c *Call) notCreated(ctx context.Context, intent store.Intent, cause error) (Result, error) {
	ctx = context.WithoutCancel(ctx)
	if unsettled(cause) {
		record, err := c.Env.claim(ctx, c.Org, intent)
		if err == nil && record.GroupID != 0 {
			return created(c, github.Group{ID: record.GroupID, Name: record.GroupName, Visibility: record.Visibility}), nil
		}
		return Result{}, GitHubError(cause, "create the runner group")
	}
	if err := c.Env.Store.DeleteIntent(ctx, intent.OrgID, intent.TeamID, intent.Kind); err != nil {
		return Result{}, storeError(err)
	}
	kind := github.KindOf(cause)
	if kind == github.Conflict || kind == github.Invalid {
		return Result{}, &Error{
			Reason: ReasonGroupExists, Cause: cause,
			Message: fmt.Sprintf("A runner group named %s stands already, and it is not on record as this team's. An owner of %s can give it to the team with `group-adopt`.", Quote(intent.Name), c.Org.Login),
		}
	}
	return Result{}, GitHubError(cause, "create the runner group")
}

func created(call *Call, group github.Group) Result {
	message := fmt.Sprintf("The runner group %s is there, and the team `%s` owns it.", Quote(group.Name), call.Team.Slug)
	return Result{
		Response: GroupAnswer{Team: call.Team.Slug, Group: groupInfo(group), Message: message},
		Message:  message,
		Notes:    []string{"Attach repositories with `repos-add`, then get a runner with `token-jit`."},
		Changed:  true,
	}
}
