package rest

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
	"github.com/actions-runner-manager/actions-runner-manager/internal/oidc"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/rs/zerolog"
	"golang.org/x/sync/singleflight"
)

// ErrBadToken is what [Users] returns for a token that GitHub refuses.
var ErrBadToken = errors.New("GitHub refuses the token")

// A RefusedTokenError is [ErrBadToken] with GitHub's reason.
type RefusedTokenError struct {
	Message string // GitHub's own sentence; may be empty
	// Forbidden is set if the token is good, but may not be used: an IP allow list, single
	// sign-on, a suspended account.
	Forbidden bool
	// Link is a page of GitHub's on which the token's owner can allow it; may be empty. It
	// must be known to be GitHub's.
	Link  string
	Cause error // for the log only
}

// Error implements [error].
func (e *RefusedTokenError) Error() string { return ErrBadToken.Error() + ": " + e.Message }

// Unwrap returns [ErrBadToken] and the cause.
func (e *RefusedTokenError) Unwrap() []error { return []error{ErrBadToken, e.Cause} }

// A User is who a token belongs to, as GitHub's GET /user answered.
type User struct {
	ID    int64
	Login string
	Type  string // "User", "Bot"
	// OAuthClientID is the X-OAuth-Client-Id of the same answer; "" for what is
	// no OAuth token.
	OAuthClientID string
}

// Users reports who a token belongs to, and [ErrBadToken] if GitHub refuses it (401,
// or 403 for a suspended user); any other error is passed on to the caller.
type Users interface {
	User(ctx context.Context, token string) (User, error)
}

// Workflows verifies the tokens of jobs of GitHub Actions: [oidc.Verifier].
type Workflows interface {
	// Verify fails with an [*oidc.RefusedError] or an [*oidc.KeysError].
	Verify(ctx context.Context, token string) (oidc.Claims, error)
}

// IdentityOptions is what an [Identity] is made of.
type IdentityOptions struct {
	Users Users
	// Workflows is nil if jobs cannot be verified here.
	Workflows    Workflows
	OAuthClients []string // the client ids of OAuth apps whose tokens are taken
	// UnknownTokenRate is how many new tokens one address may try per minute; 30 if 0.
	UnknownTokenRate int
	Clock            func() time.Time // time.Now if nil
	Logger           zerolog.Logger
}

const (
	// allAddresses is how many times the new tokens of one address all addresses together
	// may have refused by GitHub per minute: they come to GitHub from one address, ours.
	allAddresses = 10

	verdictLife  = time.Minute    // how long GitHub's answer about a token counts
	acceptedLife = 24 * time.Hour // how long a token that was good is no new one
	askTimeout   = 20 * time.Second

	// What is remembered, at most: some 2 MB when full.
	maxAccepted = 4_096
	maxRefused  = 16_384
)

// An Identity proves who sends a request by their GitHub token. Tokens are kept
// only as hashes, with a salt of this process, and only in memory.
type Identity struct {
	IdentityOptions
	salt     []byte
	verdicts *lru.Cache[tokenKey, verdict]   // of tokens that GitHub took
	refusals *lru.Cache[tokenKey, verdict]   // apart, so that guesses drive out nobody
	accepted *lru.Cache[tokenKey, time.Time] // when a token was last taken
	attempts *handlers.Attempts
	failures *handlers.Attempts // that GitHub refused, of all addresses
	asking   singleflight.Group
}

// A tokenKey is the salted hash of a token.
type tokenKey [sha256.Size]byte

func (k tokenKey) attempt() handlers.AttemptKey { return handlers.AttemptKey(k[:8]) }

// A verdict is what became of a token.
type verdict struct {
	caller  dispatch.Principal
	refusal error
	until   time.Time
}

// NewIdentity returns an Identity that asks o.Users about tokens.
func NewIdentity(o IdentityOptions) *Identity {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.UnknownTokenRate <= 0 {
		o.UnknownTokenRate = 30
	}
	salt := make([]byte, sha256.Size)
	rand.Read(salt)
	return &Identity{
		IdentityOptions: o,
		salt:            salt,
		verdicts:        newLRU[tokenKey, verdict](maxAccepted),
		refusals:        newLRU[tokenKey, verdict](maxRefused),
		accepted:        newLRU[tokenKey, time.Time](maxRefused),
		attempts:        handlers.NewAttempts(o.UnknownTokenRate),
		failures:        handlers.NewAttempts(allAddresses * o.UnknownTokenRate),
	}
}

// newLRU returns a cache; size is a constant above 0, which is all that could be wrong.
func newLRU[K comparable, V any](size int) *lru.Cache[K, V] {
	cache, err := lru.New[K, V](size)
	if err != nil {
		panic(err)
	}
	return cache
}

// Authenticate returns who sent a request, by the values of its Authorization
// header. GitHub is asked if the token is not known, and only so often for an address.
func (i *Identity) Authenticate(ctx context.Context, authorization []string, from netip.Addr) (dispatch.Principal, error) {
	token, err := tokenOf(authorization)
	if err != nil {
		return dispatch.Principal{}, err
	}
	if oidc.IsToken(token) {
		return i.workflow(ctx, token)
	}
	key := i.keyOf(token)
	if v, ok := i.known(key); ok {
		return v.caller, v.refusal
	}
	if at, ok := i.accepted.Get(key); !ok || i.Clock().Sub(at) > acceptedLife {
		if wait := i.failures.Wait(netip.Addr{}, i.Clock()); wait > 0 {
			refusal := dispatch.Refuse(dispatch.ReasonRateLimited,
				"Too many bad tokens were tried here. Tokens that worked here lately still do; try a new one in %s.", (wait + time.Second - 1).Truncate(time.Second))
			refusal.RetryAfter = wait
			return dispatch.Principal{}, refusal
		}
		if wait := i.attempts.Add(from, key.attempt(), i.Clock()); wait > 0 {
			refusal := dispatch.Refuse(dispatch.ReasonRateLimited,
				"Too many new tokens were tried from this address. Tokens that worked here lately still do; try a new one in %s.", (wait + time.Second - 1).Truncate(time.Second))
			refusal.RetryAfter = wait
			return dispatch.Principal{}, refusal
		}
	}
	// Many requests with one token ask once, and none is lost with the first caller's connection.
	answer, err, _ := i.asking.Do(string(key[:]), func() (any, error) {
		if v, ok := i.known(key); ok {
			return v, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
		return i.ask(ctx, token, key)
	})
	if err != nil {
		return dispatch.Principal{}, err
	}
	v, _ := answer.(verdict)
	return v.caller, v.refusal
}

// workflow returns the job of GitHub Actions that a token belongs to. GitHub is asked for
// nothing but the keys of its tokens.
func (i *Identity) workflow(ctx context.Context, token string) (dispatch.Principal, error) {
	if i.Workflows == nil {
		return dispatch.Principal{}, badToken("This is a JSON Web Token, not a token of GitHub's.")
	}
	claims, err := i.Workflows.Verify(ctx, token)
	var refused *oidc.RefusedError
	var keys *oidc.KeysError
	switch {
	case err == nil:
		return dispatch.Principal{Login: claims.Name(), Workflow: &claims}, nil
	case errors.As(err, &refused):
		refusal := dispatch.Refuse(dispatch.ReasonBadToken, "%s", refused.Message)
		refusal.Cause = refused.Cause
		return dispatch.Principal{}, refusal
	case errors.As(err, &keys):
		return dispatch.Principal{}, &dispatch.Error{
			Reason: dispatch.ReasonGitHubError, Code: http.StatusServiceUnavailable, RetryAfter: keys.RetryAfter, Cause: keys,
			Message: "The issuer of workflows' tokens, " + keys.Issuer + ", does not give the keys by which this one can be verified. Try again when Retry-After is over.",
		}
	}
	return dispatch.Principal{}, err
}

// known returns the verdict about a token while it counts.
func (i *Identity) known(key tokenKey) (verdict, bool) {
	for _, cache := range []*lru.Cache[tokenKey, verdict]{i.verdicts, i.refusals} {
		if v, ok := cache.Get(key); ok && i.Clock().Before(v.until) {
			return v, true
		}
	}
	return verdict{}, false
}

// ask asks GitHub whose token it is, and keeps the verdict. If GitHub fails
// there is none.
func (i *Identity) ask(ctx context.Context, token string, key tokenKey) (verdict, error) {
	user, err := i.Users.User(ctx, token)
	unknown := errors.Is(err, ErrBadToken)
	now := i.Clock()
	if err != nil && !unknown {
		err = githubFailed(err)
		if wait := dispatch.AsError(err).RetryAfter; wait > 0 { // until then, GitHub answers nothing else
			i.refusals.Add(key, verdict{refusal: err, until: now.Add(min(wait, verdictLife))})
		}
		return verdict{}, err
	}
	v := verdict{until: now.Add(verdictLife), refusal: i.refuseUser(user, token)}
	if unknown {
		v.refusal = refusedByGitHub(err)
	}
	if v.refusal != nil {
		i.verdicts.Remove(key)
		i.refusals.Add(key, v)
		i.failures.Add(netip.Addr{}, key.attempt(), now)
		return v, nil //nolint:nilerr // that GitHub refuses the token is the verdict
	}
	v.caller = dispatch.Principal{ID: user.ID, Login: user.Login}
	i.refusals.Remove(key)
	i.verdicts.Add(key, v)
	i.accepted.Add(key, now)
	return v, nil
}

// refuseUser says what speaks against a token that GitHub takes; nil is nothing.
func (i *Identity) refuseUser(user User, token string) error {
	switch {
	case user.ID <= 0 || user.Login == "":
		return badToken("GitHub does not say which person this token belongs to.")
	case strings.EqualFold(user.Type, "Bot"):
		return badToken("This token belongs to a bot.")
	case isPersonal(token):
		return nil
	case user.OAuthClientID == "" && !strings.HasPrefix(token, prefixOAuth):
		return nil // from before tokens had prefixes
	case !slices.Contains(i.OAuthClients, user.OAuthClientID):
		return badToken("This is a token of an OAuth app that this server does not take.")
	}
	return nil
}

// refusedByGitHub says why GitHub refuses a token, in GitHub's words if it gave any. Another
// token helps only if this one is not good.
func refusedByGitHub(err error) *dispatch.Error {
	var refused *RefusedTokenError
	if !errors.As(err, &refused) || !refused.Forbidden {
		return badToken("GitHub does not accept this token: it is mistyped, expired or revoked.")
	}
	sentence, lower := "", strings.ToLower(refused.Message)
	if refused.Message != "" {
		sentence = " GitHub says: " + dispatch.QuoteSentence(refused.Message)
	}
	var text string
	switch {
	case refused.Link != "":
		text = "Your organization wants single sign-on for this token." + sentence + " Authorize it at " + refused.Link + " and try again in a minute."
	case strings.Contains(lower, "saml"):
		text = "Your organization wants single sign-on for this token." + sentence + " Authorize it on GitHub's page of your tokens (Configure SSO) and try again in a minute."
	case strings.Contains(lower, "ip allow list"):
		text = "An IP allow list keeps this server from using your token." + sentence + " An owner can add the server's address to the allow list."
	case strings.Contains(lower, "suspended"):
		text = "The account of this token is suspended." + sentence
	default:
		text = "GitHub does not let this server use your token." + sentence
	}
	return dispatch.Refuse(dispatch.ReasonBadToken, "%s", text)
}

// githubFailed puts err into the caller's terms if it is not in them yet.
func githubFailed(err error) error {
	var known *dispatch.Error
	if errors.As(err, &known) || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	timeout := dispatch.Refuse(dispatch.ReasonGitHubTimeout, "GitHub did not say in time whose token this is. Try again.")
	timeout.Cause = err
	return timeout
}

func (i *Identity) keyOf(token string) tokenKey {
	mac := hmac.New(sha256.New, i.salt)
	mac.Write([]byte(token))
	return tokenKey(mac.Sum(nil))
}
