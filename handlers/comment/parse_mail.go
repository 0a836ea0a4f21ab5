package comment

import (
	"bytes"
	"html"
	"regexp"
	"strings"
)

// A reply by mail ends with the mail that is replied to, which may hold commands of other
// people. GitHub cuts off what it recognizes. What it leaves is recognized here, by its
// lines alone: a mail's text is no Markdown, so it does not matter whether they seem to be
// code.

const (
	// maxMailLine is how much of a line is looked at, in bytes.
	maxMailLine = 500
	// maxMailBlock is how many lines a header block has at most.
	maxMailBlock = 12
	// maxWrapped is over how many lines a mail program wraps "On … wrote:" at most.
	maxWrapped = 3
)

// A mailLine is a line of a comment as far as it may be a mail program's.
type mailLine struct {
	start  int    // its offset
	text   string // without invisible characters, emphasis and the blanks around it
	quoted bool   // by Markdown
	label  string // of a header line, "from" for "Von:", in lower case if it is none that is listed
	value  string // of a header line
}

// theirs reports whether the line may be a mail program's: a command is the writer's or an
// older mail's, and no part of a header.
func (l mailLine) theirs() bool { return l.text != "" && !l.quoted && l.text[0] != '/' }

// mailStart returns the offset in source of the text that a mail program appended to a
// reply; the length of source if there is none.
//
// It begins with a header block that names GitHub's address or has a sender, a date and a
// subject or recipient; with a line like "-----Original Message-----"; or with one like
// "On … wrote:". If a Markdown quote follows that, only the quote was appended. GitHub's
// own footer under text that has no such line means that the mail begins behind the first
// paragraph: nobody can say how much of it is the writer's.
func mailStart(source []byte) int {
	lines := mailLines(source)
	quoting := -1 // the first line above a quote
	for i := 0; i < len(lines); i++ {
		switch line := lines[i]; {
		case !line.theirs():
		case footerShape.MatchString(line.text):
			if quoting >= 0 {
				return lines[quoting].start // the program does not quote: the mail began with a quote
			}
			return min(line.start, firstParagraph(lines, len(source)))
		case separates(lines, i), heads(lines, i):
			return line.start
		default:
			end := attributionEnd(lines, i)
			if end < 0 && strings.Contains(line.text, "@") && addressed.MatchString(line.text) {
				end = i
			}
			if end < 0 {
				continue
			}
			if next := nextText(lines, end+1); next < 0 || !lines[next].quoted {
				return line.start
			}
			if quoting < 0 {
				quoting = i
			}
			i = end
		}
	}
	return len(source)
}

// mailLines splits a comment into its lines.
func mailLines(source []byte) []mailLine {
	lines := make([]mailLine, 0, bytes.Count(source, []byte("\n"))+1)
	for start := 0; start < len(source); {
		raw, _, _ := bytes.Cut(source[start:], []byte("\n"))
		text := plainTypography(withoutInvisible(string(raw[:min(len(raw), maxMailLine)])))
		for _, shown := range withoutTags(text) {
			lines = append(lines, mailLineOf(start, shown))
		}
		start += len(raw) + 1
	}
	return lines
}

func mailLineOf(start int, text string) mailLine {
	line := mailLine{start: start}
	text = strings.ReplaceAll(strings.TrimSpace(text), `\-`, "-") // as converters to Markdown write it
	if arrowShape.MatchString(text) {
		text = strings.Trim(text, "> ") + ":"
	}
	line.quoted = strings.HasPrefix(text, ">")
	line.text = strings.TrimSpace(strings.Trim(text, "*#"))
	if label, value, ok := headerOf(line.text); ok && !line.quoted {
		line.label, line.value = label, value
	}
	return line
}

// withoutTags returns the lines that a line is shown as if a mail program left its tags in
// the text: "<b>From:</b> Mona<br>".
func withoutTags(text string) []string {
	if !strings.Contains(text, "<") || !tagShape.MatchString(text) {
		return []string{text}
	}
	var lines []string
	for _, line := range breakShape.Split(text, -1) {
		if line = html.UnescapeString(tagShape.ReplaceAllString(line, "")); len(lines) == 0 || strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

var (
	// breakShape are the tags that end a line; tagShape are these and others of mails.
	breakShape = regexp.MustCompile(`(?i)</?(?:br|p|div|tr|hr)(?:\s[^<>]*)?/?>`)
	tagShape   = regexp.MustCompile(`(?i)</?(?:br|p|div|tr|hr|b|strong|i|em|u|span|font|td|tbody|table|a|o:p)(?:\s[^<>]*)?/?>`)
)

// headerOf reads a line as one of a mail's header: "From: Mona <mona@example.com>".
func headerOf(text string) (label, value string, ok bool) {
	text = strings.Replace(text, "：", ": ", 1)
	label, value, ok = strings.Cut(text, ":")
	label = strings.ToLower(strings.Trim(label, "*_ "))
	value = strings.TrimSpace(strings.TrimLeft(value, "*_"))
	if !ok || !labelShape.MatchString(label) || strings.HasPrefix(value, "//") {
		return "", "", false
	}
	if known, ok := headerLabels[label]; ok {
		label = known
	}
	return label, value, true
}

var labelShape = regexp.MustCompile(`^[\p{L}\p{M}][\p{L}\p{M} .'-]{0,30}$`)

// nextText is the index of the first line from i on that is not empty; -1 if there is none.
func nextText(lines []mailLine, i int) int {
	for ; i < len(lines); i++ {
		if lines[i].text != "" || lines[i].quoted {
			return i
		}
	}
	return -1
}

// firstParagraph is the offset of the first empty line behind text.
func firstParagraph(lines []mailLine, end int) int {
	begun := false
	for _, line := range lines {
		if line.text == "" && begun {
			return line.start
		}
		begun = begun || line.text != ""
	}
	return end
}

// separates reports whether line i is like "-----Original Message-----", or the rule above
// a header block. Above a quote it is not: then only the quote was appended. Above a line
// like "On … wrote:" that one decides.
func separates(lines []mailLine, i int) bool {
	original := originalShape.MatchString(lines[i].text) || forwardShape.MatchString(lines[i].text)
	if !original && !ruleShape.MatchString(lines[i].text) {
		return false
	}
	next := nextText(lines, i+1)
	switch {
	case next < 0:
		return original
	case original:
		return !lines[next].quoted && attributionEnd(lines, next) < 0
	}
	return lines[next].label == labelFrom
}

// heads reports whether a mail's header block begins at line i.
func heads(lines []mailLine, i int) bool {
	if lines[i].label == "" {
		return false
	}
	found := map[string]bool{}
	headers, gap, named, github := 0, 0, false, false
	known := false // whether the last header line was a listed one
	for _, line := range lines[i:min(len(lines), i+maxMailBlock)] {
		if line.quoted || line.text != "" && !line.theirs() {
			break
		}
		if line.label == "" {
			// an empty line, or the rest of a long header
			if gap++; gap > 2 {
				break
			}
		} else {
			headers, gap = headers+1, 0
			known = listed[line.label]
			found[line.label] = true
		}
		if strings.Contains(line.text, "@") { // most lines cost no search for an address
			named = named || known && mailAddress.MatchString(line.text)
			github = github || gitHubAddress.MatchString(line.text)
		}
	}
	return named || headers > 1 && github || found[labelFrom] && found[labelDate] && (found[labelTo] || found[labelSubject])
}

// attributionEnd returns the index of the line that ends "On … wrote:", which begins at
// line i; -1 if none does.
func attributionEnd(lines []mailLine, i int) int {
	text := ""
	for end := i; end < min(len(lines), i+maxWrapped) && lines[end].theirs(); end++ {
		text = strings.TrimSpace(text + " " + lines[end].text)
		if attributes(text, end > i) {
			return end
		}
	}
	return -1
}

// attributes reports whether a text says who wrote what follows: "On … wrote:". One that is
// wrapped needs more evidence: its lines may have nothing to do with one another.
func attributes(text string, wrapped bool) bool {
	bare := strings.Trim(text, "-– ")
	dashed := strings.HasSuffix(text, "--")
	colon := strings.HasSuffix(bare, ":") || strings.HasSuffix(bare, "：")
	if !colon && !dashed {
		return false
	}
	bare = strings.TrimRight(bare, ":： ")
	when, address := timeShape.MatchString(bare), anyAddress.MatchString(bare)
	switch {
	case wroteShape.MatchString(bare):
		return address || leadShape.MatchString(bare) && (!wrapped || digitShape.MatchString(bare)) || when && !wrapped
	case colon && gitHubAddress.MatchString(bare):
		return digitShape.MatchString(bare)
	}
	return colon && when && dateShape.MatchString(bare) && endAddress.MatchString(bare)
}
