package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/pages"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/rest"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
	"github.com/actions-runner-manager/actions-runner-manager/server/setup"
)

// buildSetup wires the app of a server that has no GitHub App yet.
func (s *Server) buildSetup(ctx context.Context, a *app) error {
	// The database is opened before there is an App, because an App for a server whose
	// database is broken is useless. It stays open, so that no other server can take it.
	var err error
	a.store, err = store.Open(ctx, store.Options{URL: a.config.Database.URL.Reveal(), Logger: s.log, Exclusive: true})
	if err != nil {
		return fmt.Errorf("database.url: %w", err)
	}
	specs := dispatch.NewDispatcher(&dispatch.Env{}, commands.All())
	always := func() bool { return true }
	pages, err := pages.New(pages.Options{
		Specs: specs.Specs(), Version: s.opts.Version, SetupMode: always,
	})
	if err != nil {
		return err
	}
	api := rest.New(rest.Options{Dispatcher: specs, SetupMode: always, Logger: s.log, Proxies: a.config.Server.TrustedProxies})
	s.setup = setup.New(setup.Options{
		Config: a.config, ConfigPath: s.opts.ConfigPath, Reload: s.opts.Reload, Version: s.opts.Version, PublicURL: s.publicURL(a.config),
		Log: s.log, Now: s.now, ShowLink: s.opts.SetupLink, Stopping: s.draining.Load, Apply: s.replaceApp, Check: s.checkSetup,
	})
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", livez)
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		answerProbe(w, []string{"no GitHub App is configured yet: open the /setup link in the server's log"}, nil)
	})
	mux.HandleFunc(comment.WebhookPath, func(w http.ResponseWriter, _ *http.Request) {
		answerProbe(w, []string{"no GitHub App is configured yet"}, nil)
	})
	mux.Handle(setup.Path, s.setup)
	mux.Handle(setup.Path+"/", s.setup)
	mux.Handle("/", pages)
	a.handler = rest.Guard(api, mux)
	a.metrics = http.NotFoundHandler()
	s.setup.RenewLink()
	return nil
}

// setupPages returns what serves /setup: the setup that this server began with, or a page
// that says that it is closed.
func (s *Server) setupPages(c *config.Config) http.Handler {
	if s.setup != nil {
		return s.setup
	}
	return setup.Closed(c)
}

// followSetup has the setup, if the server began with one, see what webhooks and commands do.
func (s *Server) followSetup(observed func(dispatch.Observation), counted func(string)) (observe func(dispatch.Observation), count func(string)) {
	if s.setup == nil {
		return observed, counted
	}
	observe = func(o dispatch.Observation) {
		observed(o)
		open := o.Channel == dispatch.REST && (o.Command == "status" || o.Command == "help") // anybody may ask for them, monitoring too
		if o.Outcome == "done" && !open && o.Channel != dispatch.CLI && o.Channel != dispatch.Schedule {
			s.setup.Commanded()
		}
	}
	count = func(outcome string) {
		counted(outcome)
		switch outcome {
		case comment.OutcomeAccepted, comment.OutcomeDuplicate, comment.OutcomeIgnored: // they were signed
			s.setup.Delivered()
		}
	}
	return observe, count
}

// checkSetup makes these checks of an organization with the current app.
func (s *Server) checkSetup(ctx context.Context, org string, app github.AppInfo, refresh bool, names ...string) []doctor.Check {
	a := s.app.Load()
	if a.github == nil {
		return nil // it has no GitHub App yet
	}
	c := *a.config
	c.Server.PublicURL = s.publicURL(a.config)
	for i, o := range c.Organizations() {
		if a.env.Orgs[i].Is(org) {
			return doctor.Selection{
				Config: &c, Organization: o, App: app, GitHub: a.github, Org: a.env.Orgs[i].GitHub, Names: names, Refresh: refresh,
			}.Run(a.log.WithContext(ctx))
		}
	}
	return nil
}

// now returns the time by which setup links and its page expire.
func (s *Server) now() time.Time {
	if s.opts.Clock != nil {
		return s.opts.Clock()
	}
	return time.Now()
}

// replaceApp makes the server run with c instead of the app that has no GitHub App.
// What it starts outlives the request that asked for it.
func (s *Server) replaceApp(ctx context.Context, c *config.Config) error {
	if s.draining.Load() {
		return errors.New("the server is stopping; it uses the App after its next start")
	}
	ctx = context.WithoutCancel(ctx)
	s.app.Load().close() // the new app opens the same database
	a, err := s.newApp(ctx, c)
	if err != nil {
		return err
	}
	if err := a.start(ctx); err != nil {
		a.close()
		return err
	}
	s.app.Store(a)
	if s.draining.Load() { // shutdown stopped the old app only
		stopCtx, cancel := context.WithTimeout(ctx, c.Server.ShutdownTimeout)
		defer cancel()
		return errors.Join(errors.New("the server is stopping; it uses the App after its next start"), a.stop(stopCtx))
	}
	for _, warning := range c.Warnings() {
		s.log.Warn().Msg(warning)
	}
	return nil
}
