package ghsim

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// AuthorizePath is where the web flow of an App begins, and tokenPath where its code is exchanged:
// https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
const (
	AuthorizePath = "/login/oauth/authorize"
	tokenPath     = "/login/oauth/access_token" //nolint:gosec // a path
)

const (
	codeLife      = 10 * time.Minute
	userTokenLife = 8 * time.Hour
	refreshLife   = 184 * 24 * time.Hour
)

// A grant is what a code of the web flow is exchanged for.
type grant struct {
	app       *App
	user      *User
	redirect  string // the redirect_uri that was given; empty: none
	challenge string // of PKCE, by S256; empty: none
	expires   time.Time
}

// SetCallbackURLs replaces the callback URLs of all Apps.
func (s *Server) SetCallbackURLs(urls ...string) {
	s.Update(func(st *State) {
		for _, a := range st.Apps {
			a.CallbackURLs = slices.Clone(urls)
		}
	})
}

// serveOAuth serves the web flow of Apps, and reports whether it did. Unlike GitHub, it takes
// the parameter login at its word: that person signs in, and is not asked. Without it the page
// with all people is served ([Server.Pages]), and deny=1 is what its button "Cancel" does.
// Faults whose path matches strike here too.
func (s *Server) serveOAuth(w http.ResponseWriter, r *http.Request) bool {
	path := r.URL.EscapedPath()
	authorizes := path == AuthorizePath && r.Method == http.MethodGet
	if !authorizes && (path != tokenPath || r.Method != http.MethodPost) {
		return false
	}
	record := Call{Method: r.Method, Path: path, Route: path, Auth: "none", Start: time.Now()} // the query has secrets
	s.mu.Lock()
	fault, latency := s.strike(r.Method, path), s.latency
	s.mu.Unlock()
	if fault != nil {
		latency += fault.Delay
	}
	select {
	case <-time.After(latency):
	case <-r.Context().Done():
	}
	var a answer
	defer func() {
		record.Status, record.End = a.status, time.Now()
		s.record(record)
	}()
	switch {
	case fault != nil && fault.Drop:
		panic(http.ErrAbortHandler)
	case fault != nil && fault.Status != 0 && !fault.DropAfter:
		a = fault.answer()
	case authorizes:
		var done bool
		if a, done = s.authorize(r.URL.Query()); !done {
			if s.Pages != nil {
				a.status = http.StatusOK
				s.Pages(r.Method, path)(w, r)
				return true
			}
			a = text(http.StatusBadRequest, "Name the person who signs in by the parameter login.")
		}
	default:
		a = s.exchange(r)
	}
	if fault != nil && fault.DropAfter {
		panic(http.ErrAbortHandler)
	}
	a.encode()
	a.set("Cache-Control", "no-store")
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.raw)
	return true
}

func text(status int, message string) answer {
	a := answer{status: status, raw: []byte(message + "\n")}
	a.set("Content-Type", "text/plain; charset=utf-8")
	return a
}

// authorize sends the browser back to the App. It is not done if nobody was chosen yet.
func (s *Server) authorize(q url.Values) (a answer, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	app := find(s.state.Apps, func(a *App) bool { return a.ClientID == q.Get("client_id") })
	if app == nil {
		return text(http.StatusNotFound, "There is no App with this client_id."), true
	}
	if len(app.CallbackURLs) == 0 {
		return text(http.StatusNotFound, "The App "+app.Slug+" has no callback URL, so nobody can sign in with it."), true
	}
	to := app.CallbackURLs[0]
	back := func(params url.Values) (answer, bool) {
		if state := q.Get("state"); state != "" {
			params.Set("state", state)
		}
		a := answer{status: http.StatusFound, raw: []byte{}}
		a.set("Location", to+"?"+params.Encode())
		return a, true
	}
	refuse := func(code, description string) (answer, bool) {
		return back(url.Values{"error": {code}, "error_description": {description}, "error_uri": {oauthTroubles}})
	}
	if redirect := q.Get("redirect_uri"); redirect != "" {
		if !slices.Contains(app.CallbackURLs, redirect) {
			return refuse("redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL for this application.")
		}
		to = redirect
	}
	switch {
	case q.Get("code_challenge") != "" && q.Get("code_challenge_method") != "S256":
		return refuse("invalid_request", "The code_challenge_method must be S256.")
	case q.Get("deny") != "":
		return refuse("access_denied", "The user has denied your application access.")
	case q.Get("login") == "":
		return answer{}, false
	}
	user := s.state.User(q.Get("login"))
	if user == nil || user.Type != "User" || user.Suspended {
		return text(http.StatusNotFound, "There is nobody named "+q.Get("login")+" who can sign in."), true
	}
	code := s.secret(strings.ToLower(randomToken("", 20)))
	if s.grants == nil {
		s.grants = map[string]grant{}
	}
	maps.DeleteFunc(s.grants, func(_ string, g grant) bool { return s.now().After(g.expires) })
	s.grants[code] = grant{app: app, user: user, redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), expires: s.now().Add(codeLife)}
	return back(url.Values{"code": {code}})
}

const oauthTroubles = "https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors"

// exchange gives a user token for a code, once. Its refusals have status 200, as GitHub's:
// https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors
// They do not say how GitHub refuses a wrong code_verifier; here it is as a bad code.
func (s *Server) exchange(r *http.Request) answer {
	r.Body = http.MaxBytesReader(nil, r.Body, maxBody)
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := func(code, description string) answer {
		return tokenAnswer(r, obj{"error": code, "error_description": description, "error_uri": oauthTroubles})
	}
	app := find(s.state.Apps, func(a *App) bool { return a.ClientID == id })
	if app == nil || subtle.ConstantTimeCompare([]byte(app.ClientSecret), []byte(secret)) == 0 {
		return refuse("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.")
	}
	g, found := s.grants[r.FormValue("code")]
	delete(s.grants, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	switch {
	case !found || g.app != app || !s.now().Before(g.expires),
		g.challenge != "" && g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		return refuse("bad_verification_code", "The code passed is incorrect or expired.")
	case r.FormValue("redirect_uri") != g.redirect:
		return refuse("redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL for this application.")
	}
	t := Token{Value: s.secret(randomToken("ghu_", 36)), ClientID: app.ClientID, Expires: s.now().Add(userTokenLife)}
	g.user.Tokens = slices.DeleteFunc(g.user.Tokens, func(t Token) bool { return !t.Expires.IsZero() && s.now().After(t.Expires) })
	g.user.Tokens = append(g.user.Tokens, t)
	return tokenAnswer(r, obj{
		"access_token": t.Value, "expires_in": int(userTokenLife.Seconds()), "refresh_token": s.secret(randomToken("ghr_", 76)),
		"refresh_token_expires_in": int(refreshLife.Seconds()), "scope": "", "token_type": "bearer",
	})
}

// tokenAnswer has the form that the client accepts: that of a form by default.
func tokenAnswer(r *http.Request, body obj) answer {
	if strings.Contains(r.Header.Get("Accept"), "json") {
		a := ok(body)
		a.set("Content-Type", "application/json; charset=utf-8")
		return a
	}
	form := url.Values{}
	for name, value := range body {
		switch v := value.(type) {
		case string:
			form.Set(name, v)
		case int:
			form.Set(name, itoa(int64(v)))
		}
	}
	a := answer{status: http.StatusOK, raw: []byte(form.Encode())}
	a.set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return a
}
