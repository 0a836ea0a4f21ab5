package commands

import (
	"context"
	"fmt"
	"net/http"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// GroupListing is what group-list answers.
type GroupListing struct {
	Team          string         `json:"team"`
	Group         GroupInfo      `json:"group"`
	Repos         []string       `json:"repos"`
	Runners       []string       `json:"runners"`
	RunnerDetails []RunnerDetail `json:"runnerDetails"`
}

func groupList() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "group-list", Method: http.MethodGet, Legacy: true,
		Summary: "Show the team's runner group, its repositories and its runners",
		Task:    dispatch.TaskOwnGroup,
		Needs:   dispatch.Maintainer, MembersToo: true, Group: dispatch.OwnsGroup, Trustable: true, Effect: dispatch.Reads,
		Sample: listResult(sampleCall(), groupState{sampleGroup(), sampleRepos(), sampleRunners()}, releases{latest: "2.323.0"}),
	}, func(ctx context.Context, call *dispatch.Call, _ TeamArgs) (dispatch.Result, error) {
		newest := make(chan releases, 1)
		go func() { newest <- readReleases(ctx, call) }()
		held, err := readGroup(ctx, call)
		if err != nil {
			return dispatch.Result{}, err
		}
		return listResult(call, held, <-newest), nil
	})
}

func listResult(call *dispatch.Call, held groupState, newest releases) dispatch.Result {
	details := newest.details(held.runners)
	tables := []dispatch.Table{runnerTable(details)}
	if held.group.RestrictedToWorkflows {
		tables = append(tables, nameTable("Only these workflows may use it", held.group.SelectedWorkflows))
	}
	if len(held.repos) > 0 {
		tables = append(tables, repoTable(held.repos))
	}
	return dispatch.Result{
		Response: GroupListing{
			Team: call.Team.Slug, Group: groupInfo(held.group),
			Repos: repoNames(held.repos), Runners: runnerNames(held.runners), RunnerDetails: details,
		},
		Message: groupSummary(call.Group, held),
		Tables:  tables,
	}
}

// groupSummary says in a sentence what decides whether a job runs: repositories, runners
// and workflows.
func groupSummary(record store.Record, held groupState) string {
	record.GroupName = held.group.Name
	repos := countOf(len(held.repos), "repository")
	if held.group.Visibility != "selected" {
		repos = held.group.Visibility + " repositories"
	}
	online := 0
	for _, r := range held.runners {
		if r.Status == "online" {
			online++
		}
	}
	runners := fmt.Sprintf("%d of %s online", online, countOf(len(held.runners), "runner"))
	if len(held.runners) == 0 {
		runners = "no runners"
	}
	workflows := "no workflow restriction"
	if held.group.RestrictedToWorkflows {
		workflows = "limited to " + countOf(len(held.group.SelectedWorkflows), "workflow")
	}
	return fmt.Sprintf("Group %s: %s, %s, %s.", groupOfTeam(record), repos, runners, workflows)
}
