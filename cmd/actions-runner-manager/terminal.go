package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"

	"golang.org/x/term"
	"golang.org/x/text/width"
)

// A terminal is what the program writes to.
type terminal struct {
	width, height int  // in columns and lines; 0: there is no limit
	live          bool // it can be redrawn; false: a file, a pipe, or a terminal that cannot
	color         bool
}

// terminalOf looks at what out is now. Colors follow https://no-color.org.
func terminalOf(out io.Writer, environ []string) terminal {
	if !isTerminal(out) {
		return terminal{}
	}
	is := func(variable string) bool { return slices.Contains(environ, variable) }
	t := terminal{live: !is("TERM=dumb")}
	t.color = t.live && !slices.ContainsFunc(environ, func(e string) bool {
		value, ok := strings.CutPrefix(e, "NO_COLOR=")
		return ok && value != ""
	})
	if w, h, err := term.GetSize(int(out.(*os.File).Fd())); err == nil {
		t.width, t.height = w, h
	}
	return t
}

// isTerminal reports whether the input or output is a terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// What a terminal understands: https://invisible-island.net/xterm/ctlseqs/ctlseqs.html.
const (
	screenBegin = "\x1b[?1049h\x1b[?25l" // another screen, without a cursor
	screenEnd   = "\x1b[?25h\x1b[?1049l"
	screenHome  = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"

	bold   = "1"
	red    = "31"
	yellow = "33"
	cyan   = "36"
	faint  = "2"
)

// paint returns the text in that color; "" is none.
func (t terminal) paint(color, text string) string {
	if !t.color || color == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// printable replaces what a terminal would obey or hide.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// printableJSON escapes what a terminal would obey or hide. JSON allows that in strings,
// and has such characters nowhere else.
func printableJSON(text []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(text) {
		if r == '\n' || unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.Bytes()
}

// columns returns how many columns of a terminal the text takes.
func columns(text string) (n int) {
	for _, r := range text {
		switch kind := width.LookupRune(r).Kind(); {
		case unicode.Is(unicode.Mn, r):
		case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// shorten cuts the text to that many columns.
func shorten(text string, most int) string {
	if columns(text) <= most {
		return text
	}
	for columns(text) > most-1 && text != "" {
		runes := []rune(text)
		text = string(runes[:len(runes)-1])
	}
	if most < 1 {
		return ""
	}
	return text + "…"
}

// pad fills the text up to that many columns, on its left if right is set.
func pad(text string, to int, right bool) string {
	blanks := strings.Repeat(" ", max(to-columns(text), 0))
	if right {
		return blanks + text
	}
	return text + blanks
}
