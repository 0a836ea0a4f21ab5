// Package console is the channel of browsers: pages for people who are signed in. Every button on
// them is a command of the dispatcher.
//
// What a page shows is read by commands too, as a [dispatch.View].
package console

import (
	"context"
	"net/http"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// Path is where the console begins: the page of the person's groups.
const Path = "/console"

// noTeam is in a path in place of a team if the command has none. No team has this slug.
const noTeam = "-"

// A Dispatcher runs commands: [dispatch.Dispatcher].
type Dispatcher interface {
	handlers.Dispatcher
	// Proved reports whether the caller was proved lately to have the right to make the request.
	Proved(req dispatch.Request) bool
}

// SignIn is who a browser belongs to.
type SignIn interface {
	// Require calls next if the browser's person is signed in. It answers others with the way to
	// sign in, which leads back to the page.
	Require(next http.Handler) http.Handler
	// Person returns who is signed in.
	Person(ctx context.Context) dispatch.Principal
	// PutFlash keeps text in the session until TakeFlash returns it, once.
	PutFlash(ctx context.Context, text string)
	TakeFlash(ctx context.Context) string
}

// Store is what is on record of the fleet: [store.Store].
type Store interface {
	OrgID(ctx context.Context, login string) (int64, error)
	GroupStatuses(ctx context.Context, orgID int64) ([]store.GroupStatus, error)
	Findings(ctx context.Context, orgID int64) ([]store.Finding, error)
	GroupFindings(ctx context.Context, orgID, groupID int64, resolvedSince time.Time) ([]store.Finding, error)
	Samples(ctx context.Context, orgID, groupID int64, since time.Time) ([]store.Sample, error)
	HourlySamples(ctx context.Context, orgID, groupID int64, since time.Time) ([]store.Sample, error)
	Poll(ctx context.Context, orgID, groupID int64) (store.Poll, error)
}

// Options is what the console is made of.
type Options struct {
	Dispatcher Dispatcher
	SignIn     SignIn
	// Member returns why the person may not see the console at this moment; nil: they are an active
	// member of an organization that is served.
	Member func(ctx context.Context, person dispatch.Principal) error
	// OwnersAct reports whether owners of the organization may act for every team; nil: nowhere.
	OwnersAct    func(org string) bool
	Store        Store
	Orgs         []string      // the organizations that are served
	PollInterval time.Duration // fleet.pollInterval; 0: nothing is polled
	GitHubURL    string
	Version      string
	Clock        func() time.Time // time.Now if nil
	Logger       zerolog.Logger
}

// New returns the console, to be mounted at [Path] and below it, behind what refuses forms of other
// sites. What signs people in and out has paths of its own there.
func New(o Options) http.Handler {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	c := &console{Options: o, bodies: handlers.NewBodies(allBodies)}
	c.teams, _ = lru.New[string, []string](maxPeople) // fails only for a size below 1
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path, c.page((*visit).home))
	mux.HandleFunc("GET "+Path+"/all", c.page((*visit).all))
	mux.HandleFunc("GET "+Path+"/{org}/{team}", c.page((*visit).group))
	mux.HandleFunc("GET "+Path+"/{org}/{team}/add-runner", c.page((*visit).addRunner))
	mux.HandleFunc("GET "+Path+"/live", c.refresh((*visit).homeLive))
	mux.HandleFunc("GET "+Path+"/{org}/{team}/live", c.refresh((*visit).groupLive))
	mux.HandleFunc("POST "+Path+"/{org}/{team}/add-runner", c.page((*visit).makeRunner))
	mux.HandleFunc("GET "+Path+"/{org}/{team}/add-runner/live", c.refresh((*visit).arrivalLive))
	mux.HandleFunc("GET "+Path+"/{org}/{team}/{command}", c.page((*visit).showForm))
	mux.HandleFunc("POST "+Path+"/{org}/{team}/{command}", c.page((*visit).runForm))
	mux.HandleFunc("/", c.page((*visit).nowhere))
	return o.SignIn.Require(mux)
}

// allBodies is how much memory the bodies of all requests may take together, in bytes.
const allBodies = 16 << 20

// maxPeople bounds for how many people the console remembers their teams.
const maxPeople = 10_000

type console struct {
	Options
	bodies *handlers.Bodies
	// teams are the teams that the page of a person's groups showed last, by login and
	// organization: they are asked for at once the next time.
	teams *lru.Cache[string, []string]
}

// link returns the path of a page: of an organization's team, or of a command for it.
func link(org, team string, command ...string) string {
	if team == "" {
		team = noTeam
	}
	path := Path
	for _, element := range append([]string{org, team}, command...) {
		path += "/" + escape(element)
	}
	return path
}
