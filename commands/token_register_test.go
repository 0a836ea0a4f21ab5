package commands_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

func TestTokenRegister(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Test(t, []commandtest.Case{{Name: "without a group", Line: "token-register team=platform", Reason: dispatch.ReasonGroupNotFound}})
	k.Must("ada", "group-create team=platform")
	k.Test(t, []commandtest.Case{
		{Name: "by a member", As: "bob", Line: "token-register team=platform", Reason: dispatch.ReasonNotMaintainer},
		{Name: "by the maintainer", Line: "token-register team=platform", Then: func(t *testing.T, r dispatch.Result) {
			require.NotNil(t, r.Secret)
			assert.Contains(t, r.Secret.Text.Reveal(), "--runnergroup platform")
			assert.NotContains(t, r.Message, r.Secret.Text.Reveal())
		}},
	})
}

// A name that is taken is warned of, with the group in which it is.
func TestTokenRegisterNameTaken(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	k.AddRunner("platform", "mine", "online", false)
	for name, want := range map[string]string{"old-1": "exists in another group", "mine": "Your group has a runner named", "fresh": "", "": ""} {
		line := "token-register team=platform"
		if name != "" {
			line += " name=" + name
		}
		result, err := k.Run("ada", line)
		require.NoError(t, err)
		notes := result.Response.(commands.TokenAnswer).Notes
		assert.Contains(t, notes[len(notes)-1], "ignores `--runnergroup`")
		if want == "" {
			assert.Len(t, notes, 2, name)
			continue
		}
		assert.Contains(t, notes[0], want, name)
		assert.Contains(t, result.Notes[0], want, name)
	}
}

func TestTokenRegisterPolicy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		tokens  string
		adopted dispatch.Reason
		created dispatch.Reason
	}{
		{"true", "", ""},
		{"adopted", "", dispatch.ReasonPolicy},
		{"false", dispatch.ReasonPolicy, dispatch.ReasonPolicy},
	} {
		t.Run(test.tokens, func(t *testing.T) {
			k := commandtest.New(t, func(p *dispatch.Policy) { p.RegistrationTokens = test.tokens })
			k.Must("ada", "group-create team=platform")
			k.Must("olga", "group-adopt team=web group=legacy")
			k.Test(t, []commandtest.Case{
				{Name: "a created group", Line: "token-register team=platform", Reason: test.created},
				{Name: "an adopted group", Line: "token-register team=web", Reason: test.adopted},
			})
		})
	}
}

// registerLines returns the lines that set up a permanent runner.
func registerLines(t *testing.T, k *commandtest.Kit, line string) []string {
	t.Helper()
	result, err := k.Run("ada", line)
	require.NoError(t, err)
	answer := result.Response.(commands.TokenAnswer)
	assert.True(t, strings.HasPrefix(result.Secret.Text.Reveal(), strings.Join(answer.Commands, "\n")))
	return answer.Commands
}

func TestTokenRegisterLines(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t, func(p *dispatch.Policy) { p.GroupName = "the {team}'s $HOME" })
	k.Must("ada", "group-create team=platform")
	k.Test(t, []commandtest.Case{
		{Name: "a name that is none", Line: "token-register team=platform name=$(id)", Reason: dispatch.ReasonInvalidArgument},
		{Name: "a label that is none", Line: "token-register team=platform labels=$(id)", Reason: dispatch.ReasonInvalidArgument},
		{Name: "a system that is none", Line: "token-register team=platform os=beos", Reason: dispatch.ReasonInvalidArgument},
		{Name: "an architecture that is none", Line: "token-register team=platform arch=x86", Reason: dispatch.ReasonInvalidArgument},
	})

	linux := registerLines(t, k, "token-register team=platform name=build-1 labels=gpu,a:b")
	assert.Equal(t, []string{"sudo ./svc.sh install", "sudo ./svc.sh start", `# In a workflow: runs-on: [self-hosted, gpu, "a:b"]`}, linux[len(linux)-3:])
	config := linux[len(linux)-4]
	assert.Contains(t, config, `./config.sh --unattended --url `)
	assert.Contains(t, config, ` --runnergroup 'the platform'\''s $HOME' --token `)
	assert.True(t, strings.HasSuffix(config, " --name build-1 --labels gpu,a:b"), config)
	assert.Contains(t, strings.Join(linux, "\n"), "actions-runner-linux-x64-2.")

	mac := registerLines(t, k, "token-register team=platform os=osx")
	assert.Contains(t, strings.Join(mac, "\n"), "actions-runner-osx-arm64-2.")
	assert.Contains(t, strings.Join(mac, "\n"), "shasum -a 256")
	assert.Contains(t, mac, "./svc.sh install")

	win := registerLines(t, k, "token-register team=platform os=win arch=arm64 name=build-1 labels=gpu")
	assert.Contains(t, strings.Join(win, "\n"), "actions-runner-win-arm64-2.")
	config = win[len(win)-2]
	assert.Contains(t, config, `.\config.cmd --unattended`)
	assert.Contains(t, config, ` --runnergroup 'the platform''s $HOME' `)
	assert.True(t, strings.HasSuffix(config, " --labels 'gpu' --runasservice"), config)

	k.Hub.ResetCalls()
	registerLines(t, k, "token-register team=platform")
	assert.False(t, slices.ContainsFunc(k.Hub.Calls(), func(c ghsim.Call) bool { return strings.HasSuffix(c.Path, "/downloads") }), "asked once an hour")
}

// TestTokenRegisterWithoutReleases says that a token is worth more than the lines around it.
func TestTokenRegisterWithoutReleases(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	k.Hub.Inject(ghsim.Fault{Path: "/downloads", Status: 404, Times: 10})
	lines := registerLines(t, k, "token-register team=platform")
	assert.True(t, strings.HasPrefix(lines[0], "./config.sh --unattended --url "), lines[0])
}

// TestTokenRegisterLinesRun pastes the lines into a shell whose programs only say how they
// were called.
func TestTokenRegisterLinesRun(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell here")
	}
	k := commandtest.New(t, func(p *dispatch.Policy) { p.GroupName = "the {team}'s $HOME" })
	k.Must("ada", "group-create team=platform")
	lines := registerLines(t, k, "token-register team=platform name=build-1 labels=gpu")

	for name, file := range map[string]string{"right": `printf %s "$3" >"$3"`, "wrong": `printf wrong >"$3"`} { // the simulated checksums are of the names
		t.Run(name, func(t *testing.T) {
			bin, home := t.TempDir(), t.TempDir()
			for name, script := range map[string]string{
				"curl": file,
				"tar":  `for f in config svc; do printf '#!/bin/sh\nprintf "%%s|" $0 "$@"; echo\n' >$f.sh; chmod +x $f.sh; done`,
				"sudo": `exec "$@"`,
			} {
				require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
			}
			cmd := exec.CommandContext(t.Context(), shell)
			cmd.Dir, cmd.Env, cmd.Stdin = home, []string{"PATH=" + bin + ":" + os.Getenv("PATH")}, strings.NewReader(strings.Join(lines, "\n")+"\n")
			out, err := cmd.Output()
			if name == "wrong" {
				assert.NotContains(t, string(out), "config.sh", "what was not verified is not used")
				return
			}
			require.NoError(t, err)
			assert.Contains(t, string(out), "|--runnergroup|the platform's $HOME|--token|A")
			assert.Contains(t, string(out), "|--name|build-1|--labels|gpu|")
			assert.Contains(t, string(out), "./svc.sh|install|\n./svc.sh|start|\n")
		})
	}
}
