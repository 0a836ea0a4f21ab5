package signin

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// What a session holds.
const (
	userKey  = "user" // GitHub's numeric id, as text
	loginKey = "login"
	flashKey = "flash"
)

// maxCookie is the longest value of a cookie of ours: others are not looked at.
const maxCookie = 4_096

// newSessions returns what makes sessions' cookies and encodes what they hold. The browser keeps the
// cookie until it is closed; the end of the session is the database's to say.
func newSessions(o Options, cookie string, secure bool) *scs.SessionManager {
	m := scs.New()
	m.Store = &sessionStore{Store: o.Store, ttl: o.TTL}
	m.HashTokenInStore = true
	m.Lifetime = o.TTL
	m.Cookie.Name, m.Cookie.Secure, m.Cookie.Persist = cookie, secure, false
	return m
}

type personKey struct{}

// Person returns who is signed in, behind [SignIn.Require].
func (s *SignIn) Person(ctx context.Context) dispatch.Principal {
	person, _ := ctx.Value(personKey{}).(dispatch.Principal)
	return person
}

// Require calls next if the browser's person is signed in. It answers others with the page that
// signs them in and leads back.
func (s *SignIn) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, err := s.load(r.Context(), r)
		switch {
		case err != nil:
			s.fail(w, r, dispatch.StoreError(err))
		case !s.Person(ctx).Known():
			s.askToSignIn(w, r)
		default:
			next.ServeHTTP(w, r.WithContext(ctx))
		}
	})
}

// load returns ctx with the session of the request's browser, and with its person if there is one.
func (s *SignIn) load(ctx context.Context, r *http.Request) (context.Context, error) {
	ctx, err := s.sessions.Load(ctx, cookieValue(r, s.sessions.Cookie.Name))
	if err != nil {
		return nil, err
	}
	id, _ := strconv.ParseInt(s.sessions.GetString(ctx, userKey), 10, 64)
	if id == 0 {
		return ctx, nil
	}
	return context.WithValue(ctx, personKey{}, dispatch.Principal{ID: id, Login: s.sessions.GetString(ctx, loginKey)}), nil
}

// cookieValue returns the value of the request's cookie of that name; empty if it has none, or
// several, of which another host of the domain may have set one.
func cookieValue(r *http.Request, name string) string {
	cookies := r.CookiesNamed(name)
	if len(cookies) != 1 || len(cookies[0].Value) > maxCookie {
		return ""
	}
	return cookies[0].Value
}

// establish begins a session of the person, whatever session the browser had before: that one ends.
func (s *SignIn) establish(w http.ResponseWriter, r *http.Request, person dispatch.Principal) error {
	ctx := context.WithValue(r.Context(), personKey{}, person)
	ctx, err := s.sessions.Load(ctx, cookieValue(r, s.sessions.Cookie.Name))
	if err == nil {
		err = s.sessions.Clear(ctx)
	}
	if err == nil {
		err = s.sessions.RenewToken(ctx)
	}
	if err != nil {
		return err
	}
	s.sessions.Put(ctx, userKey, strconv.FormatInt(person.ID, 10))
	s.sessions.Put(ctx, loginKey, person.Login)
	token, expiry, err := s.sessions.Commit(context.WithValue(ctx, newSessionKey{}, true))
	if err == nil {
		s.sessions.WriteSessionCookie(ctx, w, token, expiry)
	}
	return err
}

// PutFlash keeps text in the session until [SignIn.TakeFlash] returns it, once. If the session ends
// first it is lost.
func (s *SignIn) PutFlash(ctx context.Context, text string) {
	s.sessions.Put(ctx, flashKey, text)
	s.save(ctx)
}

// TakeFlash returns what [SignIn.PutFlash] kept, and forgets it.
func (s *SignIn) TakeFlash(ctx context.Context) string {
	text := s.sessions.PopString(ctx, flashKey)
	if text != "" {
		s.save(ctx)
	}
	return text
}

// save saves what the session holds. What is lost if that fails is a message, not its command.
func (s *SignIn) save(ctx context.Context) {
	if _, _, err := s.sessions.Commit(ctx); err != nil {
		s.Logger.Warn().Err(err).Str("caller", s.Person(ctx).Login).Msg("what the console shows once could not be stored")
	}
}

// signOut ends the session, or all sessions of its person.
func (s *SignIn) signOut(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<10)
	everywhere := r.PostFormValue("everywhere") != ""
	ctx, err := s.load(r.Context(), r)
	if err != nil {
		s.fail(w, r, dispatch.StoreError(err))
		return
	}
	person := s.Person(ctx)
	if person.Known() && everywhere {
		err = s.Store.EndSessionsOf(ctx, person.ID)
	}
	if person.Known() && err == nil {
		err = s.sessions.Destroy(ctx)
	}
	if err != nil {
		s.fail(w, r, dispatch.StoreError(err))
		return
	}
	if person.Known() {
		s.Logger.Info().Str("caller", person.Login).Bool("everywhere", everywhere).Msg("signed out of the console")
	}
	s.sessions.WriteSessionCookie(ctx, w, "", time.Time{})
	redirect(w, consolePath)
}

// newSessionKey marks the context of the only call of CommitCtx that may make a session: a request
// that was on its way while its person signed out must not bring the session back.
type newSessionKey struct{}

// A sessionStore keeps sessions in the database. It implements [scs.CtxStore]. The tokens that it
// gets are hashed.
type sessionStore struct {
	Store
	ttl time.Duration
}

// FindCtx implements [scs.CtxStore].
func (s *sessionStore) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	data, err = s.Session(ctx, token)
	if errors.Is(err, store.ErrNotFound) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// CommitCtx implements [scs.CtxStore]: it makes a session at a sign-in, and else changes one that has not ended.
func (s *sessionStore) CommitCtx(ctx context.Context, token string, data []byte, _ time.Time) error {
	if ctx.Value(newSessionKey{}) == nil {
		return s.SetSessionData(ctx, token, data)
	}
	person, _ := ctx.Value(personKey{}).(dispatch.Principal)
	return s.AddSession(ctx, store.Session{Token: token, UserID: person.ID, Data: data, Expires: s.Now().Add(s.ttl)})
}

// DeleteCtx implements [scs.CtxStore].
func (s *sessionStore) DeleteCtx(ctx context.Context, token string) error {
	return s.EndSession(ctx, token)
}

// Find implements [scs.Store], which [scs.CtxStore] contains. It is not called, as Commit and Delete are not.
func (s *sessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit implements [scs.Store].
func (s *sessionStore) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete implements [scs.Store].
func (s *sessionStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
