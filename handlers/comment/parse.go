package comment

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// MaxCommands is how many commands of one comment run; the others are refused by name.
const MaxCommands = 10

const (
	// maxComment is the longest comment that is read, in characters: GitHub takes no longer one.
	maxComment = 65_536
	// maxNesting is how many quotes and lists may be nested in one another on a
	// line. Nobody writes half as many; the parser's time grows with their square.
	maxNesting = 100
)

// A Line is a command of a comment.
type Line struct {
	Number int `json:"line"` // the number of its first line in the comment, from 1
	// Text is its source on one line, without the blanks around it and without invisible
	// characters. It begins with a slash and the trigger as it is configured.
	Text string `json:"text"`
	// Below are the names that the lines right beneath have, one each, joined by commas: they
	// belong to no command, but were probably pasted as its list.
	Below string `json:"below,omitempty"`
}

// Parsed is what a comment holds.
type Parsed struct {
	Lines []Line // the commands
	// Appended are the commands in the text that a mail program appended to the writer's:
	// those of the mail that was replied to, or of ones before it. They are not run.
	Appended []Line
}

// ParseComment finds the commands in a comment, as GitHub reads its Markdown: the
// lines that start with a slash and the trigger (chatops.trigger; empty: the default),
// followed by a blank or nothing. Upper and lower case are the same.
//
// Up to three blanks may be before it, as Markdown allows them before any
// block. A line counts wherever its words are shown as plain text: in a paragraph
// (also as its second line), a heading, a table, beneath a list item. It does not
// count in code blocks, inline code, quotes, HTML blocks and HTML comments, nor
// behind a list item's bullet, since it then starts with the bullet.
//
// A line that ends with a comma or a backslash goes on in the next line, if that is
// plain text too and no command.
//
// A byte order mark at the comment's very start, as a file that was pasted may have,
// is no part of its text: GitHub's Markdown skips it.
//
// A comment whose lines nest more than 100 quotes or lists has no commands.
func ParseComment(markdown, trigger string) Parsed {
	t := triggerOf(trigger)
	markdown = strings.TrimPrefix(markdown, "\ufeff")
	if tooLong(markdown) || !t.spelledIn([]byte(markdown)) {
		return Parsed{}
	}
	markdown = secret.MaskTokens(markdown) // put there by mistake: nothing behind this sees it
	source := unixLines(markdown)
	if tooDeep(source) {
		return Parsed{}
	}
	starts := plainLines(source)
	if !slices.ContainsFunc(starts, func(start int) bool { return t.startsAt(source, start) }) {
		return Parsed{}
	}
	return t.commands(source, starts, mailStart(source))
}

// unixLines returns a text whose lines end as on Unix.
func unixLines(text string) []byte {
	source := []byte(text)
	if bytes.IndexByte(source, '\r') < 0 {
		return source
	}
	source = bytes.ReplaceAll(source, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(source, []byte("\r"), []byte("\n"))
}

// commands returns the commands among the lines that start at those offsets; those from
// offset mail on were appended by a mail program.
func (t trigger) commands(source []byte, starts []int, mail int) (parsed Parsed) {
	number, counted := 1, 0
	for i := 0; i < len(starts); i++ {
		start := starts[i]
		if !t.startsAt(source, start) {
			continue
		}
		number += bytes.Count(source[counted:start], []byte("\n"))
		counted = start
		first, _ := t.after(source[start:])
		last := cleanLine(first)
		parts := []string{"/" + string(t) + last}
		for i+1 < len(starts) && goesOn(last) && isNextLine(source, starts[i], starts[i+1]) &&
			!t.startsAt(source, starts[i+1]) && (start >= mail || starts[i+1] < mail) {
			i++
			parts[len(parts)-1] = strings.TrimSuffix(parts[len(parts)-1], `\`)
			line, _, _ := bytes.Cut(source[starts[i]:], []byte("\n"))
			last = cleanLine(line)
			parts = append(parts, last)
		}
		line := Line{Number: number, Text: strings.Join(parts, " "), Below: namesBelow(source[starts[i]:])}
		if start < mail {
			parsed.Lines = append(parsed.Lines, line)
		} else {
			parsed.Appended = append(parsed.Appended, line)
		}
	}
	return parsed
}

// cleanLine returns a line without invisible characters and without the blanks at its end.
func cleanLine(line []byte) string {
	return strings.TrimRightFunc(withoutInvisible(string(line)), blankOrTab)
}

// goesOn reports whether a command goes on in the line beneath: this one ends with a comma,
// or with a backslash that no other one escapes.
func goesOn(line string) bool {
	slashes := len(line) - len(strings.TrimRight(line, `\`))
	return strings.HasSuffix(line, ",") || slashes%2 == 1
}

// isNextLine reports whether offset b is in the line beneath that of offset a.
func isNextLine(source []byte, a, b int) bool { return bytes.Count(source[a:b], []byte("\n")) == 1 }

// startsAt reports whether a command begins at offset start, at most three blanks into its
// line.
func (t trigger) startsAt(source []byte, start int) bool {
	if _, ok := t.after(source[start:]); !ok {
		return false
	}
	indent := source[bytes.LastIndexByte(source[:start], '\n')+1 : start]
	return len(indent) <= 3 && len(bytes.Trim(indent, " ")) == 0
}

// parsing lets one text at a time be parsed: the parser takes some 200 bytes for each of the
// text's, and a moment.
var parsing sync.Mutex //nolint:gochecknoglobals // memory is the process's, so is its bound

// markdownParser takes longer to make than to parse a usual comment.
var markdownParser = newMarkdownParser() //nolint:gochecknoglobals // it keeps nothing of a text

func parseMarkdown(source []byte) ast.Node {
	parsing.Lock()
	defer parsing.Unlock()
	return markdownParser.Parse(text.NewReader(source))
}

// plainLines returns the offsets in source, in order, of the lines that begin with plain
// text, behind the blanks before it.
func plainLines(source []byte) []int {
	var starts []int
	document := parseMarkdown(source)
	visit := func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n.Kind() {
		case ast.KindBlockquote, ast.KindCodeBlock, ast.KindFencedCodeBlock, ast.KindHTMLBlock,
			ast.KindCodeSpan, ast.KindRawHTML, ast.KindAutoLink:
			return ast.WalkSkipChildren, nil
		case ast.KindText:
			if plain, ok := n.(*ast.Text); ok && beginsLine(source, plain.Segment.Start) {
				starts = append(starts, plain.Segment.Start)
			}
		}
		return ast.WalkContinue, nil
	}
	if err := ast.Walk(document, visit); err != nil {
		return nil
	}
	slices.SortFunc(starts, cmp.Compare[int])
	return slices.Compact(starts)
}

// beginsLine reports whether only blanks are before offset start on its line.
func beginsLine(source []byte, start int) bool {
	before := bytes.TrimRight(source[:start], " \t")
	return len(before) == 0 || before[len(before)-1] == '\n'
}

// newMarkdownParser reads GitHub's Markdown as far as it decides what is code,
// quote or comment. Links, emphasis and tables decide nothing of that, and without them no
// text takes more than a moment or more memory than a small multiple of its length.
func newMarkdownParser() parser.Parser {
	return parser.NewParser(
		parser.WithBlockParsers(parser.DefaultBlockParsers()...),
		parser.WithInlineParsers(
			util.Prioritized(parser.NewCodeSpanParser(), 100),
			util.Prioritized(parser.NewAutoLinkParser(), 300),
			util.Prioritized(parser.NewRawHTMLParser(), 400),
		),
		parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...),
	)
}

// tooLong reports whether a text is longer than any that GitHub takes.
func tooLong(text string) bool { return utf8.RuneCountInString(text) > maxComment }

// tooDeep reports whether a line opens more quotes and lists than anybody writes.
func tooDeep(source []byte) bool {
	for line := range bytes.Lines(source) {
		depth := 0
		for i, c := range line {
			switch {
			case c == '>':
				depth++
			case bytes.IndexByte([]byte("-*+.)"), c) >= 0:
				if i+1 < len(line) && bytes.IndexByte([]byte(" \t\n"), line[i+1]) >= 0 {
					depth++
				}
			case c == ' ' || c == '\t' || c >= '0' && c <= '9':
			default:
				depth = -len(line) // the text begins
			}
			if depth > maxNesting {
				return true
			}
			if depth < 0 {
				break
			}
		}
	}
	return false
}
