package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// maxBody is how large the body of a form may be, in bytes.
const maxBody = 256 << 10

// find returns the command that the path names. It answers by itself if there is none.
func (v *visit) find() (dispatch.Spec, bool) {
	spec, ok := v.Dispatcher.Lookup(v.command)
	switch {
	case !v.served():
		v.fail(dispatch.Refuse(dispatch.ReasonInvalidArgument, "This server does not serve an organization %s.", dispatch.Quote(v.org)))
		return spec, false
	case !ok:
		v.fail(v.Dispatcher.Unknown(v.command))
		return spec, false
	}
	return spec.For(v.team), true
}

// showForm shows the form of a command. A command that only reads runs if the query says so.
func (v *visit) showForm() {
	spec, ok := v.find()
	if !ok {
		return
	}
	given, err := parse(v.r.URL.RawQuery)
	if err != nil {
		v.fail(err)
		return
	}
	if spec.Effect == dispatch.Reads && given.first(fieldRun) != "" {
		v.run(spec, given)
		return
	}
	if err := v.Member(v.ctx(), v.person); err != nil {
		v.fail(err)
		return
	}
	v.writePage(http.StatusOK, spec, v.form(spec, given))
}

// writePage writes the page of a command: what it does, and then its form and what came of it.
func (v *visit) writePage(status int, spec dispatch.Spec, body ...g.Node) {
	here := ""
	if spec.Name == "repo-runners" {
		here = link(v.org, "", spec.Name)
	}
	v.write(status, page{title: spec.Summary, crumb: spec.Name, here: here, body: []g.Node{
		g.If(spec.Details != "", h.P(h.Class("lead"), text(spec.Details))),
		g.Group(body),
	}})
}

// runForm runs a command with what its form says.
func (v *visit) runForm() {
	spec, ok := v.find()
	if !ok {
		return
	}
	if given, ok := v.fields(); ok {
		v.run(spec, given)
	}
}

// fields reads the form that was sent. It answers by itself if it cannot.
func (v *visit) fields() (values, bool) {
	body, release, err := v.bodies.Read(v.r.Body, v.r.ContentLength, maxBody)
	defer release()
	var given values
	switch {
	case errors.Is(err, handlers.ErrBodyTooLarge):
		err = dispatch.Refuse(dispatch.ReasonTooLarge, "The form is larger than 256 KiB. Send fewer items at a time.")
	case err != nil:
		err = dispatch.Refuse(dispatch.ReasonUnavailable, "The form could not be read. Send it again.")
	default:
		given, err = parse(string(body))
	}
	if err != nil {
		v.fail(err)
	}
	return given, err == nil
}

// parse reads the fields of a form. Tokens in them are masked, since the page shows the form again.
func parse(encoded string) (values, error) {
	fields, err := url.ParseQuery(encoded)
	if err != nil {
		return nil, dispatch.Refuse(dispatch.ReasonInvalidArgument, "The form is not well encoded.")
	}
	given := values{}
	for name, list := range fields {
		for _, value := range list {
			given[name] = append(given[name], secret.MaskTokens(value))
		}
	}
	return given, nil
}

// run runs the command, or shows what it would change if it asks first.
func (v *visit) run(spec dispatch.Spec, given values) {
	if spec.Needs == dispatch.Anyone { // but only members see the console
		if err := v.Member(v.ctx(), v.person); err != nil {
			v.fail(err)
			return
		}
	}
	args := given.arguments(spec)
	if _, takes := spec.Param("team"); takes && v.team != "" {
		args.Add("team", v.team)
	}
	req := v.request(v.org, spec.Name, args)
	req.Preview = asksFirst(spec, args) && given.first(fieldYes) != "true"
	// A command that has begun to change things ends even if its caller hangs up.
	result, err := v.Dispatcher.Dispatch(context.WithoutCancel(v.ctx()), req)
	switch {
	case err != nil:
		e := v.note(err)
		v.writePage(v.status, spec, v.alert(e), v.form(spec, given))
	case req.Preview && !result.DryRun:
		v.confirm(spec, given, result)
	case result.Secret != nil:
		v.reveal(spec, given, result)
	case spec.Effect == dispatch.Reads:
		v.writePage(http.StatusOK, spec, v.form(spec, given), h.Div(h.Role("status"), v.answer(result)))
	case result.DryRun:
		v.writePage(http.StatusOK, spec, h.Section(h.Class("notice"), h.Role("status"), h.P(h.Strong(g.Text("Preview. Nothing has changed yet."))), v.result(result, true)), v.form(spec, given))
	default:
		v.keep(result)
		v.status = http.StatusSeeOther
		http.Redirect(v.w, v.r, v.after(spec, given), v.status)
	}
}

// confirm shows what the command would change, and the button that does it.
func (v *visit) confirm(spec dispatch.Spec, given values, preview dispatch.Result) {
	back := h.A(h.Href(v.after(spec, given)), g.Text("Cancel"))
	head, button := "Nothing has changed yet. This is what would change:", h.Button(h.Type("submit"), h.Class("danger"), h.Name(fieldYes), h.Value("true"), g.Text("Yes, run "+spec.Name))
	if preview.Needless {
		head, button = "Nothing would change.", nil
	}
	v.write(http.StatusOK, page{title: spec.Summary, crumb: spec.Name, body: []g.Node{
		h.Section(h.Class("notice warn"), h.Role("status"), h.P(h.Strong(g.Text(head))), v.result(preview, true)),
		h.Form(h.Method("post"), h.Action(link(v.org, v.team, spec.Name)), hidden(spec, given), h.P(h.Class("actions"), button, back)),
	}})
}

// reveal shows a secret, once: it is in no session, address or log.
func (v *visit) reveal(spec dispatch.Spec, given values, result dispatch.Result) {
	v.write(http.StatusOK, page{title: spec.Summary, crumb: spec.Name, body: []g.Node{
		h.P(text(result.Message)),
		secretLines(*result.Secret, result.Response),
		g.Map(result.Notes, func(note string) g.Node { return h.P(text(note)) }),
		h.P(h.Class("actions"), h.A(h.Href(v.after(spec, given)), g.Text("Done"))),
	}})
}

// after returns the page that follows a command: that of its team, or the list that it was begun in.
func (v *visit) after(spec dispatch.Spec, given values) string {
	team := v.team
	if team == "" && spec.Team() {
		team = strings.ToLower(path.Base(given.first("team")))
	}
	switch {
	case given.first(fieldBack) == backAll:
		return Path + "/all"
	case team == "" || team == "." || slices.Contains([]string{"group-delete", "group-release", "access-request"}, spec.Name):
		return Path
	}
	return link(v.org, team)
}
