// Package oidc verifies the OpenID Connect tokens that GitHub gives to the jobs of its
// Actions, and compares them with the trusts of teams.
// https://docs.github.com/en/actions/reference/security/oidc
package oidc

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Leeway is by how much the clocks of GitHub and of this server may differ.
const Leeway = time.Minute

const (
	// maxToken bounds a token, in bytes: GitHub's have about 2,000.
	maxToken = 16 << 10
	// maxQuoted bounds what a refusal repeats of a token, in bytes.
	maxQuoted = 200
)

// Options configure a [Verifier].
type Options struct {
	Issuer   string           // as tokens name it, without a slash at its end
	Audience string           // for whom tokens must be made: the address of this server
	Client   *http.Client     // asks the issuer for its keys; http.DefaultClient if nil
	Clock    func() time.Time // time.Now if nil
}

// A Verifier verifies tokens. Its methods may be called concurrently.
type Verifier struct {
	issuer, audience string
	now              func() time.Time
	keys             *keySet
}

// New returns a verifier of the issuer's tokens. It asks nothing of the issuer yet. It fails
// if the issuer's address is neither https nor on loopback.
func New(o Options) (*Verifier, error) {
	if !isSafe(o.Issuer) {
		return nil, fmt.Errorf("the issuer %s of workflows' tokens is not at an https address", o.Issuer)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	return &Verifier{issuer: o.Issuer, audience: o.Audience, now: o.Clock, keys: newKeySet(o.Issuer, o.Client, o.Clock)}, nil
}

// isSafe reports whether nobody on the way can change what comes from the address.
func isSafe(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// shape is the compact form of a JSON Web Token. Its header starts with {" in base64. GitHub's
// other tokens have no dots.
var shape = regexp.MustCompile(`^eyJ[\w-]*\.[\w-]+\.[\w-]*$`)

// IsToken reports whether text has the form of a JSON Web Token. It is not verified.
func IsToken(text string) bool { return shape.MatchString(text) }

// A RefusedError says which check a token did not pass.
type RefusedError struct {
	Message string // a sentence
	Cause   error  // for the log; may be nil
}

// Error implements [error].
func (e *RefusedError) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Cause }

func refuse(format string, args ...any) error {
	return &RefusedError{Message: fmt.Sprintf(format, args...)}
}

// Issuer returns the address of the issuer.
func (v *Verifier) Issuer() string { return v.issuer }

// Audience returns for whom tokens must be made.
func (v *Verifier) Audience() string { return v.audience }

// Check reads the issuer's keys again, and returns why it cannot.
func (v *Verifier) Check(ctx context.Context) error { return v.keys.read(ctx) }

// Verify returns the claims of a token if GitHub made it for this server and it is valid now.
// It fails with a [*RefusedError] if not, and with a [*KeysError] if the issuer does not give
// the key that the token is signed with. What can be refused without the issuer's keys costs
// no request.
func (v *Verifier) Verify(ctx context.Context, token string) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, refuse("This JSON Web Token is longer than any that GitHub Actions gives out.")
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	var algorithm *jose.ErrUnexpectedSignatureAlgorithm
	switch {
	case errors.As(err, &algorithm):
		return Claims{}, refuse("This JSON Web Token is signed with the algorithm %s. Only RS256 is accepted.", quote(string(algorithm.Got)))
	case err != nil:
		return Claims{}, &RefusedError{Message: "This JSON Web Token is malformed.", Cause: err}
	}
	payload := signed.UnsafePayloadWithoutVerification()
	if err := v.checkContent(payload); err != nil {
		return Claims{}, err
	}
	key, err := v.keys.key(ctx, signed.Signatures[0].Header.KeyID)
	if err != nil {
		return Claims{}, err
	}
	verifier := oidc.NewVerifier(v.issuer, signature{signed, key},
		&oidc.Config{ClientID: v.audience, SupportedSigningAlgs: []string{oidc.RS256}, SkipExpiryCheck: true}) // its leeway is another
	if _, err := verifier.Verify(ctx, token); err != nil {
		return Claims{}, &RefusedError{Message: "The signature of this JSON Web Token is wrong: it was changed, or GitHub did not make it.", Cause: err}
	}
	return parseClaims(payload)
}

// A signature is a parsed token with the key that must have signed it. It implements go-oidc's
// KeySet: its own static one parses the token again, which is a third of the whole cost.
type signature struct {
	token *jose.JSONWebSignature
	key   *rsa.PublicKey
}

// VerifySignature implements [oidc.KeySet].
func (s signature) VerifySignature(context.Context, string) ([]byte, error) {
	return s.token.Verify(s.key)
}

// checkContent checks what a token says of itself: issuer, audience and times.
func (v *Verifier) checkContent(payload []byte) error {
	var claims jwt.Claims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return &RefusedError{Message: "The claims of this JSON Web Token are malformed.", Cause: err}
	}
	now := v.now()
	switch err := claims.ValidateWithLeeway(jwt.Expected{Issuer: v.issuer, AnyAudience: jwt.Audience{v.audience}, Time: now}, Leeway); {
	case errors.Is(err, jwt.ErrInvalidIssuer):
		return refuse("The issuer of this JSON Web Token is %s, not %s.", quote(claims.Issuer), quote(v.issuer))
	case errors.Is(err, jwt.ErrInvalidAudience), err == nil && len(claims.Audience) != 1:
		return refuse("This JSON Web Token is for the audience %s, not for %s only. Request it with that audience, which is the input `server` of the Action.", quote(fmt.Sprintf("%.*q", maxQuoted, []string(claims.Audience))), quote(v.audience))
	case claims.Expiry == nil, claims.IssuedAt == nil:
		return refuse("This JSON Web Token does not say when it was issued and when it expires.")
	case errors.Is(err, jwt.ErrExpired):
		return refuse("This JSON Web Token expired at %s, and it is %s. Request a new one for each call.", clock(claims.Expiry), now.UTC().Format(time.RFC3339))
	case errors.Is(err, jwt.ErrNotValidYet):
		return refuse("This JSON Web Token is not valid before %s, and it is %s by this server's clock.", clock(claims.NotBefore), now.UTC().Format(time.RFC3339))
	case errors.Is(err, jwt.ErrIssuedInTheFuture):
		return refuse("This JSON Web Token was issued in the future: at %s, and it is %s by this server's clock.", clock(claims.IssuedAt), now.UTC().Format(time.RFC3339))
	case err != nil:
		return &RefusedError{Message: "This JSON Web Token is not valid.", Cause: err}
	}
	return nil
}

func clock(at *jwt.NumericDate) string { return at.Time().UTC().Format(time.RFC3339) }

// quote repeats what a token says, as code.
func quote(text string) string {
	code := make([]rune, 0, len(text))
	for _, r := range text {
		if !unicode.IsPrint(r) || r == '`' {
			r = '?'
		}
		code = append(code, r)
	}
	if len(code) > maxQuoted {
		code = append(code[:maxQuoted], '…')
	}
	return "`" + string(code) + "`"
}
