package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// TestRecording holds the README's picture to what the demo answers now.
func TestRecording(t *testing.T) {
	picture, err := os.ReadFile(repository + "docs/img/demo.svg")
	require.NoError(t, err)
	comments := textsOf(t, picture, "comment")
	require.Len(t, comments, 1)
	s := newStage(t, "")
	reaction, reply := s.say(t, s.d.cast.Maintainer.Login, 1, comments[0])
	assert.Equal(t, "rocket", reaction)
	assert.Equal(t, readable(reply), textsOf(t, picture, "reply"), "the picture is old: make recording")
	readme := readDocument(t, "README.md")
	assert.True(t, slices.ContainsFunc(readme.sections, func(s section) bool { return slices.Contains(s.of("text"), comments[0]+"\n") }), "README.md shows another comment")
}

// TestRecordingNeedsNothing: GitHub shows a picture without scripts and other hosts; its reader
// decides about movement and darkness.
func TestRecordingNeedsNothing(t *testing.T) {
	picture, err := os.ReadFile(repository + "docs/img/demo.svg")
	require.NoError(t, err)
	source := string(picture)
	assert.NotRegexp(t, `<script|<foreignObject|\bon\w+=|href=|url\(|@import`, source)
	assert.Equal(t, []string{"http://www.w3.org/2000/svg"}, regexp.MustCompile(`https?://[^"' ]+`).FindAllString(source, -1))
	for _, want := range []string{"prefers-reduced-motion: reduce", "prefers-color-scheme: dark", "<title", "<desc"} {
		assert.Contains(t, source, want)
	}
}

// textsOf are the texts of that class in an SVG.
func textsOf(t *testing.T, svg []byte, class string) (texts []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(string(svg)))
	depth := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			wanted := token.Name.Local == "text" && slices.ContainsFunc(token.Attr, func(a xml.Attr) bool { return a.Name.Local == "class" && a.Value == class })
			if wanted {
				texts = append(texts, "")
			}
			if wanted || depth > 0 {
				depth++
			}
		case xml.EndElement:
			depth = max(0, depth-1)
		case xml.CharData:
			if depth > 0 {
				texts[len(texts)-1] += string(token)
			}
		}
	}
}

// readable are the paragraphs of Markdown as they are read.
func readable(markdown string) (paragraphs []string) {
	source := []byte(markdown)
	root := goldmark.DefaultParser().Parse(text.NewReader(source))
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		if n.Kind() == ast.KindParagraph {
			paragraphs = append(paragraphs, plainText(n, source))
		}
	}
	return paragraphs
}
