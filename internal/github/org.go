package github

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/go-github/v41/github"
	"github.com/gregjones/httpcache"
	"github.com/palantir/go-githubapp/githubapp"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github/pacing"
)

// An Org is one organization, seen through the App's installation in it. Its methods may
// be called concurrently. They fail with Unauthorized if the App is not installed.
type Org struct {
	app            *App
	login          string
	installationID int64 // as configured; 0, or gone: looked up
	adminRepo      string

	mu      sync.Mutex
	current *session // nil: not looked up yet
	flight  singleflight.Group

	orgID  int64  // 0: not known yet
	name   string // the login that GitHub gave the installation's account; empty: not looked up yet
	checks renameChecks

	checking singleflight.Group

	lastInstallation int64 // 0: none was looked up yet
	refreshes        refreshes
	downloads        downloads
}

// A session is an installation with a client for each of its two tokens. If the App is
// installed again, there is a new session.
type session struct {
	Installation
	main     *github.Client // may read members and repositories' metadata, and manage runners
	comments *github.Client // may only write issues of the admin repository

	mainTokens, commentTokens *tokenSource
}

// Org returns the organization named login. If installationID is 0, it is looked up. If
// adminRepo is empty, the methods for comments fail. Org itself sends nothing to GitHub.
func (a *App) Org(login string, installationID int64, adminRepo string) *Org {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.logins = append(a.logins, login); len(a.logins) > 1 {
		a.cache.grow(cacheBytesOfOrg)
	}
	return &Org{app: a, login: login, installationID: installationID, adminRepo: adminRepo}
}

// Login returns the organization's name as configured.
func (o *Org) Login() string { return o.login }

// AdminRepo returns the configured name of the repository whose issue comments are
// commands. It is empty if none is configured.
func (o *Org) AdminRepo() string { return o.adminRepo }

// Format implements [fmt.Formatter]. Whatever the verb, only the name is printed, never a
// token.
func (o *Org) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "organization %s", o.login) }

// An Installation is the App's installation in an organization.
type Installation struct {
	ID                  int64
	OrgID               int64
	Login               string // as GitHub spells it
	Permissions         map[string]string
	Events              []string
	RepositorySelection string // "all" or "selected"
	Suspended           bool
	HTMLURL             string // its settings page, for owners
}

// Installation returns the App's installation in the organization. It is looked up once,
// and again after GitHub refused it a token. It fails with NotFound if the App is not
// installed there; every other method fails with Unauthorized then.
func (o *Org) Installation(ctx context.Context) (Installation, error) {
	s, err := o.resolve(ctx)
	if err != nil {
		return Installation{}, err
	}
	installation := s.Installation
	if o.Renamed() != "" {
		installation.Login = o.Name()
	}
	return installation, nil
}

// InstallationID returns the id of the App's installation in the organization without
// asking GitHub. It is 0 if the id was neither configured nor looked up yet.
func (o *Org) InstallationID() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.current != nil {
		return o.current.ID
	}
	return o.installationID
}

// Warm looks up the installation and mints both tokens, so that the first command need
// not wait for them.
func (o *Org) Warm(ctx context.Context) error {
	o.mu.Lock()
	known := o.current
	o.mu.Unlock()
	s, err := o.session(ctx)
	if err != nil {
		return err
	}
	if s == known {
		o.refreshName(ctx, s) // nobody may have met a 404 since a rename
	}
	const op = "get installation tokens"
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { _, err := s.mainTokens.get(ctx); return o.app.failed(op, err) })
	if o.adminRepo != "" {
		group.Go(func() error { _, err := s.commentTokens.get(ctx); return o.app.failed(op, err) })
	}
	return group.Wait()
}

// session returns the current session. Every method begins with it.
func (o *Org) session(ctx context.Context) (*session, error) {
	s, err := o.resolve(ctx)
	return s, asUnauthorized(err)
}

func (o *Org) resolve(ctx context.Context) (*session, error) {
	o.mu.Lock()
	current := o.current
	o.mu.Unlock()
	if current != nil {
		return current, nil
	}
	s, own, err := o.lookUpOnce(ctx, false)
	if KindOf(err) == NotFound && !own {
		// That request began before this call, and the App may have been installed since.
		s, _, err = o.lookUpOnce(ctx, false)
	}
	return s, err
}

// lookUpOnce looks up the installation, unless it is remembered by now and again is false.
// Concurrent callers share one request; own reports whether this call sent it.
func (o *Org) lookUpOnce(ctx context.Context, again bool) (_ *session, own bool, _ error) {
	sent := false
	op := fmt.Sprintf("find the App's installation in %.100s", o.login)
	flight := o.flight.DoChan("", func() (any, error) {
		o.mu.Lock()
		current := o.current
		o.mu.Unlock()
		if current != nil && !again { // another request ended just before this one began
			return current, nil
		}
		sent = true
		s, err := o.lookUp(foreground(context.WithoutCancel(ctx)))
		if err != nil {
			return nil, o.app.failed(op, err)
		}
		return o.remember(s), nil
	})
	select {
	case <-ctx.Done():
		return nil, true, o.app.failed(op, ctx.Err())
	case result := <-flight:
		s, _ := result.Val.(*session)
		return s, sent, result.Err
	}
}

// invalidate makes the next call look up the installation again.
func (o *Org) invalidate(old *session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.current == old {
		o.current = nil
	}
}

type installationAnswer struct {
	ID                  int64             `json:"id"`
	Account             accountAnswer     `json:"account"`
	Permissions         map[string]string `json:"permissions"`
	Events              []string          `json:"events"`
	RepositorySelection string            `json:"repository_selection"`
	SuspendedAt         *time.Time        `json:"suspended_at"`
	HTMLURL             string            `json:"html_url"`
}

type accountAnswer struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
}

func (o *Org) lookUp(ctx context.Context) (*session, error) {
	got, err := o.findInstallation(ctx)
	if err != nil {
		return nil, err
	}
	if got.ID == 0 || got.Account.ID == 0 {
		return nil, &Error{Kind: Other, Message: "GitHub's answer contains no installation"}
	}
	o.observeAccount(got.Account)
	return o.newSession(Installation{
		ID: got.ID, OrgID: got.Account.ID, Login: got.Account.Login, Permissions: got.Permissions, Events: got.Events,
		RepositorySelection: got.RepositorySelection, Suspended: got.SuspendedAt != nil, HTMLURL: got.HTMLURL,
	})
}

// newSession makes the two clients of an installation, each with a token that has only
// the permissions it needs.
func (o *Org) newSession(i Installation) (*session, error) {
	s := &session{Installation: i}
	s.mainTokens = &tokenSource{app: o.app, mint: o.minter(s, mainTokens, &github.InstallationTokenOptions{
		Permissions: &github.InstallationPermissions{
			Members:                       github.String("read"),
			Metadata:                      github.String("read"),
			OrganizationSelfHostedRunners: github.String("write"),
		},
	})}
	s.commentTokens = &tokenSource{app: o.app, mint: o.minter(s, commentTokens, &github.InstallationTokenOptions{
		Repositories: []string{o.adminRepo},
		Permissions:  &github.InstallationPermissions{Issues: github.String("write"), Metadata: github.String("read")},
	})}
	var err error
	limit, pacer := new(limiter), o.app.newPacer(i.ID) // GitHub charges both tokens to the installation
	if s.main, err = o.client(i.ID, s.mainTokens, limit, pacer); err != nil {
		return nil, err
	}
	s.comments, err = o.client(i.ID, s.commentTokens, limit, pacer)
	return s, err
}

// client makes a client. From outside in, it consists of our transport, go-githubapp's
// metrics, the cache, our baseTransport, and the connection pool.
func (o *Org) client(installation int64, source *tokenSource, limit *limiter, pacer *pacing.Pacer) (*github.Client, error) {
	a := o.app
	cached := &httpcache.Transport{
		Transport:           alwaysRevalidate{&baseTransport{app: a, next: a.pool, installation: installation}},
		Cache:               a.cache,
		MarkCachedResponses: true,
	}
	outermost := &transport{
		app:        a,
		next:       githubapp.ClientMetrics(a.registry)(cached),
		credential: &credential{scheme: "token", get: source.get, renew: source.renew},
		limiter:    limit,
		pacer:      pacer,
		coalesce:   true,
		renamed:    o.afterRename,
	}
	return a.clientCreator(a.pool, replaceChain(outermost)).NewInstallationClient(installation)
}

// newPacer returns the pacer of an installation, or nil if requests are not paced.
func (a *App) newPacer(installation int64) *pacing.Pacer {
	if a.points <= 0 {
		return nil
	}
	return pacing.New(pacing.Options{
		Installation: installation, Replica: a.replica, Meters: pacing.Meters(a.points), Budget: a.budget, Clock: pacing.System{},
	})
}
