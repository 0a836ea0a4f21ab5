package dispatch

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func TestShortDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"7d": 7 * 24 * time.Hour, "2h": 2 * time.Hour, "25h": 25 * time.Hour, "1h30m": 90 * time.Minute, "30m": 30 * time.Minute, "30s": 30 * time.Second, "10m30s": 630 * time.Second,
	} {
		assert.Equal(t, want, ShortDuration(d))
	}
}

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

func TestNearestItem(t *testing.T) {
	t.Parallel()
	names := []string{"api", "Docs", "svc-02", "ui", "platform-tools"}
	for word, want := range map[string]string{"dosc": "Docs", "DOC": "Docs", "svc-03": "", "svc-2": "", "svx-02": "svc-02", "db": "", "plaftorm-tool": "platform-tools", "xyz": ""} {
		assert.Equal(t, want, NearestItem(word, names), word)
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
			assert.Equal(t, i >= least, Policy{RepoPermission: need}.Permits(has), "%q for %q", has, need)
		}
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
			got, err := call.Slug("team", test.text)
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.want == "", ReasonOf(err) == ReasonInvalidArgument)
		})
	}
}

func TestClip(t *testing.T) {
	assert.Equal(t, "short", shorten("short", 9))
	assert.Equal(t, "ää…", shorten("ääää", 7))
	assert.True(t, utf8.ValidString(shorten(strings.Repeat("ä", 99), 50)))
	assert.LessOrEqual(t, len(shorten(strings.Repeat("ä", 99), 50)), 50)
	assert.LessOrEqual(t, len(auditArgs(named("repos", strings.Repeat("x", 1<<20)))), maxAuditArgs)
	assert.NotContains(t, auditArgs(named("a", "x\x00y")), "\x00")
}

// A token in an argument is masked wherever the argument comes from.
func TestArgumentsAreMasked(t *testing.T) {
	t.Parallel()
	const token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
	given := []string{"use " + token, "api"}
	var args Args
	args.Add("reason", given...)
	args.Add(token, "x")
	args.Add("reason", token)
	assert.Equal(t, []NamedArg{{"reason", []string{"use ghp_[secret]", "api", "ghp_[secret]"}}, {"ghp_[secret]", []string{"x"}}}, args.Named)
	assert.Equal(t, "use "+token, given[0], "the caller's own values stay as they are")
}
