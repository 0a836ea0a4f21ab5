package commands

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"

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

// GroupsArgs are the arguments of groups-list.
type GroupsArgs struct {
	Team []string `arg:"team,positional" doc:"only these teams" example:"platform,web"`
	All  bool     `arg:"all" doc:"all groups that teams own here: for owners of the organization"`
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
		Refusals: []dispatch.Reason{dispatch.ReasonMissingArgument, dispatch.ReasonOwnerOnly},
		Details:  "If more than 100 teams own a group here, name the teams. Owners of the organization see all of them with `--all`. If the operator set `policy.membersRead`, members of a team see its group too.",
		Needs:    dispatch.Member, Effect: dispatch.Reads, Prefetch: prefetchGroupsList,
		Sample: dispatch.Result{Response: GroupsListing{Groups: []TeamGroup{{Team: "platform", Group: groupInfo(sampleGroup()), Origin: store.Created}}}},
	}, runGroupsList, func(call *dispatch.Call, a GroupsArgs) error {
		if a.All && len(a.Team) > 0 {
			return dispatch.Refuse(dispatch.ReasonInvalidArgument, "Give %s or %s, not both.", call.ArgumentName("all"), call.ArgumentName("team"))
		}
		return checkTeams(call, TeamsArgs{Team: a.Team})
	})
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

func runGroupsList(ctx context.Context, call *dispatch.Call, args GroupsArgs) (dispatch.Result, error) {
	var groups []TeamGroup
	var err error
	if args.All {
		groups, err = allGroups(ctx, call)
	} else if ahead, ok := call.Prefetched.(*groupsLookup); ok {
		groups, err = ahead.wait()
	} else {
		groups, err = groupsOf(ctx, call, args.Team)
	}
	if err != nil {
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
	switch {
	case args.All:
		message = fmt.Sprintf("%s of %s own a runner group here.", countOf(len(groups), "team"), call.Org.Name())
		if len(groups) == 1 {
			message = fmt.Sprintf("1 team of %s owns a runner group here.", call.Org.Name())
		}
	case len(groups) == 0:
		message = youAre + "no team that owns a runner group here. `group-create` with " + call.Channel.Argument("team", "SLUG") + " makes one."
	}
	return dispatch.Result{Response: GroupsListing{Groups: groups}, Message: message, Tables: []dispatch.Table{table}}, nil
}

// A groupsLookup is the answer of groups-list, asked for beside the caller's authorization.
type groupsLookup struct{ wait func() ([]TeamGroup, error) }

func prefetchGroupsList(ctx context.Context, call *dispatch.Call, _ string, decoded any) any {
	args, ok := decoded.(GroupsArgs)
	if !ok || args.All {
		return nil
	}
	look := sync.OnceValues(func() ([]TeamGroup, error) { return groupsOf(ctx, call, args.Team) })
	go func() { _, _ = look() }()
	return &groupsLookup{look}
}

// groupsOf reads the groups of the teams that the caller maintains, or may read: of all, or
// of those in only.
func groupsOf(ctx context.Context, call *dispatch.Call, only []string) ([]TeamGroup, error) {
	ahead := groupsAhead(ctx, call)
	records, err := ownership.New(call.Env).ReadableTeams(ctx, call, only)
	if err != nil {
		return nil, err
	}
	groups := make([]TeamGroup, len(records))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i, record := range records {
		g.Go(func() error {
			read := ahead[record.GroupID]
			if read == nil {
				read = func() (github.Group, error) { return call.Org.GitHub.Group(call.Recent(gctx), record.GroupID) }
			}
			group, err := read()
			if err != nil && github.KindOf(err) != github.NotFound {
				return dispatch.GitHubError(err, "read the runner groups")
			}
			groups[i] = teamGroup(record, group, err == nil)
			return nil
		})
	}
	return groups, g.Wait()
}

// groupsAhead begins to read the groups that the caller of a view was proved to have a right to
// lately, beside the proof of this moment.
func groupsAhead(ctx context.Context, call *dispatch.Call) map[int64]func() (github.Group, error) {
	if call.View == nil {
		return nil
	}
	records, err := call.Env.Store.Records(ctx, call.OrgID)
	if err != nil {
		return nil // which is found out again
	}
	ahead := map[int64]func() (github.Group, error){}
	for _, record := range records {
		if call.WasProvedIn(record.TeamSlug, record.TeamID) {
			read := sync.OnceValues(func() (github.Group, error) { return call.Org.GitHub.Group(call.Recent(ctx), record.GroupID) })
			go func() { _, _ = read() }()
			ahead[record.GroupID] = read
		}
	}
	return ahead
}

// allGroups reads all recorded groups with the list of the organization's groups: one
// request for each hundred.
func allGroups(ctx context.Context, call *dispatch.Call) ([]TeamGroup, error) {
	switch owner, err := call.Env.IsOwner(ctx, call); {
	case err != nil:
		return nil, err
	case !owner:
		return nil, dispatch.Refuse(dispatch.ReasonOwnerOnly, "Only owners of %s may list the groups of all teams. Without %s it is those of your teams.",
			call.Org.Login, call.ArgumentName("all"))
	}
	records, err := call.Env.Store.Records(ctx, call.OrgID)
	if err != nil {
		return nil, dispatch.StoreError(err)
	}
	listed, err := call.Org.GitHub.Groups(ctx)
	if err != nil {
		return nil, dispatch.GitHubError(err, "list the runner groups")
	}
	byID := make(map[int64]github.Group, len(listed))
	for _, group := range listed {
		byID[group.ID] = group
	}
	groups := make([]TeamGroup, len(records))
	for i, record := range records {
		group, exists := byID[record.GroupID]
		groups[i] = teamGroup(record, group, exists)
	}
	return groups, nil
}

func teamGroup(record store.Record, group github.Group, exists bool) TeamGroup {
	t := TeamGroup{Team: record.TeamSlug, Origin: record.Origin, Group: GroupInfo{ID: record.GroupID, Name: record.GroupName}}
	if exists {
		t.Group = groupInfo(group)
	} else {
		t.Error = "This group is gone on GitHub; group-create makes a new one."
	}
	return t
}
