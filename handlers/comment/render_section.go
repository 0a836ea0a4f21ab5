package comment

import (
	"fmt"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

const (
	// foldAfter is how many rows a table may have to be shown unfolded.
	foldAfter = 20
	// sectionEnd is kept free for what is beneath a section's tables.
	sectionEnd = 2_500
)

// A section is the part of a reply about one command. What does not fit
// into its share of the reply is left out, and the section says so.
type section struct {
	b     strings.Builder
	limit int // in bytes
}

// newSection begins the section of a command with its mark and line.
func newSection(job Job, call slashCommand, mark string) *section {
	s := &section{limit: maxReply / max(1, min(len(job.Comment().Lines), MaxCommands))}
	s.b.WriteString("**" + mark + "** " + codeSpan(shorten(call.Text, 200)) + "\n")
	return s
}

// String returns the section.
func (s *section) String() string { return s.b.String() }

func (s *section) left() int { return s.limit - s.b.Len() }

// paragraph appends Markdown of our own.
func (s *section) paragraph(markdown string) {
	const cut = "\n\n_The rest does not fit into a comment._"
	markdown = strings.TrimSpace(markdown)
	if markdown == "" || s.left() < len(cut) {
		return
	}
	if len(markdown)+2 > s.left() {
		// the cut may be in the midst of code, so what is left is shown as text
		markdown = plainText(shorten(markdown, max(0, (s.left()-len(cut))/3))) + cut
	}
	s.b.WriteString("\n" + markdown + "\n")
}

func (s *section) result(r dispatch.Result) {
	s.paragraph(escapeMessage(r.Message))
	if len(r.Tables) == 0 {
		s.items(r.Items, r.Message)
	}
	for i, table := range r.Tables {
		s.table(table, s.left()/(len(r.Tables)-i))
	}
	for _, note := range r.Notes {
		s.paragraph(escapeMessage(note))
	}
}

// items shows what became of each item of a command on several, if that is not
// the same for all. A sentence that message or an earlier item has already, about
// another name, is not repeated: only the reason is shown.
func (s *section) items(items []dispatch.Item, message string) {
	if len(items) < 2 || !slices.ContainsFunc(items, func(item dispatch.Item) bool { return !item.Done }) {
		return
	}
	seen := map[string]bool{}
	for _, item := range items {
		if item.Error != "" && item.Reason != "" && strings.Contains(message, item.Error) {
			seen[item.Alike()] = true
		}
	}
	table := newTable("Item", "Done", "What happened")
	for _, item := range items {
		mark, text := "✅", escapeMessage(item.Error)
		if seen[item.Alike()] && item.Reason != "" {
			text = ""
		}
		seen[item.Alike()] = true
		switch {
		case !item.Done && item.Error == "":
			mark = "–"
		case !item.Done:
			mark = "❌"
		}
		if item.Reason != "" {
			text = strings.TrimSpace(text + " " + codeSpan(string(item.Reason)))
		}
		table.row(cell(item.Item), mark, inTable(text))
	}
	s.write(fmt.Sprintf("Items (%d)", len(items)), table, s.left())
}

// table shows a list, within room bytes.
func (s *section) table(t dispatch.Table, room int) {
	title := t.Title
	if len(t.Rows) == 0 {
		s.paragraph("**" + plainText(title) + "**: none")
		return
	}
	table := newTable(t.Header...)
	for r, row := range t.Rows {
		cells := make([]string, len(t.Header))
		for i := range cells {
			switch {
			case i >= len(row):
			case i == 0 && t.Code:
				cells[i] = inTable(codeSpan(row[i]))
			default:
				cells[i] = cell(row[i])
			}
			if i == 0 && r < len(t.Links) && t.Links[r] != "" {
				cells[i] = "[" + cells[i] + "](" + t.Links[r] + ")"
			}
		}
		table.row(cells...)
	}
	s.write(title, table, room)
}

func (s *section) write(title string, t *table, room int) {
	text, shown := t.render(room - sectionEnd)
	if shown < len(t.rows) {
		text += fmt.Sprintf("\n_%d of %d are shown; the others do not fit into a comment. REST lists them all._\n", shown, len(t.rows))
	}
	switch {
	case len(t.rows) <= foldAfter && title == "":
		s.b.WriteString("\n" + text)
	case len(t.rows) <= foldAfter:
		s.b.WriteString("\n**" + plainText(title) + "**\n\n" + text)
	default:
		s.b.WriteString("\n<details><summary>" + htmlText(counted(title, len(t.rows))) + "</summary>\n\n" + text + "\n</details>\n")
	}
}

// counted makes sure that a title has the number of rows.
func counted(title string, n int) string {
	if strings.Contains(title, fmt.Sprint(n)) {
		return title
	}
	return strings.TrimSpace(fmt.Sprintf("%s (%d)", title, n))
}

// teamNote says that the team of a command comes from the label, if the command
// does not name it: a label is easily overlooked.
func (s *section) teamNote(job Job, call slashCommand) {
	if call.spec.TeamIn(call.args) != "" || !call.spec.Team() {
		return
	}
	if hint := hintOf(job.Comment()); hint.source == dispatch.TeamOfLabel {
		s.paragraph("The team comes from the issue's label " + codeSpan("team:"+hint.slug) + ".")
	}
}

// A table of Markdown cells.
type table struct {
	header []string
	rows   [][]string
}

func newTable(header ...string) *table {
	t := &table{}
	for _, h := range header {
		t.header = append(t.header, inTable(plainText(h)))
	}
	return t
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// render returns the table with as many rows as fit into room bytes, and how many.
func (t *table) render(room int) (markdown string, shown int) {
	var b strings.Builder
	line := func(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }
	b.WriteString(line(t.header))
	b.WriteString("|" + strings.Repeat(" --- |", len(t.header)) + "\n")
	for _, row := range t.rows {
		text := line(row)
		if b.Len()+len(text) > room {
			break
		}
		b.WriteString(text)
		shown++
	}
	return b.String(), shown
}
