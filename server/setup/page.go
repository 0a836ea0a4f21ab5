package setup

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

//go:embed web/*.css
var web embed.FS

// orgName matches the names that an organization can have.
var orgName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

// consoleCallbackPath is where GitHub sends people back who sign in to the console.
const consoleCallbackPath = "/console/callback"

// maxAppName is the length of the longest name that GitHub accepts for an App.
const maxAppName = 34

// A look renders views as pages.
type look struct{ style, policy string }

// newLook returns a look whose pages may send forms to githubURL. If it is empty, they may
// send none.
func newLook(githubURL string) (*look, error) {
	style, err := web.ReadFile("web/setup.css")
	if err != nil {
		return nil, fmt.Errorf("read the style of the setup pages: %w", err)
	}
	forms := "'none'"
	if githubURL != "" {
		at, err := url.Parse(githubURL)
		if err != nil {
			return nil, fmt.Errorf("github.url: %w", err)
		}
		forms = "'self' " + at.Scheme + "://" + at.Host
	}
	sum := sha256.Sum256(style)
	return &look{
		style: string(style),
		policy: "default-src 'none'; style-src 'self' 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src 'self'; " +
			"frame-ancestors 'none'; base-uri 'none'; form-action " + forms,
	}, nil
}

// show writes the page. Nothing may cache it, and no other page gets its address, which
// holds the token.
func (l *look) show(w http.ResponseWriter, status int, v view) {
	var b bytes.Buffer
	if err := v.write(&b, l.style); err != nil {
		http.Error(w, "This page could not be rendered.", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", l.policy)
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}

// Page serves [Path]: the form that creates the App, for a caller with the link's token.
func (u *Setup) Page(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		u.look.show(w, http.StatusMethodNotAllowed, view{Title: "Method not allowed", Lead: "Open this page in a browser."})
		return
	}
	query := r.URL.Query()
	token := query.Get("token")
	if u.finished() {
		u.look.show(w, http.StatusForbidden, view{Title: "Setup is closed", Lead: "A GitHub App is configured already. If the server does not work with it, its log says why."})
		return
	}
	if !u.validToken(token) {
		u.look.show(w, http.StatusForbidden, view{
			Title: "This setup link is not valid",
			Lead: "Use the newest link in the server's log. A link is valid for an hour; then the server logs a new one. " +
				"Restarting the server also logs a new link.",
		})
		return
	}
	org := query.Get("org")
	names := u.organizations()
	if len(names) == 1 {
		org = names[0]
	}
	if org = strings.TrimSpace(org); !u.allowed(org) {
		v := view{Title: "Choose the organization", Lead: "The GitHub App belongs to the organization whose runners it manages.", AskOrg: true, Orgs: names, Token: token}
		if org != "" {
			v.Given, v.OrgError = org, "This server cannot serve "+strconv.Quote(org)+". Use the name from the URL: github.com/acme."
		}
		u.look.show(w, http.StatusOK, v)
		return
	}
	if taken, err := fileHasApp(u.ConfigPath); err == nil && taken {
		u.look.show(w, http.StatusConflict, view{
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
	u.look.show(w, http.StatusOK, view{
		Title:    "Set up Actions Runner Manager",
		Lead:     "GitHub creates an App for this server, with only the permissions it needs. You can change its name there.",
		Warnings: u.warnings(), Org: org, Path: absolute(u.ConfigPath), Manifest: string(manifest),
		Action: u.Config.GitHub.URL + "/organizations/" + url.PathEscape(org) + "/settings/apps/new?state=" + url.QueryEscape(u.newAttempt(org)),
	})
}

// warnings returns what would make the new App useless, as far as the server can see.
func (u *Setup) warnings() []string {
	var warnings []string
	if len(u.organizations()) > 1 {
		warnings = append(warnings, "A private App can only be installed in the organization that owns it. To serve the others, make it public afterwards "+
			"under Advanced in its settings. It still only works for the configured organizations.")
	}
	if err := tryConfig(u.ConfigPath); err != nil {
		warnings = append(warnings, "The configuration cannot be written to "+fileName(absolute(u.ConfigPath))+": "+err.Error()+
			". Fix that and reload this page. Otherwise the App's key is shown only once, and you have to add it to the configuration yourself.")
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
		"callback_urls":       []string{base + consoleCallbackPath},
		"default_permissions": permissions, "default_events": events,
	}
}
