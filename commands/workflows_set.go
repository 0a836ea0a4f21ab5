package commands

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// WorkflowsArgs are the arguments of workflows-set.
type WorkflowsArgs struct {
	Team      dispatch.Team `arg:"team,required" doc:"the team's slug" example:"platform"`
	Workflows *[]string     `arg:"workflows,positional" doc:"workflow files at a ref, as org/repo/.github/workflows/file.yml@ref; an empty list lifts the restriction (--workflows '' in a comment, workflows= over REST)" example:"acme/api/.github/workflows/ci.yml@refs/heads/main"`
}

var workflowShape = regexp.MustCompile(`^([A-Za-z0-9._-]{1,100})/([A-Za-z0-9._-]{1,100})/\.github/workflows/[A-Za-z0-9._-]{1,200}\.ya?ml@[A-Za-z0-9._/-]{1,200}$`)

// checkWorkflows refuses what is no workflow file of this organization at a ref.
func checkWorkflows(call *dispatch.Call, a WorkflowsArgs) error {
	if a.Workflows == nil {
		return dispatch.Refuse(dispatch.ReasonMissingArgument, "`workflows-set` needs %s: files at a ref, or an empty list (%s) to lift the restriction.",
			call.ArgumentName("workflows"), call.Channel.Argument("workflows", noneAt(call.Channel)))
	}
	var items []dispatch.Item
	bad := false
	for _, text := range *a.Workflows {
		item := dispatch.Item{Item: text}
		match := workflowShape.FindStringSubmatch(text)
		if len(match) < 3 || match[2] == "." || strings.Contains(text, "..") || !strings.EqualFold(match[1], call.Org.Login) {
			item.Error = fmt.Sprintf("%s is not a workflow file of %s at a ref: write `%s/REPO/.github/workflows/FILE.yml@refs/heads/main`.", dispatch.Quote(text), call.Org.Login, call.Org.Login)
			item.Reason, bad = dispatch.ReasonInvalidArgument, true
		}
		items = append(items, item)
	}
	if bad {
		return dispatch.RefuseItems(items)
	}
	return nil
}

// noneAt is how an empty list is written at the channel.
func noneAt(channel dispatch.Channel) string {
	if channel == dispatch.REST {
		return ""
	}
	return "''"
}

func workflowsSet() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "workflows-set", Method: http.MethodPatch,
		Summary: "Limit the group to specific workflows, or remove the limit",
		Needs:   dispatch.Maintainer, Group: dispatch.OwnsGroup, Effect: dispatch.Destroys,
		Example: "acme/api/.github/workflows/ci.yml@refs/heads/main",
		Sample:  workflowsAnswer(sampleCall(), "platform", []string{"acme/api/.github/workflows/ci.yml@refs/heads/main"}),
	}, runWorkflowsSet, checkWorkflows)
}

// WorkflowsAnswer is what workflows-set answers.
type WorkflowsAnswer struct {
	Team      string   `json:"team"`
	Group     string   `json:"group"`
	Workflows []string `json:"workflows"`
	Message   string   `json:"message"`
}

func runWorkflowsSet(ctx context.Context, call *dispatch.Call, args WorkflowsArgs) (dispatch.Result, error) {
	group, err := call.Org.GitHub.Group(ctx, call.Group.GroupID)
	if err != nil {
		return dispatch.Result{}, groupError(call, err, "read the runner group")
	}
	if group.WorkflowRestrictionsReadOnly {
		return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonPolicy, "The enterprise sets which workflows may use the runner group %s; it cannot be changed here.", dispatch.Quote(group.Name))
	}
	workflows := *args.Workflows
	result := workflowsAnswer(call, group.Name, workflows)
	if call.Preview {
		return dispatch.Result{Message: "This would change which workflows may use the group. " + result.Message}, nil
	}
	_, err = call.Org.GitHub.UpdateGroup(ctx, call.Group.GroupID, github.GroupChange{Name: group.Name, Workflows: &workflows})
	if github.KindOf(err) == github.Invalid || github.KindOf(err) == github.Conflict {
		return dispatch.Result{}, &dispatch.Error{Reason: dispatch.ReasonInvalidArgument, Cause: err, Message: "GitHub refused the workflows: " + dispatch.Quote(dispatch.GitHubFailure(err).Message) + "."}
	}
	if err != nil {
		return dispatch.Result{}, groupError(call, err, "change the group's workflows")
	}
	return result, nil
}

func workflowsAnswer(c *dispatch.Call, group string, workflows []string) dispatch.Result {
	message := fmt.Sprintf("Only these workflows may use the runner group %s: %s.", groupOfTeam(c.Group), joinNames(workflows))
	if len(workflows) == 0 {
		message = fmt.Sprintf("Any workflow of its repositories may use the runner group %s.", groupOfTeam(c.Group))
	}
	return dispatch.Result{
		Response: WorkflowsAnswer{Team: c.Team.Slug, Group: group, Workflows: workflows, Message: message},
		Message:  message, Changed: true,
	}
}
