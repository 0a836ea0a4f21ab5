package setup

import (
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// A checklistView is the page that follows what remains to do.
type checklistView struct {
	steps   []step
	result  result
	expires time.Time
}

// live marks an element that the page's script keeps up to date.
func live(id, role string) g.Node {
	return g.Group{h.ID(id), h.Data("live", ""), g.If(role != "", h.Role(role))}
}

// Heading returns which of the three steps of the set-up comes next, in words.
func (c *checklistView) heading() string {
	done, all := count(c.steps)
	switch {
	case done == all:
		return "Done: all " + strconv.Itoa(all) + " checks passed"
	case c.steps[1].state != stateDone:
		return "Step 2 of 3: install the App"
	}
	return "Step 3 of 3: run the first command (" + strconv.Itoa(done) + " of " + strconv.Itoa(all) + " checks passed)"
}

func (c *checklistView) html() g.Node {
	return g.Group{
		g.If(c.result.file != "", c.keep()),
		h.Ol(h.Class("checklist"), live("checklist", ""), g.Map(c.steps, step.html)),
		h.P(h.Class("actions"), h.A(h.Href(Path), g.Text("Check again")), h.A(h.Href("/"), g.Text("Start page"))),
		h.P(h.Small(g.Text("Only this browser sees this page, until "+c.expires.UTC().Format("15:04")+" UTC. After that, "), h.Code(g.Text("actions-runner-manager doctor")),
			g.Text(" on the server’s machine makes the same checks and more."))),
	}
}

func (st step) html() g.Node {
	word := strings.ToUpper(string(st.state[:1])) + string(st.state[1:])
	return h.Li(h.Class(strings.ReplaceAll(string(st.state), " ", "-")), h.Data("step", st.name), h.Data("state", string(st.state)),
		h.Div(
			h.P(h.Class("title"), h.Strong(g.Text(st.title)), h.Span(h.Class("state"), g.Text(word))),
			g.If(st.detail != "", h.P(g.Text(sentence(st.detail)))),
			g.If(st.remedy != "", h.P(g.Text(st.remedy))),
			g.If(st.line != "", h.Div(h.Class("copy"), h.Code(g.Text(st.line)))),
			g.If(st.state != stateDone && st.page+st.help != "", h.P(h.Class("actions"),
				// in a new tab, because this page follows what happens there
				g.If(st.page != "", h.A(g.If(st.button != "", h.Class("button")), h.Href(st.page), h.Target("_blank"), h.Rel("noopener"), g.Text(or(st.button, "Open on GitHub")))),
				g.If(st.help != "", h.A(h.Href(st.help), h.Target("_blank"), h.Rel("noopener"), g.Text("Troubleshooting"))),
			)),
		),
	)
}

// sentence makes a finding of doctor a sentence. Its first word may be a name.
func sentence(text string) string {
	if first, _, _ := strings.Cut(text, " "); first == "the" {
		text = "T" + text[1:]
	}
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// keep shows the configuration that could not be written to the file.
func (c *checklistView) keep() g.Node {
	lines := func(title, text, path, name string) g.Node {
		return g.Group{
			h.H3(g.Text(title)),
			h.Div(h.Class("copy whole"), h.Data("name", name), h.Pre(h.TabIndex("0"), h.Code(g.Text(text))),
				h.A(h.Href(path), h.Download(""), h.Aria("label", "Download "+path[len(Path)+1:]), g.Text("Download"))),
		}
	}
	return h.Section(h.Class("notice warning"), h.ID("keep"),
		h.H2(g.Text("Save the App’s key now")),
		h.P(g.Text(c.result.unwritten+" The server works until it is restarted. Save these lines before that. They are only in its memory: "+
			"until you confirm that you have saved them, for an hour, or until the server ends.")),
		lines("In the configuration file", c.result.file, filePath, "the lines for the file"),
		lines("Or in the environment", c.result.environment, environmentPath, "the lines for the environment"),
		h.Form(h.Method("post"), h.Action(savedPath), h.P(h.Button(g.Text("I have saved it"))), h.P(h.Small(g.Text("This erases the lines. They cannot be shown again.")))),
	)
}
