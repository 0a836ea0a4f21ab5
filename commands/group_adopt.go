package commands

import (
	"context"
	"fmt"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// AdoptArgs are the arguments of group-adopt.
type AdoptArgs struct {
	Team      dispatch.Team `arg:"team,required" doc:"the team that gets the group" example:"platform"`
	Group     string        `arg:"group" doc:"the group's name; by default the one that policy.groupName gives" example:"platform-runners"`
	Workflows string        `arg:"workflows" doc:"team: the team may change a limit to some workflows that it did not set" values:"team" example:"team"`
}

// workflowsTeam is the value of --workflows that lets the team change a limit to some
// workflows that it did not set.
const workflowsTeam = "team"

// checkAdopt refuses what is no slug, and names that no group has.
func checkAdopt(call *dispatch.Call, a AdoptArgs) error {
	if len(a.Group) > 255 {
		return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s: a group's name has at most 255 characters.", call.ArgumentName("group"))
	}
	return nil
}

func groupAdopt() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "group-adopt", Method: http.MethodPost,
		Summary:  "Give an existing runner group to a team (owners only)",
		Task:     dispatch.TaskOwners,
		Refusals: []dispatch.Reason{dispatch.ReasonGroupExists, dispatch.ReasonGroupNotOwned, dispatch.ReasonGroupNotFound},
		Details:  "Nothing in the group is changed. A record whose group or team is gone is replaced.",
		Needs:    dispatch.Owner, Effect: dispatch.Changes, Example: "--group platform-runners", Undo: undoGroupAdopt,
		Sample: undoneBy(adoptResult(sampleCall(), github.Group{ID: 7, Name: "platform-runners", Visibility: "selected"}, sampleRepos(), sampleRunners(), ownsMessage("platform", "platform-runners")), "group-release"),
	}, runGroupAdopt, checkAdopt)
}

// Adopted is what group-adopt answers: the group with what it opens to the team.
type Adopted struct {
	Team     string    `json:"team"`
	Group    GroupInfo `json:"group"`
	Repos    []string  `json:"repos"`
	Runners  []string  `json:"runners"`
	Warnings []string  `json:"warnings"`
	Message  string    `json:"message"`
	Undo     string    `json:"undo,omitempty"`
}

func runGroupAdopt(ctx context.Context, call *dispatch.Call, args AdoptArgs) (dispatch.Result, error) {
	if call.Team.ID == 0 {
		return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonInvalidArgument, "There is no team `%s` in %s.", args.Team, call.Org.Login)
	}
	name := args.Group
	if name == "" {
		name = call.Org.Policy.GroupNameOf(call.Team.Slug)
	}
	group, err := call.Org.GitHub.GroupByName(ctx, name)
	switch {
	case github.KindOf(err) == github.NotFound:
		return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonGroupNotFound, "There is no runner group %s in %s. Its owners see the names of all at %s.",
			dispatch.Quote(name), call.Org.Login, groupsPage(call))
	case err != nil:
		return dispatch.Result{}, dispatch.GitHubError(err, "find the runner group")
	case group.Default || group.Inherited:
		return dispatch.Result{}, untouchable(group)
	}
	if err := ownership.New(call.Env).MayAdopt(ctx, call, group); err != nil {
		return dispatch.Result{}, err
	}
	repos, runners, err := readHoldings(ctx, call, group)
	if err != nil {
		return dispatch.Result{}, err
	}
	owned := call.Recorded && call.Group.GroupID == group.ID
	if allows := args.Workflows == workflowsTeam && !call.Group.WorkflowsTeam; call.Preview && owned && !allows {
		result := adoptResult(call, group, repos, runners, fmt.Sprintf("The team `%s` owns the runner group %s already.", call.Team.Slug, dispatch.Quote(group.Name)))
		result.Needless = true
		return result, nil
	}
	if call.Preview {
		return adoptResult(call, group, repos, runners, fmt.Sprintf("This would give the runner group %s to the team `%s`.", dispatch.Quote(group.Name), call.Team.Slug)), nil
	}
	record := store.Record{
		OrgID: call.OrgID, TeamID: call.Team.ID, TeamSlug: call.Team.Slug,
		GroupID: group.ID, GroupName: group.Name, Visibility: group.Visibility,
		Origin: store.Adopted, By: call.Caller.Login, At: call.Env.Now(),
		Workflows: &[]string{}, WorkflowsTeam: args.Workflows == workflowsTeam, Expected: expectedOf(group, repos, runners),
	}
	plan := store.Diff{After: recordParts(record)}
	if call.Recorded {
		plan.Before = recordParts(call.Group)
	}
	if err := call.Begin(ctx, plan, nil, call.TheGroup()); err != nil {
		return dispatch.Result{}, err
	}
	if owned {
		if record.WorkflowsTeam && !call.Group.WorkflowsTeam {
			return allowWorkflows(ctx, call, group, repos, runners)
		}
		return adoptResult(call, group, repos, runners, fmt.Sprintf("The team `%s` owns the runner group %s already.", call.Team.Slug, dispatch.Quote(group.Name))), nil
	}
	adopt := func(ctx context.Context) error { return ownership.New(call.Env).Adopt(ctx, call, record) }
	if err := call.Change(ctx, adopt, call.TheGroup()); err != nil {
		return dispatch.Result{}, err
	}
	result := adoptResult(call, group, repos, runners, ownsMessage(call.Team.Slug, group.Name))
	result.Changed = true
	return result, nil
}

// expectedOf is what a group is expected to be if it is to stay as it is.
func expectedOf(group github.Group, repos []github.Repository, runners []github.Runner) *store.Expected {
	expected := store.Expected{
		Name: group.Name, Visibility: group.Visibility, Public: group.AllowsPublicRepositories, Workflows: group.Limit(),
		Repos: make(map[int64]string, len(repos)), Runners: make(map[int64]bool, len(runners)),
	}
	for _, repo := range repos {
		expected.Repos[repo.ID] = repo.Name
	}
	for _, runner := range runners {
		expected.Runners[runner.ID] = true
	}
	return &expected
}

// allowWorkflows lets the team, which owns the group already, change any limit to some
// workflows.
func allowWorkflows(ctx context.Context, call *dispatch.Call, group github.Group, repos []github.Repository, runners []github.Runner) (dispatch.Result, error) {
	call.Group.WorkflowsTeam = true
	allow := func(ctx context.Context) error {
		return dispatch.StoreError(call.Env.Store.SetWorkflows(ctx, call.Group))
	}
	if err := call.Change(ctx, allow, call.TheWorkflows()); err != nil {
		return dispatch.Result{}, err
	}
	result := adoptResult(call, group, repos, runners, fmt.Sprintf("The team `%s` may change which workflows use the runner group %s.", call.Team.Slug, dispatch.Quote(group.Name)))
	result.Changed = true
	return result, nil
}

func ownsMessage(team, group string) string {
	return fmt.Sprintf("The team `%s` owns the runner group %s now.", team, dispatch.Quote(group))
}

// readHoldings reads what a group holds.
func readHoldings(ctx context.Context, c *dispatch.Call, group github.Group) (repos []github.Repository, runners []github.Runner, err error) {
	g, gctx := errgroup.WithContext(ctx)
	if group.Visibility == "selected" {
		g.Go(func() (err error) { repos, err = c.Org.GitHub.GroupRepositories(gctx, group.ID); return err })
	}
	g.Go(func() (err error) { runners, err = c.Org.GitHub.GroupRunners(gctx, group.ID); return err })
	return repos, runners, dispatch.GitHubError(g.Wait(), "read the runner group")
}

func adoptResult(call *dispatch.Call, group github.Group, repos []github.Repository, runners []github.Runner, message string) dispatch.Result {
	warnings := []string{}
	if group.Visibility != "selected" {
		warnings = append(warnings, fmt.Sprintf("The group is visible to %s repositories; `repos-*` commands work only once its access is set to selected repositories.", group.Visibility))
	}
	if group.AllowsPublicRepositories {
		warnings = append(warnings, "The group allows public repositories, whose pull requests anybody can write.")
	}
	return dispatch.Result{
		Response: Adopted{Team: call.Team.Slug, Group: groupInfo(group), Repos: repoNames(repos), Runners: runnerNames(runners), Warnings: warnings, Message: message},
		Message:  message, Notes: warnings, Tables: []dispatch.Table{repoTable(repos), runnerTable(releases{}.details(runners))},
	}
}
