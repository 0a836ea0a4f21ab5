package commands

import (
	"fmt"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// explain says why a job of the repository waits, and what to do.
func (s servedRepo) explain(c *dispatch.Call, a RepoRunners) string {
	jobs := "Jobs of " + dispatch.Quote(a.Repo)
	if len(s.labels) > 0 {
		jobs += " for the labels " + joinNames(s.labels)
	}
	var text string
	switch a.Verdict {
	case VerdictServed:
		text = fmt.Sprintf("%s find a runner: %s idle.", jobs, countIs(sumOf(a.Groups, func(g RepoGroup) int { return g.MatchingIdle }), "matching runner"))
	case VerdictBusy:
		text = fmt.Sprintf("%s wait: all matching runners that are online are busy. They start when a job finishes; more runners shorten the wait.", jobs)
	case VerdictOffline:
		text = s.explainOffline(jobs, a)
	case VerdictNoLabel:
		text = s.explainLabels(jobs)
	default:
		text = s.explainNoGroup(jobs)
	}
	return text + s.explainAttach(c, a.Verdict) + s.explainRestricted(a) + s.explainBlocked()
}

// explainAttach says how a waiting job gets the runners of a team, if no team's group serves
// its repository.
func (s servedRepo) explainAttach(c *dispatch.Call, verdict string) string {
	if verdict == VerdictServed || s.teamOwned || s.repo.Visibility == "public" && !c.Org.Policy.PublicRepos {
		return ""
	}
	text := " A maintainer of a team with a runner group attaches it: `" + c.Spec.Slash() + " repos-add " + s.repo.Name + "`."
	if verdict == VerdictNoGroup || verdict == VerdictOffline && !s.hasRunners() {
		return text // it was just said
	}
	return " No team's runner group serves the repository." + text
}

func (s servedRepo) explainOffline(jobs string, a RepoRunners) string {
	matching := sumOf(a.Groups, func(g RepoGroup) int { return g.Matching })
	if matching == 0 && !s.teamOwned {
		return fmt.Sprintf("%s wait: no team's runner group serves the repository. The other groups that do have no runners (%s).", jobs, s.groupNames())
	}
	if matching == 0 {
		return fmt.Sprintf("%s wait: no group that serves the repository has a runner (%s). A maintainer of the group's team adds one with `token-register` or `token-jit`.", jobs, s.groupNames())
	}
	var names []string
	for _, r := range s.matching(func(github.Runner) bool { return true }) {
		names = append(names, r.Name)
	}
	return fmt.Sprintf("%s wait: no matching runner is online (%s). Start one of the machines, or its runner service.", jobs, fewNames(names))
}

// explainLabels names the labels that no runner has, or else says that none has all of them.
func (s servedRepo) explainLabels(jobs string) string {
	var missing []string
	for _, label := range s.labels {
		one := servedRepo{labels: []string{label}, groups: s.groups}
		if len(one.matching(func(github.Runner) bool { return true })) == 0 {
			missing = append(missing, label)
		}
	}
	remedy := " Change `runs-on`, or a maintainer of the group's team adds the label with `runners-label`."
	if !s.teamOwned {
		remedy = " Change `runs-on`, or use the runners of a team."
	}
	if len(missing) > 0 {
		return fmt.Sprintf("%s wait: no runner has the label %s.", jobs, strings.ReplaceAll(joinNames(missing), ", ", " or ")) + remedy
	}
	return jobs + " wait: no runner has all of these labels, each is on other runners." + remedy
}

func (s servedRepo) explainNoGroup(jobs string) string {
	text := jobs + " wait: no runner group serves the repository."
	if s.repo.Visibility == "public" {
		return text + " It is public, and no group that it may use allows public repositories."
	}
	return text
}

// explainRestricted adds which groups with matching runners take jobs of some workflows only.
func (s servedRepo) explainRestricted(a RepoRunners) string {
	var names []string
	for _, g := range a.Groups {
		if g.WorkflowsRestricted && g.Matching > 0 {
			names = append(names, g.Group)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf(" Only workflows that an owner or its team named may use %s.", fewNames(names))
}

// explainBlocked adds that GitHub sends no jobs to the runners that look as if they took some.
func (s servedRepo) explainBlocked() string {
	if !s.blocked() {
		return ""
	}
	return " But GitHub sends them no jobs: their software is outdated for more than 30 days. Update it."
}

// blocked reports whether all matching runners that are idle are outdated for so long that
// GitHub sends them no jobs.
func (s servedRepo) blocked() bool {
	idle := s.matching(func(r github.Runner) bool { return r.Online() && !r.Busy })
	return len(idle) > 0 && !slices.ContainsFunc(idle, func(r github.Runner) bool { return s.newest.state(r.Version) != dispatch.StateBlocked })
}

// hasRunners reports whether the groups have any runner.
func (s servedRepo) hasRunners() bool {
	return slices.ContainsFunc(s.groups, func(g servingGroup) bool { return len(g.runners) > 0 })
}

func (s servedRepo) groupNames() string {
	var names []string
	for _, g := range s.groups {
		names = append(names, g.group.Name)
	}
	return fewNames(names)
}

func sumOf(groups []RepoGroup, of func(RepoGroup) int) (n int) {
	for _, g := range groups {
		n += of(g)
	}
	return n
}

func countIs(n int, one string) string {
	if n == 1 {
		return countOf(n, one) + " is"
	}
	return countOf(n, one) + " are"
}
