package comment

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// wordJoiner is invisible; behind it GitHub sees no mention and no reference.
const wordJoiner = "\u2060"

// codeSpan shows text as code, whatever it holds: GitHub acts on nothing in there.
func codeSpan(text string) string {
	text = oneLine(text)
	if text == "" {
		return "–"
	}
	fence := strings.Repeat("`", longestRun(text, '`')+1)
	if fence != "`" {
		text = " " + text + " "
	}
	return fence + text + fence
}

// codeBlock shows lines as code.
func codeBlock(language, text string) string {
	fence := strings.Repeat("`", max(3, longestRun(text, '`')+1))
	return fence + language + "\n" + strings.TrimRight(text, "\n") + "\n" + fence
}

func longestRun(text string, of byte) int {
	longest, run := 0, 0
	for i := range len(text) {
		if text[i] != of {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// oneLine makes a line of text: control characters become blanks.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
	return strings.TrimSpace(text)
}

// inTable keeps Markdown from ending its cell.
func inTable(markdown string) string { return strings.ReplaceAll(oneLine(markdown), "|", "｜") }

// harmless is text in which Markdown and GitHub see nothing but words, unless it
// holds what alluring finds.
var (
	harmless = regexp.MustCompile(`^[\p{L}\p{N} ,.;:!?'’"()%+=/-]*$`)
	alluring = regexp.MustCompile(`(?i)://|www\.|gh-[0-9]|:[a-z+-][a-z0-9+-]*:|^[-+=.:]`)
)

// cell shows text from outside in a table: words as they are, all else as code.
func cell(text string) string {
	text = inTable(text)
	if text == "" || harmless.MatchString(text) && !alluring.MatchString(text) {
		return text
	}
	return codeSpan(text)
}

// plainText shows text as it is, without anything that Markdown, HTML or GitHub
// would act on.
func plainText(text string) string {
	var b strings.Builder
	for _, r := range htmlText(text) {
		if strings.ContainsRune("\\`*_{}[]!~:=^$", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// htmlText shows text as it is within HTML, in which Markdown means nothing.
func htmlText(text string) string {
	text = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "@"+wordJoiner).Replace(oneLine(text))
	return strings.ReplaceAll(text, "#", "#"+wordJoiner)
}

// EscapeMessage makes Markdown with text from outside in it fit for a comment, as it is done
// with the message of a command.
func EscapeMessage(markdown string) string { return escapeMessage(markdown) }

// escapeMessage makes a message of a command fit for a comment. Its Markdown is ours, and
// stays; what it quotes from outside, in double quotes, is shown as code, and
// outside of code no tag, no mention and no command is left.
func escapeMessage(markdown string) string {
	var b strings.Builder
	for i := 0; i < len(markdown); {
		rest := markdown[i:]
		end := 1
		switch c := rest[0]; {
		case c == '`':
			end = codeEnd(rest)
			b.WriteString(rest[:end])
		case c == '"':
			end = quoteEnd(rest)
			if end == 1 {
				b.WriteByte('"')
			} else {
				b.WriteString(codeSpan(rest[1 : end-1]))
			}
		case c == '<':
			b.WriteString("&lt;")
		case c == '@' || c == '#' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
			b.WriteByte(c)
			b.WriteString(wordJoiner)
		case c == '/' && beginsTextLine(markdown[:i]):
			b.WriteString(`\/`)
		default:
			b.WriteByte(c)
		}
		i += end
	}
	return b.String()
}

// beginsTextLine reports whether the line that before ends with has no letter so far.
func beginsTextLine(before string) bool {
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return strings.TrimFunc(line, func(r rune) bool { return blankOrTab(r) || invisible(r) }) == ""
}

// splitHeadline returns the part of Markdown of one message that is shown in bold: up to
// the end of its first sentence, line or clause with a colon, outside of code; none if there
// is bold text before that.
func splitHeadline(markdown string) (head, rest string) {
	for i := 0; i < len(markdown); {
		text := markdown[i:]
		switch {
		case text[0] == '`':
			i += codeEnd(text)
			continue
		case strings.HasPrefix(text, "**"):
			return "", markdown
		case text[0] == '\n':
			return markdown[:i], text
		case strings.ContainsRune(".:!?", rune(text[0])) && (len(text) == 1 || text[1] == ' ' || text[1] == '\n'):
			return markdown[:i+1], markdown[i+1:]
		}
		i++
	}
	return markdown, ""
}

// codeEnd returns if the code that text begins with ends; text begins with backticks.
func codeEnd(text string) int {
	run := len(text) - len(strings.TrimLeft(text, "`"))
	for i := run; i < len(text); {
		at := strings.IndexByte(text[i:], '`')
		if at < 0 {
			break
		}
		i += at
		closing := len(text[i:]) - len(strings.TrimLeft(text[i:], "`"))
		i += closing
		if closing == run {
			return i
		}
	}
	return run
}

// quoteEnd returns if the quotation that text begins with ends, on the same
// line; 1 if it does not.
func quoteEnd(text string) int {
	for i := 1; i < len(text) && text[i] != '\n'; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 1
}

// shorten cuts text after most characters.
func shorten(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

var loginShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// teamShape is how a team is mentioned.
var teamShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*/[a-z0-9_][a-z0-9_-]*$`)

// mention addresses a user.
func mention(login string) string {
	if !loginShape.MatchString(login) {
		return codeSpan(login)
	}
	return "@" + login
}

func humanTime(t time.Time) string { return t.UTC().Format("15:04 UTC on 2 January 2006") }

// humanDuration shows a duration as people say it: "5 minutes".
func humanDuration(d time.Duration) string {
	d = max(d, time.Second)
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := d / unit.of; d%unit.of == 0 && n > 0 {
			if n > 1 {
				unit.name += "s"
			}
			return fmt.Sprintf("%d %s", n, unit.name)
		}
	}
	return d.Round(time.Second).String()
}
