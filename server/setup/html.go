package setup

import (
	"io"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// A view is what a page of set-up shows; what is empty is left out.
type view struct {
	Title, Lead string
	Notes       []string
	Warnings    []string

	Ask   bool // for the organization
	Orgs  []string
	Token string

	Org, Action, Manifest, Path string // the form that goes to GitHub

	Lines, Environment string // the configuration, where it could not be written

	Install, AdminRepo string // what remains to be done

	Again string // where set-up begins anew
	Home  bool   // lead to the first page
}

// write writes the page. The style stands in it, since /setup/ serves nothing once the
// App is there.
func (v view) write(w io.Writer, style string) error {
	return h.Doctype(h.HTML(h.Lang("en"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.Meta(h.Name("color-scheme"), h.Content("light dark")),
			h.TitleEl(g.Text(v.Title+" – Actions Runner Manager")),
			h.Link(h.Rel("icon"), h.Href("/assets/icon.svg"), h.Type("image/svg+xml")),
			h.Link(h.Rel("stylesheet"), h.Href("/assets/style.css")),
			h.StyleEl(g.Raw(style)),
		),
		h.Body(
			h.Header(
				h.Img(h.Src("/assets/icon.svg"), h.Alt("")),
				h.H1(g.Text(v.Title)),
				h.P(h.Class("lead"), g.Text(v.Lead)),
			),
			h.Main(
				g.Map(v.Notes, func(note string) g.Node { return h.Section(h.Class("notice"), h.P(g.Text(note))) }),
				g.Map(v.Warnings, func(text string) g.Node {
					return h.Section(h.Class("notice warning"), h.P(h.Strong(g.Text("Look first. ")), g.Text(text)))
				}),
				g.If(v.Ask, v.question()),
				g.If(v.Action != "", v.form()),
				g.If(v.Lines != "", v.keep()),
				g.If(v.Install != "", v.steps()),
				g.If(v.Home, h.Section(h.P(g.Text("What it does is "), h.A(h.Href("/"), g.Text("on the first page")), g.Text(".")))),
				g.If(v.Again != "", h.Section(h.P(h.A(h.Class("button"), h.Href(v.Again), g.Text("Start again"))))),
			),
		),
	)).Render(w)
}

// question asks for the organization.
func (v view) question() g.Node {
	answer := h.Input(h.ID("org"), h.Name("org"), h.Required(), h.MaxLength("100"), h.AutoComplete("off"),
		g.Attr("autocapitalize", "none"), g.Attr("spellcheck", "false"), h.Placeholder("acme"))
	if len(v.Orgs) > 0 {
		answer = h.Select(h.ID("org"), h.Name("org"), g.Map(v.Orgs, func(org string) g.Node { return h.Option(g.Text(org)) }))
	}
	return h.Section(h.Form(h.Method("get"), h.Action(Path),
		h.Input(h.Type("hidden"), h.Name("token"), h.Value(v.Token)),
		h.Label(h.For("org"), g.Text("Organization")), answer,
		h.P(h.Button(g.Text("Go on"))),
	))
}

// form sends the manifest to GitHub.
func (v view) form() g.Node {
	permission := func(name, what string) g.Node { return g.Group{h.Dt(g.Text(name)), h.Dd(g.Text(what))} }
	return h.Section(
		h.H2(g.Text("What the App may do")),
		h.Dl(
			permission("Metadata", "read: the names of repositories"),
			permission("Issues", "write: answer comments in the admin repository"),
			permission("Members", "read: who maintains which team"),
			permission("Self-hosted runners", "write, of the organization: what this server is for"),
		),
		h.P(g.Text("It hears of new comments alone, and belongs to "), h.Strong(g.Text(v.Org)), g.Text(". You need to be an owner there.")),
		h.Form(h.Method("post"), h.Action(v.Action),
			h.Input(h.Type("hidden"), h.Name("manifest"), h.Value(v.Manifest)),
			h.P(h.Button(g.Text("Create the App on GitHub"))),
		),
		g.If(v.Path != "", h.P(g.Text("Its key is then written to "), h.Code(g.Text(v.Path)),
			g.Text(", readable by the owner of that file alone. Where that fails, you see it once, to put it where it belongs."))),
	)
}

// keep shows the configuration that could not be written.
func (v view) keep() g.Node {
	lines := func(text string) g.Node { return h.Pre(h.Class("whole"), h.Code(g.Text(text))) }
	return h.Section(
		h.H2(g.Text("Keep these lines now")),
		h.P(g.Text("They hold the App’s private key and are shown this once. In the configuration file:")),
		lines(v.Lines),
		h.P(g.Text("Or in the environment:")),
		lines(v.Environment),
	)
}

// steps are what remains to be done.
func (v view) steps() g.Node {
	adminRepo := h.P(g.Text("Comments are commands once "), h.Code(g.Text("chatops.adminRepo")),
		g.Text(" names a private repository of "+v.Org+" that has issues. Set it and start the server again; without it, there is REST alone."))
	adminTitle := "2. Choose the admin repository"
	if v.AdminRepo != "" {
		adminTitle = "2. Look at the admin repository"
		adminRepo = h.P(g.Text("Comments in the issues of "), h.Code(g.Text(v.Org+"/"+v.AdminRepo)),
			g.Text(" are commands. It should be private, and have issues turned on."))
	}
	return g.Group{
		h.Section(
			h.H2(g.Text("1. Install the App")),
			h.P(g.Text("Choose "), h.Strong(g.Text("All repositories")), g.Text(": only so can the server see what a team may attach.")),
			// in a tab of its own, since nobody comes back to this page
			h.P(h.A(h.Class("button"), h.Href(v.Install), h.Target("_blank"), h.Rel("noopener"), g.Text("Install it in "+v.Org))),
		),
		h.Section(h.H2(g.Text(adminTitle)), adminRepo),
		h.Section(
			h.H2(g.Text("3. Have it checked")),
			h.P(g.Text("Where the server runs, with the same configuration:")),
			h.Pre(h.TabIndex("0"), h.Code(g.Text("actions-runner-manager doctor"))),
			h.P(g.Text("It names whatever is missing, and the page where to mend it. The commands are "), h.A(h.Href("/"), g.Text("on the first page")), g.Text(".")),
		),
	}
}
