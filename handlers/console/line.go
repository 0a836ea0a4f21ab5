package console

import (
	"slices"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// lineButton is the button of a command that is written as a line of a comment, such as
// "/runner-group runners-remove build-1 --team platform": a remedy, or what undoes a change. It is
// nil if the line is no command, or is for another team than the page.
func (v *visit) lineButton(org, line string) g.Node {
	words := lineWords(line)
	if len(words) < 2 || !strings.HasPrefix(words[0], "/") {
		return nil
	}
	spec, ok := v.Dispatcher.Lookup(words[1])
	if !ok {
		return nil
	}
	given, ok := fieldsOf(spec, words[2:])
	team := given.first("team")
	if !ok || v.team != "" && team != v.team {
		return nil
	}
	delete(given, "team")
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

// lineWords splits such a line: a word with characters that a shell acts on is quoted as Go does,
// also behind an equals sign.
func lineWords(line string) []string {
	var words []string
	var word strings.Builder
	inWord := false
	for line != "" {
		switch quoted, err := strconv.QuotedPrefix(line); {
		case err == nil && line[0] == '"':
			part, _ := strconv.Unquote(quoted) // it is one
			word.WriteString(part)
			line, inWord = line[len(quoted):], true
		case line[0] == ' ':
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			line, inWord = line[1:], false
		default:
			word.WriteByte(line[0])
			line, inWord = line[1:], true
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
	for _, line := range lines(undoLines) {
		button := v.lineButton(org, line)
		if button == nil {
			return nil // half of it would be worse than none
		}
		buttons = append(buttons, button)
	}
	if len(buttons) == 0 {
		return nil
	}
	return h.Div(h.Class("actions"), h.Span(g.Text("Undo:")), buttons)
}

// remedies are the commands that a finding names, as buttons: its remedy is a line of a comment,
// or a sentence with such lines as code, and so is its message.
func (v *visit) remedies(remedy, message string) []g.Node {
	var found []string
	if strings.HasPrefix(remedy, "/") {
		found = append(found, remedy)
	}
	for _, sentence := range []string{remedy, message} {
		for i, part := range strings.Split(sentence, "`") {
			if i%2 == 1 && !strings.HasPrefix(sentence, "/") && !slices.Contains(found, part) {
				found = append(found, part)
			}
		}
	}
	var buttons []g.Node
	for _, line := range found {
		if button := v.lineButton(v.org, line); button != nil {
			buttons = append(buttons, button)
		}
	}
	return buttons
}
