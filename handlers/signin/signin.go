// Package signin signs people in to the console with their GitHub accounts, by the web flow of
// the GitHub App, and keeps their sessions.
//
// A session says who a browser belongs to, and nothing of what they may do.
package signin

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/rs/zerolog"
	"golang.org/x/oauth2"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/pages"
	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// The paths of the console that are served here.
const (
	Path         = "/console/signin"
	CallbackPath = "/console/callback" // GitHub leads back to it: a callback URL of the App
	SignOutPath  = "/console/signout"

	consolePath = "/console"
)

// GitHub is what is asked of GitHub's API. Errors are for the person: see [dispatch.AsError].
type GitHub interface {
	// User returns the person that a user token of the App belongs to.
	User(ctx context.Context, token string) (dispatch.Principal, error)
	// Member refuses a person who is no active member of an organization that is served.
	Member(ctx context.Context, person dispatch.Principal) error
}

// Store keeps the sessions: [store.Store].
type Store interface {
	Now() time.Time
	AddSession(ctx context.Context, n store.Session) error
	Session(ctx context.Context, token string) ([]byte, error)
	SetSessionData(ctx context.Context, token string, data []byte) error
	EndSession(ctx context.Context, token string) error
	EndSessionsOf(ctx context.Context, userID int64) error
}

// Options is what a [SignIn] is made of.
type Options struct {
	ClientID     string // of the GitHub App
	ClientSecret secret.Text
	GitHubURL    string // of GitHub's pages, without a slash at its end
	PublicURL    string // of this server, without a slash at its end
	GitHub       GitHub
	Store        Store
	Client       *http.Client  // exchanges codes for tokens; http.DefaultClient if nil
	TTL          time.Duration // of a session, from the sign-in on
	// Rate is how many sign-ins an address may begin per minute, and how many codes it may bring.
	Rate    int
	Proxies []netip.Prefix   // whose X-Forwarded-For is believed
	Clock   func() time.Time // time.Now if nil
	Logger  zerolog.Logger
}

// A SignIn knows who a browser belongs to.
type SignIn struct {
	Options
	oauth    oauth2.Config
	sessions *scs.SessionManager
	begun    *handlers.Attempts
	returned *handlers.Attempts
	secure   bool
}

// New returns a SignIn for one GitHub App.
func New(o Options) *SignIn {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	s := &SignIn{
		Options: o, secure: strings.HasPrefix(o.PublicURL, "https://"),
		begun: handlers.NewAttempts(o.Rate), returned: handlers.NewAttempts(o.Rate),
		oauth: oauth2.Config{
			ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(), RedirectURL: o.PublicURL + CallbackPath,
			Endpoint: Endpoint(o.GitHubURL),
		},
	}
	client := http.Client{}
	if o.Client != nil {
		client = *o.Client
	}
	// The App's secret goes nowhere else.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.Client = &client
	s.sessions = newSessions(o, s.cookieName("session"), s.secure)
	return s
}

// Endpoint returns where the web flow of Apps is on the GitHub with these pages.
func Endpoint(githubURL string) oauth2.Endpoint {
	return oauth2.Endpoint{
		AuthURL: githubURL + "/login/oauth/authorize", TokenURL: githubURL + "/login/oauth/access_token", AuthStyle: oauth2.AuthStyleInParams,
	}
}

// Handler serves what signs people in and out, and passes everything else to console, which
// [SignIn.Require] is up to. Requests that other sites have a browser send are refused if they
// could change something.
func (s *SignIn) Handler(console http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path, s.begin)
	mux.HandleFunc("GET "+CallbackPath, s.callback)
	mux.HandleFunc("POST "+SignOutPath, s.signOut)
	for _, path := range []string{Path, CallbackPath, SignOutPath} {
		mux.HandleFunc(path, s.wrongMethod)
	}
	mux.Handle("/", console)
	protection := http.NewCrossOriginProtection()
	if err := protection.AddTrustedOrigin(s.PublicURL); err != nil {
		s.Logger.Warn().Err(err).Msg("server.publicURL is no origin, so forms of the console work only if the Host header is the browser's")
	}
	protection.SetDenyHandler(http.HandlerFunc(s.crossOrigin))
	protected := protection.Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pages.SetPolicy(w.Header()) // redirects and errors too
		w.Header().Set("Cache-Control", "no-store")
		protected.ServeHTTP(w, r)
	})
}

// cookieName is the name of a cookie that no other host, and no page over plain HTTP, can set, if
// the server is reached by https.
func (s *SignIn) cookieName(name string) string {
	if s.secure {
		return "__Host-arm-" + name
	}
	return "arm-" + name
}
