package pages

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// firstRunner is the guide to a team's first runner.
const firstRunner = "https://github.com/actions-runner-manager/actions-runner-manager/blob/main/docs/first-runner.md"

// An AdminRepo is a repository whose issues take commands.
type AdminRepo struct{ Name, URL string }

// A step is one of the first things that a maintainer does. Its line is an example of the
// command, or text if it is no command.
type step struct{ title, note, command, text string }

func firstSteps() []step {
	return []step{
		{title: "Create your group", note: "Once per team", command: "group-create"},
		{title: "Allow repositories", note: "Your team needs permission on each", command: "repos-add"},
		{title: "Register a runner", note: "A permanent machine; token-jit is for one job", command: "token-register"},
		{title: "Use it in a workflow", note: "In .github/workflows/*.yml; the group has your team’s name", text: "runs-on: {group: platform}"},
	}
}

// indexPage writes the first page.
func indexPage(o Options, setup bool) (file, error) {
	page := Layout("Actions Runner Manager", Script("copy"),
		h.Main(
			h.H1(g.Text("Manage your team’s self-hosted runners")),
			h.P(h.Class("lead"), g.Text("Team maintainers create a runner group, choose which repositories can use it, and register runners. "+
				"You don’t need an organization owner.")),
			g.If(setup, indexNotice()),
			h.P(h.Class("actions"), g.If(o.Console, h.A(h.Class("button"), h.Href("/console"), g.Text("Open the console"))), g.Map(o.AdminRepos, func(r AdminRepo) g.Node {
				return h.A(g.If(!o.Console, h.Class("button")), h.Href(r.URL), g.Text("Open an issue in "+r.Name))
			}), h.A(h.Href(firstRunner), g.Text("Your first runner")), h.A(h.Href("/docs"), g.Text("Use the API instead"))),
			h.Ol(h.Class("steps"), g.Map(firstSteps(), func(s step) g.Node { return indexStep(o, s) })),
			h.P(g.Text("Write the commands as comments on an issue in the admin repository; the answer is a reply. Your team is the one that the label "),
				h.Code(g.Text("team:SLUG")), g.Text(" names, or add "), h.Code(g.Text("--team SLUG")), g.Text(".")),
			g.Map(dispatch.ByTask(o.Specs), func(group dispatch.TaskGroup) g.Node {
				return g.Group{h.H2(g.Text(string(group.Task))), h.Ul(h.Class("commands"), g.Map(group.Specs, indexCommand))}
			}),
		),
		h.Footer(h.P(g.Text("Actions Runner Manager "+o.Version))),
	)
	var b bytes.Buffer
	if err := page.Render(&b); err != nil {
		return file{}, err
	}
	return newFile(mediaTypes(".html"), b.Bytes(), false), nil
}

func indexNotice() g.Node {
	return h.Section(h.Class("notice"),
		h.H2(g.Text("Not set up yet")),
		h.P(g.Text("This server has no GitHub App so far, and refuses every command. Its operator finds a link in the server’s log that does the rest.")),
	)
}

func indexStep(o Options, s step) g.Node {
	line := s.text
	if i := slices.IndexFunc(o.Specs, func(spec dispatch.Spec) bool { return spec.Name == s.command }); i >= 0 {
		line = exampleComment(o.Specs[i])
		if o.Trigger != "" {
			line = strings.Replace(line, "/runner-group", "/"+o.Trigger, 1)
		}
	}
	return h.Li(h.Div(g.Text(s.title), h.Small(g.Text(s.note))), h.Div(h.Class("copy"), h.Code(g.Text(line))))
}

func indexCommand(spec dispatch.Spec) g.Node {
	return h.Li(h.A(h.Href("/docs#/"+url.PathEscape(string(spec.Task))+"/"+spec.Name), h.Code(g.Text(spec.Name)), h.Span(g.Text(spec.Summary))))
}

// docsPage writes the page of the reference, which a script draws.
func docsPage() (file, error) {
	page := layout("API reference – Actions Runner Manager",
		g.Group{Stylesheet("swagger-ui"), Stylesheet("docs"), Script("swagger-ui-bundle"), Script("docs")},
		topBar(),
		h.Div(h.ID("reference"), h.NoScript(h.P(g.Text("The reference needs JavaScript. The same is in "), h.A(h.Href("/openapi.json"), g.Text("openapi.json")), g.Text(".")))),
	)
	var b bytes.Buffer
	if err := page.Render(&b); err != nil {
		return file{}, err
	}
	return newFile(mediaTypes(".html"), b.Bytes(), false), nil
}
