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

// takeOverFor bounds how long GitHub may take to hand over the App. It ends before
// the server's own patience with the answer does.
const takeOverFor = 30 * time.Second

// Callback serves /setup/callback, where GitHub sends its reader with a code for the
// App that was just made.
func (u *Setup) Callback(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET")
		u.look.show(w, http.StatusMethodNotAllowed, view{Title: "This page is for reading", Lead: "GitHub leads here, with GET."})
		return
	}
	query := r.URL.Query()
	u.finishing.Lock()
	defer u.finishing.Unlock()
	begun, ok := u.take(query.Get("state"))
	switch {
	case u.finished():
		u.look.show(w, http.StatusForbidden, view{
			Title: "Set-up is closed",
			Lead:  "A GitHub App is configured already. If GitHub has just made another one, delete that in your organization's settings.",
		})
	case !ok:
		u.look.show(w, http.StatusForbidden, view{
			Title: "This page was used or is too old",
			Lead: "Every try has a state of its own, which is good once and for an hour. Open the link in the server's log to start again; " +
				"if GitHub has made an App already, delete that first, in your organization's settings.",
		})
	case query.Get("code") == "":
		u.look.show(w, http.StatusBadRequest, view{Title: "GitHub sent no code", Lead: "Without it there is no App to take over.", Again: u.again(begun.org)})
	default:
		u.takeOver(w, r, begun.org, query.Get("code"))
	}
}

// again is where who was let in may start anew.
func (u *Setup) again(org string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return Path + "?" + url.Values{"token": {u.token}, "org": {org}}.Encode()
}

// takeOver exchanges the code for the App, and puts the App to work.
func (u *Setup) takeOver(w http.ResponseWriter, r *http.Request, org, code string) {
	if taken, err := namesApp(u.ConfigPath); err == nil && taken {
		u.look.show(w, http.StatusConflict, view{
			Title: "There is an App already",
			Lead: "The file " + u.ConfigPath + " names one since this server started. Restart the server to use it, " +
				"and delete the App that GitHub has just made.",
		})
		return
	}
	made, err := u.convert(r.Context(), code)
	if err != nil {
		// The code is a secret until it is used.
		u.Log.Error().Str("cause", strings.ReplaceAll(err.Error(), code, "[code]")).Msg("set-up: GitHub did not hand over the App")
		u.look.show(w, http.StatusBadGateway, u.refused(org, err))
		return
	}
	n := newAppKeys{id: made.ID, pem: made.PEM.Reveal(), webhookSecret: made.WebhookSecret.Reveal()}
	if len(u.organizations()) == 0 {
		n.org = org
	}
	if u.withApp(n).Key() == nil || n.id <= 0 {
		u.look.show(w, http.StatusBadGateway, u.refused(org, errors.New("GitHub's answer holds no key that can be used")))
		return
	}
	u.finish()
	u.look.show(w, http.StatusOK, u.settle(r.Context(), org, n, made))
}

// convert asks once. Nothing of it is logged on the way: the address holds the code.
func (u *Setup) convert(ctx context.Context, code string) (github.Manifest, error) {
	ctx, cancel := context.WithTimeout(zerolog.Nop().WithContext(context.WithoutCancel(ctx)), takeOverFor)
	defer cancel()
	options, err := connect.GitHubOptions(u.Config, u.Version, zerolog.Nop())
	if err != nil {
		return github.Manifest{}, err
	}
	options.CallTimeout = takeOverFor
	return github.ConvertManifest(ctx, options, code)
}

// refused explains why GitHub did not hand over the App.
func (u *Setup) refused(org string, err error) view {
	v := view{Title: "GitHub did not hand over the App", Again: u.again(org)}
	apps := u.Config.GitHub.URL + "/organizations/" + url.PathEscape(org) + "/settings/apps"
	switch github.KindOf(err) {
	case github.NotFound, github.Invalid:
		v.Lead = "The code that GitHub gave is unknown there: it is good once, and for an hour."
	case github.Unavailable, github.Timeout:
		v.Lead = "GitHub did not answer, or not in time. Try again once it does; the server needs to reach " + u.Config.APIBaseURL().String() + "."
	default:
		v.Lead = "GitHub's answer was not what was expected. The cause is in the server's log."
	}
	v.Notes = []string{"GitHub may have made an App whose key nobody has. Look at " + apps + " and delete it there before you start again."}
	return v
}

// settle writes the App down, lets the server work with it, and tells what remains.
func (u *Setup) settle(ctx context.Context, org string, n newAppKeys, made github.Manifest) view {
	v := view{
		Title: "The App is there", Org: org, Install: u.installURL(made),
		Lead: "The server works with it from now on. Three steps remain.",
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
		u.Log.Warn().Str("file", u.ConfigPath).Str("cause", problem).Msg("set-up: the App is kept in memory alone until it is configured")
		v.Lines, v.Environment = n.lines(), n.environment()
		v.Lead = "The server works with it until it is restarted. Configure it before that."
		v.Warnings = append(v.Warnings, "The configuration could not be written to "+name(absolute(u.ConfigPath))+": "+problem+". Keep the lines below before you leave this page.")
	}
	for _, o := range c.Organizations() {
		if strings.EqualFold(o.Org, org) {
			v.AdminRepo = o.Chatops.AdminRepo
		}
	}
	if err := u.Apply(ctx, c); err != nil {
		u.Log.Error().Err(err).Msg("set-up: the App is configured, but the server cannot work with it yet")
		v.Lead = "The server cannot work with it yet: mend what the log tells, and restart it."
		v.Warnings = append(v.Warnings, err.Error())
	} else {
		u.Log.Info().Int64("app_id", n.id).Str("app", made.Slug).Str("org", org).Msg("set-up is done: the server works with its new GitHub App")
	}
	return v
}

func name(path string) string {
	if path == "" {
		return "a file"
	}
	return path
}

// installURL is where an owner installs the App. GitHub tells its page; where that is
// not on the GitHub that is configured, it follows from the slug. An Enterprise Server
// has its Apps below another folder.
func (u *Setup) installURL(made github.Manifest) string {
	const install = "/installations/new"
	if strings.HasPrefix(made.HTMLURL, u.Config.GitHub.URL+"/") {
		return strings.TrimRight(made.HTMLURL, "/") + install
	}
	folder := "/apps/"
	if strings.HasPrefix(u.Config.APIBaseURL().Path, "/api/v3") {
		folder = "/github-apps/"
	}
	return u.Config.GitHub.URL + folder + url.PathEscape(made.Slug) + install
}
