package server

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/pages"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/rest"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/queue"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/server/connect"
	"github.com/actions-runner-manager/actions-runner-manager/server/setup"
	"github.com/rcrowley/go-metrics"
	"github.com/rs/zerolog"
)

// warmEvery is how often tokens and open ends are looked after in the background.
const warmEvery = time.Minute

// An app is all that follows from one configuration.
type app struct {
	config *config.Config
	log    zerolog.Logger

	store  *store.Store
	github *github.App
	env    *dispatch.Env
	queue  *queue.Queue
	health *health
	meter  *meter

	handler http.Handler
	metrics http.Handler

	cancel  context.CancelFunc
	loops   sync.WaitGroup
	closing sync.Once

	stopping sync.Once
	stopped  error
}

// newApp wires an app, from what it stands on to what it shows.
func (s *Server) newApp(ctx context.Context, c *config.Config) (*app, error) {
	a := &app{config: c, log: s.log, meter: newMeter(metrics.NewRegistry())}
	build := s.build
	if c.SetupMode() {
		build = s.serveSetup
	}
	if err := build(ctx, a); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

// build makes the app of a configured server.
func (s *Server) build(ctx context.Context, a *app) error {
	c := a.config
	var err error
	a.store, err = store.Open(ctx, store.Options{URL: c.Database.URL.Reveal(), Logger: s.log, Clock: s.opts.Clock, Exclusive: true})
	if err != nil {
		return fmt.Errorf("database.url: %w", err)
	}
	if a.store.New() {
		s.log.Warn().Msg("the database is new and empty, so no team owns a group yet; if there was one before, database.url names another place, or the disk did not last")
	}
	if a.github, err = connect.GitHub(c, a.meter.registry, s.opts.Version, s.log); err != nil {
		return err
	}
	a.env = newEnv(c, a.store, a.github)
	a.env.Version, a.env.Clock = s.opts.Version, s.opts.Clock
	a.env.PublicURL = s.publicURL(c)
	a.env.Observe = a.meter.command
	a.health = newHealth(a.store, a.github, &s.draining, s.opts.Version, s.log)
	a.env.Status = a.health.status
	dispatcher := dispatch.NewDispatcher(a.env, commands.All(), dispatch.Standard(a.env)...)

	policies := commentPolicies(c)
	comments := &commentGitHub{env: a.env, appID: c.AppID, ttl: func(org string) time.Duration { return policies(org).TTL }}
	channel := comment.NewWorker(comment.WorkerOptions{
		Dispatcher: dispatcher, GitHub: comments, Ephemerals: a, Policy: policies,
		PublicURL: a.env.PublicURL, MultiOrg: len(a.env.Orgs) > 1, Refused: a.env.Refused, Logger: s.log,
	})
	a.queue, err = queue.New(queue.Options{
		Store: a.store, Handler: &commentWorker{a.env, channel}, Ephemerals: comments, Sweeper: newSweeper(c, a.github, a.env),
		Logger: s.log, Registry: a.meter.registry, AuditRetention: c.Database.AuditRetention,
	})
	if err != nil {
		return err
	}
	a.metrics = a.meter.handler(a.gauges)
	return s.serveApp(a, dispatcher)
}

// serveApp makes the handler of a configured server.
func (s *Server) serveApp(a *app, dispatcher *dispatch.Dispatcher) error {
	c := a.config
	identity := rest.NewIdentity(rest.IdentityOptions{
		Users: users{a.github}, OAuthClients: c.Server.OAuthClients, UnknownTokenRate: c.Server.UnknownTokenRate, Logger: s.log,
	})
	api := rest.New(rest.Options{
		Dispatcher: dispatcher, Identity: identity, Orgs: a.env.Logins(), Multi: len(a.env.Orgs) > 1,
		Logger: s.log, Proxies: c.Server.TrustedProxies,
	})
	hook := comment.NewWebhook(comment.WebhookOptions{
		Secrets: webhookSecrets(c), Orgs: webhookOrgs(c, a.env), Accept: a.accept, Observe: a.meter.delivery, Logger: s.log,
	})
	pages, err := pages.New(pages.Options{
		Specs: dispatcher.Specs(), Version: s.opts.Version, PublicURL: a.env.PublicURL, Multi: len(a.env.Orgs) > 1,
	})
	if err != nil {
		return err
	}
	closed, err := setup.Closed()
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(comment.WebhookPath, hook)
	mux.HandleFunc("/livez", livez)
	mux.HandleFunc("/readyz", a.health.readyz)
	mux.HandleFunc(setup.Path, closed)
	mux.HandleFunc(setup.Path+"/", closed)
	mux.Handle("/", pages)
	a.handler = rest.Guard(api, mux)
	return nil
}

// start begins the background work.
func (a *app) start(ctx context.Context) error {
	if a.queue == nil {
		return nil
	}
	if err := a.queue.Start(ctx); err != nil {
		return err
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.cancel = cancel
	a.health.start(background)
	a.loops.Go(func() { a.tend(background) })
	return nil
}

// tend keeps tokens fresh, so that no caller waits for one, and settles what a crash
// left open.
func (a *app) tend(ctx context.Context) {
	ticker := time.NewTicker(warmEvery)
	defer ticker.Stop()
	for {
		warm := true
		for _, org := range a.env.Orgs {
			err := org.GitHub.Warm(ctx)
			warm = warm && err == nil
			if err != nil && ctx.Err() == nil {
				a.log.Warn().Err(err).Str("org", org.Login).Msg("GitHub gives the App no access to the organization now; `doctor` tells why")
			}
		}
		if warm {
			if err := ownership.New(a.env).Settle(github.Background(a.log.WithContext(ctx))); err != nil && ctx.Err() == nil {
				a.log.Warn().Err(err).Msg("interrupted commands could not be settled yet")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// stop ends the background work, once.
func (a *app) stop(ctx context.Context) error {
	a.stopping.Do(func() { a.stopped = a.end(ctx) })
	return a.stopped
}

func (a *app) end(ctx context.Context) error {
	if a.queue == nil {
		return nil
	}
	err := a.queue.Stop(ctx)
	if a.cancel != nil {
		a.cancel()
		a.loops.Wait()
		a.health.stop()
	}
	return err
}

// close gives back what newApp opened, once.
func (a *app) close() {
	a.closing.Do(func() {
		if a.store == nil {
			return
		}
		if err := a.store.Close(); err != nil {
			a.log.Warn().Err(err).Msg("the database could not be closed cleanly")
		}
	})
}
