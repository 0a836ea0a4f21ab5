package dispatch

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// Quote returns text from outside as a short, safe quotation for a message: as code,
// like all that messages name, escaped, at most 60 characters, and without the
// characters that Markdown or HTML would act on.
func Quote(text string) string { return quote(text, 60) }

// QuoteSentence is [Quote] for a whole sentence, such as GitHub's reason for a refusal: at
// most 300 characters.
func QuoteSentence(text string) string { return quote(strings.TrimSpace(text), 300) }

func quote(text string, most int) string {
	text = secret.MaskTokens(text)
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	if strings.TrimSpace(text) == "" {
		return strconv.Quote(text) // Markdown knows no empty code
	}
	quoted := strconv.Quote(text)
	quoted = quoted[1 : len(quoted)-1]
	return "`" + quoteEscaper.Replace(quoted) + "`"
}

var quoteEscaper = strings.NewReplacer("`", "'", `\"`, `"`, "<", "‹", ">", "›", "@", "＠")

// Argument returns how the argument of that name is given at the channel, with the value
// if there is one: as code, and in a comment and at the operator's shell as a flag.
func (d Channel) Argument(name string, value ...string) string {
	flag, is := "--", " "
	if d == REST || d == Console {
		flag, is = "", "="
	}
	return "`" + flag + strings.Join(append([]string{name}, value...), is) + "`"
}

// NameIn is what the argument is called at the channel. In a comment the words without a
// flag are the positional one.
func (p Param) NameIn(channel Channel) string {
	if p.Positional {
		return "`" + p.Name + "`"
	}
	return channel.Argument(p.Name)
}

// For returns the declaration with that team in its examples; as it is, if the
// team is none that could be.
func (s Spec) For(team string) Spec {
	if !s.Team() || !slugShape.MatchString(team) {
		return s
	}
	s.Params = slices.Clone(s.Params)
	for i := range s.Params {
		if s.Params[i].Name == "team" {
			s.Params[i].Example = team
		}
	}
	return s
}

// Usage returns the command as one types it in a comment, without [DryRun].
func (s Spec) Usage() string {
	var b strings.Builder
	b.WriteString(s.Slash() + " " + s.Name)
	for _, p := range s.Params {
		if p.Name == DryRun {
			continue // many commands have it
		}
		var word string
		switch {
		case p.Positional:
			word = p.placeholder()
		case p.Kind == KindBool:
			word = "--" + p.Name
		default:
			word = "--" + p.Name + " " + p.placeholder()
		}
		if !p.Required || p.Name == "team" {
			word = "[" + word + "]"
		}
		b.WriteString(" " + word)
	}
	return b.String()
}

// RESTUsage returns the command as one calls it over REST: with the arguments that it needs,
// and those that its example has.
func (s Spec) RESTUsage() string {
	var query []string
	example := strings.Fields(s.Example)
	for _, p := range s.Params {
		inExample := slices.Contains(example, "--"+p.Name) || p.Positional && p.Kind == KindList && len(example) > 0
		if p.Required || p.Name == "team" && p.Team || inExample {
			query = append(query, p.Name+"="+p.placeholder())
		}
	}
	usage := s.Method + " /api/v1/" + s.Name
	if len(query) > 0 {
		usage += "?" + strings.Join(query, "&")
	}
	return usage
}

func (p Param) placeholder() string {
	if p.Example != "" {
		return p.Example
	}
	return strings.ToUpper(p.Name)
}

// Nearest returns the one of names that is most like word, or "" if none is
// near enough to be meant.
func Nearest(word string, names []string) string {
	return nearest(word, names, max(2, len(word)/3))
}

// NearestItem is [Nearest] for names that people choose, in any case. Short ones are easily
// alike, and of "svc-1" and "svc-2" neither is a slip for the other.
func NearestItem(word string, names []string) string {
	isDigit := func(r rune) bool { return r >= '0' && r <= '9' }
	letters := func(name string) string { return strings.Join(strings.FieldsFunc(strings.ToLower(name), isDigit), "0") }
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return letters(name) == letters(word) })
	return nearest(strings.ToLower(word), names, max(1, len(word)/4))
}

func nearest(word string, names []string, most int) string {
	best, bestDistance := "", most+1
	if len(word) > 64 {
		return ""
	}
	for _, name := range names {
		if d := distance(word, strings.ToLower(name)); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

// distance is the Damerau-Levenshtein distance (optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
