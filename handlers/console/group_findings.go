package console

import (
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// findingsSection shows what is wrong with the group, with the commands that remedy it.
func (v *visit) findingsSection(p groupPage) g.Node {
	var when g.Node
	switch {
	case !p.polled.IsZero():
		when = g.Text("Checked " + v.ago(p.polled) + ". ")
	case v.PollInterval == 0:
		when = g.Text("This server does not look for itself (fleet.pollInterval: 0). ")
	default:
		when = g.Text("Not checked yet. ")
	}
	again := h.A(h.Href(link(v.org, v.team, "group-check")+"?run=true"), g.Text("Check now"))
	if len(p.findings) == 0 {
		return g.Group{h.H2(g.Text("Findings")), h.P(when, g.If(!p.polled.IsZero(), g.Text("Nothing is wrong. ")), again)}
	}
	return g.Group{
		h.H2(g.Textf("Findings (%d)", len(p.findings))),
		h.Ul(h.Class("cards findings"), g.Map(bySeverity(p.findings), func(f store.Finding) g.Node { return v.finding(f, p.manages) })),
		h.P(when, again),
	}
}

// bySeverity sorts findings, the worst first.
func bySeverity(list []store.Finding) []store.Finding {
	var sorted []store.Finding
	for _, severity := range []string{"critical", "warning", "info"} {
		for _, f := range list {
			if f.Severity == severity {
				sorted = append(sorted, f)
			}
		}
	}
	return sorted
}

// checked shows what a fresh check found.
func (v *visit) checked(c commands.GroupChecked) g.Node {
	if len(c.Findings) == 0 {
		return nil
	}
	manages := v.proved(v.org, "trust-list", "team", v.team)
	return h.Ul(h.Class("cards findings"), g.Map(c.Findings, func(f commands.FindingInfo) g.Node {
		return v.finding(store.Finding{Severity: f.Severity, Since: f.Since, Message: f.Message, Remedy: f.Remedy}, manages)
	}))
}

func (v *visit) finding(f store.Finding, buttons bool) g.Node {
	remedies := v.remedies(f)
	return h.Li(
		h.P(h.Span(h.Class("tag "+f.Severity), g.Text(f.Severity)), g.Text(" "), text(f.Message), h.Small(g.Text("Since "+minute(f.Since))),
			g.If(!strings.HasPrefix(f.Remedy, "/"), h.Small(text(f.Remedy)))),
		g.If(buttons && len(remedies) > 0, h.Div(h.Class("actions"), g.Group(remedies))),
	)
}

// remedies are the commands that a finding names, as buttons: its remedy is a line of a comment,
// or a sentence with such lines as code, and so is its message.
func (v *visit) remedies(f store.Finding) []g.Node {
	var found []g.Node
	seen := map[string]bool{}
	add := func(line string) {
		if button := v.remedy(line); button != nil && !seen[line] {
			seen[line] = true
			found = append(found, button)
		}
	}
	if strings.HasPrefix(f.Remedy, "/") {
		add(f.Remedy)
	}
	for _, sentence := range []string{f.Remedy, f.Message} {
		for i, part := range strings.Split(sentence, "`") {
			if i%2 == 1 && !strings.HasPrefix(sentence, "/") {
				add(part)
			}
		}
	}
	return found
}

// remedy is the button of a line such as "/runner-group runners-remove --team platform build-1";
// nil if it is no command for this team.
func (v *visit) remedy(line string) g.Node {
	words := lineWords(line)
	if len(words) < 4 || !strings.HasPrefix(words[0], "/") || words[2] != "--team" || words[3] != v.team {
		return nil
	}
	spec, ok := v.Dispatcher.Lookup(words[1])
	if !ok {
		return nil
	}
	action, label := link(v.org, v.team, spec.Name), strings.Join(append([]string{spec.Name}, words[4:]...), " ")
	if spec.Name == "token-register" {
		return h.A(h.Href(link(v.org, v.team, "add-runner")), g.Text("Add a runner"))
	}
	if spec.Effect == dispatch.Reveals || spec.Effect == dispatch.Reads {
		return h.A(h.Href(action), g.Text(label))
	}
	p, _ := spec.Positional()
	return h.Form(h.Method("post"), h.Action(action), g.Map(words[4:], func(word string) g.Node {
		return h.Input(h.Type("hidden"), h.Name(p.Name), h.Value(dispatch.WholeItem(word)))
	}), h.Button(h.Type("submit"), h.Class("second"), g.Text(label)))
}

// lineWords splits the line of a remedy: a word with characters that a shell acts on is quoted
// as Go does.
func lineWords(line string) []string {
	var words []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if quoted, err := strconv.QuotedPrefix(line); err == nil {
			word, _ := strconv.Unquote(quoted) // it is one
			words, line = append(words, word), line[len(quoted):]
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		words, line = append(words, word), rest
	}
	return words
}
