package comment

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
)

// An Explanation says how a line of a comment is understood.
type Explanation struct {
	Line
	Command    string              `json:"command"`
	Positional []string            `json:"positional,omitempty"`
	Named      map[string][]string `json:"named,omitempty"`
	Yes        bool                `json:"yes,omitempty"`
	Encrypted  bool                `json:"encrypted,omitempty"`
	Appended   bool                `json:"appended,omitempty"` // by a mail program, so it does not run
	Error      string              `json:"error,omitempty"`
	Reason     dispatch.Reason     `json:"reason,omitempty"`
}

// An Explainer knows the commands and what their arguments may be.
type Explainer interface {
	handlers.Dispatcher
	Check(command, org string, args dispatch.Args) *dispatch.Error
}

// Explain reports which commands a comment in an organization contains, how their words are
// read, and what is wrong with them; an empty org is whichever they name, an empty trigger
// the default. It asks nobody: whether they would be permitted is not its matter.
func Explain(d Explainer, org, trigger, markdown string) []Explanation {
	parsed := ParseComment(markdown, trigger)
	explanations := make([]Explanation, 0, len(parsed.Lines)+len(parsed.Appended))
	for i, line := range parsed.Lines {
		c, refusal := readLine(d, line, trigger, "")
		if i >= MaxCommands {
			refusal = tooMany()
		}
		if refusal == nil {
			refusal = d.Check(c.spec.Name, org, c.args)
		}
		e := Explanation{Line: line, Command: c.name, Positional: c.args.Positional, Yes: c.yes, Encrypted: c.encrypted}
		if c.spec.Name != "" {
			e.Command = c.spec.Name
		}
		for _, named := range c.args.Named {
			if e.Named == nil {
				e.Named = map[string][]string{}
			}
			e.Named[named.Name] = named.Values
		}
		if refusal != nil {
			e.Error, e.Reason = refusal.Message, refusal.Reason
		}
		explanations = append(explanations, e)
	}
	for _, line := range parsed.Appended {
		refusal := appended()
		explanations = append(explanations, Explanation{
			Line: line, Command: firstWord(line.Text), Appended: true, Error: refusal.Message, Reason: refusal.Reason,
		})
	}
	return explanations
}

// String shows the explanation to people, on one line and more.
func (e Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "line %d: %s", e.Number, e.Command)
	for _, word := range e.Positional {
		fmt.Fprintf(&b, " %q", word)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Named)) {
		fmt.Fprintf(&b, " %s=%q", name, e.Named[name])
	}
	if e.Yes {
		b.WriteString(" (confirmed)")
	}
	if e.Encrypted {
		b.WriteString(" (encrypted)")
	}
	if e.Error != "" {
		fmt.Fprintf(&b, "\n  %s: %s", e.Reason, e.Error)
	}
	return b.String()
}

func appended() *dispatch.Error {
	return dispatch.Refuse(dispatch.ReasonPolicy, "This line is in the mail that a mail program appended to a reply, so it does not run.")
}

func tooMany() *dispatch.Error {
	return dispatch.Refuse(dispatch.ReasonPolicy, "Only the first %d commands of a comment run. Send this one in another comment.", MaxCommands)
}
