package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// RunnersAnswer is what the commands on runners answer.
type RunnersAnswer struct {
	Team    string   `json:"team"`
	Runners []string `json:"runners"`
	To      string   `json:"to,omitempty"`
	Message string   `json:"message"`
	Undo    string   `json:"undo,omitempty"`
}

func noRunner(c *dispatch.Call, name string) string {
	return fmt.Sprintf("There is no runner %s in the runner group %s. `group-list` names those that are.", dispatch.Quote(name), groupOfTeam(c.Group))
}

func busyRunner(name string) *dispatch.Error {
	return dispatch.Refuse(dispatch.ReasonRunnerBusy, "Runner %s is busy with a job. Try again when it finishes.", dispatch.Quote(name))
}

func runnersDone(items []dispatch.Item, result dispatch.Result) (dispatch.Result, error) {
	if err := dispatch.PartialFailure(items, result); err != nil {
		return dispatch.Result{}, err
	}
	return result, nil
}

// runnersResult says what was done with the runners.
func runnersResult(c *dispatch.Call, names []string, items []dispatch.Item, to, done string) dispatch.Result {
	end, tables := listOf("Runners", names)
	return dispatch.Result{
		Response: RunnersAnswer{Team: c.Team.Slug, Runners: names, To: to, Message: done + end},
		Message:  done + end, Items: items, Tables: tables, Changed: len(names) > 0,
	}
}

func runnerNames(runners []github.Runner) []string {
	names := make([]string, 0, len(runners))
	for _, r := range runners {
		names = append(names, r.Name)
	}
	return names
}

// runnerThings are what a command that changes the runner changes.
func runnerThings(r github.Runner) []dispatch.Thing {
	return []dispatch.Thing{dispatch.ARunner(r.ID), dispatch.ARunnerName(r.Name)}
}

// runnerTargets are the runners' ids by name, for the record.
func runnerTargets(runners []github.Runner) map[string]int64 {
	targets := make(map[string]int64, len(runners))
	for _, r := range runners {
		targets[strings.ToLower(r.Name)] = r.ID
	}
	return targets
}

// targetThings are what a command changes that acts on the targets of its first attempt.
func targetThings(targets map[string]int64) []dispatch.Thing {
	var things []dispatch.Thing
	for name, id := range targets {
		things = append(things, runnerThings(github.Runner{ID: id, Name: name})...)
	}
	return things
}

// seenRunners leaves out, in a repeated attempt, the runners that the first one did not
// act on.
func seenRunners(c *dispatch.Call, runners []github.Runner) []github.Runner {
	targets := c.FirstTargets()
	if targets == nil {
		return runners
	}
	var seen []github.Runner
	for _, r := range runners {
		if targets[strings.ToLower(r.Name)] == r.ID {
			seen = append(seen, r)
		}
	}
	return seen
}

// beginRunners begins a command that changes these runners; a repeated attempt counts with
// all that the first one acted on.
func beginRunners(ctx context.Context, c *dispatch.Call, plan store.Diff, runners []github.Runner) error {
	targets := c.FirstTargets()
	if targets == nil {
		targets = runnerTargets(runners)
	}
	return c.Begin(ctx, plan, targets, targetThings(targets)...)
}
