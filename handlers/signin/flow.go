package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
)

const (
	// flowLife is how long somebody may take on GitHub's page; GitHub's code lasts as long.
	flowLife = 10 * time.Minute
	// exchangeTimeout bounds all that GitHub is asked at the callback.
	exchangeTimeout = 15 * time.Second
	maxCode         = 200
)

// A flow is a sign-in that was begun. The browser keeps it in a cookie, so beginning one costs
// the server nothing.
type flow struct {
	state    string
	verifier string // of PKCE
	back     string // the path that the browser wanted
}

// encode returns the value of the flow's cookie; none of its parts has a blank in it.
func (f flow) encode() string { return f.state + "." + f.verifier + "." + encodePath(f.back) }

// flowOf reads the flow of the request's browser.
func (s *SignIn) flowOf(r *http.Request) (flow, bool) {
	parts := strings.Split(cookieValue(r, s.cookieName("signin")), ".")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" {
		return flow{}, false
	}
	return flow{state: parts[0], verifier: parts[1], back: safePath(decodePath(parts[2]))}, true
}

// setFlow sets the flow's cookie, or removes it if value is empty. It is Lax, because GitHub's
// redirect to the callback comes from another site.
func (s *SignIn) setFlow(w http.ResponseWriter, value string) {
	age := int(flowLife.Seconds())
	if value == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure follows the address by which browsers reach the server
		Name: s.cookieName("signin"), Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
}

// begin sends the browser to GitHub.
func (s *SignIn) begin(w http.ResponseWriter, r *http.Request) {
	if !s.allowed(w, r, s.begun) {
		return
	}
	f := flow{state: rand.Text(), verifier: oauth2.GenerateVerifier(), back: safePath(r.URL.Query().Get(returnParam))}
	s.setFlow(w, f.encode())
	redirect(w, s.oauth.AuthCodeURL(f.state, oauth2.S256ChallengeOption(f.verifier)))
}

// allowed counts the request among those of its address, and refuses it if they are too many.
func (s *SignIn) allowed(w http.ResponseWriter, r *http.Request, limit *handlers.Attempts) bool {
	var key handlers.AttemptKey
	_, _ = rand.Read(key[:]) // never fails
	wait := limit.Add(handlers.ClientAddress(r, s.Proxies), key, s.Clock())
	if wait <= 0 {
		return true
	}
	refusal := dispatch.Refuse(dispatch.ReasonRateLimited,
		"Too many sign-ins were begun from this address. Try again in %s.", (wait + time.Second - 1).Truncate(time.Second))
	refusal.RetryAfter = wait
	s.fail(w, r, refusal)
	return false
}

// callback is where GitHub sends the browser back to, with a code or an error.
func (s *SignIn) callback(w http.ResponseWriter, r *http.Request) {
	if !s.allowed(w, r, s.returned) {
		return
	}
	f, begun := s.flowOf(r)
	q := r.URL.Query()
	if !begun || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(f.state)) == 0 {
		// The cookie stays: the address may have been a stranger's, while a sign-in goes on.
		refuse(w, f.back, "This sign-in was not begun in this browser, or it took longer than 10 minutes, or another one was begun since. Begin again.")
		return
	}
	s.setFlow(w, "")
	person, err := s.identify(r, f)
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		refuse(w, f.back, refused.message)
		return
	case err == nil:
		err = dispatch.StoreError(s.establish(w, r, person))
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.Logger.Info().Str("caller", person.Login).Int64("caller_id", person.ID).
		Stringer("client", handlers.ClientAddress(r, s.Proxies)).Msg("signed in to the console")
	redirect(w, f.back)
}

// A refusal is why a sign-in fails that the person can begin again.
type refusal struct{ message string }

func (r *refusal) Error() string { return r.message }

// identify returns who GitHub says the browser's person is, if they may use the console. Their token is
// used for GET /user, and then dropped.
func (s *SignIn) identify(r *http.Request, f flow) (dispatch.Principal, error) {
	q := r.URL.Query()
	code := q.Get("code")
	switch {
	case q.Get("error") != "":
		return dispatch.Principal{}, s.flowRefused(q.Get("error"), nil)
	case code == "" || len(code) > maxCode:
		return dispatch.Principal{}, &refusal{"GitHub sent no code that says who you are. Begin again."}
	}
	ctx, cancel := context.WithTimeout(r.Context(), exchangeTimeout)
	defer cancel()
	token, err := s.oauth.Exchange(context.WithValue(ctx, oauth2.HTTPClient, s.Client), code, oauth2.VerifierOption(f.verifier))
	if err != nil {
		return dispatch.Principal{}, s.exchangeFailed(err)
	}
	person, err := s.GitHub.User(ctx, token.AccessToken)
	if err == nil {
		err = s.GitHub.Member(ctx, person)
	}
	if err != nil {
		return dispatch.Principal{}, err
	}
	return person, nil
}

// BadClient is GitHub's error for a client id or secret that is not the App's.
const BadClient = "incorrect_client_credentials"

// errorShape is what GitHub's error codes look like. What else comes in an address is not shown.
var errorShape = regexp.MustCompile(`^[a-z_]{1,60}$`)

// flowRefused turns an error code of GitHub's into what to do about it.
// https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-authorization-request-errors
func (s *SignIn) flowRefused(code string, cause error) error {
	if !errorShape.MatchString(code) {
		code = "unknown"
	}
	message := "GitHub ended the sign-in (" + code + "). Begin again."
	event := s.Logger.Info()
	switch code {
	case "access_denied":
		message = "You did not allow the GitHub App to know who you are. The console needs that, and nothing else. Begin again if you want to use it."
	case "bad_verification_code":
		message = "GitHub says that the code of this sign-in is wrong, was used already, or is too old. Begin again."
	case "redirect_uri_mismatch":
		event = s.Logger.Error().Str("remedy", "add "+s.oauth.RedirectURL+" to the callback URLs in the GitHub App's settings")
		message = "The GitHub App does not know this server's address. Its operator adds " + s.oauth.RedirectURL + " to the callback URLs in the App's settings."
	case BadClient:
		event = s.Logger.Error().Str("remedy", "make a new client secret in the GitHub App's settings and set clientSecret to it")
		message = "GitHub refuses this server's client secret. Its operator makes a new one in the App's settings and sets clientSecret to it."
	case "application_suspended":
		event = s.Logger.Error()
		message = "GitHub has suspended the GitHub App. Its owner has to contact GitHub Support."
	}
	event.Str("error", code).AnErr("cause", cause).Msg("a sign-in to the console failed")
	return &refusal{message}
}

// exchangeFailed says why there is no token. The answer itself is not logged.
func (s *SignIn) exchangeFailed(err error) error {
	var answer *oauth2.RetrieveError
	var late interface{ Timeout() bool }
	out := dispatch.Refuse(dispatch.ReasonGitHubError, "GitHub does not answer, so nobody can sign in at the moment. Try again in a minute.")
	switch {
	case errors.As(err, &answer) && answer.ErrorCode != "":
		return s.flowRefused(answer.ErrorCode, nil)
	case errors.As(err, &answer):
		out.Cause = errors.New("GitHub answered " + answer.Response.Status + " to the code of a sign-in")
	case errors.As(err, &late) && late.Timeout():
		out = dispatch.Refuse(dispatch.ReasonGitHubTimeout, "GitHub did not answer in time, so you are not signed in. Try again in a minute.")
		out.Cause = err
	default:
		out.Cause = err
	}
	return out
}
