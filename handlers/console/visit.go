package console

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// A visit is one request of a person for a page.
type visit struct {
	*console
	w      http.ResponseWriter
	r      *http.Request
	id     string // of the request
	person dispatch.Principal
	view   *dispatch.View

	org, team, command string // that the path names; "": none

	status int
	reason dispatch.Reason
	cause  error
}

// page serves a page, and writes one line about it to the log, without the query.
func (c *console) page(serve func(*visit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		of := func(name string) string { return secret.MaskTokens(r.PathValue(name)) }
		v := &visit{
			console: c, w: w, id: handlers.NewRequestID(), person: c.SignIn.Person(r.Context()), view: new(dispatch.View),
			org: of("org"), team: of("team"), command: of("command"), status: http.StatusOK,
		}
		if v.team == noTeam {
			v.team = ""
		}
		log := c.Logger.With().Str("request_id", v.id).Logger()
		v.r = r.WithContext(log.WithContext(r.Context()))
		w.Header().Set("X-Request-Id", v.id)
		defer func() {
			event := log.Info()
			if v.view.Refresh && v.status < http.StatusBadRequest {
				event = log.Debug() // an open page has one every few seconds
			}
			if v.reason == dispatch.ReasonInternal {
				event = log.Error()
			}
			event.Str("method", handlers.Clip(r.Method)).Str("path", handlers.Clip(r.URL.EscapedPath())).Int("status", v.status).
				Str("reason", string(v.reason)).Dur("took", time.Since(start)).Str("caller", v.person.Login).AnErr("cause", v.cause).Msg("page")
		}()
		serve(v)
	}
}

func (v *visit) ctx() context.Context { return v.r.Context() }

func (v *visit) now() time.Time { return v.Clock() }

// arguments are pairs of names and values.
func arguments(pairs ...string) dispatch.Args {
	var args dispatch.Args
	for i := 0; i+1 < len(pairs); i += 2 {
		args.Add(pairs[i], pairs[i+1])
	}
	return args
}

// request returns a request of the person for a command.
func (v *visit) request(org, command string, args dispatch.Args) dispatch.Request {
	return dispatch.Request{ID: v.id, Channel: dispatch.Console, Command: command, Org: org, Caller: v.person, Args: args}
}

// look runs a command that the page shows the answer of.
func (v *visit) look(ctx context.Context, org, command string, pairs ...string) (dispatch.Result, error) {
	req := v.request(org, command, arguments(pairs...))
	req.View = v.view
	return v.Dispatcher.Dispatch(ctx, req)
}

// proved reports whether the person was proved lately to have the right to run the command, so
// that the page need not wait for that before it sends others.
func (v *visit) proved(org, command string, pairs ...string) bool {
	return v.Dispatcher.Proved(v.request(org, command, arguments(pairs...)))
}

// owner reports whether the person was an owner of one of the organizations when that was asked
// last, within an hour. It only decides which links are shown.
func (v *visit) owner() bool {
	for _, org := range v.Orgs {
		if v.proved(org, "group-adopt") {
			return true
		}
	}
	return false
}

// fail answers with the page of an error.
func (v *visit) fail(err error) {
	e := v.note(err)
	again := g.If(e.Reason.Transient() && v.r.Method == http.MethodGet, h.A(h.Class("button"), h.Href(secret.MaskTokens(v.r.URL.RequestURI())), g.Text("Try again")))
	v.write(v.status, page{title: http.StatusText(v.status), body: []g.Node{
		h.P(h.Class("problem"), text(e.Message)),
		g.If(e.Reason == dispatch.ReasonNotMember || e.Reason == dispatch.ReasonNotMaintainer, h.P(g.Textf("You signed in as %s. If that is not your login on GitHub any more, sign out and in again.", v.person.Login))),
		h.P(h.Class("actions"), again, g.If(v.person.Known(), h.A(h.Href(Path), g.Text("My groups"))), h.A(h.Href("/"), g.Text("Start page"))),
		v.problem(e),
	}})
}

// note remembers the error for the log and the answer's headers.
func (v *visit) note(err error) *dispatch.Error {
	e := dispatch.AsError(err)
	answer := handlers.ErrorAnswer(e, v.id)
	v.status, v.reason = answer.Code, e.Reason
	if e.Reason == dispatch.ReasonInternal {
		v.cause = e.Cause
	}
	if e.RetryAfter > 0 {
		v.w.Header().Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	return e
}

// nowhere answers for paths that do not exist.
func (v *visit) nowhere() {
	if v.r.URL.Path == Path+"/" || strings.Count(strings.Trim(v.r.URL.Path, "/"), "/") == 1 { // an organization
		http.Redirect(v.w, v.r, Path, http.StatusSeeOther)
		v.status = http.StatusSeeOther
		return
	}
	if v.r.Method != http.MethodGet && v.r.Method != http.MethodHead {
		allow, message := "GET, HEAD", "This page is for reading: use GET."
		if _, isCommand := v.Dispatcher.Lookup(path.Base(v.r.URL.Path)); isCommand || path.Base(v.r.URL.Path) == "add-runner" {
			allow, message = "GET, HEAD, POST", "This form is read by GET and sent by POST."
		}
		v.w.Header().Set("Allow", allow)
		v.fail(dispatch.Refuse(dispatch.ReasonMethod, "%s", message))
		return
	}
	v.fail(dispatch.Refuse(dispatch.ReasonUnknownCommand, "There is no page here."))
}

// served reports whether the server serves the organization of the path, and takes its name as
// it is configured.
func (v *visit) served() bool {
	for _, org := range v.Orgs {
		if strings.EqualFold(org, v.org) {
			v.org = org
			return true
		}
	}
	return false
}

func escape(element string) string { return url.PathEscape(element) }

func logger(ctx context.Context) *zerolog.Logger { return zerolog.Ctx(ctx) }
