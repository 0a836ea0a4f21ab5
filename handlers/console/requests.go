package console

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// requests shows undecided requests, with what the person can do about each.
func (v *visit) requests(org string, list []commands.RequestInfo, fields ...g.Node) g.Node {
	if len(list) == 0 {
		return nil
	}
	return g.Group{h.H2(h.ID("requests"), g.Text("Waiting for a decision")), h.Ul(h.Class("cards"), g.Map(list, func(r commands.RequestInfo) g.Node {
		return h.Li(
			h.P(h.Strong(g.Textf("Request %d", r.ID)), g.Text(" by "+r.RequestedBy+": "+requestText(r)), g.If(r.Reason != "", h.Small(g.Text("“"+r.Reason+"”"))), h.Small(g.Text(v.ago(r.RequestedAt)))),
			h.Div(h.Class("actions"), v.decisions(org, r, fields)),
		)
	}))}
}

// decisions are the buttons of a request. Who may use them is for the commands to say; the
// person's own requests have no others than theirs.
func (v *visit) decisions(org string, r commands.RequestInfo, fields g.Group) g.Node {
	id := h.Input(h.Type("hidden"), h.Name("id"), h.Value(fmt.Sprint(r.ID)))
	button := func(command, text, class string) g.Node {
		return h.Form(h.Method("post"), h.Action(link(org, v.team, command)), id, fields,
			h.Button(h.Type("submit"), h.Class(class), g.Text(text), h.Aria("label", fmt.Sprintf("%s request %d", text, r.ID))))
	}
	if strings.EqualFold(r.RequestedBy, v.person.Login) {
		return button("request-withdraw", "Withdraw", "second")
	}
	return g.Group{
		button("request-approve", "Approve", ""),
		h.Form(h.Method("get"), h.Action(link(org, v.team, "request-deny")), id, fields,
			h.Button(h.Type("submit"), h.Class("second"), g.Text("Deny…"), h.Aria("label", fmt.Sprintf("Deny request %d", r.ID)))),
	}
}

// requestText says what is requested.
func requestText(r commands.RequestInfo) string {
	if r.Kind == "access" {
		what := strings.Join(r.Repos, ", ") + " may use the group of team " + r.Team
		written, _ := r.Arguments["for"].(string)
		if length, ok := dispatch.ParseFor(written); ok {
			what += " for " + commands.LengthOf(length)
		}
		return what
	}
	words := r.Command
	for _, name := range slices.Sorted(maps.Keys(r.Arguments)) {
		value := r.Arguments[name]
		if list, ok := value.([]string); ok {
			value = strings.Join(list, ",")
		}
		words += fmt.Sprintf(" %s=%v", name, value)
	}
	return words
}
