package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// RepoRunnersArgs are the arguments of repo-runners.
type RepoRunnersArgs struct {
	Repo   string   `arg:"repo,required,positional" doc:"a repository that you may write to, as name, org/name or address" example:"api"`
	Labels []string `arg:"labels" doc:"the labels of the job's runs-on" example:"self-hosted,gpu"`
}

// The verdicts of repo-runners: whether a job of the repository finds a runner.
const (
	VerdictServed  = "served"   // a matching runner is idle
	VerdictBusy    = "busy"     // matching runners are online, none is idle
	VerdictOffline = "offline"  // matching runners exist, none is online; or the groups have no runners
	VerdictNoLabel = "no_label" // no runner has all labels
	VerdictNoGroup = "no_group" // no group serves the repository
)

// A RepoGroup is a runner group that serves a repository.
type RepoGroup struct {
	Group               string `json:"group"`
	Online              int    `json:"online"` // idle or busy
	Idle                int    `json:"idle"`
	Busy                int    `json:"busy"`
	Offline             int    `json:"offline"`
	Matching            int    `json:"matching"` // has all labels, online or not
	MatchingIdle        int    `json:"matchingIdle"`
	WorkflowsRestricted bool   `json:"workflowsRestricted"` // only workflows that the group names may use it
}

// RepoRunners is what repo-runners answers.
type RepoRunners struct {
	Repo    string      `json:"repo"`
	Labels  []string    `json:"labels"`
	Verdict string      `json:"verdict"`
	Groups  []RepoGroup `json:"groups"`
	Message string      `json:"message"`
}

func repoRunners() dispatch.Command {
	found := servedRepo{repo: github.Repository{Name: "api"}, labels: []string{"self-hosted", "linux"}, groups: []servingGroup{{group: sampleGroup(), runners: sampleRunners()}}, teamOwned: true}
	return dispatch.Define(dispatch.Spec{
		Name: "repo-runners", Method: http.MethodGet,
		Summary:  "Find the runners that a repository's jobs can use, and why a job waits",
		Task:     dispatch.TaskRunners,
		Refusals: []dispatch.Reason{dispatch.ReasonRepoNotPermitted},
		Details:  "For everybody who may write to the repository. Labels are compared without regard to case.",
		Needs:    dispatch.Member, Effect: dispatch.Reads, Example: "api --labels self-hosted,linux",
		Sample: repoRunnersResult(sampleCall(), found),
	}, runRepoRunners, func(call *dispatch.Call, a RepoRunnersArgs) error {
		if _, err := repoNamed(call, a.Repo); dispatch.ReasonOf(err) == dispatch.ReasonInvalidArgument {
			return err
		}
		return checkLabels(call, "labels", a.Labels)
	})
}

// A servingGroup is a group that a repository may use, with its runners.
type servingGroup struct {
	group   github.Group
	runners []github.Runner
}

// A servedRepo is a repository with the groups that it may use.
type servedRepo struct {
	repo      github.Repository
	labels    []string
	groups    []servingGroup
	teamOwned bool // a team owns one of the groups, as far as this server can know
	newest    releases
}

func runRepoRunners(ctx context.Context, call *dispatch.Call, args RepoRunnersArgs) (dispatch.Result, error) {
	name, err := repoNamed(call, args.Repo)
	if err != nil {
		return dispatch.Result{}, err
	}
	if err := call.ProveRepo(ctx, name, github.PermissionPush); err != nil {
		return dispatch.Result{}, err
	}
	found := servedRepo{labels: args.Labels}
	var visible []github.Group
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { found.repo, err = call.Org.GitHub.Repository(gctx, name); return err })
	g.Go(func() (err error) { visible, err = call.Org.GitHub.GroupsVisibleTo(gctx, name); return err })
	g.Go(func() error { found.newest = readReleases(gctx, call); return nil })
	if err := g.Wait(); err != nil {
		return dispatch.Result{}, dispatch.GitHubError(err, "find the runner groups of the repository")
	}
	for _, group := range visible {
		if serves(group, found.repo) {
			found.groups = append(found.groups, servingGroup{group: group})
		}
	}
	slices.SortFunc(found.groups, func(a, b servingGroup) int { return strings.Compare(a.group.Name, b.group.Name) })
	if err := readServing(ctx, call, found.groups); err != nil {
		return dispatch.Result{}, err
	}
	if found.teamOwned, err = anyTeamOwned(ctx, call, found.groups); err != nil {
		return dispatch.Result{}, err
	}
	return repoRunnersResult(call, found), nil
}

// anyTeamOwned reports whether a team owns one of the groups. If groups are found by their
// names, every group of the organization but Default may be a team's.
func anyTeamOwned(ctx context.Context, c *dispatch.Call, groups []servingGroup) (bool, error) {
	for _, g := range groups {
		if c.Org.Policy.Named {
			if !g.group.Default && !g.group.Inherited {
				return true, nil
			}
			continue
		}
		switch _, err := c.Env.Store.RecordOfGroup(ctx, c.OrgID, g.group.ID); {
		case err == nil:
			return true, nil
		case !errors.Is(err, store.ErrNotFound):
			return false, dispatch.StoreError(err)
		}
	}
	return false, nil
}

// serves reports whether a group that GitHub lists for a repository takes its jobs: public
// repositories need a group that allows them.
func serves(g github.Group, repo github.Repository) bool {
	public := repo.Visibility == "public"
	return !public || g.AllowsPublicRepositories && g.Visibility != "private"
}

// readEach is up to how many groups are read one by one. For more, the runners of the whole
// organization are read, by pages.
const readEach = 20

// readServing reads the runners of the groups.
func readServing(ctx context.Context, c *dispatch.Call, groups []servingGroup) error {
	if len(groups) > readEach {
		all, err := c.Org.GitHub.Runners(ctx)
		if err != nil {
			return dispatch.GitHubError(err, "list the runners of the organization")
		}
		byGroup := map[int64][]github.Runner{}
		for _, r := range all {
			byGroup[r.GroupID] = append(byGroup[r.GroupID], r)
		}
		if byGroup[0] == nil { // else this GitHub does not say which group a runner is in
			for i := range groups {
				groups[i].runners = byGroup[groups[i].group.ID]
			}
			return nil
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i := range groups {
		g.Go(func() (err error) { groups[i].runners, err = runnersOf(gctx, c, groups[i].group.ID); return err })
	}
	return dispatch.GitHubError(g.Wait(), "list the runners of the groups")
}

// runnersOf lists the runners of a group. For a group without any of its own it lists those
// that GitHub hosts, if there are some: they are idle, since GitHub starts more on demand.
func runnersOf(ctx context.Context, c *dispatch.Call, group int64) ([]github.Runner, error) {
	runners, err := c.Org.GitHub.GroupRunners(ctx, group)
	if len(runners) > 0 || github.KindOf(err) == github.NotFound { // it was deleted meanwhile
		return runners, nil
	}
	if err != nil {
		return nil, err
	}
	hosted, err := c.Org.GitHub.GroupHostedRunners(ctx, group)
	switch github.KindOf(err) {
	case github.NotFound, github.Forbidden: // an Enterprise Server has none
		return nil, nil
	}
	for _, h := range hosted {
		r := github.Runner{Name: h.Name, Status: "offline", Labels: []string{h.Name}}
		if h.Status == "Ready" {
			r.Status = "online"
		}
		runners = append(runners, r)
	}
	return runners, err
}

func (s servingGroup) count(labels []string) RepoGroup {
	out := RepoGroup{Group: s.group.Name, WorkflowsRestricted: s.group.RestrictedToWorkflows}
	for _, r := range s.runners {
		matches := hasLabels(r.Labels, labels)
		switch {
		case !r.Online():
			out.Offline++
		case r.Busy:
			out.Busy++
		default:
			out.Idle++
			if matches {
				out.MatchingIdle++
			}
		}
		if matches {
			out.Matching++
		}
	}
	out.Online = out.Idle + out.Busy
	return out
}

// matching are the runners of all groups that have all the labels and that keep selects.
func (s servedRepo) matching(keep func(github.Runner) bool) (runners []github.Runner) {
	for _, g := range s.groups {
		for _, r := range g.runners {
			if hasLabels(r.Labels, s.labels) && keep(r) {
				runners = append(runners, r)
			}
		}
	}
	return runners
}

func (s servedRepo) verdict() string {
	online := s.matching(github.Runner.Online)
	switch {
	case len(s.groups) == 0:
		return VerdictNoGroup
	case slices.ContainsFunc(online, func(r github.Runner) bool { return !r.Busy }):
		return VerdictServed
	case len(online) > 0:
		return VerdictBusy
	case s.hasRunners() && len(s.matching(func(github.Runner) bool { return true })) == 0:
		return VerdictNoLabel
	}
	return VerdictOffline
}

func repoRunnersResult(c *dispatch.Call, s servedRepo) dispatch.Result {
	answer := RepoRunners{Repo: s.repo.Name, Labels: append([]string{}, s.labels...), Verdict: s.verdict(), Groups: []RepoGroup{}}
	t := dispatch.Table{Title: fmt.Sprintf("Runner groups (%d)", len(s.groups)), Header: []string{"Group", "Idle", "Busy", "Offline", "Matching", "Matching and idle", "Workflows"}, Code: true}
	for _, g := range s.groups {
		counts := g.count(s.labels)
		answer.Groups = append(answer.Groups, counts)
		workflows := "any"
		if counts.WorkflowsRestricted {
			workflows = "only some"
		}
		t.Rows = append(t.Rows, []string{
			counts.Group, fmt.Sprint(counts.Idle), fmt.Sprint(counts.Busy), fmt.Sprint(counts.Offline), fmt.Sprint(counts.Matching), fmt.Sprint(counts.MatchingIdle), workflows,
		})
	}
	answer.Message = s.explain(c, answer)
	result := dispatch.Result{Response: answer, Message: answer.Message, Attention: answer.Verdict != VerdictServed || s.blocked()}
	if len(s.groups) > 0 {
		result.Tables = []dispatch.Table{t}
	}
	return result
}
