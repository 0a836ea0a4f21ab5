package web

import (
	"net/http"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// MachinePath is a page in place of a machine: it takes the lines of a new runner.
const MachinePath = "/machine"

// A machineView is what the lines did. Its zero value is the page before any were pasted.
type machineView struct{ Runner, Problem string }

func machinePage(v machineView) view { return view{Title: "Simulated machine", Machine: &v} }

// paste runs the lines.
func (p *Pages) paste(r *http.Request) (view, error) {
	var v machineView
	name, err := p.sim.Paste(r.PostFormValue("lines"))
	if v.Runner = name; err != nil {
		v.Problem = err.Error()
	}
	return machinePage(v), nil
}

func (v *machineView) html() g.Node {
	return h.Main(h.Class("narrow"),
		h.H1(g.Text("Simulated machine")),
		g.If(v.Runner != "", h.Div(h.Class("card pad"), h.Role("status"), h.P(h.B(g.Text("√ Connected to GitHub")), g.Text(" as "), code(v.Runner)), h.P(g.Text("Listening for Jobs")))),
		g.If(v.Problem != "", h.Div(h.Class("card pad"), h.Role("alert"), h.P(h.B(g.Text("The lines failed")), g.Text(": "+v.Problem+".")))),
		h.P(h.Class("muted"), g.Text("Paste the lines of a new runner here, as you would on a machine of your own. Nothing is downloaded.")),
		h.Form(h.Class("card pad"), h.Method("post"), h.Action(MachinePath),
			h.Label(h.For("lines"), g.Text("Lines")),
			h.Textarea(h.ID("lines"), h.Name("lines"), h.Rows("10"), h.Required(), g.Attr("spellcheck", "false"), h.AutoComplete("off")),
			h.Div(h.Class("send"), h.Button(h.Class("primary"), g.Text("Run"))),
		),
	)
}
