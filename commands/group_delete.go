package commands

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// GroupDeleteArgs are the arguments of group-delete.
type GroupDeleteArgs struct {
	Team          dispatch.Team `arg:"team,required" doc:"the team's slug" example:"platform"`
	MoveRunnersTo dispatch.Team `arg:"move-runners-to" doc:"another team that you maintain, whose group takes the runners" example:"web"`
}

func groupDelete() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "group-delete", Method: http.MethodDelete, Legacy: true,
		Summary:  "Delete the team's runner group",
		Task:     dispatch.TaskOwnGroup,
		Refusals: []dispatch.Reason{dispatch.ReasonGroupNotEmpty, dispatch.ReasonRunnerBusy, dispatch.ReasonLimitReached},
		Details:  "A group that still has runners is deleted only if another team's group takes them.",
		Needs:    dispatch.Maintainer, Group: dispatch.OwnsGroup, Effect: dispatch.Destroys, EndsOwnership: true, Undo: undoGroupDelete,
		Sample: undoneBy(deleteResult(sampleCall(), groupInfo(sampleGroup()), nil), "group-create"),
	}, runGroupDelete)
}

// GroupDeleted is what group-delete answers.
type GroupDeleted struct {
	Team    string    `json:"team"`
	Group   GroupInfo `json:"group"`
	Moved   []string  `json:"moved"` // runners that another group took
	Message string    `json:"message"`
	Undo    string    `json:"undo,omitempty"`
}

func runGroupDelete(ctx context.Context, call *dispatch.Call, args GroupDeleteArgs) (dispatch.Result, error) {
	if call.Group.GroupID == 0 {
		return deleteResult(call, GroupInfo{}, nil), nil // by an earlier attempt at this request
	}
	held, err := readGroup(ctx, call)
	if dispatch.ReasonOf(err) == dispatch.ReasonGroupNotFound && call.Recorded {
		return forgetDeleted(ctx, call, GroupInfo{ID: call.Group.GroupID, Name: call.Group.GroupName}, nil, err)
	}
	if err != nil {
		return dispatch.Result{}, err
	}
	if held.group.Default || held.group.Inherited {
		return dispatch.Result{}, untouchable(held.group)
	}
	if len(held.runners) > 0 && call.Other.ID == 0 {
		return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonGroupNotEmpty,
			"The runner group %s still has %s: %s. Remove them with `runners-remove`, or name a team that takes them: %s.",
			dispatch.Quote(held.group.Name), countOf(len(held.runners), "runner"), joinNames(runnerNames(held.runners)), call.Channel.Argument("move-runners-to", "TEAM"))
	}
	if err := checkRunnerLimit(ctx, call, call.OtherGroup, runnerNames(held.runners)...); err != nil {
		return dispatch.Result{}, err
	}
	if call.Preview {
		return previewDelete(call, held), nil
	}
	return deleteGroup(ctx, call, held)
}

// deleteGroup moves the runners that the first attempt saw, and deletes the group.
func deleteGroup(ctx context.Context, call *dispatch.Call, held groupState) (dispatch.Result, error) {
	moving := seenRunners(call, held.runners)
	if len(moving) < len(held.runners) {
		return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonGroupNotEmpty,
			"Runners have joined the runner group %s since this command was started, so it was not deleted. Look with `group-list`.", dispatch.Quote(held.group.Name))
	}
	things := []dispatch.Thing{call.TheGroup()}
	for _, r := range moving {
		things = append(things, runnerThings(r)...)
	}
	known, err := accessOf(ctx, call)
	if err != nil {
		return dispatch.Result{}, err
	}
	plan := store.Diff{
		Before: slices.Concat([]store.Part{teamPart(call), groupPart(held.group)}, repoParts(held.repos, known), workflowParts(held.group.Limit()), runnerParts(moving, call.Group)),
		After:  runnerParts(moving, call.OtherGroup),
	}
	if err := call.Begin(ctx, plan, runnerTargets(moving), things...); err != nil {
		return dispatch.Result{}, err
	}
	if len(moving) > 0 {
		items := call.ApplyEach(ctx, runnerNames(moving), func(i int) []dispatch.Thing { return runnerThings(moving[i]) },
			func(ctx context.Context, i int) error {
				return moveRunner(ctx, call, moving[i])
			}, "move the runner")
		if err := dispatch.PartialFailure(items, dispatch.Result{}); err != nil {
			const why = "Not every runner could be moved, so the group was not deleted. "
			err.Message, err.Summary = why+err.Message, why+err.Summary
			return dispatch.Result{}, err
		}
	}
	err = call.Change(ctx, func(ctx context.Context) error {
		return call.Org.GitHub.DeleteGroup(ctx, call.Group.GroupID)
	}, call.TheGroup())
	switch github.KindOf(err) {
	case "":
	case github.NotFound:
		return forgetDeleted(ctx, call, groupInfo(held.group), runnerNames(moving), err)
	case github.Conflict, github.Invalid:
		return dispatch.Result{}, &dispatch.Error{Reason: dispatch.ReasonGroupNotEmpty, Cause: err, Message: fmt.Sprintf("GitHub does not delete the runner group %s while it holds runners. Look with `group-list`.", dispatch.Quote(held.group.Name))}
	default:
		return dispatch.Result{}, dispatch.GitHubError(err, "delete the runner group")
	}
	if err := ownership.New(call.Env).Forget(ctx, call); err != nil {
		return dispatch.Result{}, err
	}
	return deleteResult(call, groupInfo(held.group), runnerNames(moving)), nil
}

// forgetDeleted ends the ownership of a group that GitHub did not find, if it is gone.
func forgetDeleted(ctx context.Context, call *dispatch.Call, group GroupInfo, moved []string, cause error) (dispatch.Result, error) {
	registry := ownership.New(call.Env)
	if !call.Preview {
		plan := store.Diff{Before: []store.Part{teamPart(call), {Kind: store.PartGroup, ID: group.ID, Name: group.Name}}}
		if err := call.Begin(ctx, plan, nil, call.TheGroup()); err != nil {
			return dispatch.Result{}, err
		}
	}
	gone, err := registry.IsGone(ctx, call)
	if err == nil && !gone {
		err = ownership.NotGone(call, cause)
	}
	if err == nil && call.Preview {
		return previewOf(deleteResult(call, group, moved), fmt.Sprintf("The runner group %s was deleted on GitHub. This would forget it.", groupOfTeam(call.Group))), nil
	}
	if err == nil {
		err = call.Change(ctx, func(ctx context.Context) error { return registry.Forget(ctx, call) }, call.TheGroup())
	}
	if err != nil {
		return dispatch.Result{}, err
	}
	return deleteResult(call, group, moved), nil
}

func untouchable(group github.Group) *dispatch.Error {
	which := "the organization's default group"
	if group.Inherited {
		which = "the enterprise's"
	}
	return dispatch.Refuse(dispatch.ReasonPolicy, "The runner group %s is %s, which is never changed here.", dispatch.Quote(group.Name), which)
}

func previewDelete(call *dispatch.Call, held groupState) dispatch.Result {
	message := fmt.Sprintf("This would delete the runner group %s.", groupOfTeam(call.Group))
	sentence, tables := sentenceOf("It would be taken from", "Repositories", repoNames(held.repos), "repository")
	if len(held.repos) == 0 {
		sentence = "No repository is attached to it."
	}
	message += " " + sentence
	if len(held.runners) > 0 {
		sentence, table := sentenceOf("These runners would move to "+groupOfTeam(call.OtherGroup), "Runners", runnerNames(held.runners), "runner")
		message, tables = message+" "+sentence, append(tables, table...)
	}
	return previewOf(deleteResult(call, groupInfo(held.group), runnerNames(held.runners)), message, tables...)
}

func deleteResult(call *dispatch.Call, group GroupInfo, moved []string) dispatch.Result {
	message := fmt.Sprintf("Deleted runner group %s.", groupOfTeam(call.Group))
	if call.Group.GroupName == "" {
		message = fmt.Sprintf("Deleted the runner group of the team `%s`.", call.Team.Slug)
	}
	var tables []dispatch.Table
	if len(moved) > 0 {
		var sentence string
		sentence, tables = sentenceOf("Its runners are with the team `"+call.Other.Slug+"` now", "Runners", moved, "runner")
		message += " " + sentence
	}
	if moved == nil {
		moved = []string{}
	}
	return dispatch.Result{Response: GroupDeleted{Team: call.Team.Slug, Group: group, Moved: moved, Message: message}, Message: message, Tables: tables, Changed: true}
}
