package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// AdoptArgs are the arguments of group-adopt.
type AdoptArgs struct {
	Team  string `arg:"team,required" doc:"the team that gets the group" example:"platform"`
	Group string `arg:"group,positional" doc:"the group's name; the one that policy.groupName says where none is given" example:"platform-runners"`
}

// Check refuses what is no slug, and names that no group has.
func (a AdoptArgs) Check(call *Call) error {
	if len(a.Group) > 255 {
		return Refuse(ReasonInvalidArgument, "%s: a group's name has at most 255 characters.", call.called("group"))
	}
	return call.checkTeam(a.Team)
}

func groupAdopt() Command {
	return Define(Spec{
		Name: "group-adopt", Method: http.MethodPost,
		Summary: "Give an existing runner group to a team (owners only)",
		Details: "Nothing in the group is changed. A record whose group or team is gone is replaced.",
		Needs:   Owner, Effect: Changes, Example: "platform-runners",
		Sample: adopted(sampleCall(), github.Group{ID: 7, Name: "platform-runners", Visibility: "selected"}, sampleRepos(), sampleRunners(), nowOwns("platform", "platform-runners")),
	}, runGroupAdopt)
}

// Adopted is what group-adopt answers: the group with what it opens to the team.
type Adopted struct {
	Team     string    `json:"team"`
	Group    GroupInfo `json:"group"`
	Repos    []string  `json:"repos"`
	Runners  []string  `json:"runners"`
	Warnings []string  `json:"warnings"`
	Message  string    `json:"message"`
}

func runGroupAdopt(ctx context.Context, call *Call, args AdoptArgs) (Result, error) {
	if call.Team.ID == 0 {
		return Result{}, Refuse(ReasonInvalidArgument, "There is no team `%s` in %s.", args.Team, call.Org.Login)
	}
	name := args.Group
	if name == "" {
		name = call.Org.Policy.GroupNameOf(call.Team.Slug)
	}
	group, err := call.Org.GitHub.GroupByName(ctx, name)
	switch {
	case github.KindOf(err) == github.NotFound:
		return Result{}, Refuse(ReasonGroupNotFound, "There is no runner group %s in %s. Its owners see the names of all at %s.",
			Quote(name), call.Org.Login, call.groupsPage())
	case err != nil:
		return Result{}, GitHubError(err, "find the runner group")
	case group.Default || group.Inherited:
		return Result{}, untouchable(group)
	}
	if err := call.mayAdopt(ctx, group); err != nil {
		return Result{}, err
	}
	repos, runners, err := call.holdings(ctx, group)
	if err != nil {
		return Result{}, err
	}
	if call.Preview {
		return adopted(call, group, repos, runners, fmt.Sprintf("This would give the runner group %s to the team `%s`.", Quote(group.Name), call.Team.Slug)), nil
	}
	record := store.Record{
		OrgID: call.OrgID, TeamID: call.Team.ID, TeamSlug: call.Team.Slug,
		GroupID: group.ID, GroupName: group.Name, Visibility: group.Visibility,
		Origin: store.Adopted, By: call.Caller.Login, At: call.Env.Now(),
	}
	if call.Recorded && call.Group.GroupID == group.ID {
		return adopted(call, group, repos, runners, fmt.Sprintf("The team `%s` owns the runner group %s already.", call.Team.Slug, Quote(group.Name))), nil
	}
	if err := call.putAdopted(ctx, record); err != nil {
		return Result{}, err
	}
	result := adopted(call, group, repos, runners, nowOwns(call.Team.Slug, group.Name))
	result.Changed = true
	return result, nil
}

func nowOwns(team, group string) string {
	return fmt.Sprintf("The team `%s` owns the runner group %s now.", team, Quote(group))
}

// mayAdopt refuses to take the team's own standing group from it, so that nobody
// loses one by a slip.
func (c *Call) mayAdopt(ctx context.Context, group github.Group) error {
	if !c.Recorded || c.Group.GroupID == group.ID {
		return nil
	}
	old, err := c.Org.GitHub.Group(ctx, c.Group.GroupID)
	switch {
	case err == nil:
		return Refuse(ReasonGroupExists, "The team `%s` owns the runner group %s, which still stands. Release it first with `group-release`, or delete it with `group-delete`.", c.Team.Slug, Quote(old.Name))
	case github.KindOf(err) != github.NotFound:
		return GitHubError(err, "look at the team's runner group")
	}
	return nil
}

// putAdopted writes the record, in place of one whose team is gone.
func (c *Call) putAdopted(ctx context.Context, record store.Record) error {
	err := c.Env.Store.PutRecord(ctx, record)
	if !errors.Is(err, store.ErrConflict) {
		return storeError(err)
	}
	holder, err := c.Env.Store.RecordOfGroup(ctx, c.OrgID, record.GroupID)
	if err != nil {
		return storeError(err)
	}
	team, err := c.Org.GitHub.TeamByID(ctx, holder.TeamID)
	switch {
	case err == nil:
		return Refuse(ReasonGroupNotOwned, "The runner group %s belongs to the team `%s`. It must be released first, with `group-release`.", Quote(record.GroupName), team.Slug)
	case github.KindOf(err) != github.NotFound:
		return GitHubError(err, "look up the team that holds the group")
	}
	err = c.Env.Store.ReplaceRecord(ctx, holder, record)
	if errors.Is(err, store.ErrConflict) || isNotFound(err) {
		return Refuse(ReasonBusy, "Somebody else has just changed who owns this group. Look again, and repeat the command.")
	}
	return storeError(err)
}

// holdings reads what a group holds.
func (c *Call) holdings(ctx context.Context, group github.Group) (repos []github.Repository, runners []github.Runner, err error) {
	g, gctx := errgroup.WithContext(ctx)
	if group.Visibility == "selected" {
		g.Go(func() (err error) { repos, err = c.Org.GitHub.GroupRepositories(gctx, group.ID); return err })
	}
	g.Go(func() (err error) { runners, err = c.Org.GitHub.GroupRunners(gctx, group.ID); return err })
	return repos, runners, GitHubError(g.Wait(), "read the runner group")
}

func adopted(call *Call, group github.Group, repos []github.Repository, runners []github.Runner, message string) Result {
	warnings := []string{}
	if group.Visibility != "selected" {
		warnings = append(warnings, fmt.Sprintf("The group is visible to %s repositories; `repos-*` commands work only once its access is set to selected repositories.", group.Visibility))
	}
	if group.AllowsPublicRepositories {
		warnings = append(warnings, "The group allows public repositories, whose pull requests anybody can write.")
	}
	details := make([]RunnerInfo, 0, len(runners))
	for _, r := range runners {
		details = append(details, runnerInfo(r))
	}
	return Result{
		Response: Adopted{Team: call.Team.Slug, Group: groupInfo(group), Repos: repoNames(repos), Runners: runnerNames(runners), Warnings: warnings, Message: message},
		Message:  message, Notes: warnings, Tables: []Table{repoTable(repos), runnerTable(details)},
	}
}

func groupRelease() Command {
	return Define(Spec{
		Name: "group-release", Method: http.MethodPatch,
		Summary: "Forget that a team owns its runner group (owners only)",
		Details: "The group stays as it is; no team manages it until it is adopted again.",
		Needs:   Owner, Effect: Changes,
		Sample: released(sampleCall().Group),
	}, runGroupRelease)
}

func runGroupRelease(ctx context.Context, call *Call, args TeamArgs) (Result, error) {
	record := call.Group
	if !call.Recorded {
		// the team may be gone, or be another than the one on record
		records, err := call.Env.Store.RecordsBySlug(ctx, call.OrgID, args.Team)
		if err != nil {
			return Result{}, storeError(err)
		}
		if len(records) == 0 && !call.asked.IsZero() {
			return Result{Message: fmt.Sprintf("The team `%s` owns no runner group here any more.", args.Team), Changed: true}, nil
		}
		if len(records) == 0 {
			return Result{}, Refuse(ReasonGroupNotFound, "The team `%s` owns no runner group here.", args.Team)
		}
		record = records[0]
	}
	if call.Preview {
		return Result{Message: fmt.Sprintf("This would forget that the runner group %s is owned; the group stays as it is on GitHub.", ofGroup(record))}, nil
	}
	if err := call.Env.Store.DeleteRecord(ctx, call.OrgID, record.TeamID); err != nil {
		return Result{}, storeError(err)
	}
	return released(record), nil
}

func released(record store.Record) Result {
	message := fmt.Sprintf("The runner group %s is no longer owned. It stays as it is on GitHub; `group-adopt` gives it back.", ofGroup(record))
	return Result{
		Response: GroupAnswer{Team: record.TeamSlug, Group: GroupInfo{ID: record.GroupID, Name: record.GroupName, Visibility: record.Visibility}, Message: message},
		Message:  message, Changed: true,
	}
}
