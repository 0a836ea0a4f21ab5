package commands

import (
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNearest(t *testing.T) {
	names := []string{"group-create", "group-delete", "repos-add", "repos-set"}
	for _, test := range []struct{ word, want string }{
		{"repos-ad", "repos-add"},
		{"repo-add", "repos-add"},
		{"reops-add", "repos-add"},
		{"group-craete", "group-create"},
		{"group-remove", "group-create"},
		{"xyz", ""},
		{"", ""},
		{strings.Repeat("repos-add", 99), ""},
	} {
		t.Run(test.word, func(t *testing.T) { assert.Equal(t, test.want, Nearest(test.word, names)) })
	}
}

func TestQuote(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"plain", "api", "`api`"},
		{"nothing", "", `""`},
		{"a quotation", `say "a\b"`, "`say \"a\\\\b\"`"},
		{"a mention", "@acme/all", "`＠acme/all`"},
		{"HTML", "<img>", "`‹img›`"},
		{"code", "a`b", "`a'b`"},
		{"a line", "a\nb", "`a\\nb`"},
		{"invisible", "a\u202eb", "`a\\u202eb`"},
		{"no UTF-8", "a\xff", "`a\\xff`"},
		{"long", strings.Repeat("ä", 99), "`" + strings.Repeat("ä", 60) + "…`"},
	} {
		t.Run(test.name, func(t *testing.T) { assert.Equal(t, test.want, Quote(test.text)) })
	}
}

func TestShellQuote(t *testing.T) {
	for _, text := range []string{"platform", "two words", "", "it's", "$(id)", "`id`", "a;b", "a\nb", `a\b`, "-x", "~", "*", "a&b", "#x", "!!", "é"} {
		t.Run(text, func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+shellQuote(text)).Output()
			require.NoError(t, err)
			assert.Equal(t, text, string(out))
		})
	}
	assert.Equal(t, "platform", shellQuote("platform"), "what needs no quotes has none")
	assert.Equal(t, `'~'`, shellQuote("~"))
}

func TestAllows(t *testing.T) {
	for _, test := range []struct {
		name        string
		allow, deny []string
		slug        string
		rule        string
		ok          bool
	}{
		{"all", []string{"*"}, nil, "platform", "", true},
		{"none", nil, nil, "platform", "allow", false},
		{"named", []string{"platform"}, nil, "platform", "", true},
		{"not named", []string{"web-*"}, nil, "platform", "allow", false},
		{"denied", []string{"*"}, []string{"plat*"}, "platform", "deny", false},
		{"denied though named", []string{"platform"}, []string{"platform"}, "platform", "deny", false},
		{"denied in capitals", []string{"*"}, []string{"Platform"}, "platform", "deny", false},
		{"allowed in capitals", []string{"Plat*"}, nil, "platform", "", true},
		{"the whole slug counts", []string{"*"}, []string{"plat"}, "platform", "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			rule, ok := Policy{Allow: test.allow, Deny: test.deny}.allows(test.slug)
			assert.Equal(t, test.ok, ok)
			assert.Contains(t, rule, test.rule)
		})
	}
}

func TestPermits(t *testing.T) {
	all := []string{"", "none", "pull", "triage", "push", "maintain", "admin"}
	for need, least := range map[string]int{"pull": 2, "triage": 3, "push": 4, "maintain": 5, "admin": 6, "": 6, "owner": 6} {
		for i, has := range all {
			assert.Equal(t, i >= least, Policy{RepoPermission: need}.permits(has), "%q for %q", has, need)
		}
	}
}

func TestRepoName(t *testing.T) {
	for _, test := range []struct {
		text, want string
		reason     Reason
	}{
		{"api", "api", ""},
		{"acme/api", "api", ""},
		{"ACME/Api", "Api", ""},
		{".github", ".github", ""},
		{"a.b_c-d", "a.b_c-d", ""},
		{"globex/api", "", ReasonRepoNotPermitted},
		{"", "", ReasonInvalidArgument},
		{".", "", ReasonInvalidArgument},
		{"..", "", ReasonInvalidArgument},
		{"acme/..", "", ReasonInvalidArgument},
		{"acme/a/b", "", ReasonInvalidArgument},
		{"../api", "", ReasonRepoNotPermitted},
		{"/api", "", ReasonInvalidArgument},
		{"acme/", "", ReasonInvalidArgument},
		{"a b", "", ReasonInvalidArgument},
		{"ápi", "", ReasonInvalidArgument},
		{strings.Repeat("x", 101), "", ReasonInvalidArgument},
	} {
		t.Run(test.text, func(t *testing.T) {
			got, err := repoName("acme", test.text)
			assert.Equal(t, test.reason, AsErrorReason(err))
			assert.Equal(t, test.want, got)
		})
	}
}

func TestSlug(t *testing.T) {
	call := &Call{Org: &Org{Login: "acme"}}
	for _, test := range []struct{ text, want string }{
		{"platform", "platform"},
		{"Platform", "platform"},
		{"@acme/platform", "platform"},
		{"ACME/platform", "platform"},
		{"_x-1", "_x-1"},
		{"globex/platform", ""},
		{"", ""},
		{"..", ""},
		{"-x", ""},
		{"a b", ""},
		{"a/b", ""},
		{"@@x", ""},
		{"acme/acme/x", ""},
		{strings.Repeat("x", 256), ""},
	} {
		t.Run(test.text, func(t *testing.T) {
			got, err := call.slug("team", test.text)
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.want == "", AsErrorReason(err) == ReasonInvalidArgument)
		})
	}
}

func TestClip(t *testing.T) {
	assert.Equal(t, "short", clip("short", 9))
	assert.Equal(t, "ää…", clip("ääää", 7))
	assert.True(t, utf8.ValidString(clip(strings.Repeat("ä", 99), 50)))
	assert.LessOrEqual(t, len(clip(strings.Repeat("ä", 99), 50)), 50)
	assert.LessOrEqual(t, len(auditArgs(named("repos", strings.Repeat("x", 1<<20)))), maxAuditArgs)
	assert.NotContains(t, auditArgs(named("a", "x\x00y")), "\x00")
}

func TestShapes(t *testing.T) {
	call := func() *Call {
		c := Define(Spec{Name: "token-jit", Method: "POST", Summary: "x"}, noRun[JITArgs])
		return &Call{Org: &Org{Login: "acme"}, Spec: c.Spec, args: JITArgs{}}
	}
	for _, test := range []struct {
		name string
		args JITArgs
		ok   bool
	}{
		{"plain", JITArgs{Team: "a", Name: "build-1", Labels: []string{"linux", "gpu: a100"}, WorkFolder: "_work/x"}, true},
		{"a path as the name", JITArgs{Team: "a", Name: "../x"}, false},
		{"a flag as the name", JITArgs{Team: "a", Name: "--unattended"}, false},
		{"a name too long", JITArgs{Team: "a", Name: strings.Repeat("x", 65)}, false},
		{"a label that is two", JITArgs{Team: "a", Name: "x", Labels: []string{"a,b"}}, false},
		{"a long label", JITArgs{Team: "a", Name: "x", Labels: []string{strings.Repeat("ä", maxLabel)}}, true},
		{"a label too long", JITArgs{Team: "a", Name: "x", Labels: []string{strings.Repeat("ä", maxLabel+1)}}, false},
		{"a label with quotes", JITArgs{Team: "a", Name: "x", Labels: []string{`a"b`}}, false},
		{"too many labels", JITArgs{Team: "a", Name: "x", Labels: make([]string, maxLabels+1)}, false},
		{"a folder elsewhere", JITArgs{Team: "a", Name: "x", WorkFolder: "/etc"}, false},
		{"a folder above", JITArgs{Team: "a", Name: "x", WorkFolder: "x/../../y"}, false},
		{"a folder on Windows", JITArgs{Team: "a", Name: "x", WorkFolder: `C:\x`}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := call()
			c.args = test.args
			assert.Equal(t, test.ok, test.args.Check(c) == nil)
		})
	}
	for text, ok := range map[string]bool{
		"acme/api/.github/workflows/ci.yml@refs/heads/main": true, "ACME/api/.github/workflows/ci.yaml@v1": true,
		"globex/api/.github/workflows/ci.yml@main": false, "acme/api/ci.yml@main": false, "acme/api/.github/workflows/ci.yml": false,
		"acme/../.github/workflows/ci.yml@main": false, "acme/./.github/workflows/ci.yml@main": false, "acme/api/.github/workflows/../x.yml@main": false,
		"acme/api/.github/workflows/ci.yml@a b": false,
	} {
		c := call()
		args := WorkflowsArgs{Team: "a", Workflows: &[]string{text}}
		c.args = args
		assert.Equal(t, ok, args.Check(c) == nil, text)
	}
}
