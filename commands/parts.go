package commands

import (
	"cmp"
	"context"
	"slices"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// The parts are what the audit keeps of what a command changed.

// teamMayLimit is the state of a group whose team may change a limit to some workflows that
// it did not set.
const teamMayLimit = "workflows: team"

func teamPart(c *dispatch.Call) store.Part {
	return store.Part{Kind: store.PartTeam, ID: c.Team.ID, Name: c.Team.Slug}
}

// recordParts are the team and the group of a record.
func recordParts(r store.Record) []store.Part {
	group := store.Part{Kind: store.PartGroup, ID: r.GroupID, Name: r.GroupName}
	if r.WorkflowsTeam {
		group.State = teamMayLimit
	}
	return []store.Part{{Kind: store.PartTeam, ID: r.TeamID, Name: r.TeamSlug}, group}
}

// groupPart is a group with who may use it.
func groupPart(g github.Group) store.Part {
	return store.Part{Kind: store.PartGroup, ID: g.ID, Name: g.Name, State: opennessOf(g.Visibility, g.AllowsPublicRepositories)}
}

func opennessOf(visibility string, public bool) string {
	if public {
		return visibility + ", public repositories"
	}
	return visibility
}

// repoPart is a repository of the group, with what is on record of how long it stays.
func repoPart(repo github.Repository, a store.Access) store.Part {
	return store.Part{Kind: store.PartRepo, ID: repo.ID, Name: repo.Name, Until: moment(a.Until), Request: a.Request}
}

func repoParts(repos []github.Repository, known map[int64]store.Access) []store.Part {
	var parts []store.Part
	for _, repo := range repos {
		parts = append(parts, repoPart(repo, known[repo.ID]))
	}
	return parts
}

// accessOf returns how long the repositories of the call's group stay attached; nil if the
// group is not on record.
func accessOf(ctx context.Context, c *dispatch.Call) (map[int64]store.Access, error) {
	if !c.Recorded {
		return nil, nil
	}
	known, err := c.Env.Store.AccessOf(ctx, c.OrgID, c.Group.GroupID)
	return known, dispatch.StoreError(err)
}

// runnerParts are runners in the group of a record.
func runnerParts(runners []github.Runner, in store.Record) []store.Part {
	var parts []store.Part
	for _, r := range runners {
		parts = append(parts, store.Part{Kind: store.PartRunner, ID: r.ID, Name: r.Name, Group: &store.Named{ID: in.GroupID, Name: in.GroupName}})
	}
	return parts
}

// workflowParts are the workflows that a group is limited to; none if it is not limited.
func workflowParts(limit *[]string) []store.Part {
	if limit == nil {
		return nil
	}
	if len(*limit) == 0 {
		return []store.Part{{Kind: store.PartWorkflow}}
	}
	var parts []store.Part
	for _, name := range slices.Sorted(slices.Values(*limit)) {
		parts = append(parts, store.Part{Kind: store.PartWorkflow, Name: name})
	}
	return parts
}

func trustPart(t store.Trust) store.Part {
	return store.Part{
		Kind: store.PartOfTrust, ID: t.ID, Name: t.Repo, Until: moment(t.Expires),
		Trust: &store.PartTrust{Ref: t.Ref, Environment: t.Environment, Workflow: t.Workflow, Commands: t.Commands},
	}
}

func requestPart(r store.Request, state store.RequestState) store.Part {
	return store.Part{Kind: store.PartRequest, ID: r.Number, Name: r.Command, State: string(state)}
}

// requestDiff is that a pending request gets the state.
func requestDiff(r store.Request, state store.RequestState) store.Diff {
	return store.Diff{Before: []store.Part{requestPart(r, store.RequestPending)}, After: []store.Part{requestPart(r, state)}}
}

// expectedDiff is the difference of what a group is expected to be. Runners have the names
// that findings give them.
func expectedDiff(groupID int64, before *store.Expected, after store.Expected, findings []store.Finding) store.Diff {
	side := func(of, other *store.Expected) []store.Part {
		if of == nil {
			return nil
		}
		parts := []store.Part{{Kind: store.PartGroup, ID: groupID, Name: of.Name, State: opennessOf(of.Visibility, of.Public)}}
		parts = append(parts, workflowParts(of.Workflows)...)
		var repos, runners []store.Part
		for id, name := range of.Repos {
			if other == nil || other.Repos[id] == "" {
				repos = append(repos, store.Part{Kind: store.PartRepo, ID: id, Name: name})
			}
		}
		for id := range of.Runners {
			if other == nil || !other.Runners[id] {
				runner := store.Part{Kind: store.PartRunner, ID: id}
				for _, f := range findings {
					if f.SubjectID == id {
						runner.Name = f.Subject
					}
				}
				runners = append(runners, runner)
			}
		}
		byID := func(a, b store.Part) int { return cmp.Compare(a.ID, b.ID) }
		slices.SortFunc(repos, byID)
		slices.SortFunc(runners, byID)
		return slices.Concat(parts, repos, runners)
	}
	return store.Diff{Before: side(before, &after), After: side(&after, before)}
}
