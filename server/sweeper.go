package server

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/queue"
)

// A sweeper asks GitHub about deliveries that it could not hand over.
type sweeper struct {
	app  *github.App
	orgs []*commands.Org // those that have an admin repository

	mu    sync.Mutex
	repos map[int64]int64 // admin repository → installation, as of the sweep's first page
}

func newSweeper(c *config.Config, app *github.App, env *commands.Env) *sweeper {
	s := &sweeper{app: app, repos: map[int64]int64{}}
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

// findRepos learns the ids of the admin repositories: deliveries name no others.
func (s *sweeper) findRepos(ctx context.Context, afresh bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !afresh && len(s.repos) > 0 {
		return nil
	}
	repos := map[int64]int64{}
	for _, org := range s.orgs {
		repo, err := org.GitHub.AdminRepository(ctx)
		if err != nil {
			return fmt.Errorf("find the admin repository of %s: %w", org.Login, err)
		}
		repos[repo.ID] = org.GitHub.KnownInstallation()
	}
	s.repos = repos
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
	installation, ours := s.repos[d.RepositoryID]
	return ours && d.InstallationID == installation && d.Event == "issue_comment" && d.Action == "created"
}
