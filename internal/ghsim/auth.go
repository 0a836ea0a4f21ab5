package ghsim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

// An actor is who makes a call.
type actor struct {
	kind    string        // jwt, installation, user or none
	app     *App          // of a JWT, an installation token or a user token made by an App
	inst    *Installation // of an installation token
	scope   *instToken
	user    *User
	token   *Token
	address string
	refused *answer // the credentials are bad
}

// An instToken is an installation access token with what it was narrowed to.
type instToken struct {
	value       string
	inst        *Installation
	permissions map[string]string
	repos       []int64 // nil: all of the installation
	expires     time.Time
}

// bucket names who pays for a call, with a limit of its own, if any.
func (a actor) bucket() (key string, limit int) {
	switch {
	case a.inst != nil:
		return "installation " + strconv.FormatInt(a.inst.ID, 10), a.inst.RateLimit
	case a.app != nil && a.user == nil:
		return "app " + strconv.FormatInt(a.app.ID, 10), 0
	case a.user != nil:
		return "user " + strconv.FormatInt(a.user.ID, 10), 0
	}
	return "address " + a.address, 60
}

func (s *Server) authenticate(r *http.Request) actor {
	none := actor{kind: "none", address: r.RemoteAddr[:max(0, strings.LastIndexByte(r.RemoteAddr, ':'))]}
	header := r.Header.Get("Authorization")
	if header == "" {
		return none
	}
	refuse := func(message string) actor {
		a := failure(http.StatusUnauthorized, message, "https://docs.github.com/rest")
		none.refused = &a
		return none
	}
	scheme, value, _ := strings.Cut(header, " ")
	switch strings.ToLower(scheme) {
	case "bearer", "token":
		value = strings.TrimSpace(value)
	case "basic":
		decoded, _ := base64.StdEncoding.DecodeString(value)
		_, value, _ = strings.Cut(string(decoded), ":")
	default:
		return refuse("Bad credentials")
	}
	if strings.Count(value, ".") == 2 {
		app, message := s.checkJWT(value)
		if app == nil {
			return refuse(message)
		}
		return actor{kind: "jwt", app: app}
	}
	if t := s.instTokens[value]; t != nil && s.now().Before(t.expires) {
		if !slices.Contains(t.inst.App.Installations, t.inst) {
			return refuse("Bad credentials")
		}
		who := actor{kind: "installation", app: t.inst.App, inst: t.inst, scope: t}
		if !t.inst.SuspendedAt.IsZero() {
			a := failure(http.StatusForbidden, "This installation has been suspended", "https://docs.github.com/rest")
			who.refused = &a
		}
		return who
	}
	for _, u := range s.state.Users {
		for i := range u.Tokens {
			if t := u.Tokens[i]; t.Value != value || !t.Expires.IsZero() && !s.now().Before(t.Expires) {
				continue
			}
			who := actor{kind: "user", user: u, token: &u.Tokens[i]}
			if strings.HasPrefix(value, "ghu_") {
				who.app = find(s.state.Apps, func(a *App) bool { return a.ClientID == who.token.ClientID })
			}
			if u.Suspended {
				a := failure(http.StatusForbidden, "Sorry. Your account was suspended.", "https://docs.github.com/rest")
				who.refused = &a
			}
			return who
		}
	}
	return refuse("Bad credentials")
}

// checkJWT verifies an App's JWT as GitHub does: RS256 by the App's key, issued
// by its id or client id, at most ten minutes long, not from the future.
// https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
func (s *Server) checkJWT(token string) (app *App, message string) {
	const undecodable = "A JSON web token could not be decoded"
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		iss := fmt.Sprint(claims["iss"])
		if f, is := claims["iss"].(float64); is {
			iss = strconv.FormatInt(int64(f), 10)
		}
		app = find(s.state.Apps, func(a *App) bool { return strconv.FormatInt(a.ID, 10) == iss || a.ClientID == iss })
		if app == nil {
			return nil, errNothing
		}
		return app.keyOf(t), nil
	})
	switch {
	case errors.Is(err, errNothing):
		return nil, "Integration not found"
	case err != nil:
		return nil, undecodable
	}
	iat, iatOK := claims["iat"].(float64)
	exp, expOK := claims["exp"].(float64)
	now := float64(s.now().Unix())
	switch {
	case !expOK || exp <= now:
		return nil, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
	case exp > now+600:
		return nil, "'Expiration time' claim ('exp') is too far in the future"
	case !iatOK || iat > now:
		return nil, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
	case exp-iat > 660: // ten minutes, and the one by which clients set iat back
		return nil, "'Expiration time' claim ('exp') is too far in the future"
	}
	return app, ""
}

// keyOf is the key of the App that signed the token, or its first one if none did.
func (a *App) keyOf(t *jwt.Token) *rsa.PublicKey {
	dot := strings.LastIndexByte(t.Raw, '.')
	for _, key := range a.OtherKeys {
		if t.Method.Verify(t.Raw[:dot], t.Raw[dot+1:], &key.PublicKey) == nil {
			return &key.PublicKey
		}
	}
	return &a.Key.PublicKey
}

// mint makes an installation access token.
func (s *Server) mint(i *Installation, permissions map[string]string, repos []int64) *instToken {
	t := &instToken{value: s.secret(randomToken("ghs_", 36)), inst: i, permissions: maps.Clone(permissions), repos: repos, expires: s.now().Add(time.Hour).Truncate(time.Second)}
	if s.instTokens == nil {
		s.instTokens = map[string]*instToken{}
	}
	for value, old := range s.instTokens {
		if s.now().After(old.expires) {
			delete(s.instTokens, value)
		}
	}
	s.instTokens[t.value] = t
	return t
}

// levels orders what permissions allow.
func levels() []string { return []string{"", "read", "write", "admin"} }

// atLeast reports whether the level got is enough for want.
func atLeast(got, want string) bool {
	return slices.Index(levels(), got) >= slices.Index(levels(), want)
}

// may reports whether an installation token carries a permission, such as "issues:write".
func (a actor) may(permission string) bool {
	name, level, _ := strings.Cut(permission, ":")
	return name == "metadata" || atLeast(a.scope.permissions[name], level)
}

// reaches reports whether the token covers the repository.
func (a actor) reaches(r *Repo) bool {
	if a.inst.Org != r.Org {
		return false
	}
	return (a.inst.Repos == nil || slices.Contains(a.inst.Repos, r.ID)) && (a.scope.repos == nil || slices.Contains(a.scope.repos, r.ID))
}

// scoped reports whether a user's token has one of the scopes. Fine-grained and
// App-made tokens have no scopes: one entry makes them as able as the user.
func (a actor) scoped(scopes ...string) bool {
	if strings.HasPrefix(a.token.Value, "github_pat_") || strings.HasPrefix(a.token.Value, "ghu_") {
		return len(a.token.Scopes) > 0
	}
	return slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(a.token.Scopes, s) })
}

// NewKey makes an App's private key, as PEM. Making one takes a moment, so
// tests with many servers make one and give it to all.
func NewKey() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", fmt.Errorf("make a private key: %w", err)
	}
	return encodeKey(key), nil
}

func encodeKey(key *rsa.PrivateKey) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

func decodeKey(text string) (*rsa.PrivateKey, error) {
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("the private key is no RSA key in PEM: %w", err)
	}
	return key, nil
}
