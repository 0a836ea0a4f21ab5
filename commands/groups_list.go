package commands

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

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
		Summary:  "List the runner groups of the teams that you maintain",
		Task:     dispatch.TaskOwnGroup,
		Refusals: []dispatch.Reason{dispatch.ReasonMissingArgument},
		Details:  "If more than 100 teams own a group here, name the teams. If the operator set `policy.membersRead`, members of a team see its group too.",
		Needs:    dispatch.Member, Effect: dispatch.Reads,
		Sample: dispatch.Result{Response: GroupsListing{Groups: []TeamGroup{{Team: "platform", Group: groupInfo(sampleGroup()), Origin: store.Created}}}},
	}, runGroupsList, checkTeams)
}

// mostTeams is how many teams the commands for any member take.
const mostTeams = 100

// checkTeams refuses what is no slug, and too many teams.
func checkTeams(call *dispatch.Call, a TeamsArgs) error {
	if len(a.Team) > mostTeams {
		return dispatch.Refuse(dispatch.ReasonInvalidArgument, "Name at most %d teams at once.", mostTeams)
	}
	for _, name := range a.Team {
		if _, err := call.Slug("team", name); err != nil {
			return err
		}
	}
	return nil
}

func runGroupsList(ctx context.Context, call *dispatch.Call, args TeamsArgs) (dispatch.Result, error) {
	records, err := ownership.New(call.Env).ReadableTeams(ctx, call, args.Team)
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
	youAre := "You maintain "
	if call.Org.Policy.MembersRead {
		youAre = "You are a member of "
	}
	message := youAre + countOf(len(groups), "team") + " with a runner group here."
	if len(groups) == 0 {
		message = youAre + "no team that owns a runner group here. `group-create` with " + call.Channel.Argument("team", "SLUG") + " makes one."
	}
	return dispatch.Result{Response: GroupsListing{Groups: groups}, Message: message, Tables: []dispatch.Table{table}}, nil
}
