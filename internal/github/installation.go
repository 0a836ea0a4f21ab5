package github

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// An App that is uninstalled and installed again has another installation, with another id.
// GitHub announces that by the event installation, which every App gets; if that was missed,
// a delivery of the new installation or a refused token shows it.

// deniedFor is how long GitHub is not asked again about an installation that was not the
// organization's. GitHub uses no id twice.
const deniedFor = time.Minute

// refreshes bounds how often GitHub is asked because of a webhook, and remembers its last no.
type refreshes struct {
	budget   renameChecks
	denied   int64 // an installation that is not the organization's
	deniedAt time.Time
}

// Refresh asks GitHub for the App's installation in the organization again. It fails with
// NotFound if there is none, and with RateLimited, without asking, after 20 times in ten
// minutes.
func (o *Org) Refresh(ctx context.Context) (Installation, error) {
	s, _, err := o.refresh(ctx)
	if err != nil {
		return Installation{}, err
	}
	return s.Installation, nil
}

// refresh is Refresh; own reports whether the request began after the call did.
func (o *Org) refresh(ctx context.Context) (s *session, own bool, _ error) {
	o.mu.Lock()
	ask := o.refreshes.budget.allow(o.app.now())
	before := o.current
	o.mu.Unlock()
	if !ask {
		return nil, false, &Error{Kind: RateLimited, Op: "ask for the App's installation in " + o.login, Message: "it was asked for too often lately", RetryAfter: checkSpan}
	}
	s, own, err := o.lookUpOnce(ctx, true)
	if KindOf(err) == NotFound && before != nil {
		o.invalidate(before) // it is uninstalled
	}
	return s, own, err
}

// IsInstallation reports whether id is the App's installation in the organization. If it is
// not the one that is remembered, GitHub is asked, as often as Refresh allows, before it
// says no.
func (o *Org) IsInstallation(ctx context.Context, id int64) (bool, error) {
	if id == 0 || id == o.InstallationID() {
		return id != 0, nil
	}
	o.mu.Lock()
	denied := o.refreshes.denied == id && o.app.now().Sub(o.refreshes.deniedAt) < deniedFor
	o.mu.Unlock()
	if denied {
		return false, nil
	}
	s, own, err := o.refresh(ctx)
	switch {
	case err == nil && s.ID == id:
		return true, nil
	case KindOf(err) == NotFound && own:
	case err != nil:
		return false, err
	case !own:
		return false, &Error{Kind: Unavailable, Op: "ask for the App's installation in " + o.login, Message: "the answer may be older than the question"}
	}
	o.mu.Lock()
	o.refreshes.denied, o.refreshes.deniedAt = id, o.app.now()
	o.mu.Unlock()
	return false, nil
}

// Replaced says that the configured installation is gone, and what to do. It is empty if it
// is not, as far as is known.
func (o *Org) Replaced() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.installationID == 0 || o.current == nil || o.current.ID == o.installationID {
		return ""
	}
	return replacedBy(o.login, o.installationID, o.current.ID)
}

func replacedBy(login string, old, now int64) string {
	return fmt.Sprintf("the App's installation %d in %s is gone, and %d took its place: change `installationID` to %d, or remove it", old, login, now, now)
}

// same reports whether i is the installation of that id, with the same rights.
func (i Installation) same(as Installation) bool {
	return i.ID == as.ID && i.Suspended == as.Suspended && i.RepositorySelection == as.RepositorySelection &&
		maps.Equal(i.Permissions, as.Permissions) && slices.Equal(i.Events, as.Events)
}

// remember makes s the current session, unless that is of the same installation with the same
// rights, and returns the current one. Another installation is logged.
func (o *Org) remember(s *session) *session {
	o.mu.Lock()
	before := o.current
	if before != nil && before.same(s.Installation) {
		o.mu.Unlock()
		return before // its tokens are good
	}
	o.current = s
	last := o.lastInstallation
	o.lastInstallation = s.ID
	o.mu.Unlock()
	log := o.app.log.With().Str("org", o.login).Int64("installation", s.ID).Logger()
	switch {
	case last == s.ID:
	case o.installationID != 0 && o.installationID != s.ID:
		log.Warn().Msg(replacedBy(o.login, o.installationID, s.ID))
	case last != 0:
		log.Info().Int64("before", last).Msg("the App was installed again")
	}
	return s
}
