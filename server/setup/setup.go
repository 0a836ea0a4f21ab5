// Package setup takes a server without a GitHub App to one with an App.
package setup

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/config"
)

const (
	Path         = "/setup"
	CallbackPath = Path + "/callback"

	// linkLife is how long a link to the page is good.
	linkLife = time.Hour
	// stateLife is how long GitHub leaves its reader to make the App.
	stateLife = time.Hour
	// maxStates bounds what a reader who loads the page again and again can fill.
	maxStates = 64
)

// Closed returns the handler of [Path] for a server that has an App already.
func Closed() (http.HandlerFunc, error) {
	l, err := newLook("")
	if err != nil {
		return nil, err
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		l.show(w, http.StatusForbidden, view{
			Title: "Set-up is closed", Home: true,
			Lead: "A GitHub App is configured already. Whoever runs this server changes it in its configuration.",
			Notes: []string{"An App that is new has to be installed, on all repositories: its owner does that in the organization's settings, " +
				"under GitHub Apps. Then, where the server runs, actions-runner-manager doctor names whatever is still missing, and the page where to mend it."},
		})
	}, nil
}

// Options are what a [Setup] needs of its server.
type Options struct {
	Config     *config.Config
	ConfigPath string                         // the file that gets the App's keys
	Reload     func() (*config.Config, error) // reads the configuration again; nil: it cannot be read
	Version    string
	PublicURL  string // at which users and GitHub reach the server
	Log        zerolog.Logger
	Now        func() time.Time
	ShowLink   func(link string) // if not nil, gets each link that is logged
	Stopping   func() bool       // reports whether the server is shutting down

	// Apply makes the server run with a configuration that has an App.
	Apply func(context.Context, *config.Config) error
}

// A Setup takes a server without an App to one with an App, once. Whoever holds the
// token of the link in the log may do so, and nobody else: a server that was just
// deployed must not be anybody's.
type Setup struct {
	Options
	look *look

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

// New returns the setup of a server that has no App.
func New(o Options) (*Setup, error) {
	look, err := newLook(o.Config.GitHub.URL)
	if err != nil {
		return nil, err
	}
	return &Setup{Options: o, look: look, states: map[[sha256.Size]byte]started{}}, nil
}

// RenewLink makes a new token, after which the old one is worth nothing, and logs the
// link at a level that no configuration hides. It does so again after an hour.
func (u *Setup) RenewLink() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done || u.Stopping() {
		return
	}
	u.token, u.expires = rand.Text(), u.Now().Add(linkLife)
	u.timer = time.AfterFunc(linkLife, u.RenewLink)
	u.Log.Log().Str("link", u.link()).Time("expires", u.expires).
		Msg("no GitHub App is configured yet: open this link to set one up; it is good for an hour")
	if u.ShowLink != nil {
		u.ShowLink(u.link())
	}
}

// link is where set-up begins. The caller holds the lock.
func (u *Setup) link() string { return u.PublicURL + Path + "?token=" + u.token }

// admits tells whether the token is that of the link which was logged last.
func (u *Setup) admits(token string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	same := subtle.ConstantTimeCompare([]byte(token), []byte(u.token)) == 1
	return same && token != "" && !u.done && u.Now().Before(u.expires)
}

// begin makes the state that GitHub hands back with the App's code. Its hash is what
// is kept and compared, so that the time of a comparison tells nothing.
func (u *Setup) begin(org string) string {
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
	u.states[sha256.Sum256([]byte(state))] = started{org: org, at: u.Now()}
	return state
}

// take gives what was begun with the state, which is worth nothing afterwards.
func (u *Setup) take(state string) (started, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	key := sha256.Sum256([]byte(state))
	s, ok := u.states[key]
	delete(u.states, key)
	return s, ok && u.Now().Before(s.at.Add(stateLife))
}

func (u *Setup) finished() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.done
}

// finish closes set-up for good.
func (u *Setup) finish() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.done, u.token = true, ""
	clear(u.states)
	u.timer.Stop()
}

// withApp is the configuration as it is in memory, with the new App.
func (u *Setup) withApp(n newAppKeys) *config.Config {
	c := *u.Config
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
func (u *Setup) reload(n newAppKeys) (*config.Config, string) {
	if u.Reload == nil {
		return nil, "the server does not know how to read it"
	}
	c, err := u.Reload()
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
func (u *Setup) organizations() []string {
	var names []string
	for _, o := range u.Config.Organizations() {
		names = append(names, o.Org)
	}
	return names
}

// knows tells whether the organization may own the App: one that is configured, or
// any where none is.
func (u *Setup) knows(org string) bool {
	names := u.organizations()
	for _, name := range names {
		if strings.EqualFold(name, org) {
			return true
		}
	}
	return len(names) == 0 && orgName.MatchString(org)
}
