package setup

import (
	"io"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/handlers/pages"
	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

// A view is the content of a setup page. Empty parts are left out.
type view struct {
	Title, Lead string
	Notes       []string
	Warnings    []string

	AskOrg   bool   // show the form that asks for the organization
	Given    string // what was entered there, and OrgError what is wrong with it
	OrgError string
	Orgs     []string
	Token    string

	Org, Action, Manifest, Path string // the form that goes to GitHub

	Lines, Environment string // the configuration, if it could not be written

	Install, AdminRepo string // the next steps

	Again string // address at which setup starts again
	Home  bool   // link to the start page
}

// write writes the page. The style is inline, because /setup/ serves no files once the App
// is configured.
func (v view) write(w io.Writer, style string) error {
	return pages.Layout(v.Title+" – Actions Runner Manager", h.StyleEl(g.Raw(style)),
		h.Main(
			h.H1(g.Text(v.Title)),
			h.P(h.Class("lead"), g.Text(v.Lead)),
			g.Map(v.Notes, func(note string) g.Node { return h.Section(h.Class("notice"), h.P(g.Text(note))) }),
			g.Map(v.Warnings, func(text string) g.Node {
				return h.Section(h.Class("notice warning"), h.P(h.Strong(g.Text("Warning: ")), g.Text(text)))
			}),
			g.If(v.AskOrg, v.question()),
			g.If(v.Action != "", v.form()),
			g.If(v.Lines != "", v.keep()),
			g.If(v.Install != "", v.steps()),
			g.If(v.Home, h.Section(h.P(g.Text("The "), h.A(h.Href("/"), g.Text("start page")), g.Text(" shows what this server does.")))),
			g.If(v.Again != "", h.Section(h.P(h.A(h.Class("button"), h.Href(v.Again), g.Text("Start again"))))),
		),
	).Render(w)
}

// question is the form that asks for the organization.
func (v view) question() g.Node {
	marks := g.If(v.OrgError != "", g.Group{h.Aria("invalid", "true"), h.Aria("describedby", "org-error")})
	answer := h.Input(h.ID("org"), h.Name("org"), h.Value(v.Given), marks, h.Required(), h.MaxLength("100"), h.AutoComplete("off"),
		g.Attr("autocapitalize", "none"), g.Attr("spellcheck", "false"), h.Placeholder("acme"))
	if len(v.Orgs) > 0 {
		answer = h.Select(h.ID("org"), h.Name("org"), marks, g.Map(v.Orgs, func(org string) g.Node { return h.Option(g.Text(org)) }))
	}
	return h.Section(h.Form(h.Method("get"), h.Action(Path),
		h.Input(h.Type("hidden"), h.Name("token"), h.Value(v.Token)),
		h.Label(h.For("org"), g.Text("Organization")), answer,
		g.If(v.OrgError != "", h.P(h.ID("org-error"), h.Class("field-error"), g.Text(v.OrgError))),
		h.P(h.Button(g.Text("Continue"))),
	))
}

// form is the form that sends the manifest to GitHub.
func (v view) form() g.Node {
	return h.Section(
		h.H2(g.Text("What the App may do")),
		h.Dl(g.Map(doctor.Permissions(), func(p doctor.Permission) g.Node {
			return g.Group{h.Dt(g.Text(p.Title + ": " + p.Access)), h.Dd(g.Text("to " + p.Why))}
		})),
		h.P(g.Text("The App only receives new-comment events. It will be owned by "), h.Strong(g.Text(v.Org)), g.Text(", so you must be an owner there.")),
		h.Form(h.Method("post"), h.Action(v.Action),
			h.Input(h.Type("hidden"), h.Name("manifest"), h.Value(v.Manifest)),
			h.P(h.Button(g.Text("Create the App on GitHub"))),
		),
		g.If(v.Path != "", h.P(g.Text("The App’s key is then written to "), h.Code(g.Text(v.Path)),
			g.Text(", which only the file’s owner can read. If that fails, this page shows the key once, so that you can save it yourself."))),
	)
}

// keep shows the configuration that could not be written to the file.
func (v view) keep() g.Node {
	lines := func(text string) g.Node { return h.Pre(h.Class("whole"), h.Code(g.Text(text))) }
	return h.Section(
		h.H2(g.Text("Keep these lines now")),
		h.P(g.Text("They contain the App’s private key and are shown only once. In the configuration file:")),
		lines(v.Lines),
		h.P(g.Text("Or in the environment:")),
		lines(v.Environment),
	)
}

// steps shows the next steps.
func (v view) steps() g.Node {
	adminRepo := h.P(g.Text("To use commands in comments, set "), h.Code(g.Text("chatops.adminRepo")),
		g.Text(" to a private repository of "+v.Org+" that has issues, and restart the server. Without it, commands work over REST only."))
	adminTitle := "2. Choose the admin repository"
	if v.AdminRepo != "" {
		adminTitle = "2. Check the admin repository"
		adminRepo = h.P(g.Text("Comments in the issues of "), h.Code(g.Text(v.Org+"/"+v.AdminRepo)),
			g.Text(" can be commands. The repository should be private and have issues enabled."))
	}
	return g.Group{
		h.Section(
			h.H2(g.Text("1. Install the App")),
			h.P(g.Text("Choose "), h.Strong(g.Text("All repositories")), g.Text(", so that teams can attach any of their repositories.")),
			// in a new tab, because the next steps are on this page
			h.P(h.A(h.Class("button"), h.Href(v.Install), h.Target("_blank"), h.Rel("noopener"), g.Text("Install it in "+v.Org))),
		),
		h.Section(h.H2(g.Text(adminTitle)), adminRepo),
		h.Section(
			h.H2(g.Text("3. Verify the setup")),
			h.P(g.Text("On the server’s machine, with the same configuration:")),
			h.Pre(h.TabIndex("0"), h.Code(g.Text("actions-runner-manager doctor"))),
			h.P(g.Text("It lists anything missing and links to the page where you can fix it. The "), h.A(h.Href("/"), g.Text("start page")), g.Text(" lists the commands.")),
		),
	}
}
