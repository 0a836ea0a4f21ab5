package commands_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestHelp(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Test(t, []commandtest.Case{
		{Name: "by anybody", As: "nobody", Line: "help", Then: func(t *testing.T, r dispatch.Result) {
			assert.Len(t, r.Response.(commands.HelpAnswer).Commands, len(commands.All()))
		}},
		{Name: "of one command", As: "nobody", Line: "help command=repos-add", Then: func(t *testing.T, r dispatch.Result) {
			require.Len(t, r.Response.(commands.HelpAnswer).Commands, 1)
			command := r.Response.(commands.HelpAnswer).Commands[0]
			assert.Equal(t, "repos-add", command.Name)
			assert.Equal(t, []string{"repos"}, positionalOf(command))
		}},
		{Name: "of one without a list", As: "nobody", Line: "help command=group-list", Then: func(t *testing.T, r dispatch.Result) {
			assert.Equal(t, []string{"team"}, positionalOf(r.Response.(commands.HelpAnswer).Commands[0]))
		}},
		{Name: "of one without arguments", As: "nobody", Line: "help command=status", Then: func(t *testing.T, r dispatch.Result) {
			assert.Empty(t, positionalOf(r.Response.(commands.HelpAnswer).Commands[0]))
		}},
		{Name: "of none", As: "nobody", Line: "help command=repo-add", Reason: dispatch.ReasonUnknownCommand},
	})
}

// A line whose first words are no command leads to the same command as in a comment.
func TestHelpOfUnknownLine(t *testing.T) {
	d := dispatch.NewDispatcher(&dispatch.Env{}, commands.All())
	var line dispatch.Args
	line.Add("command", "repos-add api --team platform")
	assert.Nil(t, d.Check("help", "acme", line), "it begins with a command")
	for line, want := range map[string]string{"add repo api": "repos-add", "list runners": "runners-list", "repo-add api": "repos-add"} {
		var args dispatch.Args
		args.Add("command", line)
		refusal := d.Check("help", "acme", args)
		require.NotNil(t, refusal, line)
		assert.Contains(t, refusal.Message, "Did you mean `"+want+"`?")
		assert.Equal(t, "help "+want, refusal.Instead)
	}
}

func positionalOf(command commands.CommandHelp) (names []string) {
	for _, a := range command.Arguments {
		if a.Positional {
			names = append(names, a.Name)
		}
	}
	return names
}
