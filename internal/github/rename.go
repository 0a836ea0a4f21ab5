package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v41/github"
)

// An organization that is renamed keeps its id, and so does the App's installation there.
// GitHub answers 404 for its old name (and redirects its repositories). So paths have the
// name that the installation's account has now, and some answers of 404 make us look for it:
// https://docs.github.com/en/organizations/managing-organization-settings/renaming-an-organization

const (
	manyTimes = 20 // looks for a rename because of a 404 in each checkSpan, at most
	checkSpan = 10 * time.Minute
)

// renameChecks bounds how often GitHub is asked for the installation's account.
type renameChecks struct {
	since time.Time // when the current span began
	count int       // in the span
}

func (c *renameChecks) allow(now time.Time) bool {
	if now.Sub(c.since) >= checkSpan {
		c.since, c.count = now, 0
	}
	c.count++
	return c.count <= manyTimes
}

// Remember tells the organization's id, which an earlier process knew. By it the organization
// is found under a new name. It must be called before the first request.
func (o *Org) Remember(id int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.orgID = id
}

// ID returns the organization's id without asking GitHub. It is 0 if it is not known yet.
func (o *Org) ID() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.orgID
}

// Name returns the organization's login: the configured one, or the new one after a rename.
func (o *Org) Name() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.name == "" || strings.EqualFold(o.name, o.login) {
		return o.login
	}
	return o.name
}

// Renamed says that the organization has another name than the configured one, and what to
// do. It is empty if it has not, as far as is known.
func (o *Org) Renamed() string {
	if now := o.Name(); !strings.EqualFold(now, o.login) {
		return renamedTo(o.login, now)
	}
	return ""
}

func renamedTo(old, now string) string {
	return fmt.Sprintf("%s is now called %s: change `org` to %s", old, now, now)
}

// observeAccount stores whose installation it is.
func (o *Org) observeAccount(account accountAnswer) {
	o.mu.Lock()
	before := o.name
	o.orgID, o.name = account.ID, account.Login
	o.mu.Unlock()
	if renamed := o.Renamed(); renamed != "" && !strings.EqualFold(before, account.Login) {
		o.app.log.Warn().Str("org", o.login).Str("name", account.Login).Int64("org_id", account.ID).
			Msg(renamed + "; until then the organization is found by its id")
	}
}

// lookForRename asks GitHub for the name of the installation's account, unless it asked
// lately, and reports whether the name changed meanwhile. Concurrent callers share one request.
func (o *Org) lookForRename(ctx context.Context) bool {
	o.mu.Lock()
	s := o.current
	o.mu.Unlock()
	if s == nil {
		return false
	}
	before := o.Name()
	_, _, _ = o.checking.Do("", func() (any, error) {
		o.mu.Lock()
		ask := o.checks.allow(o.app.now())
		o.mu.Unlock()
		if ask {
			o.refreshName(foreground(context.WithoutCancel(ctx)), s)
		}
		return nil, nil
	})
	return o.Name() != before
}

func (o *Org) refreshName(ctx context.Context, s *session) {
	got, _, err := send[installationAnswer](ctx, o.app.self, http.MethodGet, fmt.Sprintf("app/installations/%d", s.ID), nil)
	if err != nil || got.Account.ID != s.OrgID {
		return
	}
	if _, err := login(got.Account.Login); err == nil {
		o.observeAccount(got.Account)
	}
}

// afterRename returns a request that GitHub answered with 404 for the organization's new
// name, or nil if it has none.
func (o *Org) afterRename(req *http.Request) *http.Request {
	base := strings.TrimSuffix(o.app.base.Path, "/")
	segments := strings.Split(strings.TrimPrefix(req.URL.Path, base), "/")
	owners := ownersIn(segments)
	if len(owners) == 0 {
		return nil
	}
	asIs := strings.EqualFold(segments[owners[0]], o.Name())
	if asIs && (!showsRename(req.Method, segments) || !o.lookForRename(req.Context())) {
		return nil
	}
	for _, i := range owners {
		segments[i] = o.Name()
	}
	again := req.Clone(req.Context())
	again.URL = &url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: base + strings.Join(segments, "/"), RawQuery: req.URL.RawQuery}
	return again
}

// showsRename reports whether a 404 for that path may mean a rename: for the caller's
// membership in the organization, which is asked for before anybody is refused, and for writes
// to the admin repository. A 404 for a team mostly means that there is no such team.
func showsRename(method string, segments []string) bool {
	return segments[1] == "orgs" && len(segments) > 3 && segments[3] == "memberships" || segments[1] == "repos" && method != http.MethodGet
}

// ownersIn returns which segments of a path are the organization's name: those of
// /orgs/NAME/…, /repos/NAME/REPO/… and /orgs/NAME/teams/TEAM/repos/NAME/REPO. The first segment
// is empty.
func ownersIn(segments []string) (at []int) {
	if len(segments) > 2 && (segments[1] == "orgs" || segments[1] == "repos") {
		at = append(at, 2)
	}
	if len(segments) > 6 && segments[1] == "orgs" && segments[3] == "teams" && segments[5] == "repos" {
		at = append(at, 6)
	}
	return at
}

// findInstallation asks GitHub for the App's installation in the organization: by its
// configured id, by the organization's name if there is none or it is gone, or by the id
// that the organization had before.
func (o *Org) findInstallation(ctx context.Context) (installationAnswer, error) {
	name, err := login(o.login)
	if err != nil {
		return installationAnswer{}, err
	}
	path := "orgs/" + name + "/installation"
	var got installationAnswer
	if o.installationID != 0 {
		got, _, err = send[installationAnswer](ctx, o.app.self, http.MethodGet, fmt.Sprintf("app/installations/%d", o.installationID), nil)
	}
	if o.installationID == 0 || KindOf(o.app.failed("", err)) == NotFound { // it is gone: the App was installed again
		got, _, err = send[installationAnswer](ctx, o.app.self, http.MethodGet, path, nil)
	}
	known := o.ID()
	switch {
	case err == nil && known != 0 && got.Account.ID == known:
		return got, nil
	case err == nil && !strings.EqualFold(got.Account.Login, o.login):
		return got, &Error{Kind: Invalid, Message: fmt.Sprintf("installation %d belongs to %s; if %s, else set installationID accordingly",
			got.ID, got.Account.Login, renamedTo(o.login, got.Account.Login))}
	case err == nil && known == 0, err != nil && KindOf(o.app.failed("", err)) != NotFound:
		return got, err
	}
	// The name is nobody's, or another organization's by now.
	all, listErr := listAll(ctx, func(ctx context.Context, page github.ListOptions) ([]installationAnswer, *github.Response, error) {
		return send[[]installationAnswer](ctx, o.app.self, http.MethodGet, "app/installations"+listQuery(page), nil)
	})
	if listErr != nil {
		return got, err
	}
	for _, i := range all {
		if known != 0 && i.Account.ID == known {
			return i, nil
		}
	}
	if err != nil && len(all) == 1 && all[0].Account.Login != "" && !o.app.serves(all[0].Account.Login) {
		return got, &Error{Kind: NotFound, Status: http.StatusNotFound, Elsewhere: all[0].Account.Login, Message: fmt.Sprintf(
			"the App is installed in %s, not in %s. If %s", all[0].Account.Login, o.login, renamedTo(o.login, all[0].Account.Login))}
	}
	return got, err
}

// serves reports whether an organization of that name is configured.
func (a *App) serves(login string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.logins, func(l string) bool { return strings.EqualFold(l, login) })
}
