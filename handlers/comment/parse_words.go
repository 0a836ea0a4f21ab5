package comment

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// typography maps what word processors and phones make of plain quotes, blanks and hyphens
// back to what was typed.
var typography = strings.NewReplacer(
	"“", `"`, "”", `"`, "„", `"`, "‟", `"`, "«", `"`, "»", `"`, "＂", `"`,
	"‘", "'", "’", "'", "‚", "'", "‛", "'", "＇", "'",
	"\u00a0", " ", "\u1680", " ", "\u2002", " ", "\u2003", " ", "\u2004", " ", "\u2005", " ", "\u2006", " ",
	"\u2007", " ", "\u2008", " ", "\u2009", " ", "\u200a", " ", "\u202f", " ", "\u205f", " ", "\u3000", " ",
	"\u2010", "-", "\u2011", "-", "\ufe63", "-", "\uff0d", "-",
)

func plainTypography(text string) string { return typography.Replace(text) }

// splitWords splits a line as a shell does. Quotes and backslashes work; whatever
// a shell would act on (variables, pipes, redirections) is refused by name.
func splitWords(line string) ([]string, *dispatch.Error) {
	line = plainTypography(line)
	if !utf8.ValidString(line) {
		return nil, dispatch.Refuse(dispatch.ReasonInvalidArgument, "The line is not valid UTF-8.")
	}
	if i := strings.IndexFunc(line, func(r rune) bool { return r != '\t' && unicode.IsControl(r) }); i >= 0 {
		r, _ := utf8.DecodeRuneInString(line[i:])
		return nil, dispatch.Refuse(dispatch.ReasonInvalidArgument, "The line holds a control character (U+%04X).", r)
	}
	var words []string
	for w, err := range syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).WordsSeq(strings.NewReader(line)) {
		if err != nil {
			return nil, refuseSyntax(line, err)
		}
		var b strings.Builder
		if refusal := joinParts(&b, line, w.Parts, false); refusal != nil {
			return nil, refusal
		}
		words = append(words, b.String())
	}
	return words, nil
}

// joinParts appends the text of a word's parts, without their quotes.
func joinParts(b *strings.Builder, line string, parts []syntax.WordPart, quoted bool) *dispatch.Error {
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			plain, ok := unescape(p.Value, quoted)
			if !ok {
				return dispatch.Refuse(dispatch.ReasonInvalidArgument,
					"The line ends with a backslash, and no text follows in the next line. Remove the backslash.")
			}
			b.WriteString(plain)
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			if refusal := joinParts(b, line, p.Parts, true); refusal != nil {
				return refusal
			}
		default:
			return refuseCharacter(line, part.Pos().Offset())
		}
	}
	return nil
}

// unescape takes the backslashes out of a literal; within double quotes only
// those that a shell takes out. A backslash at the very end escapes nothing: not ok.
func unescape(literal string, quoted bool) (plain string, ok bool) {
	if !strings.Contains(literal, `\`) {
		return literal, true
	}
	var b strings.Builder
	for i := 0; i < len(literal); i++ {
		if literal[i] != '\\' {
			b.WriteByte(literal[i])
			continue
		}
		i++
		switch {
		case i == len(literal):
			return "", false
		case quoted && !strings.ContainsRune("\\\"$`", rune(literal[i])):
			b.WriteByte('\\')
		}
		b.WriteByte(literal[i])
	}
	return b.String(), true
}

func refuseSyntax(line string, err error) *dispatch.Error {
	var (
		malformed   syntax.ParseError
		unsupported syntax.LangError
	)
	switch {
	case errors.As(err, &malformed):
		at := malformed.Pos.Offset()
		if malformed.Incomplete && at < uint(len(line)) && strings.ContainsRune(`"'`, rune(line[at])) {
			return dispatch.Refuse(dispatch.ReasonInvalidArgument,
				"A quote is opened and not closed: %s. Close it, or write a backslash before it.", codeSpan(excerpt(line, at)))
		}
		return refuseCharacter(line, at)
	case errors.As(err, &unsupported):
		return refuseCharacter(line, unsupported.Pos.Offset()+1) // the parenthesis of @(…)
	}
	return dispatch.Refuse(dispatch.ReasonInvalidArgument, "The line cannot be split into words as a shell does.")
}

func refuseCharacter(line string, at uint) *dispatch.Error {
	if at >= uint(len(line)) {
		at = uint(max(len(line)-1, 0))
	}
	r, _ := utf8.DecodeRuneInString(line[at:])
	return dispatch.Refuse(dispatch.ReasonInvalidArgument,
		"The character %s means something to a shell, and nothing here: %s. Put the word that holds it in single quotes, or leave it out.",
		codeSpan(string(r)), codeSpan(excerpt(line, at)))
}

// excerpt is the little of line that begins at byte at.
func excerpt(line string, at uint) string {
	const most = 20
	runes := []rune(line[at:min(uint(len(line)), at+4*most)])
	if len(runes) > most {
		return strings.ToValidUTF8(string(runes[:most]), "") + "…"
	}
	return strings.ToValidUTF8(string(runes), "")
}
