package setup

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

const (
	// cookieName is the cookie of the browser that created the App.
	cookieName = "arm_setup"
	// sessionLife is how long that browser sees the checklist.
	sessionLife = time.Hour

	savedPath       = Path + "/saved"
	filePath        = Path + "/github-app.yml"
	environmentPath = Path + "/github-app.env"
)

// A session is what the browser that created the App may see. It is only in memory.
type session struct {
	cookie  [sha256.Size]byte // of the cookie's value
	expires time.Time
	timer   *time.Timer

	org, adminRepo, trigger string
	app                     github.AppInfo // its slug and page
	path                    string         // of the configuration, if it has the App
	result                  result         // guarded by the mutex of the Setup

	progress progress
}

// A result is what became of the App's keys.
type result struct {
	unwritten         string // why they could not be written to the configuration; empty: they were
	file, environment string // the lines for either, if they were not; empty once they are saved
	failure           string // why the server cannot use the App; empty: it can
}

// startSession makes the browser that w answers the one that sees the checklist.
func (u *Setup) startSession(w http.ResponseWriter, s *session) {
	value := rand.Text()
	u.mu.Lock()
	defer u.mu.Unlock()
	s.cookie, s.expires = sha256.Sum256([]byte(value)), u.Now().Add(sessionLife)
	s.timer = time.AfterFunc(sessionLife, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.endSession()
	})
	u.session = s
	//nolint:gosec // without https a browser would not send a secure cookie
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: value, Path: Path, MaxAge: int(sessionLife / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(u.PublicURL, "https:"),
	})
}

// endSession erases the session. The caller holds the lock.
func (u *Setup) endSession() {
	if u.session != nil {
		u.session.timer.Stop()
		u.session.result = result{}
		u.session = nil
	}
}

// sessionOf returns the session of the browser that sent r, and its result, or nil if it is
// another browser or the hour is over.
func (u *Setup) sessionOf(r *http.Request) (*session, result) {
	cookie, err := r.Cookie(cookieName)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.session == nil {
		return nil, result{}
	}
	if !u.Now().Before(u.session.expires) {
		u.endSession()
		return nil, result{}
	}
	if err != nil {
		return nil, result{}
	}
	sum := sha256.Sum256([]byte(cookie.Value))
	if subtle.ConstantTimeCompare(sum[:], u.session.cookie[:]) != 1 {
		return nil, result{}
	}
	return u.session, u.session.result
}

// saved serves [savedPath]: the operator confirms that they have saved the lines.
func (u *Setup) saved(w http.ResponseWriter, r *http.Request) {
	s, _ := u.sessionOf(r)
	if s == nil || http.NewCrossOriginProtection().Check(r) != nil {
		show(w, http.StatusForbidden, closedView(u.Config))
		return
	}
	u.mu.Lock()
	s.result.file, s.result.environment = "", ""
	u.mu.Unlock()
	u.Log.Info().Msg("setup: the operator confirmed that they saved the App's key; it is no longer shown")
	http.Redirect(w, r, Path, http.StatusSeeOther)
}

// download serves the lines as files.
func (u *Setup) download(w http.ResponseWriter, r *http.Request) {
	s, lines := u.sessionOf(r)
	text := lines.file
	if r.URL.Path == environmentPath {
		text = lines.environment
	}
	switch {
	case s == nil:
		show(w, http.StatusForbidden, closedView(u.Config))
	case text == "":
		show(w, http.StatusNotFound, view{Title: "There is nothing to download", Lead: "The App's key was saved, and is no longer in this server's setup.", Back: true})
	default:
		header := w.Header()
		header.Set("Content-Type", "text/plain; charset=utf-8")
		header.Set("Content-Disposition", `attachment; filename="`+r.URL.Path[len(Path)+1:]+`"`)
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write([]byte(text))
	}
}
