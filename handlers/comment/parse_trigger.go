package comment

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// A trigger is the word that follows the slash of every command: chatops.trigger, in lower
// case. Upper and lower case are the same in a comment, and invisible characters beside and
// within the word do not matter: editors, chats and word processors insert them.
type trigger string

// triggerOf returns the trigger of that configuration; an empty one is the default.
func triggerOf(word string) trigger {
	return trigger(strings.ToLower(cmp.Or(word, dispatch.DefaultTrigger)))
}

// invisible reports whether a character takes no room: zero width spaces, joiners,
// direction marks, soft hyphens, byte order marks, variation selectors, fillers.
func invisible(r rune) bool {
	return r >= 0x80 && unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// spellings are the ways to write a letter of a trigger: upper and lower case are the same,
// and so are hyphens, of which word processors and phones write the non-breaking one.
var spellings = func() (of [utf8.RuneSelf][][]byte) { //nolint:gochecknoglobals // never changed
	for c := range byte(utf8.RuneSelf) {
		of[c] = [][]byte{{c}}
		if c >= 'a' && c <= 'z' {
			of[c] = append(of[c], bytes.ToUpper(of[c][0]))
		}
	}
	for _, hyphen := range hyphens {
		of['-'] = append(of['-'], []byte(hyphen))
	}
	return of
}()

// hyphens are those that mean "-".
var hyphens = []string{"\u2010", "\u2011", "\ufe63", "\uff0d"} //nolint:gochecknoglobals // never changed

// blank reports whether a character separates words: the blank, and the spaces of other
// widths, no-break spaces among them.
func blank(r rune) bool { return unicode.Is(unicode.Zs, r) }

func blankOrTab(r rune) bool { return r == '\t' || blank(r) }

// withoutInvisible removes the invisible characters from a text, except joiners between
// characters that may need them, as those of emoji and of Persian words, and variation
// selectors behind such characters.
func withoutInvisible(text string) string {
	if strings.IndexFunc(text, invisible) < 0 {
		return text
	}
	var b strings.Builder
	runes := []rune(text)
	for i, r := range runes {
		shown := func(j int) bool {
			return j >= 0 && j < len(runes) && runes[j] >= utf8.RuneSelf && !blank(runes[j])
		}
		joins := (r == '\u200c' || r == '\u200d') && shown(i-1) && shown(i+1)
		varies := unicode.Is(unicode.Variation_Selector, r) && shown(i-1) && !invisible(runes[i-1]) && !slices.Contains(hyphens, string(runes[i-1]))
		if joins || varies || !invisible(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// after returns the rest of the line that text begins with, if that line is a command.
func (t trigger) after(text []byte) (rest []byte, ok bool) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	line, ok = bytes.CutPrefix(bytes.TrimLeftFunc(line, func(r rune) bool { return invisible(r) || blank(r) }), []byte("/"))
	for i := 0; ok && i < len(t); i++ {
		line, ok = cutLetter(bytes.TrimLeftFunc(line, invisible), t[i], bytes.CutPrefix)
	}
	line = bytes.TrimLeftFunc(line, invisible)
	next, _ := utf8.DecodeRune(line)
	return line, ok && (len(line) == 0 || next == '\t' || blank(next))
}

// spelledIn reports whether text holds the trigger's word. A text of which this is false
// holds no command.
func (t trigger) spelledIn(text []byte) bool {
	at := t.anchor()
	for _, spelling := range spellings[t[at]] {
		for before := 0; ; {
			i := bytes.Index(text[before:], spelling)
			if i < 0 {
				break
			}
			end := before + i + len(spelling)
			if t.spelledAround(text[:before+i], text[end:], at) {
				return true
			}
			before = end
		}
	}
	return false
}

// cutLetter cuts a letter of the trigger, in one of its spellings, off a text.
func cutLetter(text []byte, letter byte, cut func(text, spelling []byte) ([]byte, bool)) (rest []byte, ok bool) {
	for _, spelling := range spellings[letter] {
		if rest, ok := cut(text, spelling); ok {
			return rest, true
		}
	}
	return text, false
}

// anchor is the index of the letter that is searched first: one that is rare in GitHub's
// payloads and has no upper case, if there is one.
func (t trigger) anchor() int {
	if i := strings.LastIndexByte(string(t), '-'); i >= 0 {
		return i
	}
	return max(0, strings.IndexAny(string(t), "0123456789qxjzkvwy"))
}

// spelledAround reports whether the word is there if its letter of index at is between
// before and behind.
func (t trigger) spelledAround(before, behind []byte, at int) bool {
	ok := true
	for i := at - 1; i >= 0 && ok; i-- {
		before, ok = cutLetter(bytes.TrimRightFunc(before, invisible), t[i], bytes.CutSuffix)
	}
	for i := at + 1; i < len(t) && ok; i++ {
		behind, ok = cutLetter(bytes.TrimLeftFunc(behind, invisible), t[i], bytes.CutPrefix)
	}
	return ok
}

// mayBeInJSON reports whether a JSON text holds the trigger, or an escape that could spell
// a letter of it or an invisible character in it.
func (t trigger) mayBeInJSON(body []byte) bool {
	if t.spelledIn(body) {
		return true
	}
	for rest := body; ; {
		i := bytes.Index(rest, []byte(`\u`))
		if i < 0 {
			return false
		}
		rest = rest[i+len(`\u`):]
		r := escapedRune(rest)
		if utf16.IsSurrogate(r) && len(rest) > 6 && rest[4] == '\\' && rest[5] == 'u' {
			r = utf16.DecodeRune(r, escapedRune(rest[6:]))
		}
		if r >= 0 && (invisible(r) || t.hasLetter(r)) {
			return true
		}
	}
}

// hasLetter reports whether a letter of the trigger may be spelled so.
func (t trigger) hasLetter(r rune) bool {
	for i := range len(t) {
		if slices.ContainsFunc(spellings[t[i]], func(spelling []byte) bool { return string(spelling) == string(r) }) {
			return true
		}
	}
	return false
}

// escapedRune reads the four digits that text begins with; -1 if it does not.
func escapedRune(text []byte) rune {
	if len(text) < 4 {
		return -1
	}
	code, err := strconv.ParseUint(string(text[:4]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(code)
}
