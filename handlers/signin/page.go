package signin

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/pages"
)

// askToSignIn answers somebody who is not signed in. A form that they sent was not looked at.
func (s *SignIn) askToSignIn(w http.ResponseWriter, r *http.Request) {
	lead := "Sign in with your GitHub account to see your teams' runner groups, and to change what you maintain."
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		lead = "You are not signed in any more, so nothing was changed. Sign in, and send the form again."
	}
	write(w, http.StatusUnauthorized, "Sign in", lead, signInLink(r.URL.RequestURI()), "Sign in with GitHub",
		h.P(h.Small(g.Text("The GitHub App learns who you are, and gets no access to your account."))))
}

// refuse answers a sign-in that failed and can be begun again.
func refuse(w http.ResponseWriter, back, message string) {
	write(w, http.StatusBadRequest, "You are not signed in", message, signInLink(back), "Sign in with GitHub")
}

// fail answers with the page of an error, and logs what was wrong inside.
func (s *SignIn) fail(w http.ResponseWriter, r *http.Request, err error) {
	e, id := dispatch.AsError(err), handlers.NewRequestID()
	w.Header().Set("X-Request-Id", id)
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	event := s.Logger.Info()
	if e.Reason == dispatch.ReasonInternal {
		event = s.Logger.Error()
	}
	event.Str("request_id", id).Str("path", handlers.Clip(r.URL.EscapedPath())).Int("status", e.Status()).Str("reason", string(e.Reason)).
		Stringer("client", handlers.ClientAddress(r, s.Proxies)).AnErr("cause", e.Cause).Msg("sign-in")
	write(w, e.Status(), http.StatusText(e.Status()), strings.ReplaceAll(e.Message, "`", ""), Path, "Sign in with GitHub",
		h.P(h.Small(g.Text("Status "), h.Code(g.Textf("%d %s", e.Status(), e.Reason)), g.Text(", request "), h.Code(g.Text(id)))))
}

// crossOrigin answers a request that another site had the browser send.
func (s *SignIn) crossOrigin(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusForbidden, "Forbidden", "This form was sent by another site, so nothing was changed.", consolePath, "Open the console")
}

func (s *SignIn) wrongMethod(w http.ResponseWriter, r *http.Request) {
	allow := http.MethodGet
	if r.URL.Path == SignOutPath {
		allow = http.MethodPost
	}
	w.Header().Set("Allow", allow)
	write(w, http.StatusMethodNotAllowed, "Method Not Allowed", "This address is for "+allow+" only.", consolePath, "Open the console")
}

// write writes a page with one thing to do.
func write(w http.ResponseWriter, status int, title, lead, to, action string, more ...g.Node) {
	pages.WriteWithForms(w, status, pages.Layout(title+" – Actions Runner Manager", nil,
		h.Main(
			h.H1(g.Text(title)),
			h.P(h.Class("lead"), g.Text(lead)),
			h.P(h.Class("actions"), h.A(h.Class("button"), h.Href(to), g.Text(action)), h.A(h.Href("/"), g.Text("Start page"))),
			g.Group(more),
		),
	))
}

// Off answers every request for the console while it is switched off.
func Off(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusNotFound, "The console is off", "Commands work over REST and in comments. The operator of this server can switch the console on: "+
		"actions-runner-manager doctor says how.", "/docs", "API reference")
}
