package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

func TestCalls(t *testing.T) {
	good := configFile(t, "org: acme\nserver: {port: 0}\npolicy: {registrationTokens: false}\n")
	tests := []struct {
		name           string
		args           []string
		want           int
		stdout, stderr string
	}{
		{"version", []string{"version"}, 0, "actions-runner-manager v1.2.3, commit abcdef, go1.", ""},
		{"version as a flag", []string{"--version"}, 0, "actions-runner-manager v1.2.3, commit abcdef, go1.", ""},
		{"help", []string{"--help"}, 0, "actions-runner-manager demo", ""},
		{"help of a subcommand", []string{"groups", "adopt", "--help"}, 0, "--dry-run", ""},
		{"every subcommand takes --config", []string{"version", "--config", "x.yml"}, 0, "v1.2.3", ""},
		{"unknown command", []string{"serv"}, 2, "", `unknown command "serv": did you mean "serve"?`},
		{"unknown subcommand", []string{"groups", "adapt"}, 2, "", `unknown command "adapt": did you mean "adopt"?`},
		{"no subcommand", []string{"groups"}, 2, "", "say what to do: adopt, list, release, export, import"},
		{"unknown flag", []string{"serve", "--port", "1"}, 2, "", "unknown flag: --port"},
		{"a flag without its value", []string{"serve", "--config"}, 2, "", "flag needs an argument: --config"},
		{"too many arguments", []string{"version", "x"}, 2, "", `unexpected argument "x"`},
		{"too few arguments", []string{"parse"}, 2, "", "TEXT is missing"},
		{"two texts", []string{"parse", "a", "b"}, 2, "", `unexpected argument "b"`},
		{"adopt nobody", []string{"groups", "adopt"}, 2, "", "--team is missing, or --all"},
		{"adopt all and one", []string{"groups", "adopt", "--all", "--team", "x"}, 2, "", "exclude each other"},
		{"a group for all", []string{"groups", "adopt", "--all", "--group", "x"}, 2, "", "--group is given without --team"},
		{"yes to one", []string{"groups", "adopt", "--team", "x", "--yes"}, 2, "", "--yes is given without --all"},
		{"release nobody", []string{"groups", "release"}, 2, "", "--team is missing"},
		{"groups in set-up mode", []string{"groups", "list", "--config", good}, 1, "", "no GitHub App is configured yet"},
		{"configuration", []string{"config", "check", "--config", good}, 0, "org: acme", ""},
		{"no configuration", []string{"config", "check", "--config", "/nowhere.yml"}, 1, "", "/nowhere.yml: there is no such file"},
		{"serve without one", []string{"--config", "/nowhere.yml"}, 1, "", "/nowhere.yml"},
		{"replay nothing", []string{"replay", "/nowhere.json"}, 1, "", "cannot read /nowhere.json: no such file or directory; name a file that exists"},
		{"import nothing", []string{"groups", "import", "/nowhere.json"}, 1, "", "cannot read /nowhere.json: "},
		{"a default that is no number", []string{"demo", "--help"}, 0, "(default 8080, or a free one)\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := do(t, nil, tt.args...)
			assert.Equal(t, tt.want, got.status, got.stderr)
			assert.Contains(t, got.stdout, tt.stdout)
			assert.Contains(t, got.stderr, tt.stderr)
			if tt.want == 0 {
				assert.Empty(t, got.stderr)
			} else {
				assert.Empty(t, got.stdout)
				assert.NotContains(t, got.stderr, "Usage:")
				assert.Equal(t, byte('\n'), got.stderr[len(got.stderr)-1])
			}
		})
	}
}

func TestConfigCheckNamesEveryMistake(t *testing.T) {
	path := configFile(t, "org: acme\nservr: {}\nlogging: {level: loud}\nserver: {port: 70000}\n")
	got := do(t, nil, "config", "check", "--config", path)
	assert.Equal(t, 1, got.status)
	for _, want := range []string{":2:1: servr", "logging.level", "server.port"} {
		assert.Contains(t, got.stderr, want)
	}
}

func TestApprovalNamesCommandsThatCanBeApproved(t *testing.T) {
	path := configFile(t, "org: acme\npolicy:\n  approval: [group-create, repos-add, group-list, token-jit, request-approve, access-request, group-adopt, repo-set]\n")
	got := do(t, nil, "config", "check", "--config", path)
	assert.Equal(t, 1, got.status)
	for _, want := range []string{
		"cannot list group-list, which changes nothing", "cannot list token-jit, which reveals a secret", "cannot list request-approve, which is not for maintainers",
		"cannot list access-request, which", "cannot list group-adopt, which is for owners only", "Unknown command `repo-set`",
	} {
		assert.Contains(t, got.stderr, "policy.approval: "+want)
	}
	assert.NotContains(t, got.stderr, "group-create")
}

func TestConfirmNamesRealCommands(t *testing.T) {
	path := configFile(t, "org: acme\npolicy:\n  confirm: [group-delete, group-add, repo-set]\n")
	for _, args := range [][]string{{"config", "check"}, {"serve"}} {
		got := do(t, nil, append(args, "--config", path)...)
		assert.Equal(t, 1, got.status)
		assert.Equal(t, path+": policy.confirm: Unknown command `repo-set`. Did you mean `repos-set`? `help` lists all commands.\n", got.stderr)
	}
	got := do(t, []string{"ARM_ORG=acme", "ARM_POLICY_CONFIRM=nonsense-name", "CONFIG_PATH=" + configFile(t, "")}, "config", "check")
	assert.Contains(t, got.stderr, "ARM_POLICY_CONFIRM: policy.confirm: ")
}

func TestConfigCheckMasksAndWarns(t *testing.T) {
	path := configFile(t, "org: acme\ngithub: {webhookSecret: hush-hush}\npolicy: {publicRepos: true}\n")
	got := do(t, nil, "config", "check", "--config", path)
	assert.Equal(t, 0, got.status)
	assert.NotContains(t, got.stdout+got.stderr, "hush-hush")
	assert.Contains(t, got.stdout, "[secret]")
	assert.Contains(t, got.stderr, "warning: policy.publicRepos is true")
}

func TestParse(t *testing.T) {
	got := do(t, nil, "parse", "Hello\n/runner-group repos-add api,web --team platform\n`/runner-group x`\n/runner-group group-lst")
	assert.Equal(t, 1, got.status, "a line is wrong")
	assert.Empty(t, got.stderr)
	assert.Contains(t, got.stdout, `line 2: repos-add "api,web" team=["platform"]`)
	assert.Contains(t, got.stdout, "unknown_command")
	assert.NotContains(t, got.stdout, "line 3")

	got = do(t, nil, "parse", "nothing here")
	assert.Contains(t, got.stdout, "holds no command")

	for _, dashed := range []string{"- a\n\n/runner-group group-list", "---\n/runner-group group-list", "-- a=b\n/runner-group group-list", "- /runner-group help"} {
		got = do(t, nil, "parse", dashed)
		assert.Empty(t, got.stderr, dashed)
	}

	got = do(t, nil, "parse", "--json", "/runner-group group-add")
	assert.Equal(t, 0, got.status)
	assert.Contains(t, got.stdout, `"command": "group-create"`)
	assert.JSONEq(t, "[]", do(t, nil, "parse", "--json", "nothing").stdout)
}

// Whatever a server would refuse without asking GitHub, parse reports.
func TestParseChecksArguments(t *testing.T) {
	const workflow = "/.github/workflows/build.yml@refs/heads/main"
	acme := configFile(t, "org: acme\n")
	for _, tt := range []struct{ name, line, config, want string }{
		{"no repositories", "repos-add", "", "missing_argument"},
		{"a bad repository", "repos-add 'a b'", "", "invalid_argument"},
		{"a full name", "repos-add acme/web", "", ""},
		{"a bad team", "group-list --team 'a!'", "", "invalid_argument"},
		{"a team of the place", "group-list", "", ""},
		{"an unknown flag", "group-list --name x", "", "unknown_argument"},
		{"a bad runner's name", "token-jit 'x!'", "", "invalid_argument"},
		{"a bad number", "audit-list --limit many", "", "invalid_argument"},
		{"neither names nor offline", "runners-remove", "", "missing_argument"},
		{"workflows of any organization", "workflows-set globex/web" + workflow, "", ""},
		{"workflows of two", "workflows-set globex/web" + workflow + ",acme/web" + workflow, "", "invalid_argument"},
		{"workflows of another", "workflows-set globex/web" + workflow, acme, "invalid_argument"},
		{"workflows of this one", "workflows-set acme/web" + workflow, acme, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := []string{"parse", "/runner-group " + tt.line}
			if tt.config != "" {
				args = append(args, "--config", tt.config)
			}
			got := do(t, nil, args...)
			if tt.want == "" {
				assert.Equal(t, 0, got.status, got.stdout)
				return
			}
			assert.Equal(t, exitFailed, got.status)
			assert.Contains(t, got.stdout, "\n  "+tt.want+": ")
		})
	}
}

func TestReferenceIsCommitted(t *testing.T) {
	committed, err := os.ReadFile("../../docs/reference.md")
	require.NoError(t, err)
	assert.Equal(t, string(committed), string(reference()), "run make docs and commit docs/reference.md")
}

func TestErrorsAreOneLine(t *testing.T) {
	err := errors.New("connect to the database:\n\t127.0.0.1: refused\n\t127.0.0.1: refused\n\t[::1]: refused")
	assert.Equal(t, "connect to the database: 127.0.0.1: refused; [::1]: refused", sentence(err))
}

// A file that a key names and that is missing is named with the key, on one line.
func TestMissingFilesAreNamed(t *testing.T) {
	for _, tt := range []struct{ name, config, want string }{
		{"privateKeyFile", "appID: 1\nprivateKeyFile: /gone/key.pem", "privateKeyFile: the file /gone/key.pem cannot be read: no such file or directory"},
		{"clientSecretFile", "clientSecretFile: /gone/secret", "clientSecretFile: the file /gone/secret cannot be read"},
		{"webhookSecretFile", "github: {webhookSecretFile: /gone/hook}", "github.webhookSecretFile: the file /gone/hook cannot be read"},
		{"database.urlFile", "database: {urlFile: db.txt}", "database.urlFile: the file db.txt cannot be read"},
		{"caFile", "github: {caFile: /gone/ca.pem}", "github.caFile: the file /gone/ca.pem cannot be read"},
		{"certFile", "server: {tls: {enabled: true, certFile: gone.pem, keyFile: /dev/null}}", "server.tls.certFile: the file gone.pem cannot be read"},
		{"keyFile", "server: {tls: {enabled: true, certFile: /dev/null, keyFile: gone.key}}", "server.tls.keyFile: the file gone.key cannot be read"},
		{"a folder", "privateKeyFile: /dev\nappID: 1", "privateKeyFile: the file /dev cannot be read: is a directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := configFile(t, "org: acme\n"+tt.config+"\n")
			for _, args := range [][]string{{"config", "check"}, {"serve"}} {
				got := do(t, nil, append(args, "--config", path)...)
				assert.Equal(t, exitFailed, got.status)
				assert.Contains(t, got.stderr, tt.want)
				assert.Equal(t, 1, strings.Count(got.stderr, "\n"), got.stderr)
			}
		})
	}
}

// A valid configuration is called valid. Without an App it also says what is missing.
func TestConfigCheckSaysValid(t *testing.T) {
	t.Chdir(t.TempDir())
	got := do(t, nil, "config", "check")
	assert.Equal(t, exitFine, got.status)
	assert.Empty(t, got.stderr)
	assert.Contains(t, got.stdout, "# There is no config.yml, so these are the defaults and what the environment sets. They are valid.\n"+
		"# There is no GitHub App yet, so the server would start in set-up mode.\n"+
		"# To start without set-up, set: org, appID (or clientID), privateKey.\n")
	got = do(t, nil, "config", "check", "--config", configFile(t, "org: acme\n"))
	assert.Contains(t, got.stdout, "config.yml is valid.\n# There is no GitHub App yet")
	assert.Contains(t, got.stdout, "set: appID (or clientID), privateKey.\n")
	key, err := ghsim.NewKey()
	require.NoError(t, err)
	got = do(t, []string{"ARM_PRIVATE_KEY=" + key}, "config", "check", "--config", configFile(t, "org: acme\nappID: 1\n"))
	assert.True(t, strings.HasSuffix(got.stdout, "config.yml is valid.\n"), got.stdout)
	require.NoError(t, yaml.Unmarshal([]byte(got.stdout), &map[string]any{}))
}
