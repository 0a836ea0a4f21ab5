package setup

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/signin"
	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

// orgName matches the names that an organization can have.
var orgName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

// maxAppName is the length of the longest name that GitHub accepts for an App.
const maxAppName = 34

// page serves [Path]: the checklist for the browser that created the App, or the form that
// creates it, for a caller with the link's token.
func (u *Setup) page(w http.ResponseWriter, r *http.Request) {
	if s, result := u.sessionOf(r); s != nil {
		u.showChecklist(w, r, s, result)
		return
	}
	query := r.URL.Query()
	token := query.Get("token")
	switch {
	case u.finished():
		show(w, http.StatusForbidden, closedView(u.Config))
	case !u.validToken(token):
		show(w, http.StatusForbidden, view{
			Title: "This setup link is not valid",
			Lead: "Use the newest link in the server's log. A link is valid for an hour; then the server logs a new one. " +
				"Restarting the server also logs a new link.",
			Lost: true, AppSettings: appSettings(u.Config),
		})
	default:
		u.showForm(w, strings.TrimSpace(query.Get("org")), token)
	}
}

// showForm shows the form that creates the App, or asks for the organization first.
func (u *Setup) showForm(w http.ResponseWriter, org, token string) {
	names := u.organizations()
	if len(names) == 1 {
		org = names[0]
	}
	if !u.allowed(org) {
		v := view{
			Step: "Step 1 of 3: create the App", Title: "Choose the organization", Lead: "The GitHub App belongs to the organization whose runners it manages.",
			AskOrg: true, Orgs: names, Token: token,
		}
		if org != "" {
			v.Given, v.OrgError = org, "This server cannot serve "+strconv.Quote(org)+". Use the name from the URL: github.com/acme."
		}
		show(w, http.StatusOK, v)
		return
	}
	if taken, err := fileHasApp(u.ConfigPath); err == nil && taken {
		show(w, http.StatusConflict, view{
			Title: "An App exists already",
			Lead:  "The file " + u.ConfigPath + " has got one since this server started. Restart the server to use it.",
		})
		return
	}
	manifest, err := json.Marshal(u.manifest(org))
	if err != nil {
		http.Error(w, "This page could not be rendered.", http.StatusInternalServerError)
		return
	}
	v := view{
		Step: "Step 1 of 3: create the App", Title: "Set up Actions Runner Manager",
		Lead:     "GitHub creates an App for this server, with only the permissions it needs. You can change its name there.",
		Warnings: u.warnings(), Org: org, Manifest: string(manifest), GitHub: origin(u.Config.GitHub.URL),
		Action: u.Config.GitHub.URL + "/organizations/" + url.PathEscape(org) + "/settings/apps/new?state=" + url.QueryEscape(u.newAttempt(org)),
		Lost:   true, AppSettings: orgSettings(u.Config, org),
	}
	if reason := u.unwritable(); reason != "" {
		v.Warnings = append(v.Warnings, reason+" Fix that and reload this page. Or go on: then you save the key yourself, from a page that shows it for an hour.")
	} else {
		v.Path = absolute(u.ConfigPath)
	}
	show(w, http.StatusOK, v)
}

// showChecklist shows how far the set-up is.
func (u *Setup) showChecklist(w http.ResponseWriter, r *http.Request, s *session, result result) {
	if result.failure == "" {
		u.update(r.Context(), s)
	}
	list := &checklistView{steps: s.checklist(result, u.Config.GitHub.URL), result: result, expires: s.expires}
	show(w, http.StatusOK, view{
		Step: list.heading(), Title: "Set up Actions Runner Manager", Checklist: list,
		Lead: "This page follows what you do on GitHub by itself.",
		Lost: true, AppSettings: orgSettings(u.Config, s.org),
	})
}

func origin(address string) string {
	at, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return at.Scheme + "://" + at.Host
}

// orgSettings returns the page of the organization's Apps.
func orgSettings(c *config.Config, org string) string {
	return c.GitHub.URL + "/organizations/" + url.PathEscape(org) + "/settings/apps"
}

// appSettings returns the page of the Apps of the organization that owns the App, or "" if
// that is not known.
func appSettings(c *config.Config) string {
	if list := c.Organizations(); len(list) == 1 {
		return orgSettings(c, list[0].Org)
	}
	return ""
}

// unwritable returns, in the same words before and after the App is created, why its keys
// cannot be kept in the configuration, or "".
func (u *Setup) unwritable() string {
	if err := tryConfig(u.ConfigPath); err != nil {
		return unwritten(u.ConfigPath, err.Error())
	}
	if names := u.overriding(); len(names) > 0 {
		return unwritten(u.ConfigPath, overridden(names))
	}
	return ""
}

func unwritten(path, cause string) string {
	return "The App's key cannot be kept in " + fileName(absolute(path)) + ": " + cause + "."
}

// warnings returns what would make the new App useless, as far as the server can see.
func (u *Setup) warnings() []string {
	var warnings []string
	if len(u.organizations()) > 1 {
		warnings = append(warnings, "A private App can only be installed in the organization that owns it. To serve the others, make it public afterwards "+
			"under Advanced in its settings. It still only works for the configured organizations.")
	}
	public, err := url.Parse(u.PublicURL)
	at, githubErr := url.Parse(u.Config.GitHub.URL)
	if err != nil || githubErr != nil || !isLocal(public.Hostname()) || isLocal(at.Hostname()) {
		return warnings
	}
	return append(warnings, "GitHub cannot reach "+public.String()+" and rejects an App with such a webhook. "+
		"Set server.publicURL to the address at which GitHub reaches this server, restart it, and open the new link.")
}

// absolute returns the absolute path, because readers may not know the server's working
// directory.
func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil && path != "" {
		return whole
	}
	return path
}

// isLocal reports whether host is this machine, which GitHub cannot reach.
func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || host == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// manifest describes the App to GitHub, with what [doctor.Permissions] lists.
// https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
func (u *Setup) manifest(org string) map[string]any {
	base := u.PublicURL
	const suffix = " runner manager"
	name := org[:min(len(org), maxAppName-len(suffix))] + suffix
	permissions := map[string]string{}
	for _, p := range doctor.Permissions() {
		permissions[p.Key] = p.Access
	}
	var events []string
	for _, e := range doctor.Events() {
		events = append(events, e.Key)
	}
	return map[string]any{
		"name": name, "url": base, "public": false,
		"description":         "Lets teams of " + org + " manage their own groups of self-hosted runners.",
		"hook_attributes":     map[string]any{"url": base + comment.WebhookPath, "active": true},
		"redirect_url":        base + CallbackPath,
		"callback_urls":       []string{base + signin.CallbackPath},
		"default_permissions": permissions, "default_events": events,
	}
}
