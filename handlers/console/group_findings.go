package console

import (
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// findingsSection shows what is wrong with the group, with the commands that remedy it.
func (v *visit) findingsSection(p groupPage) g.Node {
	var when g.Node
	switch {
	case !p.polled.IsZero():
		when = g.Text("Checked " + v.ago(p.polled) + ". ")
	case v.PollInterval == 0:
		when = g.Text("This server does not look for itself (fleet.pollInterval: 0). ")
	default:
		when = g.Text("Not checked yet. ")
	}
	again := h.A(h.Href(link(v.org, v.team, "group-check")+"?run=true"), g.Text("Check now"))
	if len(p.findings) == 0 {
		return g.Group{h.H2(g.Text("Findings")), h.P(when, g.If(!p.polled.IsZero(), g.Text("Nothing is wrong. ")), again)}
	}
	return g.Group{
		h.H2(g.Textf("Findings (%d)", len(p.findings))),
		h.Ul(h.Class("cards findings"), g.Map(bySeverity(p.findings), func(f store.Finding) g.Node { return v.finding(f, p.manages) })),
		h.P(when, again),
	}
}

// bySeverity sorts findings, the worst first.
func bySeverity(list []store.Finding) []store.Finding {
	var sorted []store.Finding
	for _, severity := range []string{"critical", "warning", "info"} {
		for _, f := range list {
			if f.Severity == severity {
				sorted = append(sorted, f)
			}
		}
	}
	return sorted
}

// checked shows what a fresh check found.
func (v *visit) checked(c commands.GroupChecked) g.Node {
	if len(c.Findings) == 0 {
		return nil
	}
	manages := v.proved(v.org, "trust-list", "team", v.team)
	return h.Ul(h.Class("cards findings"), g.Map(c.Findings, func(f commands.FindingInfo) g.Node {
		return v.finding(store.Finding{Severity: f.Severity, Since: f.Since, Message: f.Message, Remedy: f.Remedy}, manages)
	}))
}

func (v *visit) finding(f store.Finding, buttons bool) g.Node {
	remedies := v.remedies(f.Remedy, f.Message)
	return h.Li(
		h.P(h.Span(h.Class("tag "+f.Severity), g.Text(f.Severity)), g.Text(" "), text(f.Message), h.Small(g.Text("Since "+minute(f.Since))),
			g.If(!strings.HasPrefix(f.Remedy, "/"), h.Small(text(f.Remedy)))),
		g.If(buttons && len(remedies) > 0, h.Div(h.Class("actions"), g.Group(remedies))),
	)
}
