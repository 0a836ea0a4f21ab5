package comment

import (
	"bytes"
	"cmp"
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
// direction marks, soft hyphens, byte order marks.
func invisible(r rune) bool { return r >= 0x80 && unicode.Is(unicode.Cf, r) }

// blank reports whether a character separates words: the blank, and the spaces of other
// widths, no-break spaces among them.
func blank(r rune) bool { return unicode.Is(unicode.Zs, r) }

func blankOrTab(r rune) bool { return r == '\t' || blank(r) }

// withoutInvisible removes the invisible characters from a text, except joiners between
// characters that may need them, as those of emoji and of Persian words.
func withoutInvisible(text string) string {
	if strings.IndexFunc(text, invisible) < 0 {
		return text
	}
	var b strings.Builder
	runes := []rune(text)
	for i, r := range runes {
		joins := (r == '\u200c' || r == '\u200d') && i > 0 && i+1 < len(runes) &&
			runes[i-1] >= utf8.RuneSelf && !blank(runes[i-1]) && runes[i+1] >= utf8.RuneSelf && !blank(runes[i+1])
		if joins || !invisible(r) {
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
		line = bytes.TrimLeftFunc(line, invisible)
		if ok = len(line) > 0 && lower(line[0]) == t[i]; ok {
			line = line[1:]
		}
	}
	line = bytes.TrimLeftFunc(line, invisible)
	next, _ := utf8.DecodeRune(line)
	return line, ok && (len(line) == 0 || next == '\t' || blank(next))
}

// spelledIn reports whether text holds the trigger's word. A text of which this is false
// holds no command.
func (t trigger) spelledIn(text []byte) bool {
	at := t.anchor()
	either := string(t[at]) + strings.ToUpper(string(t[at]))
	for rest, offset := text, 0; ; {
		var i int
		if either[0] == either[1] {
			i = bytes.IndexByte(rest, either[0])
		} else {
			i = bytes.IndexAny(rest, either)
		}
		if i < 0 {
			return false
		}
		offset += i
		if t.spelledAround(text, offset, at) {
			return true
		}
		offset++
		rest = text[offset:]
	}
}

// anchor is the index of the letter that is searched first: one that is rare in GitHub's
// payloads and has no upper case, if there is one.
func (t trigger) anchor() int {
	if i := strings.LastIndexByte(string(t), '-'); i >= 0 {
		return i
	}
	return max(0, strings.IndexAny(string(t), "0123456789qxjzkvwy"))
}

// spelledAround reports whether the word is in text if its letter of index at has that offset.
func (t trigger) spelledAround(text []byte, offset, at int) bool {
	before, behind := text[:offset], text[offset+1:]
	for i := at - 1; i >= 0; i-- {
		before = bytes.TrimRightFunc(before, invisible)
		if len(before) == 0 || lower(before[len(before)-1]) != t[i] {
			return false
		}
		before = before[:len(before)-1]
	}
	for i := at + 1; i < len(t); i++ {
		behind = bytes.TrimLeftFunc(behind, invisible)
		if len(behind) == 0 || lower(behind[0]) != t[i] {
			return false
		}
		behind = behind[1:]
	}
	return true
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
		if invisible(r) || 0 <= r && r < utf8.RuneSelf && strings.IndexByte(string(t), lower(byte(r))) >= 0 {
			return true
		}
	}
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

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
