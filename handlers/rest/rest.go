// Package rest is the REST channel: it authenticates callers by their GitHub
// tokens, and turns requests into commands and results into JSON.
package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/pages"
)

// getDeprecatedSince is when GET stopped being the documented way to change
// something: 2026-01-01, as RFC 9745 writes it.
const getDeprecatedSince = "@1767225600"

// Options is what the REST channel is made of.
type Options struct {
	Dispatcher handlers.Dispatcher
	Identity   *Identity
	Orgs       []string // the organizations that are served
	Multi      bool     // `orgs` names several: `org` is an argument
	// SetupMode reports whether no App is configured yet: every command is refused then. It may be nil.
	SetupMode func() bool
	Logger    zerolog.Logger
	Proxies   []netip.Prefix // whose X-Forwarded-For is believed
	// Watch notices a proxy that is not one of Proxies. It may be nil.
	Watch *handlers.ProxyWatch
}

// New returns the REST channel, to be mounted at [handlers.APIPrefix], best through [Guard].
func New(o Options) http.Handler {
	if o.Watch == nil {
		o.Watch = new(handlers.ProxyWatch)
	}
	return &restChannel{Options: o, bodies: handlers.NewBodies(allBodies)}
}

// allBodies is how much memory the bodies of all requests may take together, in bytes.
const allBodies = 16 << 20

type restChannel struct {
	Options
	bodies *handlers.Bodies
}

// A restCall is what is known of one request, for its answer and its line in the log.
type restCall struct {
	id      string
	client  netip.Addr
	command string
	caller  dispatch.Principal
	status  int
	reason  dispatch.Reason
	cause   error // of what failed before the dispatcher, which logs for itself
}

// ServeHTTP answers one request, and writes one line about it to the log. Neither
// has the query or a token in it.
func (d *restChannel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	call := &restCall{id: handlers.NewRequestID(), client: handlers.ClientAddress(r, d.Proxies)}
	logger := d.Logger.With().Str("request_id", call.id).Logger()
	if handlers.ForwardedByStranger(r, d.Proxies) && d.Watch.Observe(r) {
		logger.Warn().Stringer("peer", handlers.PeerAddress(r)).Msg("X-Forwarded-For comes from a peer that is not trusted and is ignored; " +
			"if the peer is your proxy, add it to server.trustedProxies (this is said once)")
	}
	w.Header().Set("X-Request-Id", call.id)
	result, err := d.run(logger.WithContext(r.Context()), w, r, call)
	d.answer(w, r, call, result, err)

	event := logger.Info()
	if call.reason == dispatch.ReasonInternal && call.cause != nil {
		event = logger.Error()
	}
	event.Str("method", handlers.Clip(r.Method)).Str("path", handlers.Clip(r.URL.EscapedPath())).Str("command", call.command).
		Int("status", call.status).Str("reason", string(call.reason)).Dur("took", time.Since(start)).
		Str("caller", call.caller.Login).Stringer("client", call.client).
		Str("client_request_id", handlers.Clip(r.Header.Get("X-Request-Id"))).AnErr("cause", call.cause).Msg("request")
}

// run checks and runs the command; whatever breaks in it becomes an error.
func (d *restChannel) run(ctx context.Context, w http.ResponseWriter, r *http.Request, call *restCall) (result dispatch.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			call.cause = err
		}
	}()
	// A command that has begun to change things ends even if its caller hangs up.
	ctx = context.WithoutCancel(ctx)
	req, err := d.request(ctx, w, r, call)
	if err != nil {
		call.cause = errors.Unwrap(dispatch.AsError(err))
		return dispatch.Result{}, err
	}
	return d.Dispatcher.Dispatch(ctx, req)
}

// request turns r into a request for the dispatcher. What it refuses, it refuses in
// the order of the public interface: what is asked for at all, who asks, with which arguments.
func (d *restChannel) request(ctx context.Context, w http.ResponseWriter, r *http.Request, call *restCall) (dispatch.Request, error) {
	spec, err := d.route(r)
	if err != nil {
		return dispatch.Request{}, err
	}
	call.command = spec.Name
	if err := checkMethod(w.Header(), r.Method, spec); err != nil {
		return dispatch.Request{}, err
	}
	if d.SetupMode != nil && d.SetupMode() {
		return dispatch.Request{}, dispatch.Refuse(dispatch.ReasonSetup,
			"This server is not set up yet. Its operator finds the link to set it up in the server's log.")
	}
	if spec.Needs != dispatch.Anyone {
		if call.caller, err = d.Identity.Authenticate(ctx, r.Header.Values("Authorization"), call.client); err != nil {
			return dispatch.Request{}, err
		}
	}
	req := dispatch.Request{ID: call.id, Channel: dispatch.REST, Command: spec.Name, Caller: call.caller}
	if !d.Multi && len(d.Orgs) > 0 {
		req.Org = d.Orgs[0]
	}
	if req.Args, err = restArguments(r, spec, d.bodies); err == nil && d.Multi {
		req.OrgArg, err = takeOrg(&req.Args)
	}
	if err != nil {
		// charged and put on record like any other command that is wrong
		req.Malformed = dispatch.AsError(err)
		call.cause = req.Malformed.Cause
	}
	return req, nil
}

// route finds the command by the path as it was sent: no encoded form of a name,
// and nothing that cleaning would make one, is a command.
func (d *restChannel) route(r *http.Request) (dispatch.Spec, error) {
	name, ok := strings.CutPrefix(r.URL.EscapedPath(), handlers.APIPrefix)
	if spec, found := d.Dispatcher.Lookup(name); ok && found {
		return spec, nil
	}
	if !ok || name == "" {
		return dispatch.Spec{}, dispatch.Refuse(dispatch.ReasonUnknownCommand,
			"There is nothing at %s. Commands are at `%sCOMMAND`; `%shelp` lists all.", dispatch.Quote(r.URL.Path), handlers.APIPrefix, handlers.APIPrefix)
	}
	return dispatch.Spec{}, d.Dispatcher.Unknown(strings.TrimPrefix(r.URL.Path, handlers.APIPrefix))
}

// checkMethod refuses a method that the command does not answer to, and marks one
// that it should no longer be called with. HEAD reads what GET reads.
func checkMethod(header http.Header, method string, spec dispatch.Spec) error {
	methods := spec.Methods()
	if spec.Method == http.MethodGet {
		methods = append(methods, http.MethodHead)
	}
	if !slices.Contains(methods, method) {
		header.Set("Allow", strings.Join(methods, ", "))
		return dispatch.Refuse(dispatch.ReasonMethod, "`%s` does not answer to %s. %s", spec.Name, dispatch.Quote(method), usable(spec))
	}
	if spec.Deprecated(method) {
		header.Set("Deprecation", getDeprecatedSince)
		header.Set("Link", `</docs>; rel="deprecation"; type="text/html"`)
	}
	return nil
}

// usable returns the methods that a command accepts, preferred ones first.
func usable(spec dispatch.Spec) string {
	var good, old []string
	for _, method := range spec.Methods() {
		if spec.Deprecated(method) {
			old = append(old, method)
		} else {
			good = append(good, method)
		}
	}
	text := "Use " + strings.Join(good, " or ")
	if len(old) > 0 {
		text += "; " + strings.Join(old, " and ") + " still works, but is deprecated"
	}
	return text + "."
}

// answer writes the outcome.
func (d *restChannel) answer(w http.ResponseWriter, r *http.Request, call *restCall, result dispatch.Result, err error) {
	if pages.WantsHTML(r) && d.answerPage(w, call, result, err) {
		return
	}
	var answer handlers.Answer
	if err == nil {
		answer = handlers.ResultAnswer(result)
	} else {
		answer = call.refused(w, err)
	}
	body, err := handlers.EncodeJSON(answer)
	if err != nil {
		call.cause = fmt.Errorf("encode the answer to %s: %w", call.command, err)
		answer = call.refused(w, call.cause)
		body, _ = handlers.EncodeJSON(answer)
	}
	call.status = answer.Code
	handlers.WriteJSON(w, answer.Code, body)
}

// answerPage writes the page that a browser gets instead of JSON: of an error, or of the
// server's status. It reports whether there is one.
func (d *restChannel) answerPage(w http.ResponseWriter, call *restCall, result dispatch.Result, err error) bool {
	spec, _ := d.Dispatcher.Lookup(call.command)
	_, isStatus := spec.Sample.Response.(dispatch.Status)
	if err != nil {
		call.status = call.refused(w, err).Code
		pages.WriteError(w, dispatch.AsError(err), call.id, isStatus)
		return true
	}
	status, ok := result.Response.(dispatch.Status)
	if ok {
		call.status = http.StatusOK
		pages.WriteStatus(w, status)
	}
	return ok
}

func (c *restCall) refused(w http.ResponseWriter, err error) handlers.Answer {
	e := dispatch.AsError(err)
	c.reason = e.Reason
	setErrorHeaders(w.Header(), e)
	return handlers.ErrorAnswer(e, c.id)
}

// Guard lets api answer whatever is under its prefix, and whatever is no clean
// path at all, before next sees it: [http.ServeMux] would redirect the latter to
// the endpoint that cleaning makes of it.
func Guard(api, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := r.URL.EscapedPath()
		if strings.HasPrefix(sent, strings.TrimSuffix(handlers.APIPrefix, "/")) || !clean(sent) || !clean(r.URL.Path) {
			api.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func clean(p string) bool {
	if !strings.HasPrefix(p, "/") || strings.ContainsAny(p, "\\\x00") {
		return false
	}
	elements := strings.Split(p[1:], "/")
	for i, element := range elements {
		if element == "." || element == ".." || element == "" && i < len(elements)-1 {
			return false
		}
	}
	return true
}
