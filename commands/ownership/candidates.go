package ownership

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// youngTeam is the age below which a team is suspected to be younger than a group
// of its name.
const youngTeam = 30 * 24 * time.Hour

// A Candidate is a team without a group for which a group exists
// that has the name of the team's group and no owner.
type Candidate struct {
	Team    string `json:"team"`
	TeamID  int64  `json:"teamID"`
	Group   string `json:"group"`
	GroupID int64  `json:"groupID"`
	// Warning says why the group may have been meant for another team; may be empty.
	Warning string `json:"warning,omitempty"`
}

// Candidates lists the teams of the organization that may adopt a group, for the
// operator.
func (r *Registry) Candidates(ctx context.Context, org *dispatch.Org) ([]Candidate, error) {
	orgID, err := org.ID(ctx)
	if err != nil {
		return nil, err
	}
	var teams []github.Team
	var groups []github.Group
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { teams, err = org.GitHub.Teams(gctx); return err })
	g.Go(func() (err error) { groups, err = org.GitHub.Groups(gctx); return err })
	if err := g.Wait(); err != nil {
		return nil, dispatch.GitHubError(err, "list teams and runner groups")
	}
	records, err := r.Store.Records(ctx, orgID)
	if err != nil {
		return nil, dispatch.StoreError(err)
	}
	var found []Candidate
	for _, team := range teams {
		group, ok := namedGroup(groups, org.Policy.GroupNameOf(team.Slug))
		if !ok || isTaken(records, groups, team, group) {
			continue
		}
		// the list does not say when a team was created
		team, err := org.GitHub.Team(ctx, team.Slug)
		if github.KindOf(err) == github.NotFound {
			continue
		}
		if err != nil {
			return nil, dispatch.GitHubError(err, "look at the team "+team.Slug)
		}
		found = append(found, Candidate{
			Team: team.Slug, TeamID: team.ID, Group: group.Name, GroupID: group.ID,
			Warning: r.ageWarning(team, group, records),
		})
	}
	return found, nil
}

// namedGroup finds the group that may be adopted under that name: one that is spelt
// the same, or else one that differs in case, just as group-adopt finds it.
func namedGroup(groups []github.Group, name string) (github.Group, bool) {
	var alike github.Group
	for _, group := range groups {
		if group.Name == name {
			alike = group
			break
		}
		if alike.ID == 0 && strings.EqualFold(group.Name, name) {
			alike = group
		}
	}
	return alike, alike.ID != 0 && !alike.Default && !alike.Inherited
}

// isTaken reports whether the group is recorded, or the team owns one that exists.
func isTaken(records []store.Record, groups []github.Group, team github.Team, group github.Group) bool {
	for _, r := range records {
		if r.GroupID == group.ID {
			return true
		}
		if r.TeamID != team.ID {
			continue
		}
		for _, g := range groups {
			if g.ID == r.GroupID {
				return true
			}
		}
	}
	return false
}

// ageWarning says what speaks for a team that is younger than its group: one that
// took the name of a team that is gone, or that was never meant. GitHub does not say
// when a group was made. But it counts their ids up, so that a group is at least as
// old as the record of any group with the same or a higher id; if no record helps,
// a team of the last days is suspect.
func (r *Registry) ageWarning(team github.Team, group github.Group, records []store.Record) string {
	for _, r := range records {
		if r.GroupID >= group.ID && r.At.Before(team.CreatedAt) {
			return fmt.Sprintf("the team is younger than the group: it was made on %s, and the group existed before %s",
				team.CreatedAt.UTC().Format(time.DateOnly), r.At.UTC().Format(time.DateOnly))
		}
	}
	if r.Now().Sub(team.CreatedAt) < youngTeam {
		return fmt.Sprintf("the team may be younger than the group: it was made on %s, and GitHub does not say how old the group is",
			team.CreatedAt.UTC().Format(time.DateOnly))
	}
	return ""
}
