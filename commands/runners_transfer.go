package commands

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// TransferArgs are the arguments of runners-transfer.
type TransferArgs struct {
	Team    dispatch.Team `arg:"team,required" doc:"the team whose group gives the runners" example:"platform"`
	Runners []string      `arg:"runners,required,positional" doc:"names of runners of the team's group" example:"build-1,build-2"`
	To      dispatch.Team `arg:"to,required" doc:"the team whose group takes them; you maintain both" example:"web"`
}

func runnersTransfer() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "runners-transfer", Method: http.MethodPost,
		Summary:  "Move runners to the group of another team that you maintain",
		Task:     dispatch.TaskRunners,
		Refusals: []dispatch.Reason{dispatch.ReasonRunnerNotFound, dispatch.ReasonRunnerBusy, dispatch.ReasonLimitReached},
		Needs:    dispatch.Maintainer, Group: dispatch.OwnsGroup, Effect: dispatch.Destroys, Example: "build-1 --to web", Undo: undoRunnersTransfer,
		Sample: transferResult(sampleCall(), sampleNames(), doneItems(sampleNames())).WithUndo(dispatch.Spec{}.Slash() + " runners-transfer build-1,build-2 --to platform --team web"),
	}, runRunnersTransfer)
}

func runRunnersTransfer(ctx context.Context, call *dispatch.Call, args TransferArgs) (dispatch.Result, error) {
	all, err := call.Org.GitHub.GroupRunners(ctx, call.Group.GroupID)
	if err != nil {
		return dispatch.Result{}, groupError(ctx, call, err, "list the group's runners")
	}
	all = seenRunners(call, all)
	targets, there, err := pickTransfers(ctx, call, all, args.Runners)
	if err == nil {
		err = pinRunners(call, targets)
	}
	if err != nil {
		return dispatch.Result{}, err
	}
	names := runnerNames(targets)
	if err := checkRunnerLimit(ctx, call, call.OtherGroup, names...); err != nil {
		return dispatch.Result{}, err
	}
	if call.Preview {
		message, tables := sentenceOf("This would move to the runner group "+groupOfTeam(call.OtherGroup), "To be moved", names, "runner")
		if len(targets) == 0 {
			message = "The runners are in the runner group " + groupOfTeam(call.OtherGroup) + " already, nothing to do."
		}
		result := previewOf(transferResult(call, names, nil), message, tables...)
		result.Needless = len(targets) == 0
		return result, nil
	}
	plan := store.Diff{Before: runnerParts(targets, call.Group), After: runnerParts(targets, call.OtherGroup)}
	if err := beginRunners(ctx, call, plan, targets); err != nil {
		return dispatch.Result{}, err
	}
	items := call.ApplyEach(ctx, names, func(i int) []dispatch.Thing { return runnerThings(targets[i]) }, func(ctx context.Context, i int) error {
		return moveRunner(ctx, call, targets[i])
	}, "move the runner")
	items = append(items, doneItems(there)...)
	names = append(names, there...)
	result := transferResult(call, names, items)
	result.Changed = len(targets) > 0
	return runnersDone(items, result)
}

// moveRunner moves the runner to the group of the call's second team.
func moveRunner(ctx context.Context, c *dispatch.Call, runner github.Runner) error {
	err := c.Org.GitHub.MoveRunner(ctx, c.OtherGroup.GroupID, runner.ID)
	return c.Confirm(err,
		store.Edit{GroupID: c.Group.GroupID, Kind: store.DropRunner, ID: runner.ID},
		store.Edit{GroupID: c.OtherGroup.GroupID, Kind: store.AddRunner, ID: runner.ID})
}

func transferResult(c *dispatch.Call, names []string, items []dispatch.Item) dispatch.Result {
	return runnersResult(c, names, items, c.Other.Slug, fmt.Sprintf("Moved %s to %s", countOf(len(names), "runner"), groupOfTeam(c.OtherGroup)))
}

// pickTransfers finds the named runners in the group. One that the other group has
// already counts as done.
func pickTransfers(ctx context.Context, c *dispatch.Call, all []github.Runner, names []string) (targets []github.Runner, there []string, err error) {
	byName := make(map[string]github.Runner, len(all))
	for _, r := range all {
		byName[strings.ToLower(r.Name)] = r
	}
	var missing []string
	for _, name := range names {
		if runner, ok := byName[strings.ToLower(name)]; ok {
			targets = append(targets, runner)
		} else {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return targets, nil, nil
	}
	others, err := c.Org.GitHub.GroupRunners(ctx, c.OtherGroup.GroupID)
	if err != nil {
		return nil, nil, dispatch.GitHubError(err, "list the other group's runners")
	}
	arrived := map[string]bool{}
	for _, r := range others {
		arrived[strings.ToLower(r.Name)] = true
	}
	items := make([]dispatch.Item, 0, len(names))
	for _, name := range names {
		item := dispatch.Item{Item: name}
		switch _, here := byName[strings.ToLower(name)]; {
		case here:
		case arrived[strings.ToLower(name)]:
			there = append(there, name)
		default:
			item.Error, item.Reason = noRunner(c, name), dispatch.ReasonRunnerNotFound
		}
		items = append(items, item)
	}
	return targets, there, dispatch.RefuseItems(items)
}
