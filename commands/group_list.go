package commands

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"golang.org/x/sync/errgroup"
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
		Needs:   dispatch.Maintainer, Group: dispatch.OwnsGroup, Effect: dispatch.Reads,
		Sample: listed(sampleCall(), contents{sampleGroup(), sampleRepos(), sampleRunners()}),
	}, func(ctx context.Context, call *dispatch.Call, _ TeamArgs) (dispatch.Result, error) {
		held, err := look(ctx, call)
		if err != nil {
			return dispatch.Result{}, err
		}
		return listed(call, held), nil
	})
}

func listed(call *dispatch.Call, held contents) dispatch.Result {
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
			count(len(held.repos), "repository"), count(len(held.runners), "runner")),
		Tables: []dispatch.Table{repoTable(held.repos), runnerTable(details)},
	}
}

func repoTable(repos []github.Repository) dispatch.Table {
	t := dispatch.Table{Title: fmt.Sprintf("Repositories (%d)", len(repos)), Header: []string{"Repository"}}
	for _, r := range repos {
		t.Rows = append(t.Rows, []string{r.Name})
	}
	return t
}

func runnerTable(runners []RunnerInfo) dispatch.Table {
	t := dispatch.Table{Title: fmt.Sprintf("Runners (%d)", len(runners)), Header: []string{"Runner", "System", "Status", "Labels"}}
	for _, r := range runners {
		status := r.Status
		if r.Busy {
			status += ", busy"
		}
		t.Rows = append(t.Rows, []string{r.Name, r.OS, status, strings.Join(r.Labels, ", ")})
	}
	return t
}

// TeamsArgs are the arguments of the commands for any member.
type TeamsArgs struct {
	Team []string `arg:"team,positional" doc:"only these teams" example:"platform,web"`
}

// TeamGroup is a team with its group, in an answer.
type TeamGroup struct {
	Team   string    `json:"team"`
	Group  GroupInfo `json:"group"`
	Origin string    `json:"origin"` // "created" by the team, or "adopted": given by an owner
	Error  string    `json:"error,omitempty"`
}

// GroupsListing is what groups-list answers.
type GroupsListing struct {
	Groups []TeamGroup `json:"groups"`
}

func groupsList() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "groups-list", Method: http.MethodGet,
		Summary: "List the runner groups of the teams that you maintain",
		Details: "Where more than 100 teams own a group here, name the teams.",
		Needs:   dispatch.Member, Effect: dispatch.Reads,
		Sample: dispatch.Result{Response: GroupsListing{Groups: []TeamGroup{{Team: "platform", Group: groupInfo(sampleGroup()), Origin: store.Created}}}},
	}, runGroupsList)
}

func runGroupsList(ctx context.Context, call *dispatch.Call, args TeamsArgs) (dispatch.Result, error) {
	records, err := ownership.New(call.Env).MaintainedTeams(ctx, call, args.Team)
	if err != nil {
		return dispatch.Result{}, err
	}
	groups := make([]TeamGroup, len(records))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i, record := range records {
		g.Go(func() error {
			groups[i] = TeamGroup{Team: record.TeamSlug, Origin: record.Origin, Group: GroupInfo{ID: record.GroupID, Name: record.GroupName}}
			group, err := call.Org.GitHub.Group(gctx, record.GroupID)
			switch {
			case err == nil:
				groups[i].Group = groupInfo(group)
			case github.KindOf(err) == github.NotFound:
				groups[i].Error = "This group is gone on GitHub; group-create makes a new one."
			default:
				return dispatch.GitHubError(err, "read the runner groups")
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return dispatch.Result{}, err
	}
	table := dispatch.Table{Title: fmt.Sprintf("Runner groups (%d)", len(groups)), Header: []string{"Team", "Group", "Id", "Visible to", "Origin"}}
	for _, t := range groups {
		visible := t.Group.Visibility
		if t.Error != "" {
			visible = "gone"
		}
		table.Rows = append(table.Rows, []string{t.Team, t.Group.Name, strconv.FormatInt(t.Group.ID, 10), visible, t.Origin})
	}
	message := "You maintain " + count(len(groups), "team") + " with a runner group here."
	if len(groups) == 0 {
		message = "You maintain no team that owns a runner group here. `group-create` with " + call.Channel.Argument("team", "SLUG") + " makes one."
	}
	return dispatch.Result{Response: GroupsListing{Groups: groups}, Message: message, Tables: []dispatch.Table{table}}, nil
}

// WhoAmI is what whoami answers.
type WhoAmI struct {
	Login string   `json:"login"`
	ID    int64    `json:"id"`
	Org   string   `json:"org"`
	Role  string   `json:"role"`  // in the organization: "member" or "owner"
	Teams []string `json:"teams"` // that own a group here and that the caller maintains
}

func whoami() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "whoami", Method: http.MethodGet,
		Summary: "Show who you are here, and which of the teams that you maintain own a runner group",
		Needs:   dispatch.Member, Effect: dispatch.Reads,
		Sample: dispatch.Result{Response: WhoAmI{Login: "mona", ID: 583231, Org: "acme", Role: "member", Teams: []string{"platform"}}},
	}, func(ctx context.Context, call *dispatch.Call, args TeamsArgs) (dispatch.Result, error) {
		var role string
		g, gctx := errgroup.WithContext(ctx)
		g.Go(func() error {
			owner, err := call.Owner(gctx)
			role = "member"
			if owner {
				role = "owner"
			}
			return err
		})
		teams := []string{}
		g.Go(func() error {
			records, err := ownership.New(call.Env).MaintainedTeams(gctx, call, args.Team)
			for _, r := range records {
				teams = append(teams, r.TeamSlug)
			}
			return err
		})
		if err := g.Wait(); err != nil {
			return dispatch.Result{}, err
		}
		return dispatch.Result{
			Response: WhoAmI{Login: call.Caller.Login, ID: call.Caller.ID, Org: call.Org.Login, Role: role, Teams: teams},
			Message:  fmt.Sprintf("You are `%s`, %s of %s. Teams that you maintain and that own a runner group here: %s.", call.Caller.Login, article(role), call.Org.Login, list(teams)),
		}, nil
	})
}

func article(role string) string {
	if role == "owner" {
		return "an owner"
	}
	return "a " + role
}
