package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/queue"
)

// A sweeper finds deliveries that failed and has GitHub redeliver them. It is the
// [queue.Sweeper] of a server.
type sweeper struct {
	app  *github.App
	orgs []*dispatch.Org // those that have an admin repository

	mu    sync.Mutex
	repos map[*dispatch.Org]adminRepo // as of the begin of the current sweep
}

// An adminRepo is an admin repository by its ids, which is all that deliveries have.
type adminRepo struct{ repository, installation int64 }

func newSweeper(c *config.Config, app *github.App, env *dispatch.Env) *sweeper {
	s := &sweeper{app: app, repos: map[*dispatch.Org]adminRepo{}}
	for i, o := range c.Organizations() {
		if o.Chatops.AdminRepo != "" {
			s.orgs = append(s.orgs, env.Orgs[i])
		}
	}
	return s
}

// Scope implements [queue.Sweeper]. It looks the admin repositories up again.
func (s *sweeper) Scope(ctx context.Context) (string, error) {
	if err := s.findRepos(github.Background(ctx)); err != nil {
		return "", retryLater(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var scope []string
	for _, repo := range s.repos {
		scope = append(scope, fmt.Sprintf("%d/%d", repo.repository, repo.installation))
	}
	slices.Sort(scope)
	return strings.Join(scope, " "), nil
}

// FailedDeliveries implements [queue.Sweeper].
func (s *sweeper) FailedDeliveries(ctx context.Context, cursor string) ([]queue.FailedDelivery, string, error) {
	if len(s.orgs) == 0 {
		return nil, "", nil
	}
	page, next, err := s.app.Deliveries(github.Background(ctx), cursor, true)
	if err != nil {
		return nil, "", fmt.Errorf("list failed deliveries: %w", retryLater(err))
	}
	deliveries := make([]queue.FailedDelivery, 0, len(page))
	for _, d := range page {
		deliveries = append(deliveries, queue.FailedDelivery{
			ID: d.ID, GUID: d.GUID, At: d.DeliveredAt, InstallationID: d.InstallationID, RepositoryID: d.RepositoryID,
			Event: d.Event, Action: d.Action, Status: d.StatusCode,
		})
	}
	return deliveries, next, nil
}

// findRepos looks up the ids of the admin repositories. A failure for one organization does
// not stop the deliveries of the others.
func (s *sweeper) findRepos(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, org := range s.orgs {
		repo, err := org.GitHub.AdminRepository(ctx)
		_, found := s.repos[org]
		switch kind := github.KindOf(err); {
		case err == nil:
			s.repos[org] = adminRepo{repo.ID, org.GitHub.InstallationID()}
		case found && kind != github.NotFound: // keep it; the id rarely changes
		case kind == github.NotFound, kind == github.Unauthorized, kind == github.Forbidden:
			delete(s.repos, org) // its deliveries could not be handled anyway; doctor reports it
		default:
			return fmt.Errorf("find the admin repository of %s: %w", org.Login, err)
		}
	}
	return nil
}

// Redeliver implements [queue.Sweeper].
func (s *sweeper) Redeliver(ctx context.Context, id int64) error {
	return retryLater(s.app.Redeliver(github.Background(ctx), id))
}

// retryLater converts a rate limit of GitHub to a [queue.Again] with its end.
func retryLater(err error) error {
	var limited *github.Error
	if errors.As(err, &limited) && limited.Kind == github.RateLimited {
		return &queue.Again{After: limited.RetryAfter}
	}
	return err
}

// Ours implements [queue.Sweeper].
func (s *sweeper) Ours(d queue.FailedDelivery) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ours := range s.repos {
		if ours == (adminRepo{d.RepositoryID, d.InstallationID}) {
			return d.Event == "issue_comment" && (d.Action == "created" || d.Action == "edited")
		}
	}
	return false
}
