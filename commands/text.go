package commands

import (
	"fmt"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// mostInline is how many names a sentence has; more are in a list of their own.
const mostInline = 10

// joinNames writes names for a sentence, all of them.
func joinNames(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = "`" + strings.ReplaceAll(name, "`", "'") + "`"
	}
	return strings.Join(quoted, ", ")
}

func countOf(n int, one string) string {
	switch {
	case n == 1:
		return "1 " + one
	case strings.HasSuffix(one, "y") && !strings.HasSuffix(one, "ay"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(one, "y"))
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// listOf ends a sentence about names: with the names, if they are few. Many are in a table,
// which the caller shows beneath it.
func listOf(title string, names []string) (end string, table []dispatch.Table) {
	if len(names) > 0 && len(names) <= mostInline {
		return ": " + joinNames(names) + ".", nil
	}
	if len(names) == 0 {
		return ".", nil
	}
	return ".", []dispatch.Table{nameTable(title, names)}
}

// sentenceOf is a sentence with names: "Added: api, web." Of many it has the number, and they
// are in a table of that title, which the caller shows beneath it.
func sentenceOf(begin, title string, names []string, one string) (sentence string, table []dispatch.Table) {
	if len(names) <= mostInline {
		return begin + ": " + joinNames(names) + ".", nil
	}
	return begin + ": " + countOf(len(names), one) + ".", []dispatch.Table{nameTable(title, names)}
}

// workflowsPage explains how a workflow calls without a stored token.
const workflowsPage = "https://github.com/actions-runner-manager/actions-runner-manager/blob/main/docs/workflows.md"

// firstRunnerPage explains how a team gets its first runner.
const firstRunnerPage = "https://github.com/actions-runner-manager/actions-runner-manager/blob/main/docs/first-runner.md"

// firstRunner links to a section of that page, to the whole of it if the section is empty.
func firstRunner(section string) string {
	if section != "" {
		section = "#" + section
	}
	return "[Your first runner](" + firstRunnerPage + section + ")"
}

// nameTable is a table of one column.
func nameTable(title string, names []string) dispatch.Table {
	t := dispatch.Table{Title: fmt.Sprintf("%s (%d)", title, len(names)), Header: []string{title}, Code: true}
	for _, name := range names {
		t.Rows = append(t.Rows, []string{name})
	}
	return t
}
