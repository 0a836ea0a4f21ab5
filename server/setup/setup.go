// Package setup creates the GitHub App of a server that has none, with an App manifest.
package setup

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

const (
	// Path is the address of the setup page.
	Path = "/setup"
	// CallbackPath is the address to which GitHub redirects after it created the App.
	CallbackPath = Path + "/callback"

	// linkLife is how long a link to the page is valid.
	linkLife = time.Hour
	// stateLife is how long the user may take to create the App on GitHub.
	stateLife = time.Hour
	// maxStates bounds the memory that reloading the page can use.
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
			Title: "Setup is closed", Home: true,
			Lead: "A GitHub App is configured already. To change it, edit the server's configuration.",
			Notes: []string{"A new App must be installed on all repositories: an owner does that in the organization's settings, " +
				"under GitHub Apps. Then run actions-runner-manager doctor on the server's machine. It lists anything missing and links to the page where you can fix it."},
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

// A Setup gives a server its App, once. Only a caller with the token from the link in the
// log may do it, so that nobody else can take over a server that was just deployed.
type Setup struct {
	Options
	look *look

	// finishing is held while an App is created, so that only one of two browsers succeeds.
	finishing sync.Mutex

	mu      sync.Mutex
	token   string
	expires time.Time
	timer   *time.Timer
	states  map[[sha256.Size]byte]attempt // by the hash of the state
	done    bool
}

// An attempt is a form that may have been sent to GitHub.
type attempt struct {
	org string
	at  time.Time
}

// New returns the setup of a server that has no App.
func New(o Options) (*Setup, error) {
	look, err := newLook(o.Config.GitHub.URL)
	if err != nil {
		return nil, err
	}
	return &Setup{Options: o, look: look, states: map[[sha256.Size]byte]attempt{}}, nil
}

// RenewLink replaces the token, which invalidates the old one, and logs the link without a
// level, so that no configuration hides it. It does so again every hour.
func (u *Setup) RenewLink() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done || u.Stopping() {
		return
	}
	u.token, u.expires = rand.Text(), u.Now().Add(linkLife)
	u.timer = time.AfterFunc(linkLife, u.RenewLink)
	u.Log.Log().Str("link", u.link()).Time("expires", u.expires).
		Msg("no GitHub App is configured yet: open this link to set one up; it is valid for an hour")
	if u.ShowLink != nil {
		u.ShowLink(u.link())
	}
}

// link returns the address at which setup starts. The caller holds the lock.
func (u *Setup) link() string { return u.PublicURL + Path + "?token=" + u.token }

// validToken reports whether the token is from the newest link.
func (u *Setup) validToken(token string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	same := subtle.ConstantTimeCompare([]byte(token), []byte(u.token)) == 1
	return same && token != "" && !u.done && u.Now().Before(u.expires)
}

// newAttempt returns the state that GitHub returns with the App's code. Only its hash is
// kept and compared, so that the time of a comparison reveals nothing.
func (u *Setup) newAttempt(org string) string {
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
	u.states[sha256.Sum256([]byte(state))] = attempt{org: org, at: u.Now()}
	return state
}

// takeAttempt returns the attempt with the state, which cannot be used again.
func (u *Setup) takeAttempt(state string) (attempt, bool) {
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

// finish closes setup until the next start.
func (u *Setup) finish() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.done, u.token = true, ""
	clear(u.states)
	u.timer.Stop()
}

// withApp returns the configuration in memory with the new App added.
func (u *Setup) withApp(n newAppKeys) *config.Config {
	c := *u.Config
	c.AppID, c.PrivateKey = n.id, secret.New(n.pem)
	c.ClientID, c.ClientSecret = n.clientID, secret.New(n.clientSecret)
	if n.webhookSecret != "" {
		c.GitHub.WebhookSecrets = []secret.Text{secret.New(n.webhookSecret)}
	}
	if n.org != "" {
		c.Org = n.org
	}
	return &c
}

// reload reads the configuration again. It returns a reason instead if what was written is
// not in effect, for example because the environment overrides it.
func (u *Setup) reload(n newAppKeys) (*config.Config, string) {
	if u.Reload == nil {
		return nil, "the server cannot read it again"
	}
	c, err := u.Reload()
	if err != nil {
		return nil, err.Error()
	}
	var overridden []string
	differs := func(is bool, variable string) {
		if is {
			overridden = append(overridden, variable)
		}
	}
	differs(c.AppID != n.id, "ARM_APP_ID")
	differs(n.clientID != "" && c.ClientID != n.clientID, "ARM_CLIENT_ID")
	differs(n.clientSecret != "" && c.ClientSecret.Reveal() != n.clientSecret, "ARM_CLIENT_SECRET")
	differs(c.Key() == nil || !c.Key().Equal(u.withApp(n).Key()), "ARM_PRIVATE_KEY")
	differs(n.webhookSecret != "" && !slices.ContainsFunc(c.GitHub.WebhookSecrets, func(s secret.Text) bool { return s.Reveal() == n.webhookSecret }), "ARM_GITHUB_WEBHOOK_SECRET")
	if len(overridden) > 0 {
		return nil, "environment variables override it: unset " + strings.Join(overridden, ", ") + ", or set them to the values below"
	}
	return c, ""
}

// organizations returns the configured names, one of which will own the App.
func (u *Setup) organizations() []string {
	var names []string
	for _, o := range u.Config.Organizations() {
		names = append(names, o.Org)
	}
	return names
}

// allowed reports whether the organization may own the App: it must be configured, unless
// none is.
func (u *Setup) allowed(org string) bool {
	names := u.organizations()
	for _, name := range names {
		if strings.EqualFold(name, org) {
			return true
		}
	}
	return len(names) == 0 && orgName.MatchString(org)
}
