package commands

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// RunnersRemoveArgs are the arguments of runners-remove.
type RunnersRemoveArgs struct {
	Team    string   `arg:"team,required" doc:"the team's slug" example:"platform"`
	Runners []string `arg:"runners,positional" doc:"names of runners of the team's group" example:"build-1,build-2"`
	Offline bool     `arg:"offline" doc:"all runners of the group that are offline"`
}

// Check refuses a command that names nothing, or two things.
func (a RunnersRemoveArgs) Check(call *Call) error {
	if err := call.checkTeam(a.Team); err != nil {
		return err
	}
	switch {
	case len(a.Runners) == 0 && !a.Offline:
		return Refuse(ReasonMissingArgument, "`runners-remove` needs the names of runners, or %s for all that are offline.", call.called("offline"))
	case len(a.Runners) > 0 && a.Offline:
		return Refuse(ReasonInvalidArgument, "`runners-remove` takes either names or %s, not both.", call.called("offline"))
	}
	return nil
}

func runnersRemove() Command {
	return Define(Spec{
		Name: "runners-remove", Method: http.MethodDelete,
		Summary: "Remove runners of the team's group from the organization",
		Details: "A runner that works on a job is refused.",
		Needs:   Maintainer, Group: OwnsGroup, Effect: Destroys, Example: "build-1",
		Sample: sampleCall().removed(sampleNames(), doneItems(sampleNames())),
	}, runRunnersRemove)
}

// RunnersAnswer is what the commands on runners answer.
type RunnersAnswer struct {
	Team    string   `json:"team"`
	Runners []string `json:"runners"`
	To      string   `json:"to,omitempty"`
	Message string   `json:"message"`
}

func runRunnersRemove(ctx context.Context, call *Call, args RunnersRemoveArgs) (Result, error) {
	all, err := call.Org.GitHub.GroupRunners(ctx, call.Group.GroupID)
	if err != nil {
		return Result{}, call.groupError(err, "list the group's runners")
	}
	var targets []github.Runner
	if args.Offline {
		for _, r := range all {
			if r.Status == "offline" && !r.Busy {
				targets = append(targets, r)
			}
		}
	} else if targets, err = call.pickRunners(all, args.Runners); err != nil {
		return Result{}, err
	}
	names := runnerNames(targets)
	if call.Preview {
		return Result{Message: fmt.Sprintf("This would remove from %s, out of the runner group %s: %s.", call.Org.Login, ofGroup(call.Group), list(names))}, nil
	}
	items := call.apply(ctx, names, func(ctx context.Context, i int) error {
		err := call.Org.GitHub.RemoveRunner(ctx, targets[i].ID)
		if kind := github.KindOf(err); kind == github.Conflict || kind == github.Invalid {
			return busyRunner(targets[i].Name)
		}
		if github.KindOf(err) == github.NotFound {
			return nil // gone meanwhile
		}
		return err
	}, "remove the runner")
	return runnersDone(items, call.removed(names, items))
}

func (c *Call) removed(names []string, items []Item) Result {
	message := fmt.Sprintf("Removed from %s: %s.", c.Org.Login, list(names))
	if len(names) == 0 {
		message = "No runner of the group is offline, so nothing was to be done."
	}
	return c.runnersResult(names, items, "", message)
}

// pickRunners finds the named runners in the group; one that is not in it, or that
// works on a job, is refused by name.
func (c *Call) pickRunners(all []github.Runner, names []string) ([]github.Runner, error) {
	byName := make(map[string]github.Runner, len(all))
	for _, r := range all {
		byName[strings.ToLower(r.Name)] = r
	}
	items := make([]Item, len(names))
	var found []github.Runner
	for i, name := range names {
		runner, ok := byName[strings.ToLower(name)]
		items[i] = Item{Item: name}
		switch {
		case !ok && !c.asked.IsZero(): // done by the attempt that was cut off
		case !ok:
			items[i].Error, items[i].Reason = c.noRunner(name), ReasonRunnerNotFound
		case runner.Busy:
			items[i].Error, items[i].Reason = busyRunner(name).Message, ReasonRunnerBusy
		default:
			found = append(found, runner)
		}
	}
	return found, refused(items)
}

func (c *Call) noRunner(name string) string {
	return fmt.Sprintf("There is no runner %s in the runner group %s. `group-list` names those that are.", Quote(name), ofGroup(c.Group))
}

func busyRunner(name string) *Error {
	return Refuse(ReasonRunnerBusy, "The runner %s works on a job. Try again when it has ended.", Quote(name))
}

func runnersDone(items []Item, result Result) (Result, error) {
	if err := partial(items, result); err != nil {
		return Result{}, err
	}
	return result, nil
}

func (c *Call) runnersResult(names []string, items []Item, to, message string) Result {
	return Result{
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
func (a TransferArgs) Check(call *Call) error {
	if err := call.checkTeam(a.Team); err != nil {
		return err
	}
	return call.checkOther("to", a.To)
}

// OtherTeam returns the team that takes the runners.
func (a TransferArgs) OtherTeam() string { return a.To }

func runnersTransfer() Command {
	return Define(Spec{
		Name: "runners-transfer", Method: http.MethodPost,
		Summary: "Move runners to the group of another team that you maintain",
		Needs:   Maintainer, Group: OwnsGroup, Effect: Changes, Example: "build-1 --to web",
		Sample: sampleCall().moved(sampleNames(), doneItems(sampleNames())),
	}, runRunnersTransfer)
}

func runRunnersTransfer(ctx context.Context, call *Call, args TransferArgs) (Result, error) {
	all, err := call.Org.GitHub.GroupRunners(ctx, call.Group.GroupID)
	if err != nil {
		return Result{}, call.groupError(err, "list the group's runners")
	}
	targets, there, err := call.pickTransfers(ctx, all, args.Runners)
	if err != nil {
		return Result{}, err
	}
	names := runnerNames(targets)
	if call.Preview {
		return Result{Message: fmt.Sprintf("This would move to the runner group %s: %s.", ofGroup(call.OtherGroup), list(names))}, nil
	}
	items := call.apply(ctx, names, func(ctx context.Context, i int) error {
		return call.Org.GitHub.MoveRunner(ctx, call.OtherGroup.GroupID, targets[i].ID)
	}, "move the runner")
	items = append(items, doneItems(there)...)
	names = append(names, there...)
	return runnersDone(items, call.moved(names, items))
}

func (c *Call) moved(names []string, items []Item) Result {
	return c.runnersResult(names, items, c.Other.Slug, fmt.Sprintf("In the runner group %s now: %s.", ofGroup(c.OtherGroup), list(names)))
}

// pickTransfers finds the named runners in the group. One that the other group has
// already counts as done.
func (c *Call) pickTransfers(ctx context.Context, all []github.Runner, names []string) (targets []github.Runner, there []string, err error) {
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
		return nil, nil, GitHubError(err, "list the other group's runners")
	}
	arrived := map[string]bool{}
	for _, r := range others {
		arrived[strings.ToLower(r.Name)] = true
	}
	items := make([]Item, 0, len(names))
	for _, name := range names {
		item := Item{Item: name}
		switch _, here := byName[strings.ToLower(name)]; {
		case here:
		case arrived[strings.ToLower(name)]:
			there = append(there, name)
		default:
			item.Error, item.Reason = c.noRunner(name), ReasonRunnerNotFound
		}
		items = append(items, item)
	}
	return targets, there, refused(items)
}
