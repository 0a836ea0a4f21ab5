package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

const repository = "../../"

// A document is one Markdown file of the repository, taken apart.
type document struct {
	path     string // from the repository's root
	source   string
	sections []section
	anchors  []string
	links    []string
}

// A section is what follows a heading, up to the next one of any level.
type section struct {
	title string
	code  []code
}

// Code is a fenced block with its language, or one of the others below.
type code struct{ language, text string }

const (
	inline = "(inline)" // between backquotes
	quoted = "(quoted)" // a block quote: the beginning of the bot's reply to the comment before
)

// of returns the texts of the section's code in that language.
func (s section) of(language string) (texts []string) {
	for _, c := range s.code {
		if c.language == language {
			texts = append(texts, c.text)
		}
	}
	return texts
}

func (d document) section(t *testing.T, title string) section {
	t.Helper()
	i := slices.IndexFunc(d.sections, func(s section) bool { return s.title == title })
	require.GreaterOrEqual(t, i, 0, "%s has no section %q", d.path, title)
	return d.sections[i]
}

// documents reads every document that people read.
func documents(t *testing.T) (all []document) {
	t.Helper()
	paths := []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "contrib/README.md", "docs/admin-repo/README.md"}
	for _, pattern := range []string{"docs/*.md", "docs/adr/*.md"} {
		found, err := filepath.Glob(repository + pattern)
		require.NoError(t, err)
		for _, path := range found {
			paths = append(paths, strings.TrimPrefix(filepath.ToSlash(path), repository))
		}
	}
	for _, path := range paths {
		all = append(all, readDocument(t, path))
	}
	return all
}

func readDocument(t *testing.T, path string) document {
	t.Helper()
	source, err := os.ReadFile(repository + path)
	require.NoError(t, err)
	d := document{path: path, source: string(source), sections: []section{{}}}
	root := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	require.NoError(t, ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			d.add(n, source)
		}
		return ast.WalkContinue, nil
	}))
	return d
}

func (d *document) add(n ast.Node, source []byte) {
	s := &d.sections[len(d.sections)-1]
	switch n := n.(type) {
	case *ast.Heading:
		title := plainText(n, source)
		d.sections = append(d.sections, section{title: title})
		d.anchors = append(d.anchors, anchor(title))
	case *ast.FencedCodeBlock:
		s.code = append(s.code, code{string(n.Language(source)), string(n.Lines().Value(source))})
	case *ast.Blockquote:
		s.code = append(s.code, code{quoted, strings.TrimSpace(string(n.FirstChild().Lines().Value(source)))})
	case *ast.CodeSpan:
		s.code = append(s.code, code{inline, strings.Join(strings.Fields(plainText(n, source)), " ")})
	case *ast.Link:
		d.links = append(d.links, string(n.Destination))
	case *ast.Image:
		d.links = append(d.links, string(n.Destination))
	}
}

// plainText is what is read of a node.
func plainText(n ast.Node, source []byte) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.Write(t.Segment.Value(source))
			if t.SoftLineBreak() {
				b.WriteByte(' ')
			}
			continue
		}
		b.WriteString(plainText(c, source))
	}
	return b.String()
}

// anchor is what GitHub makes of a heading: lower case, hyphens for blanks, and nothing for
// punctuation.
func anchor(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, title)
}

// assignments are what may precede a command in a shell: NAME=value.
var assignments = regexp.MustCompile(`^(?:[A-Z_]+=\S* )*`)

// programOf is the program that an inline code span calls with arguments, or "".
func programOf(span string) string {
	name, rest, _ := strings.Cut(assignments.ReplaceAllString(span, ""), " ")
	if rest == "" {
		return ""
	}
	return name
}
