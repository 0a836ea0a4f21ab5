package comment

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/costtest"
)

// slashCommands is a dispatcher of a few declarations; run, if set, runs them.
type slashCommands struct {
	run func(ctx context.Context, req dispatch.Request) (dispatch.Result, error)
}

func (slashCommands) Specs() []dispatch.Spec {
	team := dispatch.Param{Name: "team", Kind: dispatch.KindString, Team: true, Required: true, Doc: "the team"}
	repos := dispatch.Param{Name: "repos", Kind: dispatch.KindList, Required: true, Positional: true, Doc: "repositories"}
	name := dispatch.Param{Name: "name", Kind: dispatch.KindString, Required: true, Positional: true, Doc: "name"}
	offline := dispatch.Param{Name: "offline", Kind: dispatch.KindBool, Doc: "all that are offline"}
	runners := dispatch.Param{Name: "runners", Kind: dispatch.KindList, Positional: true, Doc: "runners"}
	return []dispatch.Spec{
		{Name: "group-create", Aliases: []string{"group-add"}, Method: "POST", Effect: dispatch.Changes, Params: []dispatch.Param{team}},
		{Name: "group-delete", Method: "DELETE", Effect: dispatch.Destroys, Params: []dispatch.Param{team}},
		{Name: "group-list", Method: "GET", Params: []dispatch.Param{team}},
		{Name: "repos-add", Method: "PATCH", Effect: dispatch.Changes, Params: []dispatch.Param{team, repos}},
		{Name: "repos-set", Method: "PATCH", Effect: dispatch.Changes, Params: []dispatch.Param{team, repos}},
		{Name: "runners-remove", Method: "DELETE", Effect: dispatch.Destroys, Params: []dispatch.Param{team, runners, offline}},
		{Name: "token-register", Method: "POST", Effect: dispatch.Reveals, Params: []dispatch.Param{team}},
		{Name: "token-jit", Method: "POST", Effect: dispatch.Reveals, EncryptedOnly: true, Params: []dispatch.Param{team, name}},
		{Name: "help", Method: "GET", Params: []dispatch.Param{{Name: "command", Kind: dispatch.KindString, Positional: true, Doc: "command"}}},
	}
}

func (s slashCommands) Lookup(name string) (dispatch.Spec, bool) {
	for _, spec := range s.Specs() {
		for _, n := range append([]string{spec.Name}, spec.Aliases...) {
			if n == name {
				return spec, true
			}
		}
	}
	return dispatch.Spec{}, false
}

func (slashCommands) Unknown(name string, _ ...string) *dispatch.Error {
	return dispatch.Refuse(dispatch.ReasonUnknownCommand, "There is no command %s.", dispatch.Quote(name))
}

func (s slashCommands) Dispatch(ctx context.Context, req dispatch.Request) (dispatch.Result, error) {
	return s.run(ctx, req)
}

// Check finds one command wrong, whatever its arguments are.
func (slashCommands) Check(name, _ string, _ dispatch.Args) *dispatch.Error {
	if name == "runners-remove" {
		return dispatch.Refuse(dispatch.ReasonMissingArgument, "Which?")
	}
	return nil
}

func TestParseComment(t *testing.T) {
	const help = "/runner-group help"
	tests := []struct {
		name, comment string
		want          []string
	}{
		{"alone", help, []string{help}},
		{"only the word", "/runner-group", []string{"/runner-group"}},
		{"blanks behind it", help + "  \t\nx", []string{help}},
		{"tab", "/runner-group\thelp", []string{"/runner-group\thelp"}},
		{"no-break space", "/runner-group\u00a0help", []string{"/runner-group\u00a0help"}},
		{"among text", "Hello,\n" + help + "\nthanks", []string{help}},
		{"several", help + "\n\n/runner-group status\n", []string{help, "/runner-group status"}},
		{"the same twice", help + "\n" + help, []string{help, help}},
		{"CRLF", "Hi\r\n" + help + "\r\n/runner-group status\r\n", []string{help, "/runner-group status"}},
		{"lone CR", "Hi\r" + help + "\rbye", []string{help}},
		{"three blanks", "   " + help, []string{help}},
		{"four blanks are code", "    " + help, nil},
		{"a tab is code", "\t" + help, nil},
		{"four blanks in a paragraph", "Hi\n    " + help, nil},
		{"not at the start", "try " + help, nil},
		{"longer word", "/runner-groups help", nil},
		{"path", "/runner-group/help", nil},
		{"colon", "/runner-group: help", nil},
		{"byte order mark", "\ufeff" + help + "\r\n\ufeff" + help, []string{help, help}},
		{"upper case", "/Runner-Group help\n/RUNNER-GROUP Help", []string{help, "/runner-group Help"}},
		{"zero width space before it", "\u200b" + help, []string{help}},
		{"zero width space behind it", "/runner-group\u200b help", []string{"/runner-group help"}},
		{"variation selectors around and in it", "\ufe0f/\ufe0frunner\ufe0f-\ufe0fgroup\ufe0f help", []string{"/runner-group help"}},
		{"variation selector behind a name", "/runner-group repos-add api\ufe0f", []string{"/runner-group repos-add api"}},
		{"variation selector of an emoji", "/runner-group help \u2764\ufe0f", []string{"/runner-group help \u2764\ufe0f"}},
		{"grapheme joiner and filler in it", "/runner-gro\u034fup\u3164 help", []string{"/runner-group help"}},
		{"non-breaking hyphen in it", "/runner\u2011group help", []string{"/runner-group help"}},
		{"hyphens of other kinds in it", "/runner\u2010group help\n/runner\uff0dgroup help", []string{"/runner-group help", "/runner-group help"}},
		{"non-breaking hyphen with a selector", "/RUNNER\u2011\ufe0fGROUP help", []string{"/runner-group help"}},
		{"dash in it", "/runner\u2013group help", nil},
		{"only invisible characters behind it", "/runner-group\u200b\u2060", []string{"/runner-group"}},
		{"word joiners in it", "/\u2060runner-\u2060group help\u2060", []string{help}},
		{"soft hyphen in it", "/run\u00adner-group help", []string{help}},
		{"direction marks", "\u200e/runner-group\u200f help\u202c", []string{help}},
		{"byte order mark within the text", "Hi\n\ufeff" + help, []string{help}},
		{"no-break space before it", "\u00a0\u202f" + help, []string{help}},
		{"no-break space behind it", "/runner-group\u202fhelp", []string{"/runner-group\u202fhelp"}},
		{"no-break spaces are no indentation", strings.Repeat("\u00a0", 8) + help, []string{help}},
		{"invisible within a longer word", "/runner-group\u200bs help", nil},
		{"invisible before a quote's mark", "\u200b> " + help, nil},
		{"invisible in code", "```\n\u200b" + help + "\n```", nil},
		{"column", "/runner-group repos-add svc-01,\nsvc-02,\r\n  svc-03,\nthanks", []string{"/runner-group repos-add svc-01, svc-02, svc-03, thanks"}},
		{"column that ends with a comma", "/runner-group repos-add svc-01,\nsvc-02,\n\nthanks", []string{"/runner-group repos-add svc-01, svc-02,"}},
		{"comma and blanks", "/runner-group repos-add a, \u200b\u00a0\nb", []string{"/runner-group repos-add a, b"}},
		{"comma above a command", "/runner-group repos-add a,\n" + help, []string{"/runner-group repos-add a,", help}},
		{"comma above a quote", "/runner-group repos-add a,\n> b", []string{"/runner-group repos-add a,"}},
		{"comma above code", "/runner-group repos-add a,\n```\nb\n```", []string{"/runner-group repos-add a,"}},
		{"comma above an HTML comment", "/runner-group repos-add a,\n<!-- b -->", []string{"/runner-group repos-add a,"}},
		{"comma above a list", "/runner-group repos-add a,\n- b", []string{"/runner-group repos-add a,"}},
		{"comma above what a mail program appended", "/runner-group repos-add a,\nOn Monday Mona wrote:\nb", []string{"/runner-group repos-add a,"}},
		{"comma beneath a list item", "- do\n  /runner-group repos-add a,\n  b", []string{"/runner-group repos-add a, b"}},
		{"backslash", "/runner-group repos-add a \\\n  --team platform", []string{"/runner-group repos-add a  --team platform"}},
		{"two backslashes", "/runner-group repos-add a\\\\\nb", []string{`/runner-group repos-add a\\`}},
		{"backslash at the end", "/runner-group repos-add a \\\n\nb", []string{`/runner-group repos-add a \`}},
		{"escaped", `\/runner-group help`, nil},
		{"entity", "&#47;runner-group help", nil},
		{"fenced", "```\n" + help + "\n```", nil},
		{"tildes", "~~~sh\n" + help + "\n~~~", nil},
		{"fence that is not closed", "```\n" + help, nil},
		{"behind a fence", "```\nx\n```\n" + help, []string{help}},
		{"shorter fence closes nothing", "````\n```\n" + help + "\n````", nil},
		{"fence in a list", "- a\n\n  ```\n  " + help + "\n  ```", nil},
		{"inline code", "`" + help + "`", nil},
		{"inline code over lines", "a `code\n" + help + "\nmore` b", nil},
		{"two backticks", "``a\n" + help + " ` \n`` b", nil},
		{"backtick that opens nothing", "a ` b\n" + help, []string{help}},
		{"escaped backtick opens nothing", "a \\` b\n" + help + "\n`", []string{help}},
		{"code behind the word", "/runner-group repos-add `a`", []string{"/runner-group repos-add `a`"}},
		{"quote", "> " + help, nil},
		{"quote without a blank", ">" + help, nil},
		{"lazy quote", "> hello\n" + help, nil},
		{"quote in a quote", "> > " + help, nil},
		{"alert", "> [!NOTE]\n> " + help, nil},
		{"behind a quote", "> hello\n\n" + help, []string{help}},
		{"reply by mail", "On Monday X wrote:\n> " + help + "\n\n" + help, []string{help}},
		{"HTML comment", "<!--\n" + help + "\n-->", nil},
		{"HTML comment with an empty line", "<!--\n\n" + help + "\n\n-->", nil},
		{"HTML comment in a paragraph", "text <!-- hidden\n" + help + "\n--> end", nil},
		{"HTML comment before it on its line", "<!-- x --> " + help, nil},
		{"behind an HTML comment", "<!-- x -->\n" + help, []string{help}},
		{"HTML comment that is not closed", "<!--\n" + help, nil},
		{"HTML block", "<div>\n" + help + "\n</div>", nil},
		{"pre", "<pre>\n\n" + help + "\n\n</pre>", nil},
		{"details", "<details>\n\n" + help + "\n\n</details>", []string{help}},
		{"attribute over lines", "a <b title='\n" + help + "\n'>", nil},
		{"list item", "- " + help, nil},
		{"numbered", "1. " + help, nil},
		{"task", "- [ ] " + help, nil},
		{"beneath a list item", "- do\n  " + help, []string{help}},
		{"lazy beneath a list item", "- do\n" + help, []string{help}},
		{"behind a list", "- a\n- b\n\n" + help, []string{help}},
		{"heading", "# " + help, nil},
		{"underlined heading", help + "\n===", []string{help}},
		{"rule beneath", help + "\n---\nmore", []string{help}},
		{"table's row", "a | b\n--- | ---\n" + help + " | x", []string{help + " | x"}},
		{"code across a table's rows", "a | b\n--- | ---\nx | `y\n" + help + " | `", nil}, // tables are not parsed: their cost has no bound
		{"beneath a table", "| a |\n| --- |\n" + help, []string{help}},
		{"emphasis", "**\n" + help + "\n**", []string{help}},
		{"link's definition", "[a]: /url\n" + help, []string{help}},
		{"link in it", "/runner-group repos-add [a](b)", []string{"/runner-group repos-add [a](b)"}},
		{"angle brackets in it", "/runner-group repos-add <a>", []string{"/runner-group repos-add <a>"}},
		{"hard break", help + "  \nmore", []string{help}},
		{"no comment", "", nil},
		{"NUL", "\x00\n" + help, []string{help}},
		{"not UTF-8", "\xff\n" + help, []string{help}},
		{"too long", strings.Repeat("x\n", maxComment/2) + help, nil},
		{"nested beyond reason", strings.Repeat(">", 1000) + "x\n\n" + help, nil},
		{"a long rule is no nesting", strings.Repeat("-", 1000) + "\n" + help, []string{help}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, line := range ParseComment(tt.comment, "").Lines {
				got = append(got, line.Text)
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestParseCommentNumbersLines(t *testing.T) {
	assert.Equal(t, []Line{{Number: 2, Text: "/runner-group a"}, {Number: 6, Text: "/runner-group b"}, {Number: 7, Text: "/runner-group c"}},
		ParseComment("x\r\n/runner-group a\r\n```\r\n/runner-group no\r\n```\r\n/runner-group b\r\n/runner-group c\r\n", "").Lines)
}

func TestExplain(t *testing.T) {
	got := Explain(slashCommands{}, "acme", "", "Hi\n/runner-group group-add --team x --yes\n/runner-group repos-add a|b\n"+
		strings.Repeat("/runner-group\n", 9))
	require.Len(t, got, 11)
	assert.Equal(t, `line 2: group-create team=["x"] (confirmed)`, got[0].String())
	assert.Equal(t, dispatch.ReasonInvalidArgument, got[1].Reason)
	assert.Empty(t, got[9].Error)
	assert.Equal(t, dispatch.ReasonPolicy, got[10].Reason)
	assert.Empty(t, Explain(slashCommands{}, "acme", "", "`/runner-group help`"))
	got = Explain(slashCommands{}, "acme", "", "/runner-group runners-remove")
	require.Len(t, got, 1)
	assert.Equal(t, "line 1: runners-remove\n  missing_argument: Which?", got[0].String(), "arguments are looked at, too")
}

// hostile are texts on which careless parsers take quadratic time, or worse.
func hostile() map[string]string {
	const n = 65_000
	fill := func(s string) string { return strings.Repeat(s, n/len(s)) + "\n\n/runner-group help" }
	cases := map[string]string{}
	for _, s := range []string{
		">", "> ", "> - ", "- ", "1. ", "[", "[](", "![](", "[a](<b", "*a_", "**a", "a**b", "~~a", "<a ", "<!--", "a<!-- ", "a<?", "a<![CDATA[",
		"a<!A ", "<!a>", "`", "`a", "``a`", "|a", "|-", "\\", "&amp;", "[a]: b\n", "[a]: b [\n", "[^a]: b\n", "www.a", "http://a", "a@b.c", "-\n", "=\n",
		"```\n", "~~~\n", "<div>\n", "</", "/runner-group\n", "/runner-group $(", "/runner-group \"", "\t", " ", "\r", "\x00", "\xff", "> a\n", ">>>>>>>>>>>>>>>>\n", "- a\n\n",
	} {
		cases[s] = fill(s)
	}
	var ticks, staircase strings.Builder
	for i := 1; ticks.Len() < n; i++ {
		ticks.WriteString(strings.Repeat("`", i) + "a")
	}
	for i := 0; staircase.Len() < n; i++ {
		staircase.WriteString(strings.Repeat(" ", 2*i) + "- a\n")
	}
	cases["runs of backticks"] = ticks.String() + "\n\n/runner-group help"
	cases["staircase"] = staircase.String() + "\n\n/runner-group help"
	cases["nested as deep as may be"] = strings.Repeat(strings.Repeat("> ", maxNesting)+"a\n", n/2/maxNesting) + "\n/runner-group help"
	return cases
}

// The bound is wide, for slow and busy machines; quadratic time would be seconds.
func TestHostileCommentsTakeAMoment(t *testing.T) {
	for name, comment := range hostile() {
		began := time.Now()
		for _, line := range ParseComment(comment, "").Lines {
			_, _ = readLine(slashCommands{}, line, "", "")
		}
		assert.Less(t, time.Since(began), 5*time.Second, "%q", name)
	}
}

func FuzzParseComment(f *testing.F) {
	for _, seed := range []string{
		"/runner-group help", "a\r\n/runner-group repos-add “a b” —team=x\r\n", "> /runner-group\n\n/runner-group x=\"$y\"",
		"<!-- `\n/runner-group\n` -->", "- a\n\n\t/runner-group @(b|c)", "a|b\n-|-\n/runner-group|`", "/runner-group $(( ${a[1]} )) <<E\n",
	} {
		f.Add(seed)
	}
	f.Add(strings.Repeat("|a", 200) + "\n" + strings.Repeat("|-", 200) + strings.Repeat("\n|", 4_000) + "\n/runner-group help")
	f.Fuzz(func(t *testing.T, comment string) {
		var lines []Line
		costtest.Bounded(t, len(comment), func() {
			lines = ParseComment(comment, "").Lines
			teamFields(comment)
			for _, line := range lines[:min(len(lines), MaxCommands)] {
				_, _ = readLine(slashCommands{}, line, "", "")
			}
		})
		for _, line := range lines {
			assert.True(t, strings.HasPrefix(line.Text, "/runner-group"))
			assert.NotContains(t, line.Text, "\n")
			call, refusal := readLine(slashCommands{}, line, "", "")
			if refusal != nil {
				assert.NotEmpty(t, refusal.Message)
				_ = escapeMessage(refusal.Message)
			}
			for _, word := range call.args.Positional {
				assert.NotContains(t, word, "\x00")
			}
		}
	})
}

func TestConfirms(t *testing.T) {
	spec := dispatch.Spec{Name: "runners-remove", Params: []dispatch.Param{{Name: "offline", Kind: dispatch.KindBool, Confirm: true}}}
	for _, tt := range []struct {
		value string
		want  bool
	}{{"true", true}, {"1", true}, {"false", false}} {
		call := slashCommand{spec: spec}
		call.args.Add("offline", tt.value)
		assert.Equal(t, tt.want, confirms(Policy{}, call), tt.value)
	}
	assert.False(t, confirms(Policy{}, slashCommand{spec: spec}), "without the argument")
}
