package console

import (
	"slices"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// The names of the fields of a form that are no arguments of its command.
const (
	fieldYes   = "yes"   // the person saw what would change
	fieldEmpty = "empty" // the lists that are to be empty
	fieldRun   = "run"   // in a query: run the command, which only reads
	fieldBack  = "back"  // where the person comes from
	backAll    = "all"   // the page of all groups
)

func isField(name string) bool {
	return slices.Contains([]string{fieldYes, fieldEmpty, fieldRun, fieldBack}, name)
}

// cameFromAll says that the form is on the page of all groups.
func cameFromAll() g.Node {
	return h.Input(h.Type("hidden"), h.Name(fieldBack), h.Value(backAll))
}

// values are what is in the fields of a form.
type values map[string][]string

func (v values) first(name string) string {
	if len(v[name]) == 0 {
		return ""
	}
	return v[name][0]
}

// arguments returns what the fields give to the command. A field that is left empty is no
// argument, unless the list is to be empty.
func (v values) arguments(spec dispatch.Spec) dispatch.Args {
	var args dispatch.Args
	names := make([]string, 0, len(v))
	for name := range v {
		if !isField(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		p, _ := spec.Param(name)
		var given []string
		for _, value := range v[name] {
			if p.Kind == dispatch.KindList { // a line is an item, or several
				given = append(given, lines(strings.ReplaceAll(value, "\r", "\n"))...)
			} else if strings.TrimSpace(value) != "" {
				given = append(given, value)
			}
		}
		if len(given) > 0 {
			args.Add(name, given...)
		}
	}
	for _, name := range v[fieldEmpty] {
		if _, given := args.Get(name); !given {
			args.Add(name, "")
		}
	}
	return args
}

// asksFirst reports whether the command is run only after the person saw what would change.
func asksFirst(spec dispatch.Spec, args dispatch.Args) bool {
	if spec.Effect == dispatch.Destroys {
		return true
	}
	return slices.ContainsFunc(args.Named, func(named dispatch.NamedArg) bool {
		p, _ := spec.Param(named.Name)
		return p.Confirm && !slices.Contains(named.Values, "false")
	})
}

// form is the form of a command: a field for each argument but the team of the path.
func (v *visit) form(spec dispatch.Spec, given values) g.Node {
	method, action, class := "post", link(v.org, v.team, spec.Name), "command"
	buttons := g.Group{h.Button(h.Type("submit"), g.Text("Run "+spec.Name))}
	switch {
	case spec.Effect == dispatch.Reads:
		method, class = "get", "command filters"
		buttons = g.Group{h.Button(h.Type("submit"), h.Name(fieldRun), h.Value("true"), g.Text("Show"))}
	case spec.Effect == dispatch.Destroys:
		buttons = g.Group{h.Button(h.Type("submit"), g.Text("Continue to the preview"))}
	case spec.DryRuns():
		buttons = append(buttons, h.Button(h.Class("second"), h.Type("submit"), h.Name(dispatch.DryRun), h.Value("true"), g.Text("Preview")))
	}
	var fields g.Group
	for _, p := range spec.Params {
		if p.Name != dispatch.DryRun && (p.Name != "team" || v.team == "") {
			fields = append(fields, field(p, given))
		}
	}
	return h.Form(h.Method(method), h.Action(action), h.Class(class), fields, g.If(given.first(fieldBack) == backAll, cameFromAll()), h.P(h.Class("actions"), buttons))
}

// field is the input for an argument, with its label and what it means.
func field(p dispatch.Param, given values) g.Node {
	id, help := "f-"+p.Name, "h-"+p.Name
	attrs := g.Group{h.ID(id), h.Name(p.Name), h.Aria("describedby", help), g.If(p.Required && p.Kind != dispatch.KindBool, h.Required())}
	label := g.Group{h.Label(h.For(id), g.Text(labelOf(p.Name)), g.If(!p.Required, h.Span(h.Class("optional"), g.Text(" optional"))))}
	doc := h.P(h.ID(help), h.Class("help"), g.Text(sentence(p)))
	if p.Kind == dispatch.KindBool {
		return h.Div(h.Class("field check"),
			h.Label(h.Input(h.Type("checkbox"), attrs, h.Value("true"), g.If(given.first(p.Name) == "true", h.Checked())), g.Text(" "+labelOf(p.Name))), doc)
	}
	return h.Div(h.Class("field"), label, doc, input(p, attrs, given), g.If(p.MayBeEmpty, h.Label(h.Class("none"),
		h.Input(h.Type("checkbox"), h.Name(fieldEmpty), h.Value(p.Name), g.If(slices.Contains(given[fieldEmpty], p.Name), h.Checked())), g.Text(" Empty the list"))))
}

func input(p dispatch.Param, attrs g.Group, given values) g.Node {
	value := given.first(p.Name)
	switch {
	case len(p.Values) > 0:
		return h.Select(attrs, g.If(!p.Required, h.Option(h.Value(""), g.Text("–"))), g.Map(p.Values, func(choice string) g.Node {
			return h.Option(h.Value(choice), g.If(choice == value, h.Selected()), g.Text(choice))
		}))
	case p.Kind == dispatch.KindList:
		return h.Textarea(attrs, h.Rows("3"), g.If(p.Example != "", h.Placeholder(strings.ReplaceAll(p.Example, ",", "\n"))), g.Attr("spellcheck", "false"),
			g.Text(strings.Join(given[p.Name], "\n")))
	case p.Kind == dispatch.KindInt:
		return h.Input(h.Type("number"), h.Min("0"), attrs, h.Value(value))
	}
	return h.Input(h.Type("text"), attrs, h.Value(value), g.If(p.Example != "", h.Placeholder(p.Example)), g.Attr("spellcheck", "false"), h.AutoComplete("off"))
}

// labelOf writes an argument's name for people: "move-runners-to" is "Move runners to".
func labelOf(name string) string {
	words := strings.ReplaceAll(name, "-", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// sentence is what the argument means.
func sentence(p dispatch.Param) string {
	text := strings.ToUpper(p.Doc[:1]) + p.Doc[1:] + "."
	if p.Kind == dispatch.KindList {
		text += " One per line, or with commas between them."
	}
	return text
}

// hidden repeats what was given, in the form that confirms it.
func hidden(spec dispatch.Spec, given values) g.Node {
	var fields g.Group
	add := func(name string) {
		for _, value := range given[name] {
			fields = append(fields, h.Input(h.Type("hidden"), h.Name(name), h.Value(value)))
		}
	}
	for _, p := range spec.Params {
		if p.Name != dispatch.DryRun {
			add(p.Name)
		}
	}
	add(fieldEmpty)
	add(fieldBack)
	return fields
}
