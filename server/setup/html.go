package setup

import (
	"bytes"
	"net/http"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/pages"
	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

// A view is the content of a setup page. Empty parts are left out.
type view struct {
	Step, Title, Lead string
	Notes, Warnings   []string

	AskOrg   bool   // show the form that asks for the organization
	Given    string // what was entered there, and OrgError what is wrong with it
	OrgError string
	Orgs     []string
	Token    string

	Org, Action, Manifest string // the form that goes to GitHub
	GitHub                string // GitHub's origin, to which that form may go
	Path                  string // the file that gets the keys; empty if it cannot be written

	Checklist *checklistView

	Lost        bool   // say what to do if the key was lost
	AppSettings string // where the Apps of the organization are; empty if there are several

	Again string // address at which setup starts again
	Home  bool   // link to the start page
	Back  bool   // link to the checklist
}

// closedView refuses everybody who is not the browser that created the App.
func closedView(c *config.Config) view {
	return view{
		Title: "Setup is closed", Home: true, Lost: true, AppSettings: appSettings(c),
		Lead: "A GitHub App is configured already. To change it, edit the server's configuration.",
		Notes: []string{"A new App must be installed on all repositories: an owner does that in the organization's settings, " +
			"under GitHub Apps. Then run actions-runner-manager doctor on the server's machine. It lists anything missing and links to the page where you can fix it."},
	}
}

// show writes the page. Nothing may cache it, and no other page gets its address, which
// may hold the token.
func show(w http.ResponseWriter, status int, v view) {
	var b bytes.Buffer
	_ = v.html().Render(&b) // a buffer does not fail
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", v.policy())
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}

// policy lets forms go where the page's form goes, and scripts run only for the checklist.
func (v view) policy() string {
	forms, scripts := "'none'", ""
	switch {
	case v.Action != "":
		forms = "'self' " + v.GitHub
	case v.AskOrg:
		forms = "'self'"
	case v.Checklist != nil:
		forms, scripts = "'self'", "script-src 'self'; connect-src 'self'; "
	}
	return "default-src 'none'; " + scripts + "style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action " + forms
}

func (v view) html() g.Node {
	head := g.Group{pages.Stylesheet("setup")}
	if v.Checklist != nil {
		head = append(head, pages.Script("setup"), pages.Script("copy"))
	}
	return pages.Layout(v.Title+" – Actions Runner Manager", head,
		h.Main(
			g.If(v.Step != "", h.P(h.Class("step"), g.If(v.Checklist != nil, live("step", "status")), g.Text(v.Step))),
			h.H1(g.Text(v.Title)),
			g.If(v.Lead != "", h.P(h.Class("lead"), g.Text(v.Lead))),
			g.Map(v.Notes, func(note string) g.Node { return h.Section(h.Class("notice"), h.P(g.Text(note))) }),
			g.Map(v.Warnings, func(text string) g.Node {
				return h.Section(h.Class("notice warning"), h.P(h.Strong(g.Text("Warning: ")), g.Text(text)))
			}),
			g.If(v.AskOrg, v.question()),
			g.If(v.Action != "", v.form()),
			g.Iff(v.Checklist != nil, func() g.Node { return v.Checklist.html() }),
			g.If(v.Home, h.P(h.Class("actions"), h.A(h.Class("button"), h.Href("/"), g.Text("Start page")))),
			g.If(v.Again != "", h.P(h.Class("actions"), h.A(h.Class("button"), h.Href(v.Again), g.Text("Start again")))),
			g.If(v.Back, h.P(h.Class("actions"), h.A(h.Class("button"), h.Href(Path), g.Text("Back to the checklist")))),
			g.If(v.Lost, v.lost()),
		),
	)
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
		g.If(v.Path != "", h.P(g.Text("The App’s key is then written to "), h.Code(g.Text(v.Path)), g.Text(", which only the file’s owner can read."))),
		h.Form(h.Method("post"), h.Action(v.Action),
			h.Input(h.Type("hidden"), h.Name("manifest"), h.Value(v.Manifest)),
			h.P(h.Button(g.Text("Create the App on GitHub"))),
		),
	)
}

// lost says what to do if the App exists and its key does not.
func (v view) lost() g.Node {
	settings := g.Text("the App’s settings")
	if v.AppSettings != "" {
		settings = h.A(h.Href(v.AppSettings), g.Text("the App’s settings"))
	}
	set := func(key, variable string) g.Node {
		return g.Group{h.Code(g.Text(key)), g.Text(" or "), h.Code(g.Text(variable))}
	}
	return h.Details(
		h.Summary(g.Text("What if the App’s key was lost?")),
		h.P(g.Text("GitHub shows a key only once, but you can make a new one:")),
		h.Ol(
			h.Li(g.Text("In "), settings, g.Text(", choose Generate a private key. The browser downloads it.")),
			h.Li(g.Text("Set "), set("appID", "ARM_APP_ID"), g.Text(" to the App ID that is shown there. Set "), set("privateKeyFile", "ARM_PRIVATE_KEY_FILE"), g.Text(" to the file.")),
			h.Li(g.Text("Enter a new webhook secret there, and set "), set("github.webhookSecret", "ARM_GITHUB_WEBHOOK_SECRET"), g.Text(" to the same.")),
			h.Li(g.Text("Restart the server.")),
		),
		h.P(g.Text("Or delete the App there, under Advanced, remove these keys from the configuration, and restart the server. Its log then has a link that starts again.")),
	)
}
