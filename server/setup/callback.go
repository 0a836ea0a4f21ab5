package setup

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/server/connect"
)

// convertTimeout bounds the exchange of the code for the App. It is shorter than the
// server's write timeout.
const convertTimeout = 30 * time.Second

// Callback serves [CallbackPath]. GitHub redirects there with a code for the App that it
// has just created.
func (u *Setup) Callback(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET")
		u.look.show(w, http.StatusMethodNotAllowed, view{Title: "Method not allowed", Lead: "GitHub redirects to this page with GET."})
		return
	}
	query := r.URL.Query()
	u.finishing.Lock()
	defer u.finishing.Unlock()
	attempt, ok := u.takeAttempt(query.Get("state"))
	switch {
	case u.finished():
		u.look.show(w, http.StatusForbidden, view{
			Title: "Setup is closed",
			Lead:  "A GitHub App is configured already. If GitHub has just created another one, delete it in your organization's settings.",
		})
	case !ok:
		u.look.show(w, http.StatusForbidden, view{
			Title: "This page was used already or has expired",
			Lead: "Each attempt works once, within an hour. If GitHub has created an App, delete it in your organization's settings. " +
				"Then open the link in the server's log to start again.",
		})
	case query.Get("code") == "":
		u.look.show(w, http.StatusBadRequest, view{Title: "GitHub sent no code", Lead: "Without a code there is no App to set up.", Again: u.startAgain(attempt.org)})
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
		u.look.show(w, http.StatusConflict, view{
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
		u.look.show(w, http.StatusBadGateway, u.refusedView(org, err))
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
		u.look.show(w, http.StatusBadGateway, u.refusedView(org, errors.New("GitHub's answer contains no usable key")))
		return
	}
	u.finish()
	u.look.show(w, http.StatusOK, u.save(r.Context(), org, n, app))
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
	v := view{Title: "GitHub did not return the new App", Again: u.startAgain(org)}
	apps := u.Config.GitHub.URL + "/organizations/" + url.PathEscape(org) + "/settings/apps"
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

// save writes the App to the configuration, makes the server run with it, and returns a
// page with the next steps.
func (u *Setup) save(ctx context.Context, org string, n newAppKeys, app github.Manifest) view {
	v := view{
		Title: "App created", Org: org, Install: u.installURL(app),
		Lead: "The server uses it from now on. Three steps remain.",
	}
	c := u.withApp(n)
	problem := ""
	if err := writeConfig(u.ConfigPath, n); err != nil {
		problem = err.Error()
	} else if read, why := u.reload(n); why == "" {
		c = read
	} else {
		problem = why
	}
	if problem != "" {
		u.Log.Warn().Str("file", u.ConfigPath).Str("cause", problem).Msg("setup: the App is only in memory until you add it to the configuration")
		v.Lines, v.Environment = n.lines(), n.environment()
		v.Lead = "The server uses it until it is restarted. Add it to the configuration before that."
		v.Warnings = append(v.Warnings, "The configuration could not be written to "+fileName(absolute(u.ConfigPath))+": "+problem+". Save the lines below before you leave this page.")
	}
	for _, o := range c.Organizations() {
		if strings.EqualFold(o.Org, org) {
			v.AdminRepo = o.Chatops.AdminRepo
		}
	}
	if err := u.Apply(ctx, c); err != nil {
		u.Log.Error().Err(err).Msg("setup: the App is configured, but the server cannot use it yet")
		v.Lead = "The server cannot use it yet. Fix the problem below, then restart the server."
		v.Warnings = append(v.Warnings, err.Error())
	} else {
		u.Log.Info().Int64("app_id", n.id).Str("app", app.Slug).Str("org", org).Msg("setup is done: the server uses its new GitHub App")
	}
	return v
}

// fileName returns path, or words for it if it is empty.
func fileName(path string) string {
	if path == "" {
		return "a file"
	}
	return path
}

// installURL returns the page on which an owner installs the App. GitHub's answer has the
// App's page; if that is not on the configured GitHub, the address is built from the slug.
// Enterprise Server has Apps under another path.
func (u *Setup) installURL(app github.Manifest) string {
	const install = "/installations/new"
	if strings.HasPrefix(app.HTMLURL, u.Config.GitHub.URL+"/") {
		return strings.TrimRight(app.HTMLURL, "/") + install
	}
	folder := "/apps/"
	if strings.HasPrefix(u.Config.APIBaseURL().Path, "/api/v3") {
		folder = "/github-apps/"
	}
	return u.Config.GitHub.URL + folder + url.PathEscape(app.Slug) + install
}
