package commands

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// RunnersRemoveArgs are the arguments of runners-remove.
type RunnersRemoveArgs struct {
	Team    dispatch.Team `arg:"team,required" doc:"the team's slug" example:"platform"`
	Runners []string      `arg:"runners,positional" doc:"names of runners of the team's group" example:"build-1,build-2"`
	Offline bool          `arg:"offline,confirm" doc:"all runners of the group that are offline; in a comment only with --yes, after a preview"`
}

// checkRunnersRemove refuses a command that names nothing, or two things.
func checkRunnersRemove(call *dispatch.Call, a RunnersRemoveArgs) error {
	switch {
	case len(a.Runners) == 0 && !a.Offline:
		return dispatch.Refuse(dispatch.ReasonMissingArgument, "`runners-remove` needs the names of runners, or %s for all that are offline.", call.ArgumentName("offline"))
	case len(a.Runners) > 0 && a.Offline:
		return dispatch.Refuse(dispatch.ReasonInvalidArgument, "`runners-remove` takes either names or %s, not both.", call.ArgumentName("offline"))
	}
	return nil
}

func runnersRemove() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "runners-remove", Method: http.MethodDelete,
		Summary:  "Remove runners of the team's group from the organization",
		Task:     dispatch.TaskRunners,
		Refusals: []dispatch.Reason{dispatch.ReasonMissingArgument, dispatch.ReasonRunnerNotFound, dispatch.ReasonRunnerBusy},
		Details:  "A runner that works on a job is refused.",
		Needs:    dispatch.Maintainer, Group: dispatch.OwnsGroup, Trustable: true, Effect: dispatch.Destroys, Example: "build-1",
		Sample: removeResult(sampleCall(), sampleNames(), doneItems(sampleNames())),
	}, runRunnersRemove, checkRunnersRemove)
}

func runRunnersRemove(ctx context.Context, call *dispatch.Call, args RunnersRemoveArgs) (dispatch.Result, error) {
	all, err := call.Org.GitHub.GroupRunners(ctx, call.Group.GroupID)
	if err != nil {
		return dispatch.Result{}, groupError(ctx, call, err, "list the group's runners")
	}
	all = seenRunners(call, all)
	var targets []github.Runner
	if args.Offline {
		if targets, err = offlineRunners(ctx, call, all); err != nil {
			return dispatch.Result{}, err
		}
	} else if targets, err = pickRunners(call, all, args.Runners); err != nil {
		return dispatch.Result{}, err
	}
	names := runnerNames(targets)
	if call.Preview {
		message, tables := sentenceOf(fmt.Sprintf("This would remove from %s, out of the runner group %s", call.Org.Login, groupOfTeam(call.Group)), "To be removed", names, "runner")
		return dispatch.Result{Message: message, Tables: tables}, nil
	}
	if err := beginRunners(ctx, call, targets); err != nil {
		return dispatch.Result{}, err
	}
	items := call.ApplyEach(ctx, names, func(i int) []dispatch.Thing { return runnerThings(targets[i]) }, func(ctx context.Context, i int) error {
		err := call.Org.GitHub.RemoveRunner(ctx, targets[i].ID)
		if kind := github.KindOf(err); kind == github.Conflict || kind == github.Invalid {
			return busyRunner(targets[i].Name)
		}
		if github.KindOf(err) == github.NotFound {
			return nil // gone meanwhile
		}
		return err
	}, "remove the runner")
	return runnersDone(items, removeResult(call, names, items))
}

// jitStarts is how long a runner of token-jit has to connect before --offline removes it.
const jitStarts = time.Hour

// offlineRunners returns the runners that are offline, without those of token-jit that may
// still start. GitHub does not know the system of a runner that has not connected yet.
func offlineRunners(ctx context.Context, c *dispatch.Call, all []github.Runner) ([]github.Runner, error) {
	handedOut, err := c.Env.Store.ChangedBy(ctx, c.OrgID, "token-jit", c.Env.Now().Add(-jitStarts))
	if err != nil {
		return nil, dispatch.StoreError(err)
	}
	var offline []github.Runner
	for _, r := range all {
		waiting := strings.EqualFold(r.OS, "unknown") && slices.Contains(handedOut, string(dispatch.ARunner(r.ID)))
		if r.Status == "offline" && !r.Busy && !waiting {
			offline = append(offline, r)
		}
	}
	return offline, nil
}

func removeResult(c *dispatch.Call, names []string, items []dispatch.Item) dispatch.Result {
	done := fmt.Sprintf("Removed %s from %s", countOf(len(names), "runner"), c.Org.Login)
	if len(names) == 0 {
		done = "No runner of the group is offline, nothing to do"
	}
	return runnersResult(c, names, items, "", done)
}

// pickRunners finds the named runners in the group; one that is not in it, or that
// works on a job, is refused by name.
func pickRunners(c *dispatch.Call, all []github.Runner, names []string) ([]github.Runner, error) {
	byName := make(map[string]github.Runner, len(all))
	for _, r := range all {
		byName[strings.ToLower(r.Name)] = r
	}
	items := make([]dispatch.Item, len(names))
	var found []github.Runner
	for i, name := range names {
		runner, ok := byName[strings.ToLower(name)]
		items[i] = dispatch.Item{Item: name}
		switch {
		case !ok && c.FirstTargets()[strings.ToLower(name)] != 0: // done by the attempt that was cut off
		case !ok:
			items[i].Error, items[i].Reason = noRunner(c, name), dispatch.ReasonRunnerNotFound
		case runner.Busy:
			items[i].Error, items[i].Reason = busyRunner(name).Message, dispatch.ReasonRunnerBusy
		default:
			found = append(found, runner)
		}
	}
	return found, dispatch.RefuseItems(items)
}
