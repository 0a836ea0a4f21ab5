package commands

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// RunnersRemoveArgs are the arguments of runners-remove.
type RunnersRemoveArgs struct {
	Team    string   `arg:"team,required" doc:"the team's slug" example:"platform"`
	Runners []string `arg:"runners,positional" doc:"names of runners of the team's group" example:"build-1,build-2"`
	Offline bool     `arg:"offline" doc:"all runners of the group that are offline"`
}

// Check refuses a command that names nothing, or two things.
func (a RunnersRemoveArgs) Check(call *dispatch.Call) error {
	if err := checkTeam(call, a.Team); err != nil {
		return err
	}
	switch {
	case len(a.Runners) == 0 && !a.Offline:
		return dispatch.Refuse(dispatch.ReasonMissingArgument, "`runners-remove` needs the names of runners, or %s for all that are offline.", call.Called("offline"))
	case len(a.Runners) > 0 && a.Offline:
		return dispatch.Refuse(dispatch.ReasonInvalidArgument, "`runners-remove` takes either names or %s, not both.", call.Called("offline"))
	}
	return nil
}

func runnersRemove() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "runners-remove", Method: http.MethodDelete,
		Summary: "Remove runners of the team's group from the organization",
		Details: "A runner that works on a job is refused.",
		Needs:   dispatch.Maintainer, Group: dispatch.OwnsGroup, Effect: dispatch.Destroys, Example: "build-1",
		Sample: removed(sampleCall(), sampleNames(), doneItems(sampleNames())),
	}, runRunnersRemove)
}

// RunnersAnswer is what the commands on runners answer.
type RunnersAnswer struct {
	Team    string   `json:"team"`
	Runners []string `json:"runners"`
	To      string   `json:"to,omitempty"`
	Message string   `json:"message"`
}

func runRunnersRemove(ctx context.Context, call *dispatch.Call, args RunnersRemoveArgs) (dispatch.Result, error) {
	all, err := call.Org.GitHub.GroupRunners(ctx, call.Group.GroupID)
	if err != nil {
		return dispatch.Result{}, groupError(call, err, "list the group's runners")
	}
	var targets []github.Runner
	if args.Offline {
		for _, r := range all {
			if r.Status == "offline" && !r.Busy {
				targets = append(targets, r)
			}
		}
	} else if targets, err = pickRunners(call, all, args.Runners); err != nil {
		return dispatch.Result{}, err
	}
	names := runnerNames(targets)
	if call.Preview {
		return dispatch.Result{Message: fmt.Sprintf("This would remove from %s, out of the runner group %s: %s.", call.Org.Login, ofGroup(call.Group), list(names))}, nil
	}
	items := call.Apply(ctx, names, func(ctx context.Context, i int) error {
		err := call.Org.GitHub.RemoveRunner(ctx, targets[i].ID)
		if kind := github.KindOf(err); kind == github.Conflict || kind == github.Invalid {
			return busyRunner(targets[i].Name)
		}
		if github.KindOf(err) == github.NotFound {
			return nil // gone meanwhile
		}
		return err
	}, "remove the runner")
	return runnersDone(items, removed(call, names, items))
}

func removed(c *dispatch.Call, names []string, items []dispatch.Item) dispatch.Result {
	message := fmt.Sprintf("Removed from %s: %s.", c.Org.Login, list(names))
	if len(names) == 0 {
		message = "No runner of the group is offline, so nothing was to be done."
	}
	return runnersResult(c, names, items, "", message)
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
		case !ok && !c.FirstStart.IsZero(): // done by the attempt that was cut off
		case !ok:
			items[i].Error, items[i].Reason = noRunner(c, name), dispatch.ReasonRunnerNotFound
		case runner.Busy:
			items[i].Error, items[i].Reason = busyRunner(name).Message, dispatch.ReasonRunnerBusy
		default:
			found = append(found, runner)
		}
	}
	return found, dispatch.Refused(items)
}

func noRunner(c *dispatch.Call, name string) string {
	return fmt.Sprintf("There is no runner %s in the runner group %s. `group-list` names those that are.", dispatch.Quote(name), ofGroup(c.Group))
}

func busyRunner(name string) *dispatch.Error {
	return dispatch.Refuse(dispatch.ReasonRunnerBusy, "The runner %s works on a job. Try again when it has ended.", dispatch.Quote(name))
}

func runnersDone(items []dispatch.Item, result dispatch.Result) (dispatch.Result, error) {
	if err := dispatch.Partial(items, result); err != nil {
		return dispatch.Result{}, err
	}
	return result, nil
}

func runnersResult(c *dispatch.Call, names []string, items []dispatch.Item, to, message string) dispatch.Result {
	return dispatch.Result{
		Response: RunnersAnswer{Team: c.Team.Slug, Runners: names, To: to, Message: message},
		Message:  message, Items: items, Changed: len(names) > 0,
	}
}

// TransferArgs are the arguments of runners-transfer.
type TransferArgs struct {
	Team    string   `arg:"team,required" doc:"the team whose group gives the runners" example:"platform"`
	Runners []string `arg:"runners,required,positional" doc:"names of runners of the team's group" example:"build-1,build-2"`
	To      string   `arg:"to,required" doc:"the team whose group takes them; you maintain both" example:"web"`
}

// Check refuses what is no slug.
func (a TransferArgs) Check(call *dispatch.Call) error {
	if err := checkTeam(call, a.Team); err != nil {
		return err
	}
	return checkOther(call, "to", a.To)
}

// OtherTeam returns the team that takes the runners.
func (a TransferArgs) OtherTeam() string { return a.To }

func runnersTransfer() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "runners-transfer", Method: http.MethodPost,
		Summary: "Move runners to the group of another team that you maintain",
		Needs:   dispatch.Maintainer, Group: dispatch.OwnsGroup, Effect: dispatch.Changes, Example: "build-1 --to web",
		Sample: moved(sampleCall(), sampleNames(), doneItems(sampleNames())),
	}, runRunnersTransfer)
}

func runRunnersTransfer(ctx context.Context, call *dispatch.Call, args TransferArgs) (dispatch.Result, error) {
	all, err := call.Org.GitHub.GroupRunners(ctx, call.Group.GroupID)
	if err != nil {
		return dispatch.Result{}, groupError(call, err, "list the group's runners")
	}
	targets, there, err := pickTransfers(ctx, call, all, args.Runners)
	if err != nil {
		return dispatch.Result{}, err
	}
	names := runnerNames(targets)
	if call.Preview {
		return dispatch.Result{Message: fmt.Sprintf("This would move to the runner group %s: %s.", ofGroup(call.OtherGroup), list(names))}, nil
	}
	items := call.Apply(ctx, names, func(ctx context.Context, i int) error {
		return call.Org.GitHub.MoveRunner(ctx, call.OtherGroup.GroupID, targets[i].ID)
	}, "move the runner")
	items = append(items, doneItems(there)...)
	names = append(names, there...)
	return runnersDone(items, moved(call, names, items))
}

func moved(c *dispatch.Call, names []string, items []dispatch.Item) dispatch.Result {
	return runnersResult(c, names, items, c.Other.Slug, fmt.Sprintf("In the runner group %s now: %s.", ofGroup(c.OtherGroup), list(names)))
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
	return targets, there, dispatch.Refused(items)
}
