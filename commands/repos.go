package commands

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// ReposArgs are the arguments of the commands on a group's repositories.
type ReposArgs struct {
	Team  dispatch.Team `arg:"team,required" doc:"the team's slug" example:"platform"`
	Repos []string      `arg:"repos,required,positional" doc:"repositories, as name, org/name or address" example:"api,web"`
}

// checkRepos refuses what is no slug, and names that no repository has.
func checkRepos(call *dispatch.Call, a ReposArgs) error {
	var items []dispatch.Item
	bad := false
	for _, text := range a.Repos {
		item := dispatch.Item{Item: text}
		if _, err := repoNamed(call, text); dispatch.ReasonOf(err) == dispatch.ReasonInvalidArgument {
			item.Error, item.Reason, bad = dispatch.AsError(err).Message, dispatch.ReasonInvalidArgument, true
		}
		items = append(items, item)
	}
	if bad {
		return dispatch.RefuseItems(items)
	}
	return nil
}

var repoShape = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

// repoNamed brings what a call says of a repository to its name: an address on GitHub too.
func repoNamed(c *dispatch.Call, text string) (string, error) {
	name, err := repoName(c.Org, fullNameIn(c.Env.GitHubURL, text))
	if base := strings.TrimSuffix(c.Env.GitHubURL, "/"); isAddress(text) && dispatch.ReasonOf(err) == dispatch.ReasonInvalidArgument {
		return "", dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s is not the address of a repository on %s. Write name, %s/name or %s/%s/name.",
			dispatch.Quote(text), base, c.Org.Name(), base, c.Org.Name())
	}
	return name, err
}

// isAddress reports whether a text looks like an address, of a web page or of git.
func isAddress(text string) bool { return strings.Contains(text, ":") || strings.Count(text, "/") > 1 }

// fullNameIn returns the owner and name in a repository's address on that GitHub, and
// everything else as it is.
func fullNameIn(gitHubURL, text string) string {
	base := strings.TrimSuffix(gitHubURL, "/") + "/"
	if gitHubURL == "" || len(text) <= len(base) || !strings.EqualFold(text[:len(base)], base) {
		return text
	}
	name := strings.TrimSuffix(strings.TrimSuffix(text[len(base):], "/"), ".git")
	if !strings.Contains(name, "/") {
		return text // the address of an organization
	}
	return name
}

// repoName brings a repository's name to its one form: without the organization.
func repoName(org *dispatch.Org, text string) (string, error) {
	name := text
	if owner, rest, ok := strings.Cut(text, "/"); ok {
		if !repoShape.MatchString(owner) || !repoShape.MatchString(rest) || rest == "." || rest == ".." {
			return "", dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s is not the name of a repository: write name or %s/name.", dispatch.Quote(text), org.Name())
		}
		if !org.Is(owner) {
			return "", dispatch.Refuse(dispatch.ReasonRepoNotPermitted, "%s is not in %s; a group takes repositories of its own organization only.", dispatch.Quote(text), org.Name())
		}
		name = rest
	}
	if !repoShape.MatchString(name) || name == "." || name == ".." {
		return "", dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s is not the name of a repository: write name or %s/name.", dispatch.Quote(text), org.Name())
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
	all   []github.Repository // the team's whole list, if it was read
}

// missing reports whether GitHub has no repository of that name with a permission of the
// team, as far as the team may know.
func (l *repoLookup) missing(i int) bool {
	return l.repos[i].ID == 0 && (l.errs[i] == nil || github.KindOf(l.errs[i]) == github.NotFound)
}

// prefetchRepos starts to ask about the repositories that the arguments name.
func prefetchRepos(ctx context.Context, call *dispatch.Call, teamSlug string, decoded any) any {
	args, ok := decoded.(ReposSetArgs)
	if !ok || len(args.Repos) > askEach {
		return nil
	}
	return askRepos(ctx, call, teamSlug, args.Repos)
}

func askRepos(ctx context.Context, c *dispatch.Call, slug string, names []string) *repoLookup {
	lookup := &repoLookup{done: make(chan struct{}), repos: make([]github.Repository, len(names)), errs: make([]error, len(names))}
	var wg sync.WaitGroup
	for i, text := range names {
		name, err := repoNamed(c, text)
		if err != nil {
			lookup.errs[i] = err
			continue
		}
		wg.Go(func() { lookup.repos[i], lookup.errs[i] = c.Org.GitHub.TeamRepository(ctx, slug, name) })
	}
	go func() { wg.Wait(); close(lookup.done) }()
	return lookup
}

// permittedRepos returns the repositories that the team may attach, and an item for each
// name. Those that it may not attach have a reason.
func permittedRepos(ctx context.Context, c *dispatch.Call, lookup *repoLookup, names []string) (repos []github.Repository, items []dispatch.Item, err error) {
	switch {
	case len(names) > askEach:
		if lookup, err = pickRepos(ctx, c, names); err != nil {
			return nil, nil, err
		}
	case lookup == nil:
		lookup = askRepos(ctx, c, c.Team.Slug, names)
	}
	<-lookup.done
	items = make([]dispatch.Item, len(names))
	seen := map[int64]bool{}
	for i, name := range names {
		items[i] = dispatch.Item{Item: name}
		if err := checkRepo(c, lookup.repos[i], lookup.errs[i], name); err != nil {
			if dispatch.ReasonOf(err) != dispatch.ReasonRepoNotPermitted && dispatch.ReasonOf(err) != dispatch.ReasonPublicRepo {
				return nil, nil, err
			}
			items[i].Error, items[i].Reason = dispatch.AsError(err).Message, dispatch.ReasonOf(err)
			continue
		}
		if err := c.Pin(dispatch.PinRepo, lookup.repos[i].Name, lookup.repos[i].ID); err != nil {
			return nil, nil, err
		}
		if repo := lookup.repos[i]; !seen[repo.ID] {
			seen[repo.ID] = true
			repos = append(repos, repo)
		}
	}
	explainRenamed(ctx, c, items, lookup)
	return repos, items, nil
}

// pickRepos finds the named repositories in the team's whole list.
func pickRepos(ctx context.Context, c *dispatch.Call, names []string) (*repoLookup, error) {
	all, err := c.Org.GitHub.TeamRepositories(ctx, c.Team.Slug)
	if err != nil {
		return nil, dispatch.GitHubError(err, "list the team's repositories")
	}
	byName := make(map[string]github.Repository, len(all))
	for _, repo := range all {
		byName[strings.ToLower(repo.Name)] = repo
	}
	lookup := &repoLookup{done: make(chan struct{}), repos: make([]github.Repository, len(names)), errs: make([]error, len(names)), all: all}
	close(lookup.done)
	for i, text := range names {
		name, err := repoNamed(c, text)
		if err != nil {
			lookup.errs[i] = err
			continue
		}
		lookup.repos[i] = byName[strings.ToLower(name)]
	}
	return lookup, nil
}

// checkRepo applies the policy on repositories to one. That there is none such and
// that the team may not attach it have one answer, so that private ones stay private.
func checkRepo(c *dispatch.Call, repo github.Repository, err error, name string) error {
	if err := checkPermitted(c, repo, err, name); err != nil {
		return err
	}
	return checkPublic(c, repo, name)
}

// checkPublic refuses a public repository, unless the policy allows them.
func checkPublic(c *dispatch.Call, repo github.Repository, name string) error {
	if !c.Org.Policy.PublicRepos && !repo.Private && repo.Visibility != "internal" && repo.Visibility != "private" {
		return dispatch.Refuse(dispatch.ReasonPublicRepo,
			"%s is public: anybody's pull request could run code on the group's runners. The operator does not allow it (policy.publicRepos).", dispatch.Quote(name))
	}
	return nil
}

// checkPermitted refuses a repository on which the team has too little permission.
func checkPermitted(c *dispatch.Call, repo github.Repository, err error, name string) error {
	policy := c.Org.Policy
	switch {
	case dispatch.ReasonOf(err) == dispatch.ReasonRepoNotPermitted:
		return err
	case err != nil && github.KindOf(err) != github.NotFound && github.KindOf(err) != github.Invalid:
		return dispatch.GitHubError(err, "look up the team's permission on a repository")
	case err != nil, repo.ID == 0, !policy.Permits(repo.Permission):
		return dispatch.Refuse(dispatch.ReasonRepoNotPermitted,
			"The team `%s` does not have the permission `%s` on %s, or there is no such repository. Somebody with admin on it can give it to the team.",
			c.Team.Slug, policy.RepoPermission, dispatch.Quote(name))
	}
	return nil
}

// attachedRepos returns the group's own list of repositories.
func attachedRepos(ctx context.Context, c *dispatch.Call) ([]github.Repository, error) {
	list, err := attachedList(ctx, c)
	return list.Repos, err
}

// attachedList is attachedRepos with whether the list is complete.
func attachedList(ctx context.Context, c *dispatch.Call) (github.RepositoryList, error) {
	list, err := c.Org.GitHub.GroupRepositoryList(ctx, c.Group.GroupID)
	if err != nil {
		return list, reposError(ctx, c, err, "list the group's repositories")
	}
	return list, nil
}

// reposError explains a failure to read or change a group's repositories: the group
// may be gone, or no longer be one for selected repositories.
func reposError(ctx context.Context, c *dispatch.Call, err error, doing string) error {
	switch github.KindOf(err) {
	case github.NotFound, github.Conflict, github.Invalid:
	default:
		return dispatch.GitHubError(err, doing)
	}
	group, lookErr := c.Org.GitHub.Group(ctx, c.Group.GroupID)
	switch {
	case github.KindOf(lookErr) == github.NotFound:
		return groupGone(c, err)
	case lookErr == nil && group.Visibility != "selected":
		_ = ownership.New(c.Env).Refresh(ctx, c, group)
		return notSelected(c, group.Visibility, err)
	}
	return dispatch.GitHubError(err, doing)
}

// explainFailures replaces failed items' errors by what is behind them, asked once.
func explainFailures(ctx context.Context, c *dispatch.Call, items []dispatch.Item, doing string) []dispatch.Item {
	var once sync.Once
	var shared error
	for i := range items {
		failure := items[i].Failure
		if failure == nil {
			continue
		}
		switch github.KindOf(failure.Cause) {
		case github.NotFound, github.Conflict, github.Invalid:
			once.Do(func() { shared = reposError(ctx, c, failure.Cause, doing) })
			known := dispatch.AsError(shared)
			items[i].Error, items[i].Reason, items[i].Failure = known.Message, known.Reason, known
		}
	}
	return items
}

// repoThings are what a command that attaches or detaches the repositories changes.
func repoThings(c *dispatch.Call, repos []github.Repository) []dispatch.Thing {
	var things []dispatch.Thing
	for _, repo := range repos {
		things = append(things, c.ARepo(repo.ID))
	}
	return things
}

// attached is the edit of what the group is expected to be by which a repository joins it.
func attached(c *dispatch.Call, repo github.Repository) store.Edit {
	return store.Edit{GroupID: c.Group.GroupID, Kind: store.AttachRepo, ID: repo.ID, Name: repo.Name}
}

// detached is the edit by which it leaves the group.
func detached(c *dispatch.Call, repo github.Repository) store.Edit {
	return store.Edit{GroupID: c.Group.GroupID, Kind: store.DetachRepo, ID: repo.ID}
}

// ReposChanged is what the commands on a group's repositories answer.
type ReposChanged struct {
	Team      string   `json:"team"`
	Group     string   `json:"group"`
	Added     []string `json:"added"`
	Removed   []string `json:"removed"`
	Unchanged []string `json:"unchanged"` // as asked already
	// Until is when repos-add will detach what it attached; nil: it does not.
	Until *time.Time `json:"until,omitempty"`
	// Refused are the repositories that repos-add skipped; nil if it was not to skip any.
	Refused []RefusedRepo `json:"refused,omitzero"`
	Message string        `json:"message"`
	Undo    string        `json:"undo,omitempty"`
}

// A RefusedRepo is a repository that was skipped.
type RefusedRepo struct {
	Repo   string          `json:"repo"`
	Reason dispatch.Reason `json:"reason"`
	Error  string          `json:"error"`
}

func reposResult(c *dispatch.Call, added, removed, unchanged []string, message string) dispatch.Result {
	for _, names := range []*[]string{&added, &removed, &unchanged} {
		if *names == nil {
			*names = []string{}
		}
	}
	return dispatch.Result{
		Response: ReposChanged{Team: c.Team.Slug, Group: c.Group.GroupName, Added: added, Removed: removed, Unchanged: unchanged, Message: message},
		Message:  message, Changed: len(added)+len(removed) > 0,
	}
}

// reposMessage says what was done with repositories of the group; many are in a table.
func reposMessage(done string, names []string, preposition string, c *dispatch.Call) (string, []dispatch.Table) {
	end, tables := listOf("Repositories", names)
	return fmt.Sprintf("%s %s %s %s%s", done, countOf(len(names), "repository"), preposition, groupOfTeam(c.Group), end), tables
}

func doneItems(names []string) []dispatch.Item {
	items := make([]dispatch.Item, len(names))
	for i, name := range names {
		items[i] = dispatch.Item{Item: name, Done: true}
	}
	return items
}

func repoTable(repos []github.Repository) dispatch.Table {
	return nameTable("Repositories", repoNames(repos))
}

func repoNames(repos []github.Repository) []string {
	names := make([]string, 0, len(repos))
	for _, r := range repos {
		names = append(names, r.Name)
	}
	return names
}
