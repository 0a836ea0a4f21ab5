package commands

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
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
		if len(match) < 3 || match[2] == "." || strings.Contains(text, "..") || !call.Org.Is(match[1]) {
			item.Error = fmt.Sprintf("%s is not a workflow file of %s at a ref: write `%s/REPO/.github/workflows/FILE.yml@refs/heads/main`.", dispatch.Quote(text), call.Org.Name(), call.Org.Name())
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
	if channel == dispatch.REST || channel == dispatch.Console {
		return ""
	}
	return "''"
}

func workflowsSet() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "workflows-set", Method: http.MethodPatch,
		Summary:  "Limit the group to specific workflows, or remove the limit",
		Task:     dispatch.TaskRepos,
		Refusals: []dispatch.Reason{dispatch.ReasonMissingArgument, dispatch.ReasonOwnerOnly, dispatch.ReasonRepoNotPermitted},
		Needs:    dispatch.Maintainer, Group: dispatch.OwnsGroup, Trustable: true, Effect: dispatch.Destroys,
		Example: "acme/api/.github/workflows/ci.yml@refs/heads/main", Undo: undoWorkflowsSet,
		Sample: undoneBy(workflowsAnswer(sampleCall(), "platform", []string{"acme/api/.github/workflows/ci.yml@refs/heads/main"}), "workflows-set --workflows \"\""),
	}, runWorkflowsSet, checkWorkflows)
}

// WorkflowsAnswer is what workflows-set answers.
type WorkflowsAnswer struct {
	Team      string   `json:"team"`
	Group     string   `json:"group"`
	Workflows []string `json:"workflows"`
	Message   string   `json:"message"`
	Undo      string   `json:"undo,omitempty"`
}

func runWorkflowsSet(ctx context.Context, call *dispatch.Call, args WorkflowsArgs) (dispatch.Result, error) {
	group, err := call.Org.GitHub.Group(ctx, call.Group.GroupID)
	if err != nil {
		return dispatch.Result{}, groupError(ctx, call, err, "read the runner group")
	}
	if group.WorkflowRestrictionsReadOnly {
		return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonPolicy, "The enterprise sets which workflows may use the runner group %s; it cannot be changed here.", dispatch.Quote(group.Name))
	}
	mayTeam := teamMayChangeWorkflows(call, group)
	if !mayTeam {
		if err := mustBeOwnerFor(ctx, call, group); err != nil {
			return dispatch.Result{}, err
		}
	}
	workflows := *args.Workflows
	result := workflowsAnswer(call, group.Name, workflows)
	result.Changed = group.RestrictedToWorkflows == (len(workflows) == 0) || len(workflows) > 0 && !sameWorkflows(workflows, group.SelectedWorkflows)
	if call.Preview && !result.Changed {
		result.Needless = true
		return result, nil
	}
	if call.Preview {
		return previewOf(result, "This would change which workflows may use the group. "+result.Message), nil
	}
	plan := store.Diff{Before: workflowParts(group.Limit())}
	if len(workflows) > 0 {
		plan.After = workflowParts(&workflows)
	}
	if err := call.Begin(ctx, plan, nil, call.TheWorkflows()); err != nil {
		return dispatch.Result{}, err
	}
	var updated github.Group
	err = call.Change(ctx, func(ctx context.Context) (err error) {
		updated, err = call.Org.GitHub.UpdateGroup(ctx, call.Group.GroupID, github.GroupChange{Name: group.Name, Workflows: &workflows})
		return call.Confirm(err, store.Edit{GroupID: call.Group.GroupID, Kind: store.SetWorkflows, Workflows: updated.Limit()})
	}, call.TheWorkflows())
	if github.KindOf(err) == github.Invalid || github.KindOf(err) == github.Conflict {
		return dispatch.Result{}, &dispatch.Error{Reason: dispatch.ReasonInvalidArgument, Cause: err, Message: "GitHub refused the workflows: " + dispatch.QuoteSentence(dispatch.GitHubFailure(err).Message) + "."}
	}
	if err != nil {
		return dispatch.Result{}, groupError(ctx, call, err, "change the group's workflows")
	}
	if len(workflows) > 0 && !updated.RestrictedToWorkflows {
		// An older server ignores fields that it does not know:
		// https://docs.github.com/en/enterprise-server@3.5/actions/hosting-your-own-runners/managing-access-to-self-hosted-runners-using-groups
		return dispatch.Result{}, lacksFeature("limits to workflows", "Enterprise Cloud, or Enterprise Server 3.5 or later,", nil)
	}
	if err := recordWorkflows(ctx, call, updated, mayTeam); err != nil {
		return dispatch.Result{}, err
	}
	return result, nil
}

// teamMayChangeWorkflows reports whether the group's limit is the team's to change: there
// is none, this server set it last, or an owner allowed it with group-adopt. What a group
// was limited to before this server kept a record counts as its team's, if it made the group.
func teamMayChangeWorkflows(c *dispatch.Call, group github.Group) bool {
	switch {
	case !group.RestrictedToWorkflows || c.Group.WorkflowsTeam || !c.Recorded:
		return true
	case c.Group.Workflows == nil:
		return c.Group.Origin == store.Created
	}
	return sameWorkflows(*c.Group.Workflows, group.SelectedWorkflows)
}

func sameWorkflows(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return len(a) > 0 && slices.Equal(a, b)
}

// mustBeOwnerFor refuses who is no owner of the organization to change a limit that the
// team did not set.
func mustBeOwnerFor(ctx context.Context, c *dispatch.Call, group github.Group) error {
	if c.Channel == dispatch.CLI {
		return nil
	}
	owner, err := c.Env.IsOwner(ctx, c)
	if err != nil || owner {
		return err
	}
	return dispatch.Refuse(dispatch.ReasonOwnerOnly,
		"The runner group %s was limited to %s by somebody else than this team, so only owners of %s may change that. An owner can also let the team do it: `group-adopt --team %s --group %s --workflows team`.",
		dispatch.Quote(group.Name), joinNames(group.SelectedWorkflows), c.Org.Login, c.Team.Slug, shellQuote(group.Name))
}

// recordWorkflows keeps what the group is limited to now as the team's, unless only an
// owner could set it: then it stays the owners', and is the team's once it is lifted.
func recordWorkflows(ctx context.Context, c *dispatch.Call, group github.Group, mayTeam bool) error {
	if !c.Recorded {
		return nil
	}
	set := []string{}
	if group.RestrictedToWorkflows && mayTeam {
		set = group.SelectedWorkflows
	}
	c.Group.Workflows = &set
	return dispatch.StoreError(c.Env.Store.SetWorkflows(context.WithoutCancel(ctx), c.Group))
}

func workflowsAnswer(c *dispatch.Call, group string, workflows []string) dispatch.Result {
	message, tables := sentenceOf("Only these workflows may use the runner group "+groupOfTeam(c.Group), "Workflows", workflows, "workflow")
	if len(workflows) == 0 {
		message = fmt.Sprintf("Any workflow of its repositories may use the runner group %s.", groupOfTeam(c.Group))
	}
	return dispatch.Result{
		Tables:   tables,
		Response: WorkflowsAnswer{Team: c.Team.Slug, Group: group, Workflows: workflows, Message: message},
		Message:  message,
	}
}
