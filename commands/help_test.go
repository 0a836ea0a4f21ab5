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

func positionalOf(command commands.CommandHelp) (names []string) {
	for _, a := range command.Arguments {
		if a.Positional {
			names = append(names, a.Name)
		}
	}
	return names
}
