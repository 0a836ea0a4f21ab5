package comment

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestSplitWords(t *testing.T) {
	tests := []struct {
		name, line string
		want       []string
		refused    string
	}{
		{name: "plain", line: " a b\tc ", want: []string{"a", "b", "c"}},
		{name: "nothing", line: "  "},
		{name: "double quotes", line: `"a b" c"d"e`, want: []string{"a b", "cde"}},
		{name: "single quotes", line: `'a "b" $c' d`, want: []string{`a "b" $c`, "d"}},
		{name: "empty word", line: `a "" ''`, want: []string{"a", "", ""}},
		{name: "backslash", line: `a\ b \"c\' \$d`, want: []string{"a b", `"c'`, "$d"}},
		{name: "backslash in quotes", line: `"a\"b\\c\d"`, want: []string{`a"b\c\d`}},
		{name: "typographic quotes", line: "“a b” „c d“ ‘e f’ «g h»", want: []string{"a b", "c d", "e f", "g h"}},
		{name: "other blanks", line: "a\u00a0b\u2009c\u3000d", want: []string{"a", "b", "c", "d"}},
		{name: "words that a shell knows", line: "if then { } ! a=b *.x [c] ~/d", want: []string{"if", "then", "{", "}", "!", "a=b", "*.x", "[c]", "~/d"}},
		{name: "JSON", line: `["a","b"]`, want: []string{"[a,b]"}},
		{name: "comment", line: "a # not b", want: []string{"a"}},
		{name: "number sign in a word", line: "a#b", want: []string{"a#b"}},
		{name: "emoji", line: "🚀 ü", want: []string{"🚀", "ü"}},
		{name: "variable", line: "a $b", refused: "`$`"},
		{name: "variable in quotes", line: `"a ${b}"`, refused: "`$`"},
		{name: "substitution", line: "a $(b)", refused: "`$`"},
		{name: "backticks", line: "a `b`", refused: "`` ` ``"},
		{name: "arithmetic", line: "$((1))", refused: "`$`"},
		{name: "pipe", line: "a | b", refused: "`|`"},
		{name: "semicolon", line: "a; b", refused: "`;`"},
		{name: "ampersand", line: "a && b", refused: "`&`"},
		{name: "redirection", line: "a > b", refused: "`>`"},
		{name: "redirection of a number", line: "a 2>b", refused: "`>`"},
		{name: "here document", line: "a <<EOF", refused: "`<`"},
		{name: "angle brackets", line: "<a>", refused: "`<`"},
		{name: "parenthesis", line: "a (b)", refused: "`(`"},
		{name: "glob", line: "@(a|b)", refused: "`(`"},
		{name: "double quote left open", line: `a "b`, refused: "not closed"},
		{name: "single quote left open", line: `a 'b`, refused: "not closed"},
		{name: "apostrophe", line: "the team’s", refused: "not closed"},
		{name: "substitution left open", line: "a $(b", refused: "`$`"},
		{name: "backslash at the end", line: `a \`, refused: "backslash"},
		{name: "NUL", line: "a\x00b", refused: "U+0000"},
		{name: "escape sequence", line: "a\x1b[0m", refused: "U+001B"},
		{name: "not UTF-8", line: "a\xff", refused: "UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, refusal := splitWords(tt.line)
			if tt.refused != "" {
				require.NotNil(t, refusal)
				assert.Equal(t, dispatch.ReasonInvalidArgument, refusal.Reason)
				assert.Contains(t, refusal.Message, tt.refused)
				return
			}
			require.Nil(t, refusal)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestReadLine(t *testing.T) {
	named := func(pairs ...string) (n []dispatch.NamedArg) {
		for i := 0; i < len(pairs); i += 2 {
			n = append(n, dispatch.NamedArg{Name: pairs[i], Values: []string{pairs[i+1]}})
		}
		return n
	}
	tests := []struct {
		name, line, command string
		positional          []string
		named               []dispatch.NamedArg
		yes, encrypted      bool
		reason              dispatch.Reason
	}{
		{name: "nothing is help", line: "", command: "help"},
		{name: "help of a command", line: "repos-add a --help", command: "help", positional: []string{"repos-add"}},
		{name: "only the help flag", line: "--help", command: "help"},
		{name: "positional", line: "repos-add a,b", command: "repos-add", positional: []string{"a,b"}},
		{name: "positional with blanks", line: "repos-add a, b", command: "repos-add", positional: []string{"a,", "b"}},
		{name: "flag", line: "repos-add --repos a,b --team x", command: "repos-add", named: named("repos", "a,b", "team", "x")},
		{name: "list flag with blanks", line: "repos-add --repos a, b ,c --team x", command: "repos-add", named: named("repos", "a,b,c", "team", "x")},
		{name: "equals", line: "repos-add a --team=x", command: "repos-add", positional: []string{"a"}, named: named("team", "x")},
		{name: "name", line: "repos-add repos=a,b team=x", command: "repos-add", named: named("repos", "a,b", "team", "x")},
		{name: "quoted value", line: `repos-add repos="a, b" team='x'`, command: "repos-add", named: named("repos", "a, b", "team", "x")},
		{name: "empty value", line: "repos-add --repos=", command: "repos-add", named: named("repos", "")},
		{name: "em dash", line: "repos-add a —team x", command: "repos-add", positional: []string{"a"}, named: named("team", "x")},
		{name: "en dash", line: "repos-add a –team=x", command: "repos-add", positional: []string{"a"}, named: named("team", "x")},
		{name: "upper-case flag", line: "repos-add a --Team x", command: "repos-add", positional: []string{"a"}, named: named("team", "x")},
		{
			name: "repeated", line: "repos-add --repos a --repos b", command: "repos-add",
			named: []dispatch.NamedArg{{Name: "repos", Values: []string{"a", "b"}}},
		},
		{name: "boolean takes no word", line: "runners-remove --offline x", command: "runners-remove", positional: []string{"x"}, named: named("offline", "true")},
		{name: "boolean with a value behind it", line: "runners-remove --offline false", command: "runners-remove", named: named("offline", "false")},
		{name: "boolean with a value", line: "runners-remove --offline=false", command: "runners-remove", named: named("offline", "false")},
		{name: "end of flags", line: "repos-add --team x -- --a", command: "repos-add", positional: []string{"--a"}, named: named("team", "x")},
		{name: "yes", line: "group-delete --yes --team x", command: "group-delete", named: named("team", "x"), yes: true},
		{name: "yes=false", line: "group-delete --yes=false", command: "group-delete"},
		{name: "yes of nonsense", line: "group-delete --yes=maybe", command: "group-delete", reason: dispatch.ReasonInvalidArgument},
		{name: "encrypted", line: "token-register —encrypted", command: "token-register", encrypted: true},
		{name: "encrypted although nothing is secret", line: "group-list --encrypted", command: "group-list", named: named("encrypted", "true")},
		{name: "unknown flag", line: "group-list --bogus x", command: "group-list", named: named("bogus", "x")},
		{name: "non-breaking hyphens", line: "repos\u2011add a \u2011\u2011team x", command: "repos-add", positional: []string{"a"}, named: named("team", "x")},
		{name: "alias", line: "group-add team=x", command: "group-add", named: named("team", "x")},
		{name: "value missing at the end", line: "repos-add a --team", command: "repos-add", positional: []string{"a"}, reason: dispatch.ReasonMissingArgument},
		{name: "value missing before a flag", line: "repos-add a --team --yes", command: "repos-add", positional: []string{"a"}, reason: dispatch.ReasonMissingArgument},
		{name: "one dash", line: "repos-add a -team x", command: "repos-add", positional: []string{"a"}, reason: dispatch.ReasonUnknownArgument},
		{name: "unknown command", line: "repo-add a", command: "repo-add", reason: dispatch.ReasonUnknownCommand},
		{name: "cannot be split", line: "repos-add a;b", command: "repos-add", reason: dispatch.ReasonInvalidArgument},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, refusal := readLine(slashCommands{}, Line{Text: strings.TrimRight("/runner-group "+tt.line, " ")}, "", "")
			var reason dispatch.Reason
			if refusal != nil {
				reason = refusal.Reason
			}
			assert.Equal(t, tt.reason, reason)
			assert.Equal(t, tt.command, got.name)
			assert.Equal(t, tt.positional, got.args.Positional)
			assert.Equal(t, tt.named, got.args.Named)
			assert.Equal(t, tt.yes, got.yes)
			assert.Equal(t, tt.encrypted, got.encrypted)
		})
	}
}

// A flag that is refused is quoted as it is written, in an example for the team.
func TestRefusedFlags(t *testing.T) {
	tests := []struct{ name, line, want string }{
		{"one dash", "repos-add a -Team x", "A flag begins with two dashes: `--team`."},
		{"a letter", "repos-add -r api", "A flag begins with two dashes, which `-r` does not. `repos-add` has `--team`, `--repos`, `--for`, `--skip-refused`, `--dry-run`, `--yes`."},
		{"a letter and a value", "token-register -t=web", "A flag begins with two dashes, which `-t=web` does not. `token-register` has `--team`, `--name`, `--labels`, `--os`, `--arch`, `--yes`, `--encrypted`."},
		{"no value", "repos-add a --team", "`--team` needs a value. Usage: `/runner-group repos-add [--team infra] api,web [--for 7d] [--skip-refused]`."},
		{"neither", "group-delete --yes=maybe", "`--yes` is true or false, not `maybe`."},
	}
	dispatcher := dispatch.NewDispatcher(&dispatch.Env{}, commands.All())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, refusal := readLine(dispatcher, Line{Text: "/runner-group " + tt.line}, "", "infra")
			require.NotNil(t, refusal)
			assert.Equal(t, tt.want, refusal.Message)
		})
	}
}
