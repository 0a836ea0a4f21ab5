package fleet

import (
	"context"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A reading is a group as GitHub shows it.
type reading struct {
	deleted bool
	group   github.Group
	repos   []github.Repository // none unless the group is for selected ones
	runners []github.Runner
}

// read reads the group, its repositories and its runners, side by side. It fails if one of
// them cannot be read, unless GitHub says of the group itself that it does not exist.
func read(ctx context.Context, org *github.Org, groupID int64) (reading, error) {
	var r reading
	var missing error
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		r.group, err = org.Group(gctx, groupID)
		if github.KindOf(err) == github.NotFound {
			missing = err
		}
		return err
	})
	g.Go(func() (err error) {
		r.repos, err = org.GroupRepositories(gctx, groupID)
		if kind := github.KindOf(err); kind == github.Conflict || kind == github.Invalid {
			return nil // a group for all repositories has no list
		}
		return err
	})
	g.Go(func() (err error) { r.runners, err = org.GroupRunners(gctx, groupID); return err })
	err := g.Wait()
	if err == nil {
		if r.group.Visibility != github.VisibilitySelected {
			r.repos = nil
		}
		return r, nil
	}
	if github.KindOf(err) == github.NotFound && missing == nil {
		_, missing = org.Group(ctx, groupID) // the list was faster
	}
	if github.KindOf(missing) != github.NotFound {
		return r, err
	}
	// GitHub answers 404 also for what it does not want to show.
	groups, listErr := org.Groups(ctx)
	if listErr != nil {
		return r, listErr
	}
	if slices.ContainsFunc(groups, func(g github.Group) bool { return g.ID == groupID }) {
		return r, err
	}
	return reading{deleted: true}, nil
}

// polled returns what is kept of the reading. previous is what was kept of the last one.
func (r reading) polled(previous store.PolledGroup) store.PolledGroup {
	if r.deleted {
		previous.Deleted = true
		return previous
	}
	p := store.PolledGroup{
		Name: r.group.Name, Visibility: r.group.Visibility, Public: r.group.AllowsPublicRepositories,
		Workflows: r.group.Limit(),
	}
	if previous.Team != nil {
		team := *previous.Team
		team.Permissions = map[int64]string{} // what is detached says nothing if it is attached again
		p.Team = &team
	}
	for _, repo := range r.repos {
		public := !repo.Private && repo.Visibility != "internal" && repo.Visibility != "private"
		p.Repos = append(p.Repos, store.PolledRepo{ID: repo.ID, Name: repo.Name, Public: public, Archived: repo.Archived})
		if p.Team != nil {
			if permission, ok := previous.Team.Permissions[repo.ID]; ok {
				p.Team.Permissions[repo.ID] = permission
			}
		}
	}
	return p
}

// expected returns what the group is expected to be if it is to stay as it was read.
func (r reading) expected() store.Expected {
	e := store.Expected{
		Name: r.group.Name, Visibility: r.group.Visibility, Public: r.group.AllowsPublicRepositories, Workflows: r.group.Limit(),
		Repos: map[int64]string{}, Runners: map[int64]bool{},
	}
	for _, repo := range r.repos {
		e.Repos[repo.ID] = repo.Name
	}
	for _, runner := range r.runners {
		e.Runners[runner.ID] = true
	}
	return e
}

const (
	// askEach is up to how many repositories the team's permission is asked for one by one.
	askEach = 20
	// asksAtOnce bounds the requests of one group that are in flight.
	asksAtOnce = 4
)

// readTeam reads the team's maintainers and its permissions on the repositories, and the
// slug that it has now.
func readTeam(ctx context.Context, org *github.Org, record store.Record, repos []github.Repository) (*store.PolledTeam, string, error) {
	team, err := teamOf(ctx, org, record)
	if github.KindOf(err) == github.NotFound {
		return &store.PolledTeam{Deleted: true}, record.TeamSlug, nil
	}
	if err != nil {
		return nil, "", err
	}
	found := &store.PolledTeam{}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { found.Maintainers, err = countMaintainers(gctx, org, team.Slug); return err })
	g.Go(func() (err error) {
		found.Permissions, err = readPermissions(gctx, org, team.Slug, repos)
		return err
	})
	return found, team.Slug, g.Wait()
}

func countMaintainers(ctx context.Context, org *github.Org, slug string) (int, error) {
	maintainers, err := org.TeamMaintainers(ctx, slug)
	return len(maintainers), err
}

// teamOf returns the team of the record. It fails with NotFound if the team is gone.
func teamOf(ctx context.Context, org *github.Org, record store.Record) (github.Team, error) {
	team, err := org.TeamByID(ctx, record.TeamID)
	if github.KindOf(err) != github.NotFound {
		return team, err
	}
	// So it is also if this GitHub does not know that address.
	if team, err = org.Team(ctx, record.TeamSlug); err == nil && team.ID != record.TeamID {
		err = &github.Error{Kind: github.NotFound, Op: "get the team", Message: "its slug is another team's now"}
	}
	return team, err
}

// readPermissions returns the team's permission on each of the repositories, "" if it has
// none.
func readPermissions(ctx context.Context, org *github.Org, slug string, repos []github.Repository) (map[int64]string, error) {
	permissions := make(map[int64]string, len(repos))
	if len(repos) > askEach {
		all, err := org.TeamRepositories(ctx, slug)
		if err != nil {
			return nil, err
		}
		for _, repo := range repos {
			permissions[repo.ID] = ""
		}
		for _, repo := range all {
			if _, ok := permissions[repo.ID]; ok {
				permissions[repo.ID] = repo.Permission
			}
		}
		return permissions, nil
	}
	got := make([]github.Repository, len(repos))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(asksAtOnce)
	for i, repo := range repos {
		g.Go(func() (err error) {
			got[i], err = org.TeamRepository(gctx, slug, repo.Name)
			if github.KindOf(err) == github.NotFound {
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i, repo := range repos {
		permissions[repo.ID] = ""
		if got[i].ID == repo.ID {
			permissions[repo.ID] = got[i].Permission
		}
	}
	return permissions, nil
}

// mostMissing is how many repositories one look asks about that are expected and not attached.
const mostMissing = 20

// existing says which of the repositories, names by id, still exist in the organization. It
// asks about at most mostMissing of them, first about those without a finding.
func existing(ctx context.Context, org *github.Org, repos map[int64]string, known []store.Finding) map[int64]bool {
	ids := slices.Sorted(maps.Keys(repos))
	slices.SortStableFunc(ids, func(a, b int64) int { return found(known, a) - found(known, b) })
	ids = ids[:min(len(ids), mostMissing)]
	got, errs := make([]int64, len(ids)), make([]error, len(ids))
	var g errgroup.Group
	g.SetLimit(asksAtOnce)
	for i, id := range ids {
		g.Go(func() error {
			got[i], errs[i] = repoID(ctx, org, repos[id])
			return nil
		})
	}
	_ = g.Wait()
	exists := map[int64]bool{}
	for i, id := range ids {
		if errs[i] == nil || github.KindOf(errs[i]) == github.NotFound {
			exists[id] = errs[i] == nil && got[i] == id
		}
	}
	return exists
}

// repoID returns the id of the repository that has the name, or that was renamed from it.
func repoID(ctx context.Context, org *github.Org, name string) (int64, error) {
	repo, err := org.Repository(ctx, name)
	if move, ok := org.MoveIn(err); ok {
		if move.ID != 0 {
			return move.ID, nil
		}
		repo, err = org.Repository(ctx, move.Name)
	}
	return repo.ID, err
}

// found returns 1 if there is a finding that the repository is detached, else 0.
func found(known []store.Finding, repo int64) int {
	if slices.ContainsFunc(known, func(f store.Finding) bool { return f.Kind == RepoDetachedOutside && f.SubjectID == repo }) {
		return 1
	}
	return 0
}

// isEnterprise reports whether the slug is that of an enterprise team, whose maintainers
// GitHub may not show.
func isEnterprise(slug string) bool { return strings.HasPrefix(slug, "ent:") }
