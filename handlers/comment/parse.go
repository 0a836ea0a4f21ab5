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

// slashWord is what every command in a comment begins with.
const slashWord = "/runner-group"

// MaxCommands is how many commands of one comment run; the others are refused by name.
const MaxCommands = 10

const (
	// maxComment is the longest comment that is read, in characters: GitHub takes no longer one.
	maxComment = 65_536
	// maxNesting is how many quotes and lists may be nested in one another on a
	// line. Nobody writes half as many; the parser's time grows with their square.
	maxNesting = 100
)

// A Line is a line of a comment that is a command.
type Line struct {
	Number int    `json:"line"` // its number in the comment, from 1
	Text   string `json:"text"` // its source, without the blanks around it
}

// ParseComment finds the commands in a comment, as GitHub reads its Markdown: the
// lines that start with /runner-group, followed by a blank or nothing.
//
// Up to three blanks may be before it, as Markdown allows them before any
// block. A line counts wherever its words are shown as plain text: in a paragraph
// (also as its second line), a heading, a table, beneath a list item. It does not
// count in code blocks, inline code, quotes, HTML blocks and HTML comments, nor
// behind a list item's bullet, since it then starts with the bullet. Upper case
// is no command, as slash commands are anywhere.
//
// A byte order mark at the comment's very start, as a file that was pasted may have,
// is no part of its text: GitHub's Markdown skips it.
//
// A comment whose lines nest more than 100 quotes or lists has no commands.
func ParseComment(markdown string) []Line {
	markdown = strings.TrimPrefix(markdown, "\ufeff")
	if tooLong(markdown) || !strings.Contains(markdown, slashWord) {
		return nil
	}
	markdown = secret.MaskTokens(markdown) // put there by mistake: nothing behind this sees it
	source := []byte(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(markdown))
	if tooDeep(source) {
		return nil
	}
	starts := commandStarts(source)
	lines := make([]Line, 0, len(starts))
	number, counted := 1, 0
	for _, start := range starts {
		number += bytes.Count(source[counted:start], []byte("\n"))
		counted = start
		line, _, _ := bytes.Cut(source[start:], []byte("\n"))
		lines = append(lines, Line{Number: number, Text: strings.TrimRight(string(line), " \t")})
	}
	return lines
}

// parsing lets one text at a time be parsed: the parser takes some 200 bytes for each of the
// text's, and a moment.
var parsing sync.Mutex //nolint:gochecknoglobals // memory is the process's, so is its bound

func parseMarkdown(source []byte) ast.Node {
	parsing.Lock()
	defer parsing.Unlock()
	return newMarkdownParser().Parse(text.NewReader(source))
}

// commandStarts returns the offsets in source at which commands begin, in order.
func commandStarts(source []byte) []int {
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
			if plain, ok := n.(*ast.Text); ok && startsCommand(source, plain.Segment.Start) {
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

// startsCommand reports whether a command begins at offset start, at most three
// blanks into its line.
func startsCommand(source []byte, start int) bool {
	rest, ok := bytes.CutPrefix(source[start:], []byte(slashWord))
	if !ok {
		return false
	}
	indent := source[bytes.LastIndexByte(source[:start], '\n')+1 : start]
	if len(indent) > 3 || len(bytes.Trim(indent, " ")) > 0 {
		return false
	}
	next, _, _ := bytes.Cut(rest, []byte("\n"))
	return len(next) == 0 || strings.HasPrefix(plainTypography(string(next[:min(len(next), 4)])), " ") || next[0] == '\t'
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
