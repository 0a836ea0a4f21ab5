package comment

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// nameLine is a line with one name and nothing else, perhaps in a list of Markdown. A word such
// as "Thanks" is none.
var (
	nameLine = regexp.MustCompile(`^ {0,3}(?:[-*+] +)?([A-Za-z0-9@_][A-Za-z0-9@:._/-]*[A-Za-z0-9_]|[a-z0-9])[ \t]*,?[ \t]*$`)
	proseish = regexp.MustCompile(`^[A-Z][a-z]*$`)
)

// namesBelow returns the names in the lines beneath the first one of text, up to an empty line;
// "" if there are none, or if another line is among them.
func namesBelow(text []byte) string {
	var names []string
	_, rest, _ := bytes.Cut(text, []byte("\n"))
	for line := range bytes.Lines(rest) {
		if len(bytes.TrimSpace(line)) == 0 || len(names) > 0 && bytes.HasPrefix(bytes.TrimSpace(line), []byte("/")) {
			break
		}
		match := nameLine.FindSubmatch(bytes.TrimRight(line, "\r\n"))
		if len(match) < 2 || proseish.Match(match[1]) {
			return ""
		}
		names = append(names, string(match[1]))
	}
	return strings.Join(names, ",")
}

// below says that the names beneath a command's line were not read, if the command takes a
// list of them. A word or two beneath a list that is there may be the writer's own. The line
// that has the names is offered if it is clear which one that is.
func (s *section) below(call slashCommand, done bool) {
	p, _ := call.spec.Positional()
	if call.Below == "" || p.Kind != dispatch.KindList || p.Team {
		return
	}
	names := strings.Split(call.Below, ",")
	listed := listOfWords(call.args.Positional)
	if _, named := call.args.Get(p.Name); (named || len(listed) > 0) && len(names) < 2 && !strings.ContainsAny(call.Below, "-_./0123456789") {
		return
	}
	what := fmt.Sprintf("⚠️ The %d lines below the command were not read. End each line with a comma, but the last, or write them in one line", len(names))
	if len(names) == 1 {
		what = "⚠️ The line below the command was not read. End the command with a comma, or write it in one line"
	}
	words := strings.Fields(call.Text)
	last := strings.TrimSuffix(words[len(words)-1], ",")
	certain := len(call.args.Positional) == 0 || last == strings.TrimSuffix(call.args.Positional[len(call.args.Positional)-1], ",")
	if !done || strings.HasSuffix(call.spec.Name, "-set") {
		names = slices.Concat(listed, names)
	}
	line := lineWith(call, names)
	if !certain || line == "" {
		s.paragraph(what + ".")
		return
	}
	s.paste(what+":", line)
}

// listOfWords are the items in words of a list.
func listOfWords(words []string) (items []string) {
	for item := range strings.SplitSeq(strings.Join(words, ","), ",") {
		if item != "" {
			items = append(items, item)
		}
	}
	return items
}
