package web

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// html is the whole page.
func (v view) html() g.Node {
	return h.Doctype(h.HTML(h.Lang("en"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.Meta(h.Name("color-scheme"), h.Content("light dark")),
			h.TitleEl(g.Text(v.Title)),
			h.Link(h.Rel("icon"), h.Href("/favicon.ico"), h.Type("image/svg+xml")),
			h.Link(h.Rel("stylesheet"), h.Href("/_sim/page.css")),
			h.Script(h.Src("/_sim/page.js"), h.Defer()),
		),
		h.Body(
			h.Header(h.Class("top"), h.A(h.Href("/"), g.Text("Simulated GitHub")), v.crumb()),
			v.main(),
		),
	))
}

func (v view) crumb() g.Node {
	if v.Issue == nil {
		return nil
	}
	return g.Group{
		h.Span(h.Class("crumb"), g.Text(v.Issue.Org+" / "), h.B(g.Text(v.Issue.Repo))),
		g.If(v.Issue.Private, pill("private")),
	}
}

func (v view) main() g.Node {
	switch {
	case v.Issue != nil:
		return v.Issue.html()
	case v.Install != nil:
		return v.Install.html()
	case v.SignIn != nil:
		return v.SignIn.html()
	case v.Machine != nil:
		return v.Machine.html()
	}
	return h.Main(h.Class("narrow"),
		h.H1(g.Text("Issues")),
		g.Map(v.Issues, func(i issueLink) g.Node {
			return h.A(h.Class("card link"), h.Href(i.Path), h.B(g.Text(i.Title)), h.Small(g.Text(i.Name)))
		}),
		g.If(len(v.Issues) == 0, h.P(h.Class("muted"), g.Text("There are no issues here. The API is served at this address."))),
	)
}

func pill(text string) g.Node  { return h.Span(h.Class("pill"), g.Text(text)) }
func muted(text string) g.Node { return h.Span(h.Class("muted"), g.Text(text)) }
func code(text string) g.Node  { return h.Code(g.Text(text)) }

func (v *issueView) html() g.Node {
	return h.Main(h.Data("version", strconv.FormatUint(v.Version, 10)),
		h.Div(h.Class("title"),
			h.H1(g.Text(v.Title+" "), muted("#"+strconv.Itoa(v.Number))),
			h.P(
				h.Span(h.Class("state "+v.State), g.Text(v.State)),
				g.Map(v.Labels, func(l labelView) g.Node {
					return h.Span(h.Class(fmt.Sprintf("label hue%d", l.Hue)), g.Text(l.Name))
				}),
			),
		),
		h.Section(
			h.Div(h.ID("thread"), h.Aria("live", "polite"), v.First.html(), g.Map(v.Comments, commentView.html)),
			v.form(),
		),
		h.Aside(h.ID("side"), h.TabIndex("0"), h.Aria("label", "Runner groups and webhooks"), // it scrolls
			h.H2(g.Text("Runner groups "), muted(strconv.Itoa(len(v.Groups)))),
			g.Map(v.Groups, groupView.html),
			g.If(len(v.Deliveries) > 0, g.Group{
				h.H2(g.Text("Last webhooks")),
				h.Ul(h.Class("card hooks"), g.Map(v.Deliveries, hookItem)),
			}),
		),
	)
}

// role is what the person is, in a word.
func (p person) role() string {
	switch {
	case strings.HasPrefix(p.About, "owner"):
		return " (owner)"
	case strings.Contains(p.About, "maintainer of"):
		return " (maintainer)"
	}
	return ""
}

// form is where one writes a comment.
func (v *issueView) form() g.Node {
	suggests := len(v.Suggestions) > 0
	return h.Form(h.ID("write"), h.Class("card"), h.Method("post"), h.Action(v.Path),
		h.Div(h.Class("who"),
			h.Label(h.For("as"), g.Text("Comment as")),
			h.Select(h.ID("as"), h.Name("as"), g.Map(v.People, func(p person) g.Node {
				return h.Option(h.Value(p.Login), h.Title(p.About), g.Text(p.Login+p.role()))
			})),
		),
		h.Label(h.Class("hidden"), h.For("body"), g.Text("Comment")),
		h.Textarea(h.ID("body"), h.Name("body"), h.Rows("4"), h.Required(), h.MaxLength("65536"),
			h.Placeholder("Write a comment, in Markdown"), g.If(suggests, h.Aria("describedby", "suggestions"))),
		g.If(suggests, h.Div(h.ID("suggestions"), h.Class("suggestions"), muted("Try"), g.Map(v.Suggestions, func(text string) g.Node {
			return h.Button(h.Type("button"), h.Data("text", text), g.Text(text))
		}))),
		h.Div(h.Class("send"), h.Small(h.Class("muted"), g.Text("Ctrl+Enter sends")), h.Button(h.Class("primary"), g.Text("Comment"))),
	)
}

func (c commentView) html() g.Node {
	class, when := "comment", c.When.UTC().Format(time.RFC3339)
	if c.Bot {
		class += " bot"
	}
	return h.Article(h.Class(class), g.If(c.ID != 0, h.ID("issuecomment-"+strconv.FormatInt(c.ID, 10))),
		h.Img(h.Src("/avatars/"+c.Author+".svg"), h.Alt(""), h.Width("36"), h.Height("36")),
		h.Div(h.Class("card"),
			h.Header(
				h.B(g.Text(c.Author)),
				g.If(c.Bot, pill("bot")),
				h.Time(h.DateTime(when), g.Text(when)),
				g.If(c.Edited, muted("edited")),
				g.If(c.Role != "", h.Span(h.Class("pill role"), g.Text(c.Role))),
			),
			h.Div(h.Class("body"), g.Raw(c.HTML)),
			g.If(len(c.Reactions) > 0, h.Footer(g.Map(c.Reactions, func(r reactionView) g.Node {
				return h.Span(h.Class("reaction"), h.Title(r.Who), g.Text(r.Emoji+" "), h.B(g.Text(strconv.Itoa(r.Count))))
			}))),
		),
	)
}

func (v groupView) html() g.Node {
	kind := v.Visibility
	switch {
	case v.Default:
		kind = "default"
	case v.Inherited:
		kind = "inherited"
	}
	return h.Div(h.Class("card group"),
		h.H3(g.Text(v.Name), pill(kind)),
		v.reach(),
		g.If(len(v.Workflows) > 0, h.P(h.Class("muted"), g.Text("only "), g.Map(v.Workflows, code))),
		g.If(len(v.Runners) > 0, h.Ul(g.Map(v.Runners, runnerItem))),
	)
}

// reach says which repositories may use the group.
func (v groupView) reach() g.Node {
	switch {
	case v.Visibility == "selected" && len(v.Repos) == 0:
		return h.P(h.Class("repos"), muted("no repositories"))
	case v.Visibility == "selected":
		return h.P(h.Class("repos"), g.Map(v.Repos, code))
	case v.Public:
		return h.P(h.Class("muted"), g.Text("every repository"))
	}
	return h.P(h.Class("muted"), g.Text("every private repository"))
}

func runnerItem(r *ghsim.Runner) g.Node {
	status := r.Status
	if r.Busy {
		status = "busy"
	}
	about := strings.Join(r.Labels, " ")
	if r.Version != "" {
		about += " · " + r.Version
	}
	return h.Li(
		h.I(h.Class("dot "+status), h.Role("img"), h.Aria("label", status), h.Title(status)),
		h.Span(g.Text(r.Name)),
		h.Small(g.Text(about)),
	)
}

func hookItem(d ghsim.Delivery) g.Node {
	dot, outcome := "bad", strconv.Itoa(d.StatusCode)
	switch {
	case !d.Done:
		dot, outcome = "busy", "on its way"
	case d.StatusCode < 300:
		dot = "online"
	}
	if d.Done && d.Status != "OK" {
		outcome += " " + d.Status
	}
	event := d.Event
	if d.Action != "" {
		event += "." + d.Action
	}
	return h.Li(h.I(h.Class("dot "+dot)), h.Span(g.Text(event)), h.Small(g.Text(outcome)))
}

func (v *installView) html() g.Node {
	rights := g.Group{
		h.P(g.Text("On "), h.B(g.Text("all repositories")), g.Text(", with these permissions:")),
		h.Ul(g.Map(slices.Sorted(maps.Keys(v.Permissions)), func(name string) g.Node { return h.Li(code(name), g.Text(" "+v.Permissions[name])) })),
		g.If(len(v.Events) > 0, h.P(g.Text("It hears of "), g.Map(v.Events, func(event string) g.Node { return g.Group{code(event), g.Text(" ")} }))),
	}
	return h.Main(h.Class("narrow"),
		h.H1(g.Text("Install "+v.Name)),
		g.If(len(v.Installed) > 0, h.Div(h.Class("card pad"),
			h.P(g.Text("Installed on "), g.Map(v.Installed, func(org string) g.Node { return g.Group{h.B(g.Text(org)), g.Text(" ")} })),
			rights,
			h.P(h.A(h.Href("/"), g.Text("Go on to the issues"))),
		)),
		g.If(len(v.Orgs) > 0, h.Form(h.Class("card pad"), h.Method("post"), h.Action("/apps/"+v.Slug+"/installations/new"),
			h.Label(h.For("org"), g.Text("Organization")),
			h.Select(h.ID("org"), h.Name("org"), g.Map(v.Orgs, func(org string) g.Node { return h.Option(g.Text(org)) })),
			g.If(len(v.Installed) == 0, rights),
			h.Div(h.Class("send"), h.Button(h.Class("primary"), g.Text("Install"))),
		)),
	)
}
