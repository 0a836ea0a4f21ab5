package commands

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// WorkflowInfo is what GitHub says of a job in its token.
type WorkflowInfo struct {
	Repository        string `json:"repository"`
	RepositoryID      int64  `json:"repositoryId"`
	Ref               string `json:"ref"`
	Environment       string `json:"environment"` // "": none
	Event             string `json:"event"`
	WorkflowRef       string `json:"workflowRef"`
	JobWorkflowRef    string `json:"jobWorkflowRef"`
	RunnerEnvironment string `json:"runnerEnvironment"`
	Actor             string `json:"actor"`
	RunID             string `json:"runId"`
}

// A TrustMatch is a trust for the job's repository, and whether it is for the job.
type TrustMatch struct {
	Team string `json:"team"`
	TrustInfo
	Matches bool     `json:"matches"`
	Fails   []string `json:"fails"` // the conditions that the job does not meet
}

// whoamiWorkflow answers a job of GitHub Actions.
func whoamiWorkflow(ctx context.Context, call *dispatch.Call) (dispatch.Result, error) {
	states, err := call.Env.TrustStates(ctx, call)
	if err != nil {
		return dispatch.Result{}, err
	}
	job := call.Caller.Workflow
	answer := WhoAmI{
		Login: call.Caller.Login, Org: call.Org.Login, Role: "workflow", Teams: []string{}, TeamsWithoutGroup: []string{}, Trusts: []TrustMatch{},
		Workflow: &WorkflowInfo{
			Repository: job.Repository, RepositoryID: job.RepositoryID, Ref: job.Ref, Environment: job.Environment, Event: job.Event,
			WorkflowRef: job.WorkflowRef, JobWorkflowRef: job.JobWorkflowRef, RunnerEnvironment: job.RunnerEnvironment, Actor: job.Actor, RunID: job.RunID,
		},
	}
	table := dispatch.Table{Title: "Trusts for this repository (" + strconv.Itoa(len(states)) + ")", Header: []string{"Id", "Team", "Commands", "For this job"}, CodeIn: []int{2}}
	for _, state := range states {
		match := TrustMatch{Team: state.TeamSlug, TrustInfo: trustInfo(state.Trust), Matches: len(state.Fails) == 0, Fails: append([]string{}, state.Fails...)}
		answer.Trusts = append(answer.Trusts, match)
		verdict := "yes"
		if !match.Matches {
			verdict = "no: " + strings.Join(state.Fails, "; ")
		} else if !slices.Contains(answer.Teams, state.TeamSlug) {
			answer.Teams = append(answer.Teams, state.TeamSlug)
		}
		table.Rows = append(table.Rows, []string{strconv.FormatInt(state.ID, 10), state.TeamSlug, strings.Join(state.Commands, ", "), verdict})
	}
	message := fmt.Sprintf("You are the job %s of %s. ", dispatch.Quote(call.Caller.Login), call.Org.Login)
	if len(answer.Teams) == 0 {
		message += "No team trusts it. A maintainer of a team can change that with `trust-add`."
	} else {
		message += "These teams trust it: " + joinNames(answer.Teams) + "."
	}
	return dispatch.Result{Response: answer, Message: message, Tables: []dispatch.Table{table}}, nil
}
