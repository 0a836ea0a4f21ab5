package comment

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

const (
	// foldAfter is how many rows a table may have to be shown unfolded.
	foldAfter = 20
	// footRoom is kept free for the small line below a section.
	footRoom = 500
	// sectionEnd is kept free for what is beneath a section's tables.
	sectionEnd = 2_500
)

// A section is the part of a reply about one command. What does not fit
// into its share of the reply is left out, and the section says so.
type section struct {
	b     strings.Builder
	limit int // in bytes
}

// newSection begins the section of a command.
func newSection(job Job) *section {
	return &section{limit: maxReply/max(1, min(len(job.Comment().Lines), MaxCommands)) - footRoom}
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

// headline shows a message behind a mark: what happened in bold, and the rest.
func (s *section) headline(mark, message string) {
	head, rest := splitHeadline(escapeMessage(message))
	if head = strings.TrimSpace(head); head != "" {
		head = "**" + head + "**"
	}
	s.paragraph(mark + " " + head + rest)
}

// result shows what a command answers; mark is empty below another headline.
func (s *section) result(mark string, r dispatch.Result) {
	if mark == "" {
		s.paragraph(escapeMessage(r.Message))
	} else {
		s.headline(mark, r.Message)
	}
	s.failures(r.Items, "Item")
	s.tables(r.Tables)
	for _, note := range r.Notes {
		s.paragraph(escapeMessage(note))
	}
	if teamShape.MatchString(r.Mention) {
		s.paragraph("@" + r.Mention)
	}
}

func (s *section) tables(tables []dispatch.Table) {
	for i, table := range tables {
		s.table(table, s.left()/(len(tables)-i))
	}
}

// failures shows the items of a command on several that were refused or failed, each with
// its problem in words. What an earlier item has too is not repeated.
func (s *section) failures(items []dispatch.Item, noun string) {
	if len(items) < 2 {
		return
	}
	seen := map[string]string{} // the item that has the same problem, by problem
	table := newTable(noun, "Problem")
	for _, item := range items {
		if item.Done || item.Error == "" {
			continue
		}
		text := escapeMessage(item.Error)
		if first, ok := seen[item.Alike()]; ok {
			text = "same as " + codeSpan(shorten(first, 60))
		} else {
			seen[item.Alike()] = item.Item
		}
		table.row(inTable(codeSpan(item.Item)), inTable(text))
	}
	if len(table.rows) > 0 {
		title := ""
		if len(table.rows) > foldAfter {
			title = "Problems"
		}
		s.write(dispatch.Table{Title: title}, table, s.left())
	}
}

// rest offers the line that does what a command on several items did not do: if nothing was
// changed, without the items that were refused; if some were done, with the others. It is
// not offered for a command that replaces a list: without an item it does something else.
func (s *section) rest(call slashCommand, items []dispatch.Item) {
	var done, refused, others []string
	for _, item := range items {
		switch {
		case item.Done:
			done = append(done, item.Item)
		case item.Error != "":
			refused = append(refused, item.Item)
		default:
			others = append(others, item.Item)
		}
	}
	switch {
	case strings.HasSuffix(call.spec.Name, "-set"):
	case len(done) > 0 && len(refused) > 0:
		s.paste("To try "+theOther(len(refused))+" again, comment:", lineWith(call, refused))
	case len(others) > 0 && len(refused) > 0:
		s.paste("To do "+theOther(len(others))+", comment:", lineWith(call, others))
	}
}

func theOther(n int) string {
	if n == 1 {
		return "the other one"
	}
	return fmt.Sprintf("the other %d", n)
}

// lineWith is the command's line with these items instead of those that it has; empty if
// that line could not be read again.
func lineWith(call slashCommand, items []string) string {
	var list string
	for _, p := range call.spec.Params {
		if p.Positional && p.Kind == dispatch.KindList {
			list = p.Name
		}
	}
	words := []string{call.spec.Slash(), call.spec.Name, strings.Join(items, ",")}
	for _, named := range call.args.Named {
		if named.Name == list {
			continue
		}
		words = append(words, "--"+named.Name)
		if value := strings.Join(named.Values, ","); value != "true" {
			words = append(words, value)
		}
	}
	for _, word := range words[2:] {
		if !pasteable.MatchString(word) {
			return ""
		}
	}
	if list == "" {
		return ""
	}
	return strings.Join(words, " ")
}

// pasteable are words that mean themselves in a command's line.
var pasteable = regexp.MustCompile(`^[A-Za-z0-9@:._,/-]+$`)

// paste offers a line to comment, if there is room for all of it.
func (s *section) paste(why, line string) {
	text := why + "\n\n" + codeBlock("", oneLine(line))
	if line != "" && len(text)+2 <= s.left() {
		s.paragraph(text)
	}
}

// undo offers the lines that reverse a command, if there is room for all of them.
func (s *section) undo(why, lines string) {
	text := why + "\n\n" + codeBlock("", lines)
	if lines != "" && len(text)+2 <= s.left() {
		s.paragraph(text)
	}
}

// nounOf is what a command has several of, as the head of a column.
func nounOf(spec dispatch.Spec) string {
	for _, p := range spec.Params {
		switch {
		case !p.Positional:
		case p.Name == "repos":
			return "Repository"
		case p.Kind == dispatch.KindList:
			return strings.ToUpper(p.Name[:1]) + strings.TrimSuffix(p.Name[1:], "s")
		}
	}
	return "Item"
}

// table shows a list, within room bytes.
func (s *section) table(t dispatch.Table, room int) {
	if len(t.Rows) == 0 {
		s.paragraph("**" + plainText(t.Title) + "**: none")
		return
	}
	if len(t.Header) == 1 {
		s.list(t, room)
		return
	}
	table := newTable(t.Header...)
	for r, row := range t.Rows {
		cells := make([]string, len(t.Header))
		for i := range cells {
			switch {
			case i >= len(row):
			case i == 0 && t.Code, row[i] != "" && slices.Contains(t.CodeIn, i):
				cells[i] = inTable(codeSpan(row[i]))
			case slices.Contains(t.Sentences, i):
				cells[i] = inTable(escapeMessage(row[i]))
			default:
				cells[i] = cell(row[i])
			}
			if i == 0 && r < len(t.Links) && t.Links[r] != "" {
				cells[i] = "[" + cells[i] + "](" + t.Links[r] + ")"
			}
		}
		table.row(cells...)
	}
	s.write(t, table, room)
}

// list shows a table of one column as names in a line.
func (s *section) list(t dispatch.Table, room int) {
	var b strings.Builder
	shown := 0
	for _, row := range t.Rows {
		name := codeSpan(strings.Join(row, " "))
		if b.Len()+len(name) > room-sectionEnd {
			break
		}
		if shown > 0 {
			b.WriteString(", ")
		}
		b.WriteString(name)
		shown++
	}
	text := b.String()
	if shown < len(t.Rows) {
		text += fmt.Sprintf("\n\n_%d of %d are shown; the others do not fit into a comment. REST lists them all._", shown, len(t.Rows))
	}
	if len(t.Rows) > foldAfter || t.Folded {
		s.fold(counted(t.Title, len(t.Rows)), text)
		return
	}
	s.b.WriteString("\n**" + plainText(t.Title) + ":** " + text + "\n")
}

func (s *section) fold(title, text string) {
	s.b.WriteString("\n<details><summary>" + htmlText(title) + "</summary>\n\n" + strings.TrimSpace(text) + "\n\n</details>\n")
}

func (s *section) write(of dispatch.Table, t *table, room int) {
	title := of.Title
	text, shown := t.render(room - sectionEnd)
	if shown < len(t.rows) {
		text += fmt.Sprintf("\n_%d of %d are shown; the others do not fit into a comment. REST lists them all._\n", shown, len(t.rows))
	}
	switch {
	case of.Folded || len(t.rows) > foldAfter:
		s.fold(counted(title, len(t.rows)), text)
	case title == "":
		s.b.WriteString("\n" + text)
	default:
		s.b.WriteString("\n**" + plainText(title) + "**\n\n" + text)
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
