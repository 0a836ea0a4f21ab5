package dispatch

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// A Dispatcher is the only way to run a command.
type Dispatcher struct {
	env      *Env
	commands []Command
	byName   map[string]*Command // also by alias
	run      Func

	vocabulary *vocabulary // for suggestions
}

// NewDispatcher returns a dispatcher for cmds whose every call passes through mw,
// the outermost first. It panics if two commands answer to one name.
func NewDispatcher(env *Env, cmds []Command, mw ...Middleware) *Dispatcher {
	d := &Dispatcher{env: env, commands: cmds, byName: map[string]*Command{}}
	for i := range cmds {
		command := &cmds[i]
		for _, name := range append([]string{command.Name}, command.Aliases...) {
			if d.byName[name] != nil {
				panic(fmt.Sprintf("two commands are named %q", name))
			}
			d.byName[name] = command
		}
	}
	d.vocabulary = newVocabulary(d.Specs())
	d.run = func(ctx context.Context, call *Call) (Result, error) { return call.declared.run(ctx, call) }
	for _, wrap := range slices.Backward(mw) {
		d.run = wrap(d.run)
	}
	return d
}

// Specs returns the declarations of all commands, in the order of the list.
func (d *Dispatcher) Specs() []Spec { return d.specsIn("") }

// specsIn returns them as they are written in the comments of an organization.
func (d *Dispatcher) specsIn(org string) []Spec {
	specs := make([]Spec, 0, len(d.commands))
	for i := range d.commands {
		specs = append(specs, d.specIn(org, &d.commands[i]))
	}
	return specs
}

func (d *Dispatcher) specIn(org string, command *Command) Spec {
	spec := command.Spec
	spec.Trigger = d.env.trigger(org)
	return spec
}

// Lookup returns the declaration of the command that answers to name.
func (d *Dispatcher) Lookup(name string) (Spec, bool) {
	if c := d.byName[name]; c != nil {
		return d.specIn("", c), true
	}
	return Spec{}, false
}

// Unknown returns the refusal of a command that does not exist, with what was probably meant.
// The rest is what was typed behind its name: in a comment it may belong to the name.
func (d *Dispatcher) Unknown(name string, rest ...string) *Error {
	words := append([]string{name}, rest...)
	found := d.vocabulary.suggest(words)
	refusal := Refuse(ReasonUnknownCommand, "Unknown command %s.", Quote(strings.Join(words[:max(found.took, 1)], " ")))
	switch {
	case found.instead != "":
		refusal.Message += " " + found.instead
	case found.help:
		refusal.Message += " Did you mean `help " + found.spec.Name + "`?"
	case found.spec.Name != "":
		refusal.Message += " Did you mean `" + found.spec.Name + "`?"
	}
	if found.spec.Name != "" {
		refusal.Instead = found.line(words)
	}
	refusal.Message += " `help` lists all commands."
	return refusal
}

// Dispatch runs req, and returns its result or an error that is always an
// [*Error], made for the caller's eyes.
func (d *Dispatcher) Dispatch(ctx context.Context, req Request) (Result, error) {
	command := d.byName[req.Command]
	if command == nil {
		return Result{}, d.Unknown(req.Command)
	}
	if req.View != nil && command.Effect != Reads {
		return Result{}, AsError(fmt.Errorf("%s is no command that a view may run", command.Name))
	}
	if req.View != nil && req.View.Refresh {
		ctx = github.Background(ctx)
	}
	result, err := d.run(ctx, &Call{
		Request: req, Spec: d.specIn(req.Org, command), Env: d.env, declared: command, Dispatch: d.Dispatch,
		Specs: func() []Spec { return d.specsIn(req.Org) }, Unknown: d.Unknown,
	})
	if err != nil {
		return Result{}, AsError(err)
	}
	return result, nil
}
