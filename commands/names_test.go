package commands

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

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

func TestRepoName(t *testing.T) {
	for _, test := range []struct {
		text, want string
		reason     dispatch.Reason
	}{
		{"api", "api", ""},
		{"acme/api", "api", ""},
		{"ACME/Api", "Api", ""},
		{".github", ".github", ""},
		{"a.b_c-d", "a.b_c-d", ""},
		{"globex/api", "", dispatch.ReasonRepoNotPermitted},
		{"", "", dispatch.ReasonInvalidArgument},
		{".", "", dispatch.ReasonInvalidArgument},
		{"..", "", dispatch.ReasonInvalidArgument},
		{"acme/..", "", dispatch.ReasonInvalidArgument},
		{"acme/a/b", "", dispatch.ReasonInvalidArgument},
		{"../api", "", dispatch.ReasonRepoNotPermitted},
		{"/api", "", dispatch.ReasonInvalidArgument},
		{"acme/", "", dispatch.ReasonInvalidArgument},
		{"a b", "", dispatch.ReasonInvalidArgument},
		{"ápi", "", dispatch.ReasonInvalidArgument},
		{strings.Repeat("x", 101), "", dispatch.ReasonInvalidArgument},
	} {
		t.Run(test.text, func(t *testing.T) {
			got, err := repoName(&dispatch.Org{Login: "acme"}, test.text)
			assert.Equal(t, test.reason, dispatch.ReasonOf(err))
			assert.Equal(t, test.want, got)
		})
	}
}

// The address of another GitHub is refused with the one that this server takes.
func TestForeignRepositoryAddress(t *testing.T) {
	c := &dispatch.Call{Env: &dispatch.Env{GitHubURL: "http://127.0.0.1:8081/"}, Org: &dispatch.Org{Login: "acme"}}
	for _, text := range []string{"https://github.com/acme/api", "git@github.com:acme/api.git", "github.com/acme/api", "http://127.0.0.1:8081/acme/api/issues"} {
		_, err := repoNamed(c, text)
		assert.ErrorContains(t, err, "` is not the address of a repository on http://127.0.0.1:8081. Write name, acme/name or http://127.0.0.1:8081/acme/name.")
	}
	_, err := repoNamed(c, "a b")
	assert.ErrorContains(t, err, "is not the name of a repository: write name or acme/name.")
}

func TestRepositoryAddress(t *testing.T) {
	const github = "https://GitHub.example.com/"
	for text, want := range map[string]string{
		"https://github.example.com/acme/api":        "acme/api",
		"https://github.example.com/acme/api/":       "acme/api",
		"https://GITHUB.example.com/acme/api.git":    "acme/api",
		"https://github.example.com/acme/api/issues": "acme/api/issues",
		"https://github.com/acme/api":                "https://github.com/acme/api",
		"https://github.example.com/":                "https://github.example.com/",
		"https://github.example.com/acme":            "https://github.example.com/acme",
		"acme/api":                                   "acme/api",
		"":                                           "",
	} {
		assert.Equal(t, want, fullNameIn(github, text), text)
	}
	assert.Equal(t, "/api", fullNameIn("", "/api"))
}

func TestShapes(t *testing.T) {
	var manyLabels []string
	for i := range maxLabels + 1 {
		manyLabels = append(manyLabels, fmt.Sprint("label", i))
	}
	d := dispatch.NewDispatcher(&dispatch.Env{}, All())
	accepts := func(command string, args dispatch.Args) bool { return d.Check(command, "acme", args) == nil }
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
		{"too many labels", JITArgs{Team: "a", Name: "x", Labels: manyLabels}, false},
		{"a folder elsewhere", JITArgs{Team: "a", Name: "x", WorkFolder: "/etc"}, false},
		{"a folder above", JITArgs{Team: "a", Name: "x", WorkFolder: "x/../../y"}, false},
		{"a folder on Windows", JITArgs{Team: "a", Name: "x", WorkFolder: `C:\x`}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := arguments("team", string(test.args.Team), "name", test.args.Name, "work-folder", test.args.WorkFolder)
			for _, label := range test.args.Labels {
				text, err := json.Marshal([]string{label})
				require.NoError(t, err)
				args.Add("labels", string(text))
			}
			assert.Equal(t, test.ok, accepts("token-jit", args))
		})
	}
	for text, ok := range map[string]bool{
		"acme/api/.github/workflows/ci.yml@refs/heads/main": true, "ACME/api/.github/workflows/ci.yaml@v1": true,
		"globex/api/.github/workflows/ci.yml@main": false, "acme/api/ci.yml@main": false, "acme/api/.github/workflows/ci.yml": false,
		"acme/../.github/workflows/ci.yml@main": false, "acme/./.github/workflows/ci.yml@main": false, "acme/api/.github/workflows/../x.yml@main": false,
		"acme/api/.github/workflows/ci.yml@a b": false,
	} {
		assert.Equal(t, ok, accepts("workflows-set", arguments("team", "a", "workflows", text)), text)
	}
}
