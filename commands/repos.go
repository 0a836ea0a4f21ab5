package commands

import (
	"context"
	"regexp"
	"strings"
	"sync"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// ReposArgs are the arguments of the commands on a group's repositories.
type ReposArgs struct {
	Team  string   `arg:"team,required" doc:"the team's slug" example:"platform"`
	Repos []string `arg:"repos,required,positional" doc:"repositories, as name or org/name" example:"api,web"`
}

// Check refuses what is no slug, and names that no repository has.
func (a ReposArgs) Check(call *Call) error {
	if err := call.checkTeam(a.Team); err != nil {
		return err
	}
	var items []Item
	bad := false
	for _, text := range a.Repos {
		item := Item{Item: text}
		if _, err := repoName(call.Org.Login, text); AsErrorReason(err) == ReasonInvalidArgument {
			item.Error, item.Reason, bad = AsError(err).Message, ReasonInvalidArgument, true
		}
		items = append(items, item)
	}
	if bad {
		return refused(items)
	}
	return nil
}

func (a ReposArgs) repoNames() []string { return a.Repos }

var repoShape = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

// repoName brings a repository's name to its one form: without the organization.
func repoName(org, text string) (string, error) {
	name := text
	if owner, rest, ok := strings.Cut(text, "/"); ok {
		if !repoShape.MatchString(owner) || !repoShape.MatchString(rest) || rest == "." || rest == ".." {
			return "", Refuse(ReasonInvalidArgument, "%s is not the name of a repository: write name or %s/name.", Quote(text), org)
		}
		if !strings.EqualFold(owner, org) {
			return "", Refuse(ReasonRepoNotPermitted, "%s is not in %s; a group takes repositories of its own organization only.", Quote(text), org)
		}
		name = rest
	}
	if !repoShape.MatchString(name) || name == "." || name == ".." {
		return "", Refuse(ReasonInvalidArgument, "%s is not the name of a repository: write name or %s/name.", Quote(text), org)
	}
	return name, nil
}

// askEach is up to how many repositories are asked about one by one; for more, the
// team's whole list is read, page by page.
const askEach = 20

// A repoLookup is what GitHub says of the repositories that a command names, asked
// side by side with the caller's authorization, which needs as long.
type repoLookup struct {
	done  chan struct{}
	repos []github.Repository
	errs  []error
}

// beginRepos starts to ask about the repositories that the arguments name.
func (c *Call) beginRepos(ctx context.Context, slug string) {
	named, ok := c.args.(interface{ repoNames() []string })
	if !ok || c.Spec.Name == "repos-remove" || len(named.repoNames()) > askEach || slug == "" {
		return
	}
	c.repos = c.askRepos(ctx, slug, named.repoNames())
}

func (c *Call) askRepos(ctx context.Context, slug string, names []string) *repoLookup {
	lookup := &repoLookup{done: make(chan struct{}), repos: make([]github.Repository, len(names)), errs: make([]error, len(names))}
	var wg sync.WaitGroup
	for i, text := range names {
		name, err := repoName(c.Org.Login, text)
		if err != nil {
			lookup.errs[i] = err
			continue
		}
		wg.Go(func() { lookup.repos[i], lookup.errs[i] = c.Org.GitHub.TeamRepository(ctx, slug, name) })
	}
	go func() { wg.Wait(); close(lookup.done) }()
	return lookup
}

// permitted returns the repositories that the team may attach. Where it may not
// attach one of them, the error names every such one with its reason.
func (c *Call) permitted(ctx context.Context, names []string) ([]github.Repository, error) {
	lookup := c.repos
	switch {
	case len(names) > askEach:
		var err error
		if lookup, err = c.pickRepos(ctx, names); err != nil {
			return nil, err
		}
	case lookup == nil:
		lookup = c.askRepos(ctx, c.Team.Slug, names)
	}
	<-lookup.done
	items := make([]Item, len(names))
	seen := map[int64]bool{}
	var repos []github.Repository
	for i, name := range names {
		items[i] = Item{Item: name}
		if err := c.permit(lookup.repos[i], lookup.errs[i], name); err != nil {
			if AsErrorReason(err) != ReasonRepoNotPermitted && AsErrorReason(err) != ReasonPublicRepo {
				return nil, err
			}
			items[i].Error, items[i].Reason = AsError(err).Message, AsErrorReason(err)
			continue
		}
		if repo := lookup.repos[i]; !seen[repo.ID] {
			seen[repo.ID] = true
			repos = append(repos, repo)
		}
	}
	return repos, refused(items)
}

// pickRepos finds the named repositories in the team's whole list.
func (c *Call) pickRepos(ctx context.Context, names []string) (*repoLookup, error) {
	all, err := c.Org.GitHub.TeamRepositories(ctx, c.Team.Slug)
	if err != nil {
		return nil, GitHubError(err, "list the team's repositories")
	}
	byName := make(map[string]github.Repository, len(all))
	for _, repo := range all {
		byName[strings.ToLower(repo.Name)] = repo
	}
	lookup := &repoLookup{done: make(chan struct{}), repos: make([]github.Repository, len(names)), errs: make([]error, len(names))}
	close(lookup.done)
	for i, text := range names {
		name, err := repoName(c.Org.Login, text)
		if err != nil {
			lookup.errs[i] = err
			continue
		}
		lookup.repos[i] = byName[strings.ToLower(name)]
	}
	return lookup, nil
}

// permit applies the policy on repositories to one. That there is none such and
// that the team may not attach it have one answer, so that private ones stay private.
func (c *Call) permit(repo github.Repository, err error, name string) error {
	policy := c.Org.Policy
	switch {
	case AsErrorReason(err) == ReasonRepoNotPermitted:
		return err
	case err != nil && github.KindOf(err) != github.NotFound && github.KindOf(err) != github.Invalid:
		return GitHubError(err, "look up the team's permission on a repository")
	case err != nil, repo.ID == 0, !policy.permits(repo.Permission):
		return Refuse(ReasonRepoNotPermitted,
			"The team `%s` does not have the permission `%s` on %s, or there is no such repository. Somebody with admin on it can give it to the team.",
			c.Team.Slug, policy.RepoPermission, Quote(name))
	case !policy.PublicRepos && !repo.Private && repo.Visibility != "internal" && repo.Visibility != "private":
		return Refuse(ReasonPublicRepo,
			"%s is public: anybody's pull request could run code on the group's runners. The operator does not allow it (policy.publicRepos).", Quote(name))
	}
	return nil
}

// attached returns the group's own list of repositories.
func (c *Call) attached(ctx context.Context) ([]github.Repository, error) {
	repos, err := c.Org.GitHub.GroupRepositories(ctx, c.Group.GroupID)
	if err != nil {
		return nil, c.reposError(ctx, err, "list the group's repositories")
	}
	return repos, nil
}

// reposError explains a failure to read or change a group's repositories: the group
// may be gone, or no longer be one for selected repositories.
func (c *Call) reposError(ctx context.Context, err error, doing string) error {
	switch github.KindOf(err) {
	case github.NotFound, github.Conflict, github.Invalid:
	default:
		return GitHubError(err, doing)
	}
	group, lookErr := c.Org.GitHub.Group(ctx, c.Group.GroupID)
	switch {
	case github.KindOf(lookErr) == github.NotFound:
		return c.groupGone(err)
	case lookErr == nil && group.Visibility != "selected":
		_ = c.remember(ctx, group)
		return c.notSelected(group.Visibility, err)
	}
	return GitHubError(err, doing)
}

// explain replaces failed items' errors by what is behind them, asked once.
func (c *Call) explain(ctx context.Context, items []Item, doing string) []Item {
	var once sync.Once
	var shared error
	for i := range items {
		failure := items[i].failure
		if failure == nil {
			continue
		}
		switch github.KindOf(failure.Cause) {
		case github.NotFound, github.Conflict, github.Invalid:
			once.Do(func() { shared = c.reposError(ctx, failure.Cause, doing) })
			known := AsError(shared)
			items[i].Error, items[i].Reason, items[i].failure = known.Message, known.Reason, known
		}
	}
	return items
}

// ReposChanged is what the commands on a group's repositories answer.
type ReposChanged struct {
	Team      string   `json:"team"`
	Group     string   `json:"group"`
	Added     []string `json:"added"`
	Removed   []string `json:"removed"`
	Unchanged []string `json:"unchanged"` // as asked already
	Message   string   `json:"message"`
}

func (c *Call) reposAnswer(added, removed, unchanged []string, message string) Result {
	for _, names := range []*[]string{&added, &removed, &unchanged} {
		if *names == nil {
			*names = []string{}
		}
	}
	return Result{
		Response: ReposChanged{Team: c.Team.Slug, Group: c.Group.GroupName, Added: added, Removed: removed, Unchanged: unchanged, Message: message},
		Message:  message, Changed: len(added)+len(removed) > 0,
	}
}

func doneItems(names []string) []Item {
	items := make([]Item, len(names))
	for i, name := range names {
		items[i] = Item{Item: name, Done: true}
	}
	return items
}
