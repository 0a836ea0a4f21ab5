// Package web is the web pages of the simulated GitHub: its issues, the form that installs
// an App, the page that makes one, and that of a machine for runners.
package web

import (
	"embed"
	"errors"
	"fmt"
	"hash/fnv"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

//go:embed assets/page.css assets/page.js
var assets embed.FS

// Pages are the pages of one simulated GitHub.
type Pages struct{ sim *ghsim.Server }

// Attach has sim serve its pages.
func Attach(sim *ghsim.Server) { sim.Pages = (&Pages{sim}).page }

// page gives the handler of a web page, or nil if the path is the API's.
func (p *Pages) page(method, path string) http.HandlerFunc {
	part := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i := range part {
		if plain, err := url.PathUnescape(part[i]); err == nil {
			part[i] = plain
		}
	}
	reads := method == http.MethodGet || method == http.MethodHead
	switch {
	case path == "/" && reads:
		return p.servePage(p.index)
	case path == "/_sim/page.css" && reads:
		return asset("page.css")
	case path == "/_sim/page.js" && reads:
		return asset("page.js")
	case path == "/favicon.ico" && reads:
		return avatar("GitHub")
	case path == ghsim.AuthorizePath && reads:
		return p.servePage(p.signIn)
	case path == MachinePath && reads:
		return p.servePage(func(*http.Request) (view, error) { return machinePage(machineView{}), nil })
	case path == MachinePath && method == http.MethodPost:
		return p.sameOrigin(p.servePage(p.paste))
	case len(part) == 2 && part[0] == "avatars" && reads:
		return avatar(strings.TrimSuffix(part[1], ".svg"))
	case len(part) == 3 && part[0] != "orgs" && part[2] == "issues" && reads:
		return p.servePage(func(*http.Request) (view, error) { return p.repoIssues(part[0], part[1]) })
	case len(part) >= 4 && part[0] != "repos" && (part[2] == "issues" || part[2] == "pull"):
		return p.issuePage(method, part)
	case len(part) == 5 && part[0] == "organizations" && strings.Join(part[2:], "/") == "settings/apps/new" && method == http.MethodPost:
		return func(w http.ResponseWriter, r *http.Request) { p.sim.RegisterManifest(w, r, part[1]) }
	case len(part) == 4 && part[0] == "apps" && part[2] == "installations" && part[3] == "new":
		if method == http.MethodPost {
			return p.sameOrigin(func(w http.ResponseWriter, r *http.Request) { p.installed(w, r, part[1]) })
		}
		return p.servePage(func(*http.Request) (view, error) { return p.installPage(part[1]) })
	}
	return nil
}

func asset(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, assets, "assets/"+name) }
}

func (p *Pages) issuePage(method string, part []string) http.HandlerFunc {
	number, err := strconv.Atoi(part[3])
	switch {
	case err != nil:
	case len(part) == 5 && part[4] == "live" && method == http.MethodGet:
		return p.live
	case len(part) == 4 && method == http.MethodPost:
		return p.sameOrigin(func(w http.ResponseWriter, r *http.Request) {
			p.comment(w, r, part[0], part[1], number)
		})
	case len(part) == 4 && method == http.MethodGet:
		return p.servePage(func(*http.Request) (view, error) { return p.issueView(part[0], part[1], number) })
	}
	return nil
}

var errNoPage = errors.New("there is no such page")

// servePage shows what a view function finds.
func (p *Pages) servePage(find func(*http.Request) (view, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := find(r)
		if err != nil {
			http.Error(w, "404: "+err.Error(), http.StatusNotFound)
			return
		}
		if v.Moved != "" {
			http.Redirect(w, r, v.Moved, http.StatusFound)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "+
			"form-action 'self' "+v.FormTo+"; base-uri 'none'; frame-ancestors 'none'")
		_ = v.html().Render(w) // fails if nobody listens any more
	}
}

// sameOrigin keeps forms of other sites away.
func (p *Pages) sameOrigin(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewCrossOriginProtection().Check(r); err != nil {
			http.Error(w, "403: a form of another site may not write here", http.StatusForbidden)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		next(w, r)
	}
}

// comment takes the form below an issue.
func (p *Pages) comment(w http.ResponseWriter, r *http.Request, org, repo string, number int) {
	id, err := p.sim.Comment(org, repo, number, r.PostFormValue("as"), strings.ReplaceAll(r.PostFormValue("body"), "\r\n", "\n"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Location", r.URL.EscapedPath()+"#issuecomment-"+strconv.FormatInt(id, 10))
	w.WriteHeader(http.StatusSeeOther)
}

// live notifies the page, by server-sent events, that something changed.
func (p *Pages) live(w http.ResponseWriter, r *http.Request) {
	out := http.NewResponseController(w)
	_ = out.SetWriteDeadline(time.Time{}) // this answer has no end
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	for {
		version, closed, changed := p.sim.Changes()
		if closed {
			return
		}
		if _, err := fmt.Fprintf(w, "data: %d\n\n", version); err != nil || out.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-time.After(20 * time.Second): // shows a page that is gone
		case <-r.Context().Done():
			return
		}
	}
}

// installed takes the installation's form, and leads on to the App's set-up
// address as GitHub does.
func (p *Pages) installed(w http.ResponseWriter, r *http.Request, slug string) {
	id, err := p.sim.Install(slug, r.PostFormValue("org"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	var setup string
	p.sim.View(func(st *ghsim.State) { setup = st.App(slug).SetupURL })
	to, err := url.Parse(setup)
	if err != nil || to.Host == "" {
		to = &url.URL{Path: "/apps/" + slug + "/installations/new"}
	} else {
		q := to.Query()
		q.Set("installation_id", strconv.FormatInt(id, 10))
		q.Set("setup_action", "install")
		to.RawQuery = q.Encode()
	}
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

// avatar draws a login's first letter on a colour of its own.
func avatar(login string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		letter := "?"
		for _, l := range login {
			letter = strings.ToUpper(string(l))
			break
		}
		fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" rx="20" fill="hsl(%d 45%% 45%%)"/>`+
			`<text x="20" y="27" font-family="sans-serif" font-size="19" font-weight="600" fill="#fff" text-anchor="middle">%s</text></svg>`,
			hue(login)%360, html.EscapeString(letter))
	}
}

func hue(text string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text)) // never fails
	return h.Sum32()
}
