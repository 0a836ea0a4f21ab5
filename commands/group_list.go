package commands

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// GroupListing is what group-list answers.
type GroupListing struct {
	Team          string         `json:"team"`
	Group         GroupInfo      `json:"group"`
	Repos         []string       `json:"repos"`
	Runners       []string       `json:"runners"`
	RunnerDetails []RunnerDetail `json:"runnerDetails"`
	RepoDetails   []RepoDetail   `json:"repoDetails"`
}

// A RepoDetail is a repository of the group, with its end.
type RepoDetail struct {
	Name  string     `json:"name"`
	Until *time.Time `json:"until"` // when it will be detached; null: it stays
}

func groupList() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "group-list", Method: http.MethodGet, Legacy: true,
		Summary: "Show the team's runner group, its repositories and its runners",
		Task:    dispatch.TaskOwnGroup,
		Needs:   dispatch.Maintainer, MembersToo: true, Group: dispatch.OwnsGroup, Trustable: true, Effect: dispatch.Reads, Prefetch: readAhead(fetchGroup),
		Sample: listResult(sampleCall(), groupState{sampleGroup(), sampleRepos(), sampleRunners()}, releases{latest: "2.323.0"}, nil),
	}, func(ctx context.Context, call *dispatch.Call, _ TeamArgs) (dispatch.Result, error) {
		newest := make(chan releases, 1)
		go func() { newest <- readReleases(ctx, call) }()
		held, err := readGroup(ctx, call)
		if err != nil {
			return dispatch.Result{}, err
		}
		ends, err := call.Env.Store.AccessOf(ctx, call.OrgID, call.Group.GroupID)
		if err != nil {
			return dispatch.Result{}, dispatch.StoreError(err)
		}
		return listResult(call, held, <-newest, ends), nil
	})
}

func listResult(call *dispatch.Call, held groupState, newest releases, ends map[int64]store.Access) dispatch.Result {
	details := newest.details(held.runners)
	tables := []dispatch.Table{runnerTable(details)}
	if held.group.RestrictedToWorkflows {
		tables = append(tables, nameTable("Only these workflows may use it", held.group.SelectedWorkflows))
	}
	repoDetails := repoDetails(held.repos, ends)
	if len(held.repos) > 0 {
		tables = append(tables, endTable(repoDetails))
	}
	return dispatch.Result{
		Response: GroupListing{
			Team: call.Team.Slug, Group: groupInfo(held.group),
			Repos: repoNames(held.repos), Runners: runnerNames(held.runners), RunnerDetails: details, RepoDetails: repoDetails,
		},
		Message: groupSummary(call.Group, held),
		Tables:  tables,
	}
}

// groupSummary says in a sentence what decides whether a job runs: repositories, runners
// and workflows.
func groupSummary(record store.Record, held groupState) string {
	record.GroupName = held.group.Name
	repos := countOf(len(held.repos), "repository")
	if held.group.Visibility != "selected" {
		repos = held.group.Visibility + " repositories"
	}
	online := 0
	for _, r := range held.runners {
		if r.Status == "online" {
			online++
		}
	}
	runners := fmt.Sprintf("%d of %s online", online, countOf(len(held.runners), "runner"))
	if len(held.runners) == 0 {
		runners = "no runners"
	}
	workflows := "no workflow restriction"
	if held.group.RestrictedToWorkflows {
		workflows = "limited to " + countOf(len(held.group.SelectedWorkflows), "workflow")
	}
	return fmt.Sprintf("Group %s: %s, %s, %s.", groupOfTeam(record), repos, runners, workflows)
}

func repoDetails(repos []github.Repository, ends map[int64]store.Access) []RepoDetail {
	details := make([]RepoDetail, 0, len(repos))
	for _, repo := range repos {
		detail := RepoDetail{Name: repo.Name}
		if end := ends[repo.ID].Until; !end.IsZero() {
			end = end.UTC()
			detail.Until = &end
		}
		details = append(details, detail)
	}
	return details
}

// endTable lists repositories, with a second column if one of them has an end.
func endTable(repos []RepoDetail) dispatch.Table {
	var names []string
	ends := false
	for _, repo := range repos {
		names, ends = append(names, repo.Name), ends || repo.Until != nil
	}
	table := nameTable("Repositories", names)
	if !ends {
		return table
	}
	table.Header = append(table.Header, "Until")
	for i, repo := range repos {
		until := "no end"
		if repo.Until != nil {
			until = minuteOf(*repo.Until)
		}
		table.Rows[i] = append(table.Rows[i], until)
	}
	return table
}
