package pages

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"

	g "maragu.dev/gomponents"

	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/handlers"
)

// indexPage writes the first page.
func indexPage(o Options, setup bool) (file, error) {
	var comments, curls []string
	host := strings.TrimSuffix(o.PublicURL, "/")
	if host == "" {
		host = exampleHost
	}
	firstSteps := []string{"group-create", "group-list", "repos-add", "token-register"}
	for _, spec := range o.Specs {
		if slices.Contains(firstSteps, spec.Name) {
			comments = append(comments, exampleComment(spec))
			curls = append(curls, exampleCurl(spec, host, " \\\n  "))
		}
	}
	page := Layout("Actions Runner Manager", nil,
		indexHeader(),
		h.Main(
			g.If(setup, indexNotice()),
			h.Section(
				h.H2(g.Text("In a comment")),
				h.P(g.Text("Write it in an issue of your organization’s runner admin repository. The answer comes as a reply.")),
				indexExamples(comments),
				h.P(g.Text("The team is the one that the issue’s label "), h.Code(g.Text("team:SLUG")), g.Text(" names, or say "),
					h.Code(g.Text("--team SLUG")), g.Text(".")),
			),
			h.Section(
				h.H2(g.Text("Over REST")),
				h.P(g.Text("Send your GitHub token; a fine-grained one without any permission is enough.")),
				indexExamples(curls),
				h.P(g.Text("Arguments go into the query, a form or JSON.")),
			),
			h.Section(h.H2(g.Text("Commands")), h.Dl(g.Map(o.Specs, indexCommand))),
		),
		h.Footer(h.P(g.Text("Actions Runner Manager "+o.Version+". You need to maintain a team, on GitHub, to work on its group."))),
	)
	var b bytes.Buffer
	if err := page.Render(&b); err != nil {
		return file{}, err
	}
	return newFile(mediaTypes(".html"), b.Bytes(), false), nil
}

func indexHeader() g.Node {
	return h.Header(
		h.Img(h.Src("/assets/icon.svg"), h.Alt("")),
		h.H1(g.Text("Actions Runner Manager")),
		h.P(h.Class("lead"), g.Text("Your team’s runners for GitHub Actions, in your team’s hands: make a runner group, choose the "+
			"repositories that may use it, get a token, attach a machine. No ticket, no organization owner needed.")),
		h.Nav(h.Aria("label", "Pages"),
			h.A(h.Href("/docs"), g.Text("Reference, to read and try")),
			h.A(h.Href("/openapi.json"), g.Text("OpenAPI")),
			h.A(h.Href(handlers.APIPrefix+"status"), g.Text("Status")),
		),
	)
}

func indexNotice() g.Node {
	return h.Section(h.Class("notice"),
		h.H2(g.Text("Not set up yet")),
		h.P(g.Text("This server has no GitHub App so far, and refuses every command. Its operator finds a link in the server’s log that does the rest.")),
	)
}

// indexExamples shows examples, one below the other, to be copied.
func indexExamples(examples []string) g.Node {
	return h.Pre(h.TabIndex("0"), h.Code(g.Map(examples, func(example string) g.Node { return g.Text(example + "\n") })))
}

func indexCommand(spec dispatch.Spec) g.Node {
	return g.Group{
		h.Dt(h.A(h.Href("/docs#/"+url.PathEscape(string(spec.Task))+"/"+spec.Name), h.Code(g.Text(spec.Name)))),
		h.Dd(g.Text(spec.Summary), h.Small(g.Text("for "+whoMay(spec.Needs)))),
	}
}
