package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/pages"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/rest"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

const (
	setupPath    = "/setup"
	callbackPath = setupPath + "/callback"

	// linkLife is how long a link to the page is good.
	linkLife = time.Hour
	// stateLife is how long GitHub leaves its reader to make the App.
	stateLife = time.Hour
	// maxStates bounds what a reader who loads the page again and again can fill.
	maxStates = 64
)

// serveSetup makes the handler of a server without an App.
func (s *Server) serveSetup(ctx context.Context, a *app) error {
	// An App that GitHub made for a server whose database cannot be used is in the way.
	// It is kept open until then, so that no other server begins on the same one.
	var err error
	a.store, err = store.Open(ctx, store.Options{URL: a.config.Database.URL.Reveal(), Logger: s.log, Exclusive: true})
	if err != nil {
		return fmt.Errorf("database.url: %w", err)
	}
	specs := commands.NewDispatcher(&commands.Env{}, commands.All())
	always := func() bool { return true }
	pages, err := pages.New(pages.Options{
		Specs: specs.Specs(), Version: s.opts.Version, PublicURL: s.publicURL(a.config), SetupMode: always,
	})
	if err != nil {
		return err
	}
	api := rest.New(rest.Options{Dispatcher: specs, SetupMode: always, Logger: s.log, Proxies: a.config.Server.TrustedProxies})
	u, err := newSetup(s, a.config, time.Now)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", livez)
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		answerProbe(w, false, []string{"no GitHub App is configured yet: open the /setup link that the log shows"})
	})
	mux.HandleFunc(comment.WebhookPath, func(w http.ResponseWriter, _ *http.Request) {
		answerProbe(w, false, []string{"no GitHub App is configured yet"})
	})
	mux.HandleFunc(setupPath, u.page)
	mux.HandleFunc(callbackPath, u.callback)
	mux.Handle("/", pages)
	a.handler = rest.Guard(api, mux)
	a.metrics = http.NotFoundHandler()
	u.renewLink()
	return nil
}

// setupClosed answers /setup once an App is configured.
func setupClosed() (http.HandlerFunc, error) {
	look, err := newSetupLook("")
	if err != nil {
		return nil, err
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		look.show(w, http.StatusForbidden, setupView{
			Title: "Set-up is closed", Home: true,
			Lead: "A GitHub App is configured already. Whoever runs this server changes it in its configuration.",
			Notes: []string{"An App that is new has to be installed, on all repositories: its owner does that in the organization's settings, " +
				"under GitHub Apps. Then, where the server runs, actions-runner-manager doctor names whatever is still missing, and the page where to mend it."},
		})
	}, nil
}

// A setup takes a server without an App to one with an App, once. Whoever holds the
// token of the link in the log may do so, and nobody else: a server that was just
// deployed must not be anybody's.
type setup struct {
	server *Server
	config *config.Config
	now    func() time.Time
	look   *setupLook

	// finishing is held while GitHub hands over an App, so that of two browsers one wins.
	finishing sync.Mutex

	mu      sync.Mutex
	token   string
	expires time.Time
	timer   *time.Timer
	states  map[[sha256.Size]byte]started
	done    bool
}

// started is what is known of a form that may have been sent to GitHub.
type started struct {
	org string
	at  time.Time
}

func newSetup(s *Server, c *config.Config, now func() time.Time) (*setup, error) {
	look, err := newSetupLook(c.GitHub.URL)
	if err != nil {
		return nil, err
	}
	return &setup{server: s, config: c, now: now, look: look, states: map[[sha256.Size]byte]started{}}, nil
}

// renewLink makes a new token, after which the old one is worth nothing, and logs the
// link at a level that no configuration hides. It does so again after an hour.
func (u *setup) renewLink() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done || u.server.draining.Load() {
		return
	}
	u.token, u.expires = rand.Text(), u.now().Add(linkLife)
	u.timer = time.AfterFunc(linkLife, u.renewLink)
	u.server.log.Log().Str("link", u.link()).Time("expires", u.expires).
		Msg("no GitHub App is configured yet: open this link to set one up; it is good for an hour")
	if u.server.opts.SetupLink != nil {
		u.server.opts.SetupLink(u.link())
	}
}

// link is where set-up begins. The caller holds the lock.
func (u *setup) link() string { return u.server.publicURL(u.config) + setupPath + "?token=" + u.token }

// admits tells whether the token is that of the link which was logged last.
func (u *setup) admits(token string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	same := subtle.ConstantTimeCompare([]byte(token), []byte(u.token)) == 1
	return same && token != "" && !u.done && u.now().Before(u.expires)
}

// begin makes the state that GitHub hands back with the App's code. Its hash is what
// is kept and compared, so that the time of a comparison tells nothing.
func (u *setup) begin(org string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.states) >= maxStates {
		var oldest [sha256.Size]byte
		for key, s := range u.states {
			if first, ok := u.states[oldest]; !ok || s.at.Before(first.at) {
				oldest = key
			}
		}
		delete(u.states, oldest)
	}
	state := rand.Text()
	u.states[sha256.Sum256([]byte(state))] = started{org: org, at: u.now()}
	return state
}

// take gives what was begun with the state, which is worth nothing afterwards.
func (u *setup) take(state string) (started, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	key := sha256.Sum256([]byte(state))
	s, ok := u.states[key]
	delete(u.states, key)
	return s, ok && u.now().Before(s.at.Add(stateLife))
}

func (u *setup) finished() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.done
}

// finish closes set-up for good.
func (u *setup) finish() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.done, u.token = true, ""
	clear(u.states)
	u.timer.Stop()
}

// goOn lets the server work with the configuration, in place of the app that knew
// none. What it starts outlives the request that asked for it.
func (u *setup) goOn(ctx context.Context, c *config.Config) error {
	s := u.server
	if s.draining.Load() {
		return errors.New("the server is stopping; it works with the App after its next start")
	}
	ctx = context.WithoutCancel(ctx)
	s.app.Load().close() // which gives the database back
	a, err := s.newApp(ctx, c)
	if err != nil {
		return err
	}
	if err := a.start(ctx); err != nil {
		a.close()
		return err
	}
	s.app.Store(a)
	if s.draining.Load() { // and what drained was the app before
		stopCtx, cancel := context.WithTimeout(ctx, c.Server.ShutdownTimeout)
		defer cancel()
		return errors.Join(errors.New("the server is stopping; it works with the App after its next start"), a.stop(stopCtx))
	}
	for _, warning := range c.Warnings() {
		s.log.Warn().Msg(warning)
	}
	return nil
}

// withApp is the configuration as it is in memory, with the new App.
func (u *setup) withApp(n newAppKeys) *config.Config {
	c := *u.config
	c.AppID, c.PrivateKey = n.id, config.Secret(n.pem)
	if n.webhookSecret != "" {
		c.GitHub.WebhookSecrets = []config.Secret{config.Secret(n.webhookSecret)}
	}
	if n.org != "" {
		c.Org = n.org
	}
	return &c
}

// reload reads what was written. Where the environment says otherwise, what was
// written does not count.
func (u *setup) reload(n newAppKeys) (*config.Config, string) {
	if u.server.opts.Reload == nil {
		return nil, "the server does not know how to read it"
	}
	c, err := u.server.opts.Reload()
	if err != nil {
		return nil, err.Error()
	}
	same := c.AppID == n.id && c.Key() != nil && c.Key().Equal(u.withApp(n).Key())
	for _, secret := range c.GitHub.WebhookSecrets {
		if n.webhookSecret == "" || secret.Reveal() == n.webhookSecret {
			return c, mismatch(same)
		}
	}
	return c, mismatch(same && n.webhookSecret == "")
}

func mismatch(same bool) string {
	if same {
		return ""
	}
	return "the environment says otherwise, and wins: unset ARM_APP_ID, ARM_PRIVATE_KEY and ARM_GITHUB_WEBHOOK_SECRET, or give them the values below"
}

// organizations are the names of which one will own the App.
func (u *setup) organizations() []string {
	var names []string
	for _, o := range u.config.Organizations() {
		names = append(names, o.Org)
	}
	return names
}

// knows tells whether the organization may own the App: one that is configured, or
// any where none is.
func (u *setup) knows(org string) bool {
	names := u.organizations()
	for _, name := range names {
		if strings.EqualFold(name, org) {
			return true
		}
	}
	return len(names) == 0 && orgName.MatchString(org)
}
