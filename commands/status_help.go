package commands

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// NoArgs are the arguments of a command that takes none.
type NoArgs struct{}

func status() Command {
	return Define(Spec{
		Name: "status", Method: http.MethodGet,
		Summary: "Show the server's version and whether it can work",
		Needs:   Anyone, Effect: Reads,
		Sample: Result{Response: Status{Ready: true, Version: "1.0.0", GitHub: "ok"}},
	}, func(ctx context.Context, call *Call, _ NoArgs) (Result, error) {
		s := call.Env.Status(ctx)
		if s.GitHub != "ok" {
			return Result{}, &Error{
				Reason: ReasonGitHubError, Code: http.StatusServiceUnavailable,
				Message: "The server runs, but it cannot work with GitHub: " + s.GitHub + ". Comments that GitHub delivers are kept and answered later.",
			}
		}
		if !s.Ready {
			return Result{}, Refuse(ReasonUnavailable, "The server runs, but it cannot take work: %s.", strings.Join(s.Reasons, "; "))
		}
		return Result{Response: s, Message: fmt.Sprintf("Actions Runner Manager %s is ready, and GitHub answers.", s.Version)}, nil
	})
}

// HelpArgs are the arguments of help.
type HelpArgs struct {
	Command string `arg:"command,positional" doc:"the command to explain" example:"repos-add"`
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
	Doc      string `json:"doc"`
}

func help() Command {
	return Define(Spec{
		Name: "help", Method: http.MethodGet,
		Summary: "Explain the commands, or one of them",
		Needs:   Anyone, Effect: Reads, Example: "repos-add",
		Sample: helpOne(reposAdd().Spec, REST),
	}, func(_ context.Context, call *Call, args HelpArgs) (Result, error) {
		specs := call.specs()
		if args.Command == "" {
			return helpAll(specs, call.TeamHint), nil
		}
		for _, s := range specs {
			if s.Answers(strings.ToLower(args.Command)) {
				return helpOne(s.For(call.TeamHint), call.Channel), nil
			}
		}
		return Result{}, call.unknown(args.Command)
	})
}

// helpAll lists the commands, as one writes them for the team, where one is known.
func helpAll(specs []Spec, team string) Result {
	answer := HelpAnswer{}
	table := Table{Header: []string{"Command", "What it does"}, Code: true}
	for _, s := range specs {
		s = s.For(team)
		answer.Commands = append(answer.Commands, explain(s))
		table.Rows = append(table.Rows, []string{s.Usage(), s.Summary})
	}
	return Result{Response: answer, Message: "These are the commands. `/runner-group help repos-add` explains one.", Tables: []Table{table}}
}

func helpOne(s Spec, channel Channel) Result {
	message := fmt.Sprintf("`%s`: %s. %s", s.Usage(), lowerFirst(s.Summary), s.Details)
	table := Table{Header: []string{"Argument", "What it is"}, Code: true}
	for _, p := range s.Params {
		doc := p.Doc
		if p.Kind == KindList {
			doc += " (a list)"
		}
		if p.Required {
			doc += "; needed"
		}
		table.Rows = append(table.Rows, []string{strings.Trim(p.name(channel), "`"), doc})
	}
	if s.Effect == Reveals && !s.EncryptedOnly {
		table.Rows = append(table.Rows, []string{"--encrypted", "in a comment: let the answer be readable with your SSH key alone"})
	}
	result := Result{Response: HelpAnswer{Commands: []CommandHelp{explain(s)}}, Message: strings.TrimSpace(message)}
	if len(table.Rows) > 0 {
		result.Tables = []Table{table}
	}
	return result
}

func explain(s Spec) CommandHelp {
	h := CommandHelp{
		Name: s.Name, Aliases: s.Aliases, Summary: s.Summary, Details: s.Details,
		Usage: s.Usage(), REST: s.Method + " /api/v1/" + s.Name, Arguments: []ArgumentHelp{},
	}
	for _, p := range s.Params {
		h.Arguments = append(h.Arguments, ArgumentHelp{Name: p.Name, Kind: string(p.Kind), Required: p.Required, Doc: p.Doc})
	}
	return h
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
