package commands

import (
	"context"
	"fmt"
	"net/http"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// GroupListing is what group-list answers.
type GroupListing struct {
	Team          string       `json:"team"`
	Group         GroupInfo    `json:"group"`
	Repos         []string     `json:"repos"`
	Runners       []string     `json:"runners"`
	RunnerDetails []RunnerInfo `json:"runnerDetails"`
}

func groupList() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "group-list", Method: http.MethodGet, Legacy: true,
		Summary: "Show the team's runner group, its repositories and its runners",
		Task:    dispatch.TaskOwnGroup,
		Needs:   dispatch.Maintainer, Group: dispatch.OwnsGroup, Effect: dispatch.Reads,
		Sample: listResult(sampleCall(), groupState{sampleGroup(), sampleRepos(), sampleRunners()}),
	}, func(ctx context.Context, call *dispatch.Call, _ TeamArgs) (dispatch.Result, error) {
		held, err := readGroup(ctx, call)
		if err != nil {
			return dispatch.Result{}, err
		}
		return listResult(call, held), nil
	})
}

func listResult(call *dispatch.Call, held groupState) dispatch.Result {
	details := make([]RunnerInfo, 0, len(held.runners))
	for _, r := range held.runners {
		details = append(details, runnerInfo(r))
	}
	return dispatch.Result{
		Response: GroupListing{
			Team: call.Team.Slug, Group: groupInfo(held.group),
			Repos: repoNames(held.repos), Runners: runnerNames(held.runners), RunnerDetails: details,
		},
		Message: fmt.Sprintf("The runner group %s of the team `%s` (id %d, visible to %s repositories) serves %s with %s.",
			dispatch.Quote(held.group.Name), call.Team.Slug, held.group.ID, held.group.Visibility,
			countOf(len(held.repos), "repository"), countOf(len(held.runners), "runner")),
		Tables: []dispatch.Table{repoTable(held.repos), runnerTable(details)},
	}
}
