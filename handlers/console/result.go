package console

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/pages"
)

const (
	// foldAfter is how many rows a table may have to be shown unfolded.
	foldAfter = 50
	// maxFlash bounds what a session keeps of an answer, in bytes.
	maxFlash = 8 << 10
)

// result shows what a command answers, but for its secret.
func (v *visit) result(r dispatch.Result, message bool) g.Node {
	return g.Group{
		g.If(message && r.Message != "", h.P(text(r.Message))),
		items(r.Items),
		g.Map(r.Tables, table),
		g.Map(r.Notes, func(note string) g.Node { return h.P(text(note)) }),
	}
}

// answer shows the answer of a command that only reads.
func (v *visit) answer(r dispatch.Result) g.Node {
	if checked, ok := r.Response.(commands.GroupChecked); ok {
		r.Tables = nil
		return g.Group{v.result(r, true), v.checked(checked)}
	}
	return v.result(r, true)
}

// table shows a table of an answer.
func table(t dispatch.Table) g.Node {
	if len(t.Rows) == 0 {
		return g.If(t.Title != "", h.P(text(t.Title)))
	}
	cell := func(row []string, i int, at int) g.Node {
		value := row[i]
		switch {
		case i == 0 && at < len(t.Links) && t.Links[at] != "":
			return external(t.Links[at], value)
		case i == 0 && t.Code, slices.Contains(t.CodeIn, i):
			return h.Code(g.Text(value))
		case slices.Contains(t.Sentences, i):
			return text(value)
		}
		return g.Text(value)
	}
	var rows g.Group
	for at, row := range t.Rows {
		var cells g.Group
		for i := range min(len(t.Header), len(row)) {
			cells = append(cells, h.Td(cell(row, i, at)))
		}
		rows = append(rows, h.Tr(cells))
	}
	body := scroll(t.Title, h.Table(
		h.THead(h.Tr(g.Map(t.Header, func(name string) g.Node { return h.Th(h.Scope("col"), text(name)) }))),
		h.TBody(rows),
	))
	if t.Folded || len(t.Rows) > foldAfter {
		return h.Details(h.Summary(text(t.Title)), body)
	}
	return g.Group{g.If(t.Title != "", h.H2(text(t.Title))), body}
}

// scroll lets a table that is wider than the page be scrolled, with the keyboard too.
func scroll(name string, table g.Node) g.Node {
	if name == "" {
		name = "Table"
	}
	return h.Div(h.Class("scroll"), h.Role("region"), h.Aria("label", pages.Plain(name)), h.TabIndex("0"), table)
}

// secretLines shows a secret with what people need to use it. The page is not stored anywhere.
func secretLines(s dispatch.Secret, response any) g.Node {
	jit, isJIT := response.(commands.JITAnswer)
	var expires g.Node
	if !s.Expires.IsZero() {
		expires = g.Text(" It expires at " + s.Expires.UTC().Format("15:04 UTC on 2006-01-02") + ".")
	}
	return h.Section(h.Class("notice secret"),
		h.H2(g.Text("Copy this now")),
		h.P(g.Text("This "+s.Kind+" is shown once, and cannot be shown again."), expires),
		g.If(!isJIT, copies(lines(s.Text.Reveal()))),
		g.If(isJIT, perSystem(jit)),
	)
}

// perSystem are the lines that start a runner for one job, by where it runs.
func perSystem(jit commands.JITAnswer) g.Node {
	on := func(system, note string, line string) g.Node {
		return g.Group{h.H3(g.Text(system)), h.P(h.Class("help"), g.Text(note)), copies([]string{line})}
	}
	const folder = "In the folder of the unpacked runner software:"
	return g.Group{
		on("Linux or macOS", folder, jit.Command),
		on("Windows", folder, `.\run.cmd --jitconfig `+jit.EncodedJITConfig),
		on("Container", "With GitHub's own image:", "docker run --rm ghcr.io/actions/actions-runner ./run.sh --jitconfig "+jit.EncodedJITConfig),
	}
}

func copies(lines []string) g.Node {
	return g.Map(lines, func(line string) g.Node {
		return h.Div(h.Class("copy"), h.Data("name", "this line"), h.Code(g.Text(line)))
	})
}

// lines are the lines of a secret that are not empty.
func lines(text string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
}

// A flash is what is shown once, after the redirect that follows a command.
type flash struct {
	Message   string
	Notes     []string         `json:",omitempty"`
	Tables    []dispatch.Table `json:",omitempty"`
	Items     []dispatch.Item  `json:",omitempty"`
	Attention bool             `json:",omitempty"`
	Undo      string           `json:",omitempty"` // lines of comments
	Org       string           `json:",omitempty"` // where
}

// keep keeps the answer for the next page. What is too long for a session is left out.
func (v *visit) keep(r dispatch.Result) {
	f := flash{Message: r.Message, Notes: r.Notes, Tables: r.Tables, Items: r.Items, Attention: r.Attention || r.Request != 0, Undo: r.Undo, Org: v.org}
	body, err := json.Marshal(f)
	if err != nil || len(body) > maxFlash {
		f.Tables, f.Items, f.Undo = nil, nil, ""
		if body, err = json.Marshal(f); err != nil || len(body) > maxFlash {
			return
		}
	}
	v.SignIn.PutFlash(v.ctx(), string(body))
}

// flash shows what was kept.
func (v *visit) flash() g.Node {
	if v.r.Method == http.MethodHead { // nobody reads it
		return nil
	}
	kept := v.SignIn.TakeFlash(v.ctx())
	var f flash
	if kept == "" || json.Unmarshal([]byte(kept), &f) != nil {
		return nil
	}
	class := "notice good"
	if f.Attention {
		class = "notice warn"
	}
	return h.Section(h.Class(class), h.Role("status"),
		v.result(dispatch.Result{Message: f.Message, Notes: f.Notes, Tables: f.Tables, Items: f.Items}, true), v.undo(f.Org, f.Undo))
}
