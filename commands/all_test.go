package commands

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/costtest"
)

// Each command says what it needs; the table keeps anybody from loosening one unseen.
func TestNeeds(t *testing.T) {
	member := map[string]bool{
		"groups-list": true, "whoami": true, "repo-runners": true,
		"access-request": true, "requests-list": true, "request-approve": true, "request-deny": true, "request-withdraw": true,
	}
	anyone := map[string]bool{"status": true, "help": true}
	owner := map[string]bool{"group-adopt": true, "group-release": true}
	for _, c := range All() {
		want := dispatch.Maintainer
		switch {
		case member[c.Name]:
			want = dispatch.Member
		case anyone[c.Name]:
			want = dispatch.Anyone
		case owner[c.Name]:
			want = dispatch.Owner
		}
		assert.Equal(t, want, c.Needs, c.Name)
		assert.Equal(t, slices.Contains([]string{"group-list", "runners-list", "group-check"}, c.Name), c.MembersToo, c.Name)
		if want == dispatch.Maintainer && c.Name != "group-create" && c.Name != "audit-list" {
			assert.Equal(t, dispatch.OwnsGroup, c.Group, c.Name)
		}
	}
}

// The documented REST method of each command.
func TestMethods(t *testing.T) {
	want := map[string]string{
		"DELETE": "group-delete runners-remove trust-remove",
		"PATCH":  "repos-add repos-remove repos-set workflows-set group-release runners-label group-accept",
		"GET":    "group-list groups-list audit-list whoami status help runners-list repo-runners group-check trust-list requests-list",
	}
	for _, c := range All() {
		method := "POST"
		for m, names := range want {
			if slices.Contains(strings.Fields(names), c.Name) {
				method = m
			}
		}
		assert.Equal(t, method, c.Method, c.Name)
	}
}

// A command that destroys takes its team from no issue's field.
func TestDestroys(t *testing.T) {
	destroys := []string{"group-delete", "group-release", "repos-set", "repos-remove", "runners-remove", "runners-transfer", "workflows-set", "trust-remove"}
	for _, c := range All() {
		assert.Equal(t, slices.Contains(destroys, c.Name), c.Effect == dispatch.Destroys, c.Name)
	}
}

func TestHelpOfUnknownCommand(t *testing.T) {
	env := &dispatch.Env{}
	d := dispatch.NewDispatcher(env, All(), env.Decode)
	_, err := d.Dispatch(t.Context(), dispatch.Request{Command: "help", Args: arguments("command", "bom")})
	assert.Equal(t, dispatch.ReasonUnknownCommand, dispatch.ReasonOf(err))
	result, err := d.Dispatch(t.Context(), dispatch.Request{Command: "help"})
	require.NoError(t, err)
	assert.Len(t, result.Response.(HelpAnswer).Commands, len(All()))
}

// What cannot be decoded is refused as such, whatever it is.
func FuzzArguments(f *testing.F) {
	f.Add("platform", "repos", "a,b", "word")
	f.Add("", "workflows", `["x"]`, "")
	f.Add("a", "since", "7d", "[x")
	f.Add("a", "limit", "-1", "\x00")
	f.Add("a", "offline", "TRUE", "\u202e")
	f.Add("a", "repos", strings.Repeat("a,", 20_000), "")
	d := dispatch.NewDispatcher(&dispatch.Env{}, All())
	f.Fuzz(func(t *testing.T, team, name, value, word string) {
		costtest.Bounded(t, len(d.Specs())*(len(team)+len(name)+len(value)+len(word)), func() {
			for _, spec := range d.Specs() {
				args := dispatch.Args{Positional: strings.Fields(word), Named: []dispatch.NamedArg{{Name: "team", Values: []string{team}}}}
				args.Add(name, value)
				_ = d.Check(spec.Name, "acme", args)
			}
		})
		for _, spec := range d.Specs() {
			args := dispatch.Args{Positional: strings.Fields(word), Named: []dispatch.NamedArg{{Name: "team", Values: []string{team}}}}
			args.Add(name, value)
			if refusal := d.Check(spec.Name, "acme", args); refusal != nil && refusal.Status() != 400 && refusal.Reason != dispatch.ReasonRepoNotPermitted {
				t.Fatalf("%s: %v does not refuse the arguments", spec.Name, refusal)
			}
		}
	})
}

// arguments are named arguments, as name and value in turns.
func arguments(pairs ...string) (a dispatch.Args) {
	for i := 0; i < len(pairs); i += 2 {
		a.Add(pairs[i], pairs[i+1])
	}
	return a
}

// Every command is shown under a task, and under one only.
func TestByTask(t *testing.T) {
	var shown, all []string
	for _, group := range dispatch.ByTask(specsOf(All())) {
		for _, spec := range group.Specs {
			shown = append(shown, spec.Name)
		}
	}
	for _, c := range All() {
		assert.NotEmpty(t, c.Task, c.Name)
		all = append(all, c.Name)
	}
	assert.ElementsMatch(t, all, shown)
}

func specsOf(list []dispatch.Command) []dispatch.Spec {
	specs := make([]dispatch.Spec, len(list))
	for i, c := range list {
		specs[i] = c.Spec
	}
	return specs
}
