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
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
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
		Sample: removeResult(sampleCall(), sampleNames(), doneItems(sampleNames()), nil),
	}, runRunnersRemove, checkRunnersRemove)
}

func runRunnersRemove(ctx context.Context, call *dispatch.Call, args RunnersRemoveArgs) (dispatch.Result, error) {
	all, err := call.Org.GitHub.GroupRunners(ctx, call.Group.GroupID)
	if err != nil {
		return dispatch.Result{}, groupError(ctx, call, err, "list the group's runners")
	}
	all = seenRunners(call, all)
	var targets, kept []github.Runner
	if args.Offline {
		if targets, kept, err = offlineRunners(ctx, call, all); err != nil {
			return dispatch.Result{}, err
		}
	} else if targets, err = pickRunners(call, all, args.Runners); err != nil {
		return dispatch.Result{}, err
	}
	if err := pinRunners(call, targets); err != nil {
		return dispatch.Result{}, err
	}
	names := runnerNames(targets)
	switch {
	case call.Preview && len(names) == 0:
		result := removeResult(call, names, nil, kept)
		result.Needless = true
		return result, nil
	case call.Preview:
		message, tables := sentenceOf(fmt.Sprintf("This would remove from %s, out of the runner group %s", call.Org.Login, groupOfTeam(call.Group)), "To be removed", names, "runner")
		return previewOf(removeResult(call, names, nil, kept), message+keptSentence(call, kept), tables...), nil
	}
	if err := beginRunners(ctx, call, store.Diff{Before: runnerParts(targets, call.Group)}, targets); err != nil {
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
	return runnersDone(items, removeResult(call, names, items, kept))
}

// jitStarts is how long a runner of token-jit has to connect before --offline removes it.
const jitStarts = time.Hour

// offlineRunners returns the runners that are offline; those of token-jit that may still start
// are kept. GitHub does not know the system of a runner that has not connected yet.
func offlineRunners(ctx context.Context, c *dispatch.Call, all []github.Runner) (offline, kept []github.Runner, err error) {
	handedOut, err := c.Env.Store.ChangedBy(ctx, c.OrgID, "token-jit", c.Env.Now().Add(-jitStarts))
	if err != nil {
		return nil, nil, dispatch.StoreError(err)
	}
	for _, r := range all {
		waiting := strings.EqualFold(r.OS, "unknown") && slices.Contains(handedOut, string(dispatch.ARunner(r.ID)))
		switch {
		case r.Status != "offline" || r.Busy:
		case waiting:
			kept = append(kept, r)
		default:
			offline = append(offline, r)
		}
	}
	return offline, kept, nil
}

// keptSentence says, behind another sentence, which offline runners are kept, and how they
// are removed all the same.
func keptSentence(c *dispatch.Call, kept []github.Runner) string {
	if len(kept) == 0 {
		return ""
	}
	names := runnerNames(kept)
	are, they, them := "are", "they", "them"
	if len(kept) == 1 {
		are, they, them = "is", "it", "it"
	}
	line := c.Spec.Slash() + " runners-remove " + strings.Join(names[:min(len(names), mostInline)], ",")
	return fmt.Sprintf(" %s %s kept: made by `token-jit` less than an hour ago, so %s may still start (%s). To remove %s now, name %s: `%s`.",
		countOf(len(kept), "offline runner"), are, they, fewNames(names), them, them, line)
}

func removeResult(c *dispatch.Call, names []string, items []dispatch.Item, kept []github.Runner) dispatch.Result {
	done := fmt.Sprintf("Removed %s from %s", countOf(len(names), "runner"), c.Org.Login)
	switch {
	case len(names) == 0 && len(kept) > 0:
		done = "Nothing to remove"
	case len(names) == 0:
		done = "No runner of the group is offline, nothing to do"
	}
	result := runnersResult(c, names, items, "", done)
	if sentence := keptSentence(c, kept); sentence != "" {
		answer, _ := result.Response.(RunnersAnswer)
		answer.Message += sentence
		result.Response, result.Message, result.Attention = answer, answer.Message, len(names) == 0
	}
	return result
}

// pinRunners pins which runners the call acts on.
func pinRunners(c *dispatch.Call, runners []github.Runner) error {
	for _, r := range runners {
		if err := c.Pin(dispatch.PinRunner, r.Name, r.ID); err != nil {
			return err
		}
	}
	return nil
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
