package commands

import (
	"context"
	"fmt"
	"sync"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// mostRenamed is how many names of one command are looked up as former names.
const mostRenamed = 10

// formerNames returns which of the repositories, by the index of the name, had one of the
// names before. GitHub is asked once for each name, whether or not a repository ever had
// it, so that time does not tell.
func formerNames(ctx context.Context, c *dispatch.Call, names []string, moved func(int) (github.Move, bool)) []github.Move {
	moves := make([]github.Move, len(names))
	var wg sync.WaitGroup
	for i, text := range names[:min(len(names), mostRenamed)] {
		name, err := repoNamed(c, text)
		if err != nil {
			continue
		}
		wg.Go(func() {
			if move, ok := moved(i); ok {
				moves[i] = move
				return
			}
			moves[i], _ = c.Org.GitHub.MovedRepository(ctx, name)
		})
	}
	wg.Wait()
	return moves
}

// explainRenamed says of the items that were not found which name the repository has now, if
// the team has a permission on it. All others keep the one answer, so that private ones
// stay private.
func explainRenamed(ctx context.Context, c *dispatch.Call, items []dispatch.Item, lookup *repoLookup) {
	var missing []int
	var names []string
	for i := range items {
		if lookup.missing(i) {
			missing, names = append(missing, i), append(names, items[i].Item)
		}
	}
	if len(missing) == 0 {
		return
	}
	var repos []github.Repository
	var list sync.WaitGroup
	list.Go(func() {
		if repos = lookup.all; repos == nil {
			repos, _ = c.Org.GitHub.TeamRepositories(ctx, c.Team.Slug) // without it there is no hint
		}
	})
	moves := formerNames(ctx, c, names, func(i int) (github.Move, bool) { return c.Org.GitHub.MoveIn(lookup.errs[missing[i]]) })
	list.Wait()
	for i, move := range moves {
		for _, repo := range repos {
			if move.Is(repo) {
				items[missing[i]].Error = fmt.Sprintf("%s was renamed to `%s`. Use the new name.", dispatch.Quote(names[i]), repo.Name)
			}
		}
	}
}
