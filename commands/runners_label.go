package commands

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// RunnersLabelArgs are the arguments of runners-label.
type RunnersLabelArgs struct {
	Team    dispatch.Team `arg:"team,required" doc:"the team's slug" example:"platform"`
	Runners []string      `arg:"runners,required,positional" doc:"names of runners of the team's group" example:"build-1,build-2"`
	Add     []string      `arg:"add" doc:"labels that the runners get" example:"gpu"`
	Remove  []string      `arg:"remove" doc:"labels that the runners lose" example:"old"`
	Set     *[]string     `arg:"set" doc:"all custom labels that the runners have then; empty for none"`
}

// A LabeledRunner is a runner with its labels, in an answer.
type LabeledRunner struct {
	ID     int64    `json:"id"`
	Name   string   `json:"name"`
	Labels []string `json:"labels"`
}

// LabelsAnswer is what runners-label answers.
type LabelsAnswer struct {
	Team    string          `json:"team"`
	Group   string          `json:"group"`
	Runners []LabeledRunner `json:"runners"`
	Message string          `json:"message"`
	Undo    string          `json:"undo,omitempty"`
}

func runnersLabel() dispatch.Command {
	sample := []labelChange{{runner: github.Runner{ID: 31, Name: "build-1", Labels: []string{"self-hosted", "linux", "gpu"}}, write: true}}
	return dispatch.Define(dispatch.Spec{
		Name: "runners-label", Method: http.MethodPatch,
		Summary:  "Change the labels of runners of the team's group",
		Task:     dispatch.TaskRunners,
		Refusals: []dispatch.Reason{dispatch.ReasonMissingArgument, dispatch.ReasonRunnerNotFound},
		Details:  "Only custom labels can be changed: self-hosted and those of the system and the architecture belong to the runner. Labels are compared without regard to case.",
		Needs:    dispatch.Maintainer, Group: dispatch.OwnsGroup, Trustable: true, Effect: dispatch.Changes, Example: "build-1 --add gpu", Undo: undoRunnersLabel,
		Sample: undoneBy(labelResult(sampleCall(), sample, doneItems([]string{"build-1"})), "runners-label build-1 --remove gpu"),
	}, runRunnersLabel, checkRunnersLabel)
}

// checkRunnersLabel refuses a command that changes nothing or contradicts itself, and labels
// that are GitHub's own, before anybody is asked anything.
func checkRunnersLabel(call *dispatch.Call, a RunnersLabelArgs) error {
	switch {
	case a.Set != nil && len(a.Add)+len(a.Remove) > 0:
		return dispatch.Refuse(dispatch.ReasonInvalidArgument, "`runners-label` takes either %s, or %s and %s.",
			call.ArgumentName("set"), call.ArgumentName("add"), call.ArgumentName("remove"))
	case a.Set == nil && len(a.Add)+len(a.Remove) == 0:
		return dispatch.Refuse(dispatch.ReasonMissingArgument, "`runners-label` needs labels: %s, %s or %s.",
			call.ArgumentName("add"), call.ArgumentName("remove"), call.ArgumentName("set"))
	}
	for _, label := range a.Add {
		if containsLabel(a.Remove, label) {
			return dispatch.Refuse(dispatch.ReasonInvalidArgument, "The label %s is in both %s and %s.",
				dispatch.Quote(label), call.ArgumentName("add"), call.ArgumentName("remove"))
		}
	}
	for _, labels := range []struct {
		argument string
		names    []string
	}{{"add", a.Add}, {"remove", a.Remove}, {"set", a.set()}} {
		if err := checkLabels(call, labels.argument, labels.names); err != nil {
			return err
		}
	}
	if own := slices.DeleteFunc(a.labels(), func(l string) bool { return !github.DefaultLabel(l) }); len(own) > 0 {
		return readOnlyLabels(own)
	}
	return nil
}

// labels are all labels that the arguments name.
func (a RunnersLabelArgs) labels() []string { return slices.Concat(a.Add, a.Remove, a.set()) }

func (a RunnersLabelArgs) set() []string {
	if a.Set == nil {
		return nil
	}
	return *a.Set
}

func readOnlyLabels(labels []string) *dispatch.Error {
	return dispatch.Refuse(dispatch.ReasonInvalidArgument, "GitHub sets these labels itself, so nobody can change them: %s. Only custom labels can be changed.", joinNames(labels))
}

// A labelChange is what is to become of one runner.
type labelChange struct {
	runner github.Runner // with the labels that it is to have
	before []string      // the labels that it has
	add    []string      // if only labels are added: those that are missing
	custom []string      // else: all custom labels
	write  bool          // whether anything is to be changed
	failed bool
}

func runRunnersLabel(ctx context.Context, call *dispatch.Call, args RunnersLabelArgs) (dispatch.Result, error) {
	targets := call.FirstTargets()
	if err := call.Yield(args.thingsOf(targets)...); err != nil {
		return dispatch.Result{}, err
	}
	all, err := call.Org.GitHub.GroupRunners(ctx, call.Group.GroupID)
	if err != nil {
		return dispatch.Result{}, groupError(ctx, call, err, "list the group's runners")
	}
	changes, err := labelChanges(call, seenRunners(call, all), args)
	if err != nil {
		return dispatch.Result{}, err
	}
	names := make([]string, len(changes))
	runners := make([]github.Runner, len(changes))
	for i, c := range changes {
		names[i], runners[i] = c.runner.Name, c.runner
	}
	if err := pinRunners(call, runners); err != nil {
		return dispatch.Result{}, err
	}
	if call.Preview && !slices.ContainsFunc(changes, func(c labelChange) bool { return c.write }) {
		result := labelResult(call, changes, nil)
		result.Needless = true
		return result, nil
	}
	if call.Preview {
		return previewOf(labelResult(call, changes, nil), "This would change the labels. The runners would have then: "+labelSentence(changes)+"."), nil
	}
	if targets == nil {
		targets = runnerTargets(runners)
	}
	if err := call.Begin(ctx, labelDiff(changes), targets, args.thingsOf(targets)...); err != nil {
		return dispatch.Result{}, err
	}
	things := func(i int) []dispatch.Thing {
		if !changes[i].write {
			return nil
		}
		return args.things(changes[i].runner.ID)
	}
	items := call.ApplyEach(ctx, names, things, func(ctx context.Context, i int) error { return changes[i].apply(ctx, call) }, "change the labels")
	result := labelResult(call, changes, items)
	if err := dispatch.PartialFailure(items, result); err != nil {
		return dispatch.Result{}, err
	}
	return result, nil
}

// things are what the command changes of a runner.
func (a RunnersLabelArgs) things(runner int64) []dispatch.Thing {
	if a.Set != nil {
		return []dispatch.Thing{dispatch.RunnerLabels(runner)}
	}
	var things []dispatch.Thing
	for _, label := range slices.Concat(a.Add, a.Remove) {
		things = append(things, dispatch.ARunnerLabel(runner, label))
	}
	return things
}

// thingsOf are what the command changes of the runners, and the runners: one that left the
// group since the first attempt is not touched.
func (a RunnersLabelArgs) thingsOf(targets map[string]int64) []dispatch.Thing {
	var things []dispatch.Thing
	for _, id := range targets {
		things = append(things, dispatch.ARunner(id))
		things = append(things, a.things(id)...)
	}
	return things
}

// labelChanges finds the named runners, and what is to become of each. All that must be
// refused is refused by name, all at once.
func labelChanges(c *dispatch.Call, all []github.Runner, a RunnersLabelArgs) ([]labelChange, error) {
	byName := make(map[string]github.Runner, len(all))
	for _, r := range all {
		byName[strings.ToLower(r.Name)] = r
	}
	items := make([]dispatch.Item, len(a.Runners))
	var changes []labelChange
	for i, name := range a.Runners {
		items[i] = dispatch.Item{Item: name}
		runner, ok := byName[strings.ToLower(name)]
		if !ok {
			items[i].Error, items[i].Reason = noRunner(c, name), dispatch.ReasonRunnerNotFound
			continue
		}
		change, refusal := a.changeOf(runner)
		if refusal != nil {
			items[i].Error, items[i].Reason = refusal.Message, refusal.Reason
			continue
		}
		changes = append(changes, change)
	}
	return changes, dispatch.RefuseItems(items)
}

// changeOf returns what is to become of a runner. Labels of GitHub's own stay, also those of a
// just-in-time runner, which count as custom there.
func (a RunnersLabelArgs) changeOf(r github.Runner) (labelChange, *dispatch.Error) {
	isOwn := func(l string) bool { return containsLabel(r.ReadOnlyLabels, l) }
	if own := slices.DeleteFunc(a.labels(), func(l string) bool { return !isOwn(l) }); len(own) > 0 {
		return labelChange{}, readOnlyLabels(own)
	}
	var custom, rest []string // of rest nothing is changed
	for _, l := range r.Labels {
		switch {
		case isOwn(l):
			rest = append(rest, l)
		case github.DefaultLabel(l), a.Set == nil && !containsLabel(a.Remove, l), containsLabel(a.set(), l):
			custom = append(custom, l)
		}
	}
	kept := len(custom)
	var add []string
	for _, l := range slices.Concat(a.Add, a.set()) {
		if !containsLabel(custom, l) {
			custom, add = append(custom, l), append(add, l)
		}
	}
	if len(custom) > maxLabels {
		return labelChange{}, dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s would have %d labels; a runner takes at most %d.", dispatch.Quote(r.Name), len(custom), maxLabels)
	}
	change := labelChange{runner: r, before: r.Labels, write: len(add) > 0}
	if removed := kept+len(rest) < len(r.Labels); removed {
		change.custom, change.write = append([]string{}, custom...), true
	} else {
		change.add = add
	}
	change.runner.Labels = slices.Concat(rest, custom)
	return change, nil
}

// apply asks GitHub for the change. It takes the labels that the runner has then from
// GitHub's answer. Labels are added without a list of all, so that none is lost that
// somebody else adds at the same moment.
func (c *labelChange) apply(ctx context.Context, call *dispatch.Call) (err error) {
	var labels []github.RunnerLabel
	switch {
	case !c.write:
		return nil
	case c.custom == nil:
		labels, err = call.Org.GitHub.AddRunnerLabels(ctx, c.runner.ID, c.add)
	default:
		labels, err = call.Org.GitHub.SetRunnerLabels(ctx, c.runner.ID, c.custom)
	}
	if err != nil {
		c.runner.Labels, c.failed = c.before, true
	}
	if github.KindOf(err) == github.NotFound {
		return dispatch.Refuse(dispatch.ReasonRunnerNotFound, "%s", noRunner(call, c.runner.Name))
	}
	if err != nil || len(labels) == 0 {
		return err
	}
	c.runner.Labels = nil
	for _, l := range labels {
		c.runner.Labels = append(c.runner.Labels, l.Name)
	}
	return nil
}

// labelDiff is what the changes change.
func labelDiff(changes []labelChange) (d store.Diff) {
	for _, c := range changes {
		if c.write {
			d.Before = append(d.Before, store.Part{Kind: store.PartRunner, ID: c.runner.ID, Name: c.runner.Name, Labels: c.before})
			d.After = append(d.After, store.Part{Kind: store.PartRunner, ID: c.runner.ID, Name: c.runner.Name, Labels: c.runner.Labels})
		}
	}
	return d
}

func labelSentence(changes []labelChange) string {
	var parts []string
	for _, c := range changes[:min(len(changes), mostInline)] {
		parts = append(parts, fmt.Sprintf("%s: %s", dispatch.Quote(c.runner.Name), joinNames(c.runner.Labels)))
	}
	if more := len(changes) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, "; ")
}

func labelResult(c *dispatch.Call, changes []labelChange, items []dispatch.Item) dispatch.Result {
	changed := 0
	runners := make([]LabeledRunner, 0, len(changes))
	t := dispatch.Table{Title: "Labels", Header: []string{"Runner", "Labels"}, Code: true}
	for _, change := range changes {
		if change.write && !change.failed {
			changed++
		}
		r := change.runner
		runners = append(runners, LabeledRunner{ID: r.ID, Name: r.Name, Labels: append([]string{}, r.Labels...)})
		t.Rows = append(t.Rows, []string{r.Name, strings.Join(r.Labels, ", ")})
	}
	message := fmt.Sprintf("Changed the labels of %s of %s.", countOf(changed, "runner"), groupOfTeam(c.Group))
	if changed == 0 {
		message = "The runners have these labels already, nothing to do."
	}
	return dispatch.Result{
		Response: LabelsAnswer{Team: c.Team.Slug, Group: c.Group.GroupName, Runners: runners, Message: message},
		Message:  message, Tables: []dispatch.Table{t}, Items: items, Changed: changed > 0,
	}
}
