package console

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// The field of the guide that is no argument of a command, and its value for a runner that does
// one job. Any other value is one that stays.
const (
	fieldKind = "kind"
	kindJob   = "job"
)

// addRunner is the guide to a new runner. With what [waitingFor] writes in the query it shows
// whether the runner is there.
func (v *visit) addRunner() {
	if v.r.URL.Query().Has("since") {
		v.showArrival()
		return
	}
	if _, err := v.listRunners(); err != nil {
		v.fail(err)
		return
	}
	v.guide(http.StatusOK, values{})
}

// guide asks what the runner is to be.
func (v *visit) guide(status int, given values, above ...g.Node) {
	register, _ := v.Dispatcher.Lookup("token-register")
	text := func(name string) g.Node {
		p, _ := register.Param(name)
		return field(p, given)
	}
	kind := func(value, title, note string) g.Node {
		return h.Label(h.Input(h.Type("radio"), h.Name(fieldKind), h.Value(value), g.If((given.first(fieldKind) == kindJob) == (value == kindJob), h.Checked())),
			h.Span(g.Text(title), h.Small(g.Text(note))))
	}
	v.write(status, page{title: "Add a runner", lead: "You get the lines to paste on the machine. Then this page waits until the runner is online.", body: []g.Node{
		g.Group(above),
		h.Form(h.Method("post"), h.Action(link(v.org, v.team, "add-runner")), h.Class("command"),
			h.FieldSet(h.Class("kinds"), h.Legend(g.Text("How long does it live?")),
				kind("permanent", "A machine that stays", "It does one job after another, as a service, until you remove it."),
				kind(kindJob, "A container or machine for one job", "After its job GitHub removes it. You have the runner's software already, as in GitHub's container image. Without a name it gets one."),
			),
			h.Div(h.Class("pair"),
				choice("os", "System", given, "linux", "Linux", "osx", "macOS", "win", "Windows"),
				choice("arch", "Architecture", given, "", "the usual one", "x64", "x64 (Intel, AMD)", "arm64", "arm64"),
			),
			text("name"), text("labels"),
			h.P(h.Class("actions"), h.Button(h.Type("submit"), g.Text("Get the lines")), h.A(h.Href(link(v.org, v.team)), g.Text("Cancel"))),
		),
	}})
}

// choice is a field with few values. choices are the values, each with what people read.
func choice(name, label string, given values, choices ...string) g.Node {
	var options g.Group
	for i := 0; i+1 < len(choices); i += 2 {
		options = append(options, h.Option(h.Value(choices[i]), g.If(given.first(name) == choices[i], h.Selected()), g.Text(choices[i+1])))
	}
	return h.Div(h.Class("field"), h.Label(h.For("f-"+name), g.Text(label)), h.Select(h.ID("f-"+name), h.Name(name), options))
}

// makeRunner gets the lines for a new runner, and shows them once.
func (v *visit) makeRunner() {
	if !v.served() {
		v.fail(dispatch.Refuse(dispatch.ReasonInvalidArgument, "This server does not serve an organization %s.", dispatch.Quote(v.org)))
		return
	}
	given, ok := v.fields()
	if !ok {
		return
	}
	spec, args := v.runnerCommand(given)
	before, errBefore := v.listRunners() // an error is the command's too
	// A command that has begun to change things ends even if its caller hangs up.
	result, err := v.Dispatcher.Dispatch(context.WithoutCancel(v.ctx()), v.request(v.org, spec.Name, args))
	switch {
	case err != nil:
		e := v.note(err)
		v.guide(v.status, given, v.alert(e))
		return
	case result.Secret == nil: // an owner has to approve it
		v.keep(result)
		v.status = http.StatusSeeOther
		http.Redirect(v.w, v.r, link(v.org, v.team), v.status)
		return
	}
	waiting := arrival{since: v.now(), job: given.first(fieldKind) == kindJob}
	if names, given := args.Get("name"); given {
		waiting.name = names[0]
	}
	for _, r := range before {
		waiting.after = max(waiting.after, r.ID)
	}
	v.showLines(result, waiting, errBefore == nil)
}

// runnerCommand returns the command of the guide's form, with its arguments. A runner for one job
// needs a name, so it gets one.
func (v *visit) runnerCommand(given values) (dispatch.Spec, dispatch.Args) {
	fields := values{}
	for name, value := range given {
		if name != fieldKind {
			fields[name] = value
		}
	}
	name := "token-register"
	if given.first(fieldKind) == kindJob {
		name = "token-jit"
		delete(fields, "os")
		delete(fields, "arch")
		if strings.TrimSpace(fields.first("name")) == "" {
			fields["name"] = []string{"job-" + strings.ToLower(rand.Text()[:8])}
		}
	}
	spec, _ := v.Dispatcher.Lookup(name)
	args := fields.arguments(spec)
	args.Add("team", v.team)
	return spec, args
}

// showLines shows the lines to paste, once, and waits for the runner. They are in no session,
// address or log.
func (v *visit) showLines(result dispatch.Result, waiting arrival, mayWait bool) {
	where, paste := "Paste this on the machine", g.Node(nil)
	switch answer := result.Response.(type) {
	case commands.JITAnswer:
		where, paste = "Start the runner with one of these", perSystem(answer)
	case commands.TokenAnswer:
		paste = h.Div(h.Class("copy whole"), h.Data("name", "the lines"),
			h.Pre(h.TabIndex("0"), h.Role("region"), h.Aria("label", "Lines to paste"), h.Code(g.Text(strings.Join(answer.Commands, "\n")))))
	}
	expires := "."
	if !result.Secret.Expires.IsZero() {
		expires = ", and good until " + result.Secret.Expires.UTC().Format("15:04") + " UTC."
	}
	var wait g.Node
	if mayWait {
		wait = g.Group{
			waiting.part(v, nil), live(waiting.path(v, "live"), arrivalEvery), liveState(),
			h.NoScript(h.P(h.A(h.Href(waiting.path(v)), g.Text("Check whether it is online")), g.Text(". Copy the lines first: they are not shown again."))),
		}
	}
	v.write(http.StatusOK, page{title: "Add a runner", body: []g.Node{
		g.If(waiting.job, h.P(text(result.Message))),
		h.Section(h.Class("notice secret"),
			h.H2(g.Text(where)),
			h.P(g.Text("The "+result.Secret.Kind+" in it is shown once"+expires)),
			paste,
		),
		wait,
		g.Map(result.Notes, func(note string) g.Node { return h.P(text(note)) }),
		h.P(h.Class("actions"), h.A(h.Href(link(v.org, v.team, "add-runner")), g.Text("Add another")), h.A(h.Href(link(v.org, v.team)), g.Text("Back to the group"))),
	}})
}
