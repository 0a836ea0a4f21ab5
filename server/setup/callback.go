package setup

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/server/connect"
)

// convertTimeout bounds the exchange of the code for the App. It is shorter than the
// server's write timeout.
const convertTimeout = 30 * time.Second

// callback serves [CallbackPath]. GitHub redirects there with a code for the App that it
// has just created. If that browser loads the page again, it gets the checklist.
func (u *Setup) callback(w http.ResponseWriter, r *http.Request) {
	if s, result := u.sessionOf(r); s != nil {
		u.showChecklist(w, r, s, result)
		return
	}
	query := r.URL.Query()
	u.finishing.Lock()
	defer u.finishing.Unlock()
	attempt, ok := u.takeAttempt(query.Get("state"))
	switch {
	case u.finished():
		show(w, http.StatusForbidden, view{
			Title: "Setup is closed",
			Lead:  "A GitHub App is configured already. If GitHub has just created another one, delete it in your organization's settings.",
		})
	case !ok:
		show(w, http.StatusForbidden, view{
			Title: "This page was used already or has expired",
			Lead: "Each attempt works once, within an hour. If GitHub has created an App, delete it in your organization's settings. " +
				"Then open the link in the server's log to start again.",
		})
	case query.Get("code") == "":
		show(w, http.StatusBadRequest, view{Title: "GitHub sent no code", Lead: "Without a code there is no App to set up.", Again: u.startAgain(attempt.org)})
	default:
		u.createApp(w, r, attempt.org, query.Get("code"))
	}
}

// startAgain returns the address at which a caller with a valid state can start again.
func (u *Setup) startAgain(org string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return Path + "?" + url.Values{"token": {u.token}, "org": {org}}.Encode()
}

// createApp exchanges the code for the App, and makes the server run with it.
func (u *Setup) createApp(w http.ResponseWriter, r *http.Request, org, code string) {
	if taken, err := fileHasApp(u.ConfigPath); err == nil && taken {
		show(w, http.StatusConflict, view{
			Title: "An App exists already",
			Lead: "The file " + u.ConfigPath + " has got one since this server started. Restart the server to use it, " +
				"and delete the App that GitHub has just created.",
		})
		return
	}
	app, err := u.convert(r.Context(), code)
	if err != nil {
		// The code is a secret until it is used.
		u.Log.Error().Str("cause", strings.ReplaceAll(err.Error(), code, "[code]")).Msg("setup: GitHub did not return the new App")
		show(w, http.StatusBadGateway, u.refusedView(org, err))
		return
	}
	n := newAppKeys{
		id: app.ID, pem: app.PEM.Reveal(), webhookSecret: app.WebhookSecret.Reveal(),
		clientID: app.ClientID, clientSecret: app.ClientSecret.Reveal(),
	}
	if len(u.organizations()) == 0 {
		n.org = org
	}
	if u.withApp(n).Key() == nil || n.id <= 0 {
		show(w, http.StatusBadGateway, u.refusedView(org, errors.New("GitHub's answer contains no usable key")))
		return
	}
	u.finish()
	s := u.newSession(org, app)
	c, unwritten := u.write(n)
	if unwritten == "" {
		s.path = absolute(u.ConfigPath)
	} else {
		s.result = result{unwritten: unwritten, file: n.lines(), environment: n.environment()}
	}
	for _, o := range c.Organizations() {
		if strings.EqualFold(o.Org, org) {
			s.adminRepo, s.trigger = o.Chatops.AdminRepo, o.Chatops.Trigger
		}
	}
	u.startSession(w, s)
	u.apply(r.Context(), s, c)
	u.mu.Lock()
	result := s.result
	u.mu.Unlock()
	u.showChecklist(w, r, s, result)
}

// convert exchanges the code for the App, without retries. It logs nothing, because the
// address contains the code.
func (u *Setup) convert(ctx context.Context, code string) (github.Manifest, error) {
	ctx, cancel := context.WithTimeout(zerolog.Nop().WithContext(context.WithoutCancel(ctx)), convertTimeout)
	defer cancel()
	options, err := connect.GitHubOptions(u.Config, u.Version, zerolog.Nop())
	if err != nil {
		return github.Manifest{}, err
	}
	options.CallTimeout = convertTimeout
	return github.ConvertManifest(ctx, options, code)
}

// refusedView explains why GitHub did not return the App.
func (u *Setup) refusedView(org string, err error) view {
	apps := orgSettings(u.Config, org)
	v := view{Title: "GitHub did not return the new App", Again: u.startAgain(org), Lost: true, AppSettings: apps}
	switch github.KindOf(err) {
	case github.NotFound, github.Invalid:
		v.Lead = "GitHub does not accept the code. A code works once, within an hour."
	case github.Unavailable, github.Timeout:
		v.Lead = "GitHub did not answer in time. Check that the server can reach " + u.Config.APIBaseURL().String() + ", then try again."
	default:
		v.Lead = "GitHub gave an unexpected answer. The cause is in the server's log."
	}
	v.Notes = []string{"GitHub may have created an App whose key is lost. Before you start again, delete it at " + apps + "."}
	return v
}

func (u *Setup) newSession(org string, app github.Manifest) *session {
	page := strings.TrimSuffix(u.installURL(app), installPath)
	return &session{org: org, app: github.AppInfo{ID: app.ID, Slug: app.Slug, HTMLURL: page}}
}

// write writes the App to the configuration, and returns the configuration that results, and
// why the keys could not be kept there.
func (u *Setup) write(n newAppKeys) (c *config.Config, reason string) {
	if err := writeConfig(u.ConfigPath, n); err != nil {
		reason = err.Error()
	} else if c, reason = u.reload(n); reason == "" {
		return c, ""
	}
	u.Log.Warn().Str("file", u.ConfigPath).Str("cause", reason).Msg("setup: the App is only in memory until you add it to the configuration")
	return u.withApp(n), unwritten(u.ConfigPath, reason)
}

// apply makes the server run with the App.
func (u *Setup) apply(ctx context.Context, s *session, c *config.Config) {
	if err := u.Apply(ctx, c); err != nil {
		u.Log.Error().Err(err).Msg("setup: the App is configured, but the server cannot use it yet")
		u.mu.Lock()
		s.result.failure = err.Error()
		u.mu.Unlock()
		return
	}
	u.Log.Info().Int64("app_id", s.app.ID).Str("app", s.app.Slug).Str("org", s.org).Msg("setup is done: the server uses its new GitHub App")
}

// fileName returns path, or words for it if it is empty.
func fileName(path string) string {
	if path == "" {
		return "a file"
	}
	return path
}

// installPath is below an App's page.
const installPath = "/installations/new"

// installURL returns the page on which an owner installs the App. GitHub's answer has the
// App's page; if that is not on the configured GitHub, the address is built from the slug.
// Enterprise Server has Apps under another path.
func (u *Setup) installURL(app github.Manifest) string {
	if strings.HasPrefix(app.HTMLURL, u.Config.GitHub.URL+"/") {
		return strings.TrimRight(app.HTMLURL, "/") + installPath
	}
	folder := "/apps/"
	if strings.HasPrefix(u.Config.APIBaseURL().Path, "/api/v3") {
		folder = "/github-apps/"
	}
	return u.Config.GitHub.URL + folder + url.PathEscape(app.Slug) + installPath
}
