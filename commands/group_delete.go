package commands

import (
	"context"
	"fmt"
	"net/http"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// GroupDeleteArgs are the arguments of group-delete.
type GroupDeleteArgs struct {
	Team          string `arg:"team,required" doc:"the team's slug" example:"platform"`
	MoveRunnersTo string `arg:"move-runners-to" doc:"another team that you maintain, whose group takes the runners" example:"web"`
}

// Check refuses what is no slug.
func (a GroupDeleteArgs) Check(call *Call) error {
	if err := call.checkTeam(a.Team); err != nil {
		return err
	}
	return call.checkOther("move-runners-to", a.MoveRunnersTo)
}

// OtherTeam returns the team whose group takes the runners.
func (a GroupDeleteArgs) OtherTeam() string { return a.MoveRunnersTo }

func groupDelete() Command {
	return Define(Spec{
		Name: "group-delete", Method: http.MethodDelete, Legacy: true,
		Summary: "Delete the team's runner group",
		Details: "A group that still has runners is deleted only where another team's group takes them.",
		Needs:   Maintainer, Group: OwnsGroup, Effect: Destroys, Ends: true,
		Sample: deleted(sampleCall(), groupInfo(sampleGroup()), nil),
	}, runGroupDelete)
}

// GroupDeleted is what group-delete answers.
type GroupDeleted struct {
	Team    string    `json:"team"`
	Group   GroupInfo `json:"group"`
	Moved   []string  `json:"moved"` // runners that another group took
	Message string    `json:"message"`
}

func runGroupDelete(ctx context.Context, call *Call, args GroupDeleteArgs) (Result, error) {
	if call.Group.GroupID == 0 {
		return deleted(call, GroupInfo{}, nil), nil // by an earlier attempt at this request
	}
	held, err := call.look(ctx)
	if AsErrorReason(err) == ReasonGroupNotFound && call.Recorded && !call.Preview {
		if err := call.forget(ctx); err != nil {
			return Result{}, err
		}
		return deleted(call, GroupInfo{ID: call.Group.GroupID, Name: call.Group.GroupName}, nil), nil
	}
	if err != nil {
		return Result{}, err
	}
	if held.group.Default || held.group.Inherited {
		return Result{}, untouchable(held.group)
	}
	if len(held.runners) > 0 && call.Other.ID == 0 {
		return Result{}, Refuse(ReasonGroupNotEmpty,
			"The runner group %s still has %s: %s. Remove them with `runners-remove`, or name a team that takes them: %s.",
			Quote(held.group.Name), count(len(held.runners), "runner"), list(runnerNames(held.runners)), call.Channel.Argument("move-runners-to", "TEAM"))
	}
	if call.Preview {
		return previewDelete(call, held), nil
	}
	var items []Item
	if len(held.runners) > 0 {
		items = call.apply(ctx, runnerNames(held.runners), func(ctx context.Context, i int) error {
			return call.Org.GitHub.MoveRunner(ctx, call.OtherGroup.GroupID, held.runners[i].ID)
		}, "move the runner")
		if err := partial(items, Result{}); err != nil {
			err.Message = "Not every runner could be moved, so the group was not deleted. " + err.Message
			return Result{}, err
		}
	}
	if err := call.Org.GitHub.DeleteGroup(ctx, call.Group.GroupID); err != nil && github.KindOf(err) != github.NotFound {
		if kind := github.KindOf(err); kind == github.Conflict || kind == github.Invalid {
			return Result{}, &Error{Reason: ReasonGroupNotEmpty, Cause: err, Message: fmt.Sprintf("GitHub does not delete the runner group %s while it holds runners. Look with `group-list`.", Quote(held.group.Name))}
		}
		return Result{}, GitHubError(err, "delete the runner group")
	}
	if err := call.forget(ctx); err != nil {
		return Result{}, err
	}
	return deleted(call, groupInfo(held.group), runnerNames(held.runners)), nil
}

// forget ends the ownership on record; the group is gone, so also where time is up.
func (c *Call) forget(ctx context.Context) error {
	if !c.Recorded {
		return nil
	}
	return storeError(c.Env.Store.DeleteRecord(context.WithoutCancel(ctx), c.OrgID, c.Team.ID))
}

func untouchable(group github.Group) *Error {
	which := "the organization's default group"
	if group.Inherited {
		which = "the enterprise's"
	}
	return Refuse(ReasonPolicy, "The runner group %s is %s, which is never changed here.", Quote(group.Name), which)
}

func previewDelete(call *Call, held contents) Result {
	message := fmt.Sprintf("This would delete the runner group %s of the team `%s`. %s would lose it: %s.",
		Quote(held.group.Name), call.Team.Slug, count(len(held.repos), "repository"), list(repoNames(held.repos)))
	if len(held.runners) > 0 {
		message += fmt.Sprintf(" %s would move to %s: %s.", count(len(held.runners), "runner"), ofGroup(call.OtherGroup), list(runnerNames(held.runners)))
	}
	return Result{Message: message}
}

func deleted(call *Call, group GroupInfo, moved []string) Result {
	message := fmt.Sprintf("The runner group of the team `%s` is deleted.", call.Team.Slug)
	if len(moved) > 0 {
		message += fmt.Sprintf(" Its runners are with the team `%s` now: %s.", call.Other.Slug, list(moved))
	}
	if moved == nil {
		moved = []string{}
	}
	return Result{Response: GroupDeleted{Team: call.Team.Slug, Group: group, Moved: moved, Message: message}, Message: message, Changed: true}
}

func (c *Call) checkOther(name, text string) error {
	if text == "" {
		return nil
	}
	slug, err := c.slug(name, text)
	if err == nil {
		c.setDecoded(name, slug)
	}
	return err
}
