package console

import (
	"net/http"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// addRunner is the guide to a new runner.
func (v *visit) addRunner() {
	if err := v.Member(v.ctx(), v.person); err != nil {
		v.fail(err)
		return
	}
	v.write(http.StatusOK, page{title: "Add a runner", body: []g.Node{h.P(h.Class("actions"),
		h.A(h.Class("button"), h.Href(link(v.org, v.team, "token-register")), g.Text("A machine that stays")),
		h.A(h.Href(link(v.org, v.team, "token-jit")), g.Text("A runner for one job")),
	)}})
}
