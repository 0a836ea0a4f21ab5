package server

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/queue"
)

// A sweeper asks GitHub about deliveries that it could not hand over.
type sweeper struct {
	app  *github.App
	orgs []*dispatch.Org // those that have an admin repository

	mu    sync.Mutex
	repos map[*dispatch.Org]adminRepo // as of the sweep's first page
}

// An adminRepo is named by ids, as deliveries name it.
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

// FailedDeliveries implements [queue.Sweeper].
func (s *sweeper) FailedDeliveries(ctx context.Context, cursor string) ([]queue.FailedDelivery, string, error) {
	if len(s.orgs) == 0 {
		return nil, "", nil
	}
	ctx = github.Background(ctx)
	if err := s.findRepos(ctx, cursor == ""); err != nil {
		return nil, "", later(err)
	}
	page, next, err := s.app.Deliveries(ctx, cursor, true)
	if err != nil {
		return nil, "", fmt.Errorf("list failed deliveries: %w", later(err))
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

// findRepos learns the ids of the admin repositories: deliveries name no others. What
// keeps one organization from being asked does not keep the others' deliveries.
func (s *sweeper) findRepos(ctx context.Context, afresh bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !afresh && len(s.repos) > 0 {
		return nil
	}
	for _, org := range s.orgs {
		repo, err := org.GitHub.AdminRepository(ctx)
		_, known := s.repos[org]
		switch kind := github.KindOf(err); {
		case err == nil:
			s.repos[org] = adminRepo{repo.ID, org.GitHub.InstallationID()}
		case known && kind != github.NotFound: // it hardly changed since
		case kind == github.NotFound, kind == github.Unauthorized, kind == github.Forbidden:
			delete(s.repos, org) // doctor tells; no delivery of it could be worked on
		default:
			return fmt.Errorf("find the admin repository of %s: %w", org.Login, err)
		}
	}
	return nil
}

// Redeliver implements [queue.Sweeper].
func (s *sweeper) Redeliver(ctx context.Context, id int64) error {
	return later(s.app.Redeliver(github.Background(ctx), id))
}

// later tells the queue when GitHub has time for what it has none for now.
func later(err error) error {
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
			return d.Event == "issue_comment" && d.Action == "created"
		}
	}
	return false
}
