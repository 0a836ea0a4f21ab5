package console

import (
	"slices"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// A line is a command that is written as a line of a comment, such as
// "/runner-group runners-remove build-1 --team platform".
type line struct {
	spec  dispatch.Spec
	team  string
	given values // but for the team
}

// parseLine reads a line. It reports false if it is no command, or is for another team than the page.
func (v *visit) parseLine(text string) (line, bool) {
	words := lineWords(text)
	if len(words) < 2 || !strings.HasPrefix(words[0], "/") {
		return line{}, false
	}
	spec, ok := v.Dispatcher.Lookup(words[1])
	if !ok {
		return line{}, false
	}
	given, ok := fieldsOf(spec, words[2:])
	team := given.first("team")
	if !ok || v.team != "" && team != v.team {
		return line{}, false
	}
	delete(given, "team")
	return line{spec, team, given}, true
}

// button runs the line's command in the organization.
func (l line) button(org string) g.Node {
	spec, team, given := l.spec, l.team, l.given
	action := link(org, team, spec.Name)
	switch {
	case spec.Name == "token-register":
		return h.A(h.Href(link(org, team, "add-runner")), g.Text("Add a runner"))
	case spec.Effect == dispatch.Reveals || spec.Effect == dispatch.Reads:
		return h.A(h.Href(action), g.Text(spec.Name))
	}
	return h.Form(h.Method("post"), h.Action(action), hidden(spec, given), h.Button(h.Type("submit"), h.Class("second"), g.Text(labelFor(spec, given))))
}

// labelFor is what the button of a command says: the command, with what it is about.
func labelFor(spec dispatch.Spec, given values) string {
	label := spec.Name
	if p, ok := spec.Positional(); ok && p.Name != "team" {
		label += " " + strings.Join(given[p.Name], " ")
	}
	if runes := []rune(label); len(runes) > 60 {
		label = string(runes[:59]) + "…"
	}
	return strings.TrimSpace(label)
}

// fieldsOf returns what the words behind a command mean as the fields of its form. It reports
// false if they are not a command's.
func fieldsOf(spec dispatch.Spec, words []string) (values, bool) {
	given := values{}
	for i := 0; i < len(words); i++ {
		name, flag := strings.CutPrefix(words[i], "--")
		if !flag {
			p, ok := spec.Positional()
			if !ok {
				return nil, false
			}
			given[p.Name] = append(given[p.Name], words[i])
			continue
		}
		name, value, assigned := strings.Cut(name, "=")
		p, ok := spec.Param(name)
		switch {
		case !ok:
			return nil, false
		case assigned:
		case p.Kind == dispatch.KindBool:
			value = "true"
		case i+1 == len(words):
			return nil, false
		default:
			i++
			value = words[i]
		}
		if value == "" && p.MayBeEmpty {
			given[fieldEmpty] = append(given[fieldEmpty], name)
			continue
		}
		given[name] = append(given[name], value)
	}
	return given, true
}

// lineWords splits a line: a word with characters that a shell acts on is quoted as Go does,
// also behind an equals sign.
func lineWords(text string) []string {
	var words []string
	var word strings.Builder
	inWord := false
	for text != "" {
		switch quoted, err := strconv.QuotedPrefix(text); {
		case err == nil && text[0] == '"':
			part, _ := strconv.Unquote(quoted) // it is one
			word.WriteString(part)
			text, inWord = text[len(quoted):], true
		case text[0] == ' ':
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			text, inWord = text[1:], false
		default:
			word.WriteByte(text[0])
			text, inWord = text[1:], true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}

// undo are the buttons of the lines that undo a change.
func (v *visit) undo(org, undoLines string) g.Node {
	var buttons g.Group
	for _, text := range lines(undoLines) {
		l, ok := v.parseLine(text)
		if !ok {
			return nil // half of it would be worse than none
		}
		buttons = append(buttons, l.button(org))
	}
	if len(buttons) == 0 {
		return nil
	}
	return h.Div(h.Class("actions"), h.Span(g.Text("Undo:")), buttons)
}

// remedies are the commands that a finding names, as buttons: its remedy is a line of a comment,
// or a sentence with such lines as code, and so is its message. Names are code in sentences too, and
// words of a line, so a name that looks like a command or a flag must not become one: what a
// sentence has takes nothing but the team and destroys nothing, and no line has another flag.
func (v *visit) remedies(remedy, message string) []g.Node {
	var buttons []g.Node
	if l, ok := v.parseLine(remedy); ok && l.takesOnly(1) {
		buttons = append(buttons, l.button(v.org))
	}
	var found []string
	for _, sentence := range []string{remedy, message} {
		for i, part := range strings.Split(sentence, "`") {
			if i%2 == 0 || slices.Contains(found, part) {
				continue
			}
			found = append(found, part)
			if l, ok := v.parseLine(part); ok && l.takesOnly(0) && l.spec.Effect != dispatch.Destroys {
				buttons = append(buttons, l.button(v.org))
			}
		}
	}
	return buttons
}

// takesOnly reports whether the line has so many items at most, and no flag but the team.
func (l line) takesOnly(items int) bool {
	p, _ := l.spec.Positional()
	for name, list := range l.given {
		if name != p.Name || len(list) > items {
			return false
		}
	}
	return true
}
