package commands

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// Refusals of arguments use the words of the channel.
func TestWordingOfChannels(t *testing.T) {
	for _, test := range []struct {
		name, command string
		args          dispatch.Args
		hint          string // the team that the comment's place names
		comment, rest string
	}{
		{
			"a time", "audit-list", arguments("team", "web", "since", "7x"), "",
			"`--since` is a date (2026-01-31), a time (2026-01-31T12:00:00Z) or how long ago (24h, 7d), not `7x`.",
			"`since` is a date (2026-01-31), a time (2026-01-31T12:00:00Z) or how long ago (24h, 7d), not `7x`.",
		},
		{"a number", "audit-list", arguments("team", "web", "limit", "5000"), "", "`--limit`: at most 1000.", "`limit`: at most 1000."},
		{
			"no runner", "runners-remove", arguments("team", "web"), "",
			"`runners-remove` needs the names of runners, or `--offline` for all that are offline. Usage: `/runner-group runners-remove [--team web] [build-1,build-2] [--offline]`.",
			"`runners-remove` needs the names of runners, or `offline` for all that are offline. Usage: `DELETE /api/v1/runners-remove?team=web&runners=build-1,build-2`.",
		},
		{
			"no workflow", "workflows-set", arguments("team", "web"), "",
			"`workflows-set` needs `workflows`: files at a ref, or an empty list (`--workflows ''`) to lift the restriction. Usage: `/runner-group workflows-set [--team web] [acme/api/.github/workflows/ci.yml@refs/heads/main]`.",
			"`workflows-set` needs `workflows`: files at a ref, or an empty list (`workflows=`) to lift the restriction. Usage: `PATCH /api/v1/workflows-set?team=web&workflows=acme/api/.github/workflows/ci.yml@refs/heads/main`.",
		},
		{
			"no workflow file", "workflows-set", arguments("team", "web", "workflows", "ci.yml"), "",
			"`ci.yml` is not a workflow file of acme at a ref: write `acme/REPO/.github/workflows/FILE.yml@refs/heads/main`.",
			"`ci.yml` is not a workflow file of acme at a ref: write `acme/REPO/.github/workflows/FILE.yml@refs/heads/main`.",
		},
		{
			"nothing to attach, and the team", "repos-add", arguments("team", "web"), "",
			"`repos-add` needs the argument `repos`: repositories, as name, org/name or address. Usage: `/runner-group repos-add [--team web] api,web [--for 7d] [--skip-refused]`.",
			"`repos-add` needs the argument `repos`: repositories, as name, org/name or address. Usage: `PATCH /api/v1/repos-add?team=web&repos=api,web`.",
		},
		{
			"no second team", "runners-transfer", arguments("team", "infra", "runners", "r1"), "",
			"`runners-transfer` needs the argument `--to`: the team whose group takes them; you maintain both. " +
				"Usage: `/runner-group runners-transfer [--team infra] build-1,build-2 --to web`.",
			"`runners-transfer` needs the argument `to`: the team whose group takes them; you maintain both. " +
				"Usage: `POST /api/v1/runners-transfer?team=infra&runners=build-1,build-2&to=web`.",
		},
		{
			"a team that is none", "repos-add", arguments("team", "`x`"), "",
			"`repos-add` needs the argument `repos`: repositories, as name, org/name or address. Usage: `/runner-group repos-add [--team platform] api,web [--for 7d] [--skip-refused]`.",
			"`repos-add` needs the argument `repos`: repositories, as name, org/name or address. Usage: `PATCH /api/v1/repos-add?team=platform&repos=api,web`.",
		},
		{
			"no labels", "runners-label", arguments("team", "web", "runners", "build-1"), "",
			"`runners-label` needs labels: `--add`, `--remove` or `--set`. Usage: `/runner-group runners-label [--team web] build-1,build-2 [--add gpu] [--remove old] [--set SET]`.",
			"`runners-label` needs labels: `add`, `remove` or `set`. Usage: `PATCH /api/v1/runners-label?team=web&runners=build-1,build-2&add=gpu`.",
		},
		{
			"an empty list", "repos-set", arguments("team", "web", "repos", ""), "",
			"`repos-set` needs the argument `repos`: all repositories that the group is to have, at least one, as name, org/name or address; to detach every one name them in repos-remove. Usage: `/runner-group repos-set [--team web] api,web`.",
			"`repos-set` needs the argument `repos`: all repositories that the group is to have, at least one, as name, org/name or address; to detach every one name them in repos-remove. Usage: `PATCH /api/v1/repos-set?team=web&repos=api,web`.",
		},
		{
			"a team that is not needed", "repo-runners", arguments("repo", "api", "team", "web"), "",
			"`repo-runners` knows no argument `--team`. It needs no team. Usage: `/runner-group repo-runners api [--labels self-hosted,gpu]`.",
			"`repo-runners` knows no argument `team`. It needs no team. Usage: `GET /api/v1/repo-runners?repo=api&labels=self-hosted,gpu`.",
		},
		{
			"a flag of comments, misspelt", "group-list", arguments("team", "web", "yess", "true"), "",
			"`group-list` knows no argument `--yess`. Did you mean `--yes`? Usage: `/runner-group group-list [--team web]`.",
			"`group-list` knows no argument `yess`. Usage: `GET /api/v1/group-list?team=web`.",
		},
		{
			"a word too many", "token-jit",
			dispatch.Args{Positional: []string{"a", "b"}, Named: arguments("team", "web").Named},
			"",
			"`token-jit` takes one word for `name`; `b` is one too many. Usage: `/runner-group token-jit [--team web] build-1 [--labels gpu] [--no-default-labels] [--work-folder _work]`.",
			"`token-jit` takes one word for `name`; `b` is one too many. Usage: `POST /api/v1/token-jit?team=web&name=build-1`.",
		},
		{
			"the issue's team", "help", arguments("comand", "x"), "web",
			"`help` knows no argument `--comand`. Did you mean `--command`? Usage: `/runner-group help [repos-add]`.",
			"`help` knows no argument `comand`. Did you mean `command`? Usage: `GET /api/v1/help`.",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			env := &dispatch.Env{Orgs: []*dispatch.Org{{Login: "acme"}}}
			d := dispatch.NewDispatcher(env, All(), env.Decode)
			for channel, want := range map[dispatch.Channel]string{dispatch.Comment: test.comment, dispatch.REST: test.rest} {
				_, err := d.Dispatch(t.Context(), dispatch.Request{Channel: channel, Command: test.command, Org: "acme", Args: test.args, TeamHint: test.hint})
				assert.Equal(t, want, dispatch.AsError(err).Message)
			}
		})
	}
}

// The answers that link to the first steps link to a section that exists.
func TestFirstRunnerLinks(t *testing.T) {
	page, err := os.ReadFile("../docs/first-runner.md")
	require.NoError(t, err)
	for _, c := range []dispatch.Command{groupCreate(), tokenRegister(), tokenJIT()} {
		link := regexp.MustCompile(`\(` + regexp.QuoteMeta(firstRunnerPage) + `#?([a-z-]*)\)`).FindStringSubmatch(strings.Join(c.Sample.Notes, " "))
		require.NotNil(t, link, c.Name)
		if heading := strings.ReplaceAll(link[1], "-", " "); heading != "" {
			assert.Contains(t, string(page), "## A"+strings.TrimPrefix(heading, "a")+"\n")
		}
	}
}

// Many names are in a list of their own, which a comment folds; a few are in the sentence.
func TestManyNamesAreListed(t *testing.T) {
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprintf("svc-%02d", i))
	}
	call := sampleCall()
	for name, result := range map[string]dispatch.Result{
		"repos-set added":   reposSetResult(call, []string{"api"}, many, nil, nil),
		"repos-set removed": reposSetResult(call, []string{"api"}, nil, many, nil),
		"repos-add":         reposAddResult(call, nil, many, nil, accessPlan{}),
		"repos-remove":      reposRemoveResult(call, nil, many, nil),
		"runners-remove":    removeResult(call, many, nil, nil),
		"group-delete":      deleteResult(call, GroupInfo{}, many),
		"workflows-set":     workflowsAnswer(call, "platform", many),
	} {
		assert.NotContains(t, result.Message, "svc-", name)
		require.Len(t, result.Tables, 1, name)
		assert.Len(t, result.Tables[0].Rows, 30, name)
	}
}

// If nothing names the team, usage shows an example.
func TestCheckWithoutTeam(t *testing.T) {
	refusal := dispatch.NewDispatcher(&dispatch.Env{}, All()).Check("group-list", "acme", arguments("yess", "true"))
	require.NotNil(t, refusal)
	assert.Contains(t, refusal.Message, "Usage: `/runner-group group-list [--team platform]`.")
}

// On the issue of a team, help shows the commands as one writes them for that team.
func TestHelpOfTeam(t *testing.T) {
	d := dispatch.NewDispatcher(&dispatch.Env{}, All(), (&dispatch.Env{}).Decode)
	all, err := d.Dispatch(t.Context(), dispatch.Request{Channel: dispatch.Comment, Command: "help", TeamHint: "web"})
	require.NoError(t, err)
	require.Len(t, all.Tables, 6)
	assert.Len(t, all.Tables[0].Rows, 5, "five lines")
	var listed []string
	for _, table := range all.Tables[1:] {
		assert.True(t, table.Folded, table.Title)
		assert.True(t, table.Code, "the commands are code, those without arguments too")
		for _, row := range table.Rows {
			listed = append(listed, strings.Fields(row[0])[0])
			assert.NotContains(t, row[0], "[--team", "the issue names the team")
		}
	}
	for _, c := range All() {
		assert.Contains(t, listed, c.Name)
	}

	one, err := d.Dispatch(t.Context(), dispatch.Request{Channel: dispatch.Comment, Command: "help", TeamHint: "web", Args: arguments("command", "audit-list")})
	require.NoError(t, err)
	assert.Contains(t, one.Message, "`/runner-group audit-list [--team web] [--since 7d] [--before 1d] [--by mona] [--command repos-add] [--changes] [--limit 50]`")
	assert.Equal(t, []string{"--since", "how far back: a date, a time, or how long ago (7d)"}, one.Tables[0].Rows[1])
}
