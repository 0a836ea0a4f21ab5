package console

import (
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// trustsSection shows which workflows the team trusts.
func (v *visit) trustsSection(p groupPage) g.Node {
	add := h.P(h.A(h.Href(link(v.org, v.team, "trust-add")), g.Text("Trust a workflow")))
	heading := h.H2(h.ID("trusts"), g.Textf("Trusted workflows (%d)", len(p.trusts.response.Trusts)))
	switch {
	case p.trusts.err != nil:
		return g.Group{heading, problemText(p.trusts.err)}
	case len(p.trusts.response.Trusts) == 0:
		return g.Group{heading, h.P(g.Text("No workflow may act for the team without a token of a person.")), add}
	}
	return g.Group{heading, h.Ul(h.Class("cards"), g.Map(p.trusts.response.Trusts, func(t commands.TrustInfo) g.Node {
		var where []string
		for _, part := range []struct{ name, value string }{{"ref", t.Ref}, {"environment", t.Environment}, {"workflow", t.Workflow}} {
			if part.value != "" {
				where = append(where, part.name+" "+part.value)
			}
		}
		used := "never used"
		if t.LastUsed != nil {
			used = "used " + v.ago(*t.LastUsed)
		}
		ends := "expires " + minute(t.Expires)
		if !t.Expires.After(v.now()) {
			ends = "expired " + minute(t.Expires)
		}
		return h.Li(
			h.P(h.Strong(g.Text(t.Repository)), g.Text(" ("+strings.Join(where, ", ")+") may use "), h.Code(g.Text(strings.Join(t.Commands, ", "))),
				h.Small(g.Textf("Trust %d, made by %s, %s, %s", t.ID, t.MadeBy, ends, used))),
			h.Form(h.Method("post"), h.Action(link(v.org, v.team, "trust-remove")), h.Input(h.Type("hidden"), h.Name("id"), h.Value(itoa(int(t.ID)))),
				h.Button(h.Type("submit"), h.Class("second"), h.Aria("label", "Remove trust "+itoa(int(t.ID))), g.Text("Remove…"))),
		)
	})), add}
}

// activitySection shows the newest entries of the team's audit.
func (v *visit) activitySection(p groupPage) g.Node {
	all := h.P(h.A(h.Href(link(v.org, v.team, "audit-list")+"?run=true"), g.Text("All activity, with filters")))
	if p.audit.err != nil {
		return g.Group{h.H2(g.Text("Activity")), problemText(p.audit.err)}
	}
	return g.Group{h.H2(h.ID("activity"), g.Text("Activity")), v.activity(p.audit.response, false), all}
}

// activity shows entries of the audit, with their teams if there are several.
func (v *visit) activity(a commands.AuditListing, teams bool) g.Node {
	if len(a.Entries) == 0 {
		return h.P(g.Text("Nothing was requested yet."))
	}
	head := []string{"When", "Who", "Command", "Outcome"}
	if teams {
		head = append(head, "Team")
	}
	return scroll("Activity", h.Table(h.Class("activity"),
		h.THead(h.Tr(g.Map(head, func(name string) g.Node { return h.Th(h.Scope("col"), g.Text(name)) }))),
		h.TBody(g.Map(a.Entries, func(e commands.AuditEntry) g.Node {
			at := g.Text(minute(e.At))
			if e.Link != nil {
				at = external(*e.Link, minute(e.At))
			}
			outcome := e.Outcome
			if e.Reason != "" {
				outcome += " (" + e.Reason + ")"
			}
			words := e.Arguments
			if !teams {
				words = strings.TrimSuffix(words, " team="+e.Team)
			}
			return h.Tr(h.Td(at), h.Td(g.Text(e.Caller)), h.Td(h.Code(g.Text(strings.TrimSpace(e.Command+" "+words)))),
				h.Td(g.Text(outcome), h.Small(g.Text(e.Channel))), g.If(teams, h.Td(g.Text(orDash(e.Team)))))
		}))))
}

// problemText says why a part of a page is missing.
func problemText(err error) g.Node {
	return h.P(h.Class("missing"), text(dispatch.AsError(err).Message))
}
