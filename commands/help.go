package commands

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// HelpArgs are the arguments of help.
type HelpArgs struct {
	Command string `arg:"command,positional" doc:"the command to explain; words behind its name do not matter" example:"repos-add"`
}

// HelpAnswer is what help answers.
type HelpAnswer struct {
	Commands []CommandHelp `json:"commands"`
}

// CommandHelp explains one command.
type CommandHelp struct {
	Name      string         `json:"name"`
	Aliases   []string       `json:"aliases,omitempty"`
	Summary   string         `json:"summary"`
	Details   string         `json:"details,omitempty"`
	Usage     string         `json:"usage"`
	REST      string         `json:"rest"`
	Arguments []ArgumentHelp `json:"arguments"`
}

// ArgumentHelp explains one argument.
type ArgumentHelp struct {
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	Required bool   `json:"required"`
	// Positional means that words without a flag are this argument.
	Positional bool   `json:"positional"`
	Doc        string `json:"doc"`
}

func help() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "help", Method: http.MethodGet,
		Summary:  "Explain the commands, or one of them",
		Task:     dispatch.TaskActivity,
		Refusals: []dispatch.Reason{dispatch.ReasonUnknownCommand},
		Needs:    dispatch.Anyone, Effect: dispatch.Reads, Example: "repos-add",
		Sample: helpOne(reposAdd().Spec, dispatch.REST),
	}, func(_ context.Context, call *dispatch.Call, args HelpArgs) (dispatch.Result, error) {
		if strings.TrimSpace(args.Command) == "" {
			return helpAll(call.Specs(), call.TeamHint), nil
		}
		spec, _ := specOf(call, args.Command)
		return helpOne(spec.For(call.TeamHint), call.Channel), nil
	}, checkHelp)
}

// checkHelp refuses a command that does not exist, with the line that explains the one that
// was probably meant.
func checkHelp(call *dispatch.Call, a HelpArgs) error {
	words := strings.Fields(a.Command)
	if len(words) == 0 {
		return nil
	}
	if _, ok := specOf(call, a.Command); ok {
		return nil
	}
	refusal := call.Unknown(words[0], words[1:]...)
	if name, _, _ := strings.Cut(refusal.Instead, " "); name != "" && name != "help" {
		refusal.Instead = "help " + name
	}
	return refusal
}

// specOf returns the declaration of the command that a line begins with, in any case.
func specOf(call *dispatch.Call, line string) (dispatch.Spec, bool) {
	name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	for _, s := range call.Specs() {
		if s.Answers(strings.ToLower(name)) {
			return s, true
		}
	}
	return dispatch.Spec{}, false
}

// The commands that help shows first, with what they are for.
var firstCommands = [][2]string{ //nolint:gochecknoglobals // a table that is never written
	{"group-create", "Create your team's runner group"},
	{"repos-add api,web", "Attach repositories to it"},
	{"token-register", "Get a permanent runner; for a runner that does one job use token-jit"},
	{"group-list", "See its repositories and runners"},
	{"help repos-add", "Explain a command"},
}

// tasks groups the commands for help, by what their names begin with.
var tasks = []struct { //nolint:gochecknoglobals // a table that is never written
	title string
	words []string
}{
	{"Repositories", []string{"repos", "access", "request", "requests"}},
	{"Runners", []string{"token", "runners", "runner", "repo"}},
	{"Workflows", []string{"workflows", "trust"}},
	{"Groups", []string{"group", "groups"}},
	{"Who and what", nil},
}

// taskOf returns the index of the command's task.
func taskOf(name string) int {
	word, _, _ := strings.Cut(name, "-")
	for i, task := range tasks {
		if slices.Contains(task.words, word) {
			return i
		}
	}
	return len(tasks) - 1
}

// helpAll shows a few commands, and all of them by task.
func helpAll(specs []dispatch.Spec, team string) dispatch.Result {
	answer := HelpAnswer{}
	slash := specs[0].Slash()
	header := []string{"Command", "What it does"}
	first := dispatch.Table{Header: header, Code: true}
	for _, line := range firstCommands {
		first.Rows = append(first.Rows, []string{slash + " " + line[0], line[1]})
	}
	tables := make([]dispatch.Table, len(tasks))
	for _, s := range specs {
		s = s.For(team)
		answer.Commands = append(answer.Commands, explainSpec(s))
		table := &tables[taskOf(s.Name)]
		table.Rows = append(table.Rows, []string{usageOfTeam(s), s.Summary})
	}
	for i := range tables {
		tables[i].Title = fmt.Sprintf("%s (%s)", tasks[i].title, countOf(len(tables[i].Rows), "command"))
		tables[i].Header, tables[i].Code, tables[i].Folded = header, true, true
	}
	tables = slices.DeleteFunc(tables, func(t dispatch.Table) bool { return len(t.Rows) == 0 })
	message := "Write a command in a line of a comment. The team is that of the issue's label `team:SLUG`; else add `--team SLUG`."
	return dispatch.Result{Response: answer, Message: message, Tables: append([]dispatch.Table{first}, tables...)}
}

// usageOfTeam is the command as one types it if the issue names the team.
func usageOfTeam(s dispatch.Spec) string {
	s.Params = slices.DeleteFunc(slices.Clone(s.Params), func(p dispatch.Param) bool { return p.Name == "team" })
	return strings.TrimPrefix(s.Usage(), s.Slash()+" ")
}

func helpOne(s dispatch.Spec, channel dispatch.Channel) dispatch.Result {
	message := fmt.Sprintf("`%s`: %s. %s", s.Usage(), lowerFirst(s.Summary), s.Details)
	table := dispatch.Table{Header: []string{"Argument", "What it is"}, Code: true}
	for _, p := range s.Params {
		doc := p.Doc
		if p.Kind == dispatch.KindList {
			doc += " (a list)"
		}
		if p.Required {
			doc += "; needed"
		}
		table.Rows = append(table.Rows, []string{strings.Trim(p.NameIn(channel), "`"), doc})
	}
	if s.Effect == dispatch.Reveals && !s.EncryptedOnly {
		table.Rows = append(table.Rows, []string{"--encrypted", "in a comment: encrypt the answer so that only your SSH key can read it"})
	}
	result := dispatch.Result{Response: HelpAnswer{Commands: []CommandHelp{explainSpec(s)}}, Message: strings.TrimSpace(message)}
	if len(table.Rows) > 0 {
		result.Tables = []dispatch.Table{table}
	}
	return result
}

func explainSpec(s dispatch.Spec) CommandHelp {
	h := CommandHelp{
		Name: s.Name, Aliases: s.Aliases, Summary: s.Summary, Details: s.Details,
		Usage: s.Usage(), REST: s.Method + " /api/v1/" + s.Name, Arguments: []ArgumentHelp{},
	}
	positional, _ := s.Positional()
	for _, p := range s.Params {
		h.Arguments = append(h.Arguments, ArgumentHelp{
			Name: p.Name, Kind: string(p.Kind), Required: p.Required, Positional: p.Name == positional.Name, Doc: p.Doc,
		})
	}
	return h
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
