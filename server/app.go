package server

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/rcrowley/go-metrics"
	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/console"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/pages"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/rest"
	"github.com/actions-runner-manager/actions-runner-manager/internal/alerts"
	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/oidc"
	"github.com/actions-runner-manager/actions-runner-manager/internal/queue"
	"github.com/actions-runner-manager/actions-runner-manager/internal/requests"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/server/connect"
	"github.com/actions-runner-manager/actions-runner-manager/server/setup"
)

// maintainEvery is how often installation tokens are renewed and interrupted commands are
// resumed in the background.
const maintainEvery = time.Minute

// An app is everything that depends on one configuration.
type app struct {
	config *config.Config
	log    zerolog.Logger

	store       *store.Store
	github      *github.App
	env         *dispatch.Env
	queue       *queue.Queue
	fleet       *fleet.Poller // nil: fleet.pollInterval is 0
	accessEnder *fleet.AccessEnder
	alerts      *alerts.Alerts // nil: alerts.issues is not set
	health      *health
	meter       *meter
	requests    *requests.Keeper

	fleetGauges *fleetReader // nil: fleet.pollInterval is 0, so what is recorded may be old

	handler http.Handler
	metrics http.Handler

	cancel  context.CancelFunc
	loops   sync.WaitGroup
	closing sync.Once

	stopping sync.Once
	stopped  error
}

// newApp wires an app: [Server.build] if there is a GitHub App, else [Server.buildSetup].
func (s *Server) newApp(ctx context.Context, c *config.Config) (*app, error) {
	a := &app{config: c, log: s.log, meter: newMeter(metrics.NewRegistry())}
	build := s.build
	if c.SetupMode() {
		build = s.buildSetup
	}
	if err := build(ctx, a); err != nil {
		a.close()
		return nil, err
	}
	if err := a.store.Announce(s.listener.Addr().String()); err != nil {
		s.log.Warn().Err(err).Msg("doctor, healthcheck and replay cannot find this server by its database")
	}
	return a, nil
}

// build wires the app of a configured server, from the database to the channels.
func (s *Server) build(ctx context.Context, a *app) error {
	c := a.config
	var err error
	a.store, err = store.Open(ctx, store.Options{URL: c.Database.URL.Reveal(), Logger: s.log, Clock: s.opts.Clock, Exclusive: true})
	if err != nil {
		return fmt.Errorf("database.url: %w", err)
	}
	if a.store.New() {
		s.log.Warn().Msg("the database is new and empty, so no team owns a group yet; if you had one before, database.url points to another place, or its disk was lost")
	}
	replica := holder()
	if a.github, err = connect.GitHub(c, a.meter.registry, pacingBudget{a.store}, replica, s.opts.Version, s.log); err != nil {
		return err
	}
	if a.env, err = newEnv(ctx, c, a.store, a.github); err != nil {
		return fmt.Errorf("database.url: %w", err)
	}
	a.env.Holder = replica
	a.env.Version, a.env.Clock = s.opts.Version, s.opts.Clock
	a.env.PublicURL = s.publicURL(c)
	var countDelivery func(string)
	a.env.Observe, countDelivery = s.followSetup(a.meter.observe, a.meter.countDelivery)
	a.health = newHealth(a.store, a.github, &s.draining, s.opts.Version, s.log)
	a.env.Status = a.health.status
	for _, org := range a.env.Orgs {
		a.health.addDetail(org.GitHub.Renamed)
		a.health.addDetail(org.GitHub.Replaced)
	}
	dispatcher := dispatch.NewDispatcher(a.env, commands.All(), dispatch.Standard(a.env)...)

	policies := commentPolicies(c)
	comments := &commentGitHub{env: a.env, app: a.github, ttl: func(org string) time.Duration { return policies(org).TTL }}
	channel := comment.NewWorker(comment.WorkerOptions{
		Dispatcher: dispatcher, GitHub: comments, Ephemerals: a, Policy: policies,
		PublicURL: a.env.PublicURL, MultiOrg: len(a.env.Orgs) > 1, Refused: a.env.Refused, Logger: s.log,
	})
	a.queue, err = queue.New(queue.Options{
		Store: a.store, Handler: &commentWorker{a.env, channel, func() *queue.Queue { return a.queue }, s.log}, Ephemerals: comments, Sweeper: newSweeper(c, a.github, a.env),
		Logger: s.log, Registry: a.meter.registry, AuditRetention: c.Database.AuditRetention,
	})
	if err != nil {
		return err
	}
	a.requests = requests.New(requests.Options{Env: a.env, Wrote: comments.wrote, Escape: comment.EscapeMessage, Logger: s.log})
	a.env.TellOutcomes = a.requests.Wake
	s.watchFleet(a, dispatcher, comments)
	a.accessEnder = &fleet.AccessEnder{Dispatch: dispatcher.Dispatch, Env: a.env, Logger: s.log}
	a.metrics = a.meter.handler(a.gauges)
	return s.route(a, dispatcher, countDelivery)
}

// watchFleet wires what polls the runner groups, and what follows a poll.
func (s *Server) watchFleet(a *app, dispatcher *dispatch.Dispatcher, comments *commentGitHub) {
	c := a.config
	cleaner := &fleet.Cleaner{Dispatch: dispatcher.Dispatch, Store: a.store, Now: a.env.Now}
	observe := []func(context.Context, fleet.Polled){a.meter.observePoll, cleaner.Observe}
	if c.Alerts.Issues {
		a.alerts = alerts.New(alerts.Options{Env: a.env, Wrote: comments.wrote, Escape: comment.EscapeMessage, Logger: s.log})
		a.env.Notify = a.alerts.Notify
		observe = append(observe, a.alerts.Observe)
	}
	if c.Fleet.PollInterval == 0 {
		return
	}
	a.fleet = fleet.New(fleet.Options{Env: a.env, Interval: c.Fleet.PollInterval, History: c.Fleet.History, Logger: s.log, Observe: observe})
	a.fleetGauges = &fleetReader{now: a.env.Now, read: func(ctx context.Context) ([]fleet.Status, error) {
		return fleet.Statuses(ctx, a.store, a.env.Logins())
	}}
}

// route wires the channels of a configured server to their paths.
func (s *Server) route(a *app, dispatcher *dispatch.Dispatcher, countDelivery func(string)) error {
	c := a.config
	workflows, err := s.workflows(a)
	if err != nil {
		return err
	}
	identity := rest.NewIdentity(rest.IdentityOptions{
		Users: tokenOwners{a.github, c.GitHub.URL}, Workflows: workflows, OAuthClients: c.Server.OAuthClients, UnknownTokenRate: c.Server.UnknownTokenRate, Logger: s.log,
	})
	proxies := new(handlers.ProxyWatch)
	api := rest.New(rest.Options{
		Dispatcher: dispatcher, Identity: identity, Orgs: a.env.Logins(), Multi: len(a.env.Orgs) > 1,
		Logger: s.log, Proxies: c.Server.TrustedProxies, Watch: proxies,
	})
	a.health.addDetail(proxies.Detail)
	hook := comment.NewWebhook(comment.WebhookOptions{
		Secrets: webhookSecrets(c), AppID: a.github.ID, Orgs: webhookOrgs(c, a.env), Accept: a.accept, Parsing: a.parsing, Observe: countDelivery, Logger: s.log,
	})
	pages, err := pages.New(pages.Options{
		Specs: dispatcher.Specs(), Version: s.opts.Version, Multi: len(a.env.Orgs) > 1,
		AdminRepos: adminRepos(c), Trigger: c.Organizations()[0].Chatops.Trigger, Console: c.HasConsole(),
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(comment.WebhookPath, hook)
	mux.HandleFunc("/livez", livez)
	mux.HandleFunc("/readyz", a.health.readyz)
	web, err := s.console(a, dispatcher)
	if err != nil {
		return err
	}
	mux.Handle(console.Path, web)
	mux.Handle(console.Path+"/", web)
	mux.Handle(setup.Path, s.setupPages(c))
	mux.Handle(setup.Path+"/", s.setupPages(c))
	mux.Handle("/", pages)
	a.handler = rest.Guard(api, mux)
	return nil
}

// workflows returns what verifies the tokens of jobs of GitHub Actions, nil if the address of
// their issuer is not safe.
func (s *Server) workflows(a *app) (rest.Workflows, error) {
	client, err := connect.Client(a.config)
	if err != nil {
		return nil, err
	}
	verifier, err := oidc.New(oidc.Options{Issuer: a.config.OIDCIssuer(), Audience: a.env.PublicURL, Client: client, Clock: s.opts.Clock})
	if err != nil {
		s.log.Warn().Err(err).Msg("workflows cannot use this server with their own tokens")
		return nil, nil
	}
	return verifier, nil
}

// adminRepos returns the repositories in whose issues commands can be written.
func adminRepos(c *config.Config) []pages.AdminRepo {
	var list []pages.AdminRepo
	for _, o := range c.Organizations() {
		if o.Chatops.AdminRepo != "" {
			name := o.Org + "/" + o.Chatops.AdminRepo
			list = append(list, pages.AdminRepo{Name: name, URL: c.GitHub.URL + "/" + name + "/issues"})
		}
	}
	return list
}

// start starts the background work.
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
	a.loops.Go(func() { a.maintain(background) })
	a.loops.Go(func() { a.requests.Run(background) })
	if a.fleet != nil {
		a.loops.Go(func() { a.fleet.Run(background) })
	}
	a.loops.Go(func() { a.accessEnder.Run(background) })
	if a.alerts != nil {
		a.loops.Go(func() { a.alerts.Run(background) })
	}
	return nil
}

// maintain renews installation tokens before they expire, and asks for the newest release of
// the runner, so that no caller waits for them. It resumes commands that a crash interrupted, and
// tells teams of trusts that end soon.
func (a *app) maintain(ctx context.Context) {
	ticker := time.NewTicker(maintainEvery)
	defer ticker.Stop()
	for {
		warm := true
		for _, org := range a.env.Orgs {
			err := org.GitHub.Warm(ctx)
			warm = warm && err == nil
			if err == nil {
				a.rememberOrg(ctx, org)
				_, _ = org.GitHub.RunnerDownloads(ctx) // who needs it asks again
			}
			if err != nil && ctx.Err() == nil {
				a.log.Warn().Err(err).Str("org", org.Login).Msg("GitHub gives the App no access to the organization; `actions-runner-manager doctor` shows why")
			}
		}
		if err := commands.NoticeTrusts(github.Background(ctx), a.env); err != nil && ctx.Err() == nil {
			a.log.Warn().Err(err).Msg("teams could not be told yet of trusts that end soon; the next attempt is in a minute")
		}
		if warm {
			if err := ownership.New(a.env).ResumeCreates(github.Background(a.log.WithContext(ctx))); err != nil && ctx.Err() == nil {
				a.log.Warn().Err(err).Msg("interrupted commands could not be resumed yet; the next attempt is in a minute")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// RememberOrg records the organization's id, if GitHub was asked for it. By it the
// organization is found if it is renamed, and its groups without asking GitHub.
func RememberOrg(ctx context.Context, st *store.Store, org *dispatch.Org) error {
	recorded, err := st.OrgID(ctx, org.Login)
	if id := org.GitHub.ID(); err == nil && id != 0 && id != recorded {
		err = st.SetOrgID(ctx, org.Login, id)
	}
	return err
}

func (a *app) rememberOrg(ctx context.Context, org *dispatch.Org) {
	if err := RememberOrg(ctx, a.store, org); err != nil && ctx.Err() == nil {
		a.log.Warn().Err(err).Str("org", org.Login).Msg("the organization's id could not be recorded yet")
	}
}

// stop stops the background work. A second call returns the result of the first.
func (a *app) stop(ctx context.Context) error {
	a.stopping.Do(func() { a.stopped = a.stopOnce(ctx) })
	return a.stopped
}

func (a *app) stopOnce(ctx context.Context) error {
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

// close closes what newApp opened. A second call does nothing.
func (a *app) close() {
	a.closing.Do(func() {
		if a.store == nil {
			return
		}
		if err := a.store.Close(); err != nil {
			a.log.Warn().Err(err).Msg("the database did not close cleanly")
		}
	})
}
