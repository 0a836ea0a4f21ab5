package console

import (
	"net/url"
	"regexp"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/pages"
)

// A page is what differs from page to page.
type page struct {
	title string // of the heading, and with the place of the window
	lead  string // a sentence below it; may be empty
	crumb string // what the breadcrumbs end with; the title if empty
	body  []g.Node
	here  string // the path of the entry of the menu that this is; may be empty
}

// write writes the page, with what the last command answered if that was not shown yet.
func (v *visit) write(status int, p page) {
	v.status = status
	crumb := p.crumb
	if crumb == "" {
		crumb = p.title
	}
	title := p.title
	for _, place := range []string{v.team, v.org} {
		if place != "" && place != title {
			title += " – " + place
		}
	}
	pages.WriteWithForms(v.w, status, pages.LayoutConsole(title+" – Actions Runner Manager",
		g.Group{pages.Script("copy"), pages.Script("console")},
		h.A(h.Class("skip"), h.Href("#main"), g.Text("Skip to the content")),
		v.bar(p.here),
		h.Main(h.ID("main"),
			g.If(p.here != Path, v.breadcrumbs(crumb)),
			h.H1(g.Text(p.title)),
			g.If(p.lead != "", h.P(h.Class("lead"), g.Text(p.lead))),
			v.flash(),
			g.Group(p.body),
		),
		v.footer(),
	))
}

func (v *visit) footer() g.Node {
	return h.Footer(
		h.P(g.Text("Actions Runner Manager "+v.Version+" · Times are UTC · "), h.A(h.Href("/docs"), g.Text("API reference")),
			g.Text(" · "), h.A(h.Href(handlers.APIPrefix+"status"), g.Text("Status"))),
		g.If(v.person.Known(), h.Form(h.Method("post"), h.Action(Path+"/signout"),
			h.Button(h.Type("submit"), h.Class("link"), h.Name("everywhere"), h.Value("true"), g.Text("Sign out on all devices")))),
	)
}

// bar is the top bar: where one can go, and who is signed in.
func (v *visit) bar(here string) g.Node {
	entry := func(path, text string) g.Node {
		return h.A(h.Href(path), g.If(path == here, h.Aria("current", "page")), g.Text(text))
	}
	return h.Header(h.Class("top"), h.Div(h.Class("bar"),
		h.A(h.Class("brand"), h.Href("/"), h.Img(h.Src("/assets/icon.svg"), h.Alt("")), h.Span(g.Text("Actions Runner Manager"))),
		h.Nav(h.Aria("label", "Console"),
			entry(Path, "My groups"),
			g.Map(v.Orgs, func(org string) g.Node {
				text := "Find a runner"
				if len(v.Orgs) > 1 {
					text += " in " + org
				}
				if len(v.Orgs) > 1 && !v.proved(org, "groups-list") { // perhaps no member there
					return nil
				}
				return entry(link(org, "", "repo-runners"), text)
			}),
			g.If(v.owner(), entry(Path+"/all", "All groups")),
		),
		g.If(v.person.Known(), h.Form(h.Method("post"), h.Action(Path+"/signout"), h.Class("who"),
			h.Span(g.Text(v.person.Login)),
			h.Button(h.Type("submit"), g.Text("Sign out")),
		)),
	))
}

func (v *visit) breadcrumbs(last string) g.Node {
	step := func(path, text string) g.Node { return h.Li(h.A(h.Href(path), g.Text(text))) }
	return h.Nav(h.Class("crumbs"), h.Aria("label", "Breadcrumb"), h.Ol(
		step(Path, "My groups"),
		g.If(v.org != "" && len(v.Orgs) > 1, h.Li(g.Text(v.org))),
		g.If(v.team != "" && v.team != last, step(link(v.org, v.team), v.team)),
		h.Li(h.Aria("current", "page"), g.Text(last)),
	))
}

// text shows a message of a command: what is between backticks as code, and addresses as links.
func text(message string) g.Node {
	var nodes g.Group
	for i, part := range strings.Split(message, "`") {
		if i%2 == 1 {
			nodes = append(nodes, h.Code(g.Text(part)))
			continue
		}
		nodes = append(nodes, withLinks(part)...)
	}
	return nodes
}

var markdownLink = regexp.MustCompile(`\[([^\[\]]+)\]\((https://[^\s()]+)\)`)

// withLinks shows text whose words that are addresses are links, and so are Markdown's links.
func withLinks(text string) []g.Node {
	var nodes []g.Node
	for text != "" {
		if at := markdownLink.FindStringSubmatchIndex(text); at != nil {
			nodes = append(append(nodes, withLinks(text[:at[0]])...), external(text[at[4]:at[5]], text[at[2]:at[3]]))
			text = text[at[1]:]
			continue
		}
		at := strings.Index(text, "https://")
		if at < 0 {
			return append(nodes, g.Text(text))
		}
		end := strings.IndexAny(text[at:], " \n\t)")
		if end < 0 {
			end = len(text) - at
		}
		address := strings.TrimRight(text[at:at+end], ".,:;")
		nodes = append(nodes, g.Text(text[:at]), external(address, address))
		text = text[at+len(address):]
	}
	return nodes
}

// external is a link to another site, if the address is one; else the text.
func external(address, text string) g.Node {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return g.Text(text)
	}
	return h.A(h.Href(address), h.Rel("noreferrer"), g.Text(text))
}

// problem shows what is wrong: the items of a command on several, and what support needs.
func (v *visit) problem(e *dispatch.Error) g.Node {
	return g.Group{
		items(e.Items),
		g.Iff(e.Result != nil, func() g.Node { return v.result(*e.Result, false) }),
		h.P(h.Small(g.Text("Status "), h.Code(g.Textf("%d %s", e.Status(), e.Reason)), g.Text(", request "), h.Code(g.Text(v.id)))),
	}
}

// alert shows an error above the form that caused it.
func (v *visit) alert(e *dispatch.Error) g.Node {
	return h.Section(h.Class("notice bad"), h.Role("alert"), h.P(text(e.Message)), v.problem(e))
}

// items shows what became of each item of a command on several.
func items(list []dispatch.Item) g.Node {
	if len(list) < 2 {
		return nil
	}
	return h.Ul(h.Class("items"), g.Map(list, func(item dispatch.Item) g.Node {
		switch {
		case item.Done:
			return h.Li(h.Code(g.Text(item.Item)), g.Text(" done"))
		case item.Error == "":
			return h.Li(h.Code(g.Text(item.Item)), g.Text(" not tried"))
		}
		return h.Li(h.Code(g.Text(item.Item)), g.Text(" "), text(item.Error))
	}))
}
