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
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
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

// Closed returns the handler of [Path] for a server that had an App when it started.
func Closed(c *config.Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		show(w, http.StatusForbidden, closedView(c))
	})
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
	// Check makes these checks of the organization by the App that the server has by now.
	// With refresh, what is known of the App's installation is asked again.
	Check func(ctx context.Context, org string, app github.AppInfo, refresh bool, names ...string) []doctor.Check
}

// A Setup gives a server its App, once. Only a caller with the token from the link in the
// log may do it, so that nobody else can take over a server that was just deployed. Then it
// follows what remains to do, for the browser that created the App.
type Setup struct {
	Options

	// finishing is held while an App is created, so that only one of two browsers succeeds.
	finishing sync.Mutex

	mu      sync.Mutex
	token   string
	expires time.Time
	timer   *time.Timer
	states  map[[sha256.Size]byte]attempt // by the hash of the state
	done    bool
	session *session // of the browser that created the App; nil before, and after an hour
}

// An attempt is a form that may have been sent to GitHub.
type attempt struct {
	org string
	at  time.Time
}

// New returns the setup of a server that has no App.
func New(o Options) *Setup {
	return &Setup{Options: o, states: map[[sha256.Size]byte]attempt{}}
}

// ServeHTTP serves [Path] and what is below it.
func (u *Setup) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page := u.page
	methods := []string{"GET", "HEAD"}
	switch r.URL.Path {
	case CallbackPath:
		page, methods = u.callback, methods[:1]
	case savedPath:
		page, methods = u.saved, []string{"POST"}
	case filePath, environmentPath:
		page = u.download
	}
	if !slices.Contains(methods, r.Method) {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		show(w, http.StatusMethodNotAllowed, view{Title: "Method not allowed", Lead: "Open this page in a browser."})
		return
	}
	page(w, r)
}

// Close erases what is only in memory. No link is logged any more.
func (u *Setup) Close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.done, u.token = true, ""
	if u.timer != nil {
		u.timer.Stop()
	}
	u.endSession()
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
