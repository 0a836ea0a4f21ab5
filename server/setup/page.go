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
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
)

//go:embed web/*.css
var web embed.FS

// orgName is what an organization may be called.
var orgName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

// maxAppName is the longest name that GitHub gives an App, in letters.
const maxAppName = 34

// A look turns views into pages.
type look struct{ style, policy string }

// newLook makes the look of pages whose forms may reach that GitHub; without one
// they have no forms.
func newLook(githubURL string) (*look, error) {
	style, err := web.ReadFile("web/setup.css")
	if err != nil {
		return nil, fmt.Errorf("read the look of set-up: %w", err)
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

// show writes the page. Nothing keeps it, and no other page learns its address.
func (l *look) show(w http.ResponseWriter, status int, v view) {
	var b bytes.Buffer
	if err := v.write(&b, l.style); err != nil {
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
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

// Page serves /setup: who shows the token gets the form that makes the App.
func (u *Setup) Page(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		u.look.show(w, http.StatusMethodNotAllowed, view{Title: "This page is for reading", Lead: "Open it in a browser."})
		return
	}
	query := r.URL.Query()
	token := query.Get("token")
	if u.finished() {
		u.look.show(w, http.StatusForbidden, view{Title: "Set-up is closed", Lead: "A GitHub App is configured already. If the server does not work with it, its log tells why."})
		return
	}
	if !u.admits(token) {
		u.look.show(w, http.StatusForbidden, view{
			Title: "This link does not open set-up",
			Lead: "The server's log shows the link that does. It is good for an hour; then the log shows a new one. " +
				"Where the log is not at hand, restart the server: it logs a new link at once.",
		})
		return
	}
	org := query.Get("org")
	names := u.organizations()
	if len(names) == 1 {
		org = names[0]
	}
	if org = strings.TrimSpace(org); !u.knows(org) {
		v := view{Title: "Whose App will it be?", Lead: "The GitHub App belongs to the organization whose runners it manages.", Ask: true, Orgs: names, Token: token}
		if org != "" {
			v.Notes = []string{"That is not the name of an organization that this server can serve. Give it as it stands in its address, without a slash."}
		}
		u.look.show(w, http.StatusOK, v)
		return
	}
	if taken, err := namesApp(u.ConfigPath); err == nil && taken {
		u.look.show(w, http.StatusConflict, view{
			Title: "There is an App already",
			Lead:  "The file " + u.ConfigPath + " names one since this server started. Restart the server to use it.",
		})
		return
	}
	manifest, err := json.Marshal(u.manifest(org))
	if err != nil {
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
		return
	}
	u.look.show(w, http.StatusOK, view{
		Title:    "Set up Actions Runner Manager",
		Lead:     "GitHub makes an App for this server, with no more rights than it needs. You may change its name there.",
		Warnings: u.doubts(), Org: org, Path: absolute(u.ConfigPath), Manifest: string(manifest),
		Action: u.Config.GitHub.URL + "/organizations/" + url.PathEscape(org) + "/settings/apps/new?state=" + url.QueryEscape(u.begin(org)),
	})
}

// doubts are what would make the App useless, as far as it can be told beforehand.
func (u *Setup) doubts() []string {
	var doubts []string
	if len(u.organizations()) > 1 {
		doubts = append(doubts, "A private App can be installed in its own organization alone. For the others, make it public afterwards, "+
			"under Advanced in its settings; it still works only for the organizations that are configured.")
	}
	if err := tryConfig(u.ConfigPath); err != nil {
		doubts = append(doubts, "The configuration cannot be written to "+name(absolute(u.ConfigPath))+": "+err.Error()+
			". Mend that and load this page again; else you see the App's key once, and have to put it into the configuration yourself.")
	}
	public, err := url.Parse(u.PublicURL)
	at, githubErr := url.Parse(u.Config.GitHub.URL)
	if err != nil || githubErr != nil || !ofThisMachine(public.Hostname()) || ofThisMachine(at.Hostname()) {
		return doubts
	}
	return append(doubts, "GitHub cannot reach "+public.String()+", and refuses an App that is to be called there. "+
		"Set server.publicURL to the address at which GitHub reaches this server, restart it, and open the new link.")
}

// absolute is the whole path, so that its reader need not know where the server runs.
func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil && path != "" {
		return whole
	}
	return path
}

func ofThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || host == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// manifest describes the App to GitHub.
// https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
func (u *Setup) manifest(org string) map[string]any {
	base := u.PublicURL
	const suffix = " runner manager"
	name := org[:min(len(org), maxAppName-len(suffix))] + suffix
	return map[string]any{
		"name": name, "url": base, "public": false,
		"description":     "Lets teams of " + org + " manage their own groups of self-hosted runners.",
		"hook_attributes": map[string]any{"url": base + comment.WebhookPath, "active": true},
		"redirect_url":    base + CallbackPath,
		"default_permissions": map[string]string{
			"metadata": "read", "issues": "write", "members": "read", "organization_self_hosted_runners": "write",
		},
		"default_events": []string{"issue_comment"},
	}
}
