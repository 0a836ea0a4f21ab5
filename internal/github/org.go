package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v41/github"
	"github.com/gregjones/httpcache"
	"github.com/palantir/go-githubapp/githubapp"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"
)

// An Org asks GitHub about one organization, as the App's installation there.
// Its methods may be called concurrently.
type Org struct {
	app            *App
	login          string
	installationID int64 // as configured; 0: it is asked for
	adminRepo      string
	writes         *semaphore.Weighted

	mu     sync.Mutex
	now    *session
	flight singleflight.Group
}

// A session is an installation with its two clients. A new installation makes
// a new session.
type session struct {
	Installation
	main     *github.Client // the whole organization: members, runners, the repositories' names
	comments *github.Client // issues of the admin repository, nothing else

	mainTokens, commentTokens *tokens
}

// Org returns the organization named login. installationID may be 0: it is
// then asked for. adminRepo may be empty: methods for its comments then fail.
// Nothing is asked before the first call that needs it.
func (a *App) Org(login string, installationID int64, adminRepo string) *Org {
	return &Org{
		app: a, login: login, installationID: installationID, adminRepo: adminRepo,
		writes: semaphore.NewWeighted(maxWrites),
	}
}

// Login is the organization's name, as configured.
func (o *Org) Login() string { return o.login }

// AdminRepo is the name of the repository in which comments are commands, as
// configured; empty where there is none.
func (o *Org) AdminRepo() string { return o.adminRepo }

// Format implements fmt.Formatter: however an Org is printed, it shows its name
// alone, and nothing of what it holds.
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
	HTMLURL             string // where an owner changes it
}

// Installation returns the App's installation in the organization. It is asked
// for once, and again after GitHub refused it a token. NotFound: the App is not
// installed there (other methods are Unauthorized then).
func (o *Org) Installation(ctx context.Context) (Installation, error) {
	s, err := o.resolved(ctx)
	if err != nil {
		return Installation{}, err
	}
	return s.Installation, nil
}

// InstallationID returns the id of the App's installation in the organization without
// asking GitHub. It is 0 if the id was neither configured nor looked up yet.
func (o *Org) InstallationID() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.now != nil {
		return o.now.ID
	}
	return o.installationID
}

// Warm resolves the installation and sees that both tokens are there, so that
// the next caller need not wait for them.
func (o *Org) Warm(ctx context.Context) error {
	s, err := o.session(ctx)
	if err != nil {
		return err
	}
	const op = "get installation tokens"
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { _, err := s.mainTokens.get(ctx); return o.app.failed(op, err) })
	if o.adminRepo != "" {
		group.Go(func() error { _, err := s.commentTokens.get(ctx); return o.app.failed(op, err) })
	}
	return group.Wait()
}

// session is what every question begins with.
func (o *Org) session(ctx context.Context) (*session, error) {
	s, err := o.resolved(ctx)
	return s, unsigned(err)
}

func (o *Org) resolved(ctx context.Context) (*session, error) {
	o.mu.Lock()
	held := o.now
	o.mu.Unlock()
	if held != nil {
		return held, nil
	}
	s, asked, err := o.ask(ctx)
	if KindOf(err) == NotFound && !asked {
		// It was asked before this caller came, and the App may have been installed since.
		s, _, err = o.ask(ctx)
	}
	return s, err
}

// ask has GitHub asked for the installation once for all who want to know it, and
// says whether it was for this caller.
func (o *Org) ask(ctx context.Context) (_ *session, own bool, _ error) {
	asked := false
	op := fmt.Sprintf("find the App's installation in %.100s", o.login)
	flight := o.flight.DoChan("", func() (any, error) {
		asked = true
		s, err := o.resolve(foreground(context.WithoutCancel(ctx)))
		if err != nil {
			return nil, o.app.failed(op, err)
		}
		o.mu.Lock()
		o.now = s
		o.mu.Unlock()
		return s, nil
	})
	select {
	case <-ctx.Done():
		return nil, true, o.app.failed(op, ctx.Err())
	case result := <-flight:
		s, _ := result.Val.(*session)
		return s, asked, result.Err
	}
}

// forget has the installation asked for again.
func (o *Org) forget(old *session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.now == old {
		o.now = nil
	}
}

type installationAnswer struct {
	ID      int64 `json:"id"`
	Account struct {
		ID    int64  `json:"id"`
		Login string `json:"login"`
	} `json:"account"`
	Permissions         map[string]string `json:"permissions"`
	Events              []string          `json:"events"`
	RepositorySelection string            `json:"repository_selection"`
	SuspendedAt         *time.Time        `json:"suspended_at"`
	HTMLURL             string            `json:"html_url"`
}

func (o *Org) resolve(ctx context.Context) (*session, error) {
	name, err := login(o.login)
	if err != nil {
		return nil, err
	}
	path := "orgs/" + name + "/installation"
	if o.installationID != 0 {
		path = fmt.Sprintf("app/installations/%d", o.installationID)
	}
	got, _, err := send[installationAnswer](ctx, o.app.self, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(got.Account.Login, o.login) {
		return nil, &Error{Kind: Invalid, Message: fmt.Sprintf("installation %d belongs to %s; correct org or installationID", got.ID, got.Account.Login)}
	}
	if got.ID == 0 || got.Account.ID == 0 {
		return nil, &Error{Kind: Other, Message: "the answer names no installation"}
	}
	return o.open(Installation{
		ID: got.ID, OrgID: got.Account.ID, Login: got.Account.Login, Permissions: got.Permissions, Events: got.Events,
		RepositorySelection: got.RepositorySelection, Suspended: got.SuspendedAt != nil, HTMLURL: got.HTMLURL,
	})
}

// open makes the two clients of an installation, each with a token for no more
// than it needs.
func (o *Org) open(i Installation) (*session, error) {
	s := &session{Installation: i}
	s.mainTokens = &tokens{app: o.app, mint: o.minter(s, mainToken, &github.InstallationTokenOptions{
		Permissions: &github.InstallationPermissions{
			Members:                       github.String("read"),
			Metadata:                      github.String("read"),
			OrganizationSelfHostedRunners: github.String("write"),
		},
	})}
	s.commentTokens = &tokens{app: o.app, mint: o.minter(s, commentToken, &github.InstallationTokenOptions{
		Repositories: []string{o.adminRepo},
		Permissions:  &github.InstallationPermissions{Issues: github.String("write"), Metadata: github.String("read")},
	})}
	var err error
	budget := new(pace) // both tokens are charged to the installation
	if s.main, err = o.client(i.ID, s.mainTokens, budget); err != nil {
		return nil, err
	}
	s.comments, err = o.client(i.ID, s.commentTokens, budget)
	return s, err
}

// client makes a client: gate, metrics, cache, wire, connections.
func (o *Org) client(installation int64, held *tokens, budget *pace) (*github.Client, error) {
	a := o.app
	cached := &httpcache.Transport{
		Transport:           revalidated{&wire{app: a, next: a.transport, installation: installation}},
		Cache:               a.cache,
		MarkCachedResponses: true,
	}
	link := &gate{
		app:        a,
		next:       githubapp.ClientMetrics(a.registry)(cached),
		credential: &credential{scheme: "token", get: held.get, renew: held.renew},
		writes:     o.writes,
		pace:       budget,
		share:      true,
	}
	return a.creator(a.transport, replace(link)).NewInstallationClient(installation)
}

