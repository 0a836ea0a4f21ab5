package console

import (
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func itoa(n int) string { return strconv.Itoa(n) }

// runnersSection shows the runners of the group, and what can be done with those that are chosen.
func (v *visit) runnersSection(p groupPage) g.Node {
	return h.Div(h.ID("runner-list"), v.runnerList(p))
}

func (v *visit) runnerList(p groupPage) g.Node {
	add := h.A(h.Class("button"), h.Href(link(v.org, v.team, "add-runner")), g.Text("Add a runner"))
	runners := p.runners.response.Runners
	if p.runners.err != nil {
		for _, detail := range p.listing.RunnerDetails {
			runners = append(runners, commands.ListedRunner{RunnerDetail: detail})
		}
	}
	heading := h.H2(h.ID("runners"), g.Textf("Runners (%d)", len(runners)))
	if len(runners) == 0 {
		return g.Group{heading, h.Section(h.Class("empty"),
			h.P(g.Text("The group has no runner, so the jobs of its repositories wait.")), g.If(p.manages, h.P(h.Class("actions"), add)))}
	}
	list := scroll("Runners", h.Table(h.Class("runners"),
		h.THead(h.Tr(g.Map([]string{"Name", "State", "Version", "Labels", "Last online"}, func(name string) g.Node { return h.Th(h.Scope("col"), g.Text(name)) }))),
		h.TBody(g.Map(runners, func(r commands.ListedRunner) g.Node { return v.runner(r, p.manages) }))))
	if !p.manages {
		return g.Group{heading, list}
	}
	return g.Group{heading, h.Form(h.Method("get"), h.Action(link(v.org, v.team, "runners-label")), list, h.Div(h.Class("actions"),
		add,
		h.Button(h.Type("submit"), h.Class("second"), g.Text("Label…")),
		h.Button(h.Type("submit"), h.Class("second"), h.FormAction(link(v.org, v.team, "runners-transfer")), g.Text("Transfer…")),
		h.Button(h.Type("submit"), h.Class("second"), h.FormAction(link(v.org, v.team, "runners-remove")), h.FormMethod("post"), g.Text("Remove…")),
	))}
}

func (v *visit) runner(r commands.ListedRunner, choose bool) g.Node {
	name := g.Text(r.Name)
	if choose {
		name = h.Label(h.Input(h.Type("checkbox"), h.Name("runners"), h.Value(dispatch.WholeItem(r.Name))), g.Text(" "+r.Name))
	}
	state := "idle"
	switch {
	case r.Status != "online":
		state = "offline"
	case r.Busy:
		state = "busy"
	}
	last := v.since(r.LastOnline)
	if r.Status == "online" {
		last = g.Text("now")
	}
	return h.Tr(h.ID("runner-"+strconv.FormatInt(r.ID, 10)), h.Th(h.Scope("row"), name, g.If(r.Ephemeral, h.Small(g.Text("for one job")))),
		h.Td(h.Span(h.Class("is "+state), g.Text(state))), h.Td(g.Text(orDash(r.Version)), g.If(r.State != dispatch.StateOK, h.Small(g.Text(r.State)))),
		h.Td(g.Text(strings.Join(r.Labels, ", "))), h.Td(last))
}

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// repositoriesSection shows the repositories that may use the group.
func (v *visit) repositoriesSection(p groupPage) g.Node {
	repos := p.listing.RepoDetails
	heading := h.H2(h.ID("repositories"), g.Textf("Repositories (%d)", len(repos)))
	ends := false
	for _, repo := range repos {
		ends = ends || repo.Until != nil
	}
	list := h.P(g.Text("No repository may use the group yet."))
	if len(repos) > 0 {
		list = h.Ul(h.Class("repos"), g.Map(repos, func(r commands.RepoDetail) g.Node { return v.repository(r, p.manages) }))
	}
	if p.listing.Group.Visibility != "selected" {
		return g.Group{heading, h.P(g.Text("The group is open to " + p.listing.Group.Visibility + " repositories, so it has no list."))}
	}
	if !p.manages {
		return g.Group{heading, list}
	}
	return g.Group{
		heading,
		h.Form(h.Method("post"), h.Action(link(v.org, v.team, "repos-remove")), list, g.If(len(repos) > 0, h.Div(h.Class("actions"),
			h.Button(h.Type("submit"), h.Class("second"), g.Text("Remove…")),
			h.Button(h.Type("submit"), h.Class("second"), h.FormAction(link(v.org, v.team, "repos-add")), h.FormMethod("get"), g.If(ends, g.Text("Change the end…")), g.If(!ends, g.Text("Set an end…"))),
		))),
		h.Form(h.Method("post"), h.Action(link(v.org, v.team, "repos-add")), h.Class("inline"),
			h.Label(h.For("add-repos"), g.Text("Add repositories")), h.Input(h.ID("add-repos"), h.Type("text"), h.Name("repos"), h.Placeholder("api,web"), h.Required(), h.AutoComplete("off")),
			h.Label(h.For("add-for"), g.Text("for")), h.Input(h.ID("add-for"), h.Type("text"), h.Name("for"), h.Placeholder("no end"), g.Attr("size", "6"), h.AutoComplete("off")),
			h.Button(h.Type("submit"), g.Text("Add"))),
	}
}

func (v *visit) repository(r commands.RepoDetail, choose bool) g.Node {
	var until g.Node
	if r.Until != nil {
		until = h.Small(g.Text("until "), h.Time(h.DateTime(r.Until.Format(time.RFC3339)), g.Text(minute(*r.Until))))
	}
	if !choose {
		return h.Li(g.Text(r.Name), until)
	}
	return h.Li(h.Label(h.Input(h.Type("checkbox"), h.Name("repos"), h.Value(dispatch.WholeItem(r.Name))), g.Text(" "+r.Name)), until)
}
