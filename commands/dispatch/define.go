package dispatch

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
)

// A Func runs a call.
type Func func(context.Context, *Call) (Result, error)

// A Middleware wraps every command with something that all have in common.
type Middleware func(Func) Func

// A Command is a declared command, bound to what runs it. Make one with [Define].
type Command struct {
	Spec
	decode func(Args, Channel) (any, error)
	run    Func
}

// Define binds spec to run. A is the argument struct: the tags of its fields name
// and explain the parameters. It panics at start where A or spec is malformed.
func Define[A any](spec Spec, run func(context.Context, *Call, A) (Result, error)) Command {
	t := reflect.TypeFor[A]()
	params, err := paramsOf(t)
	if err == nil {
		err = check(spec, params)
	}
	if err != nil {
		panic(fmt.Sprintf("command %q: %v", spec.Name, err))
	}
	spec.Params = params
	return Command{
		Spec: spec,
		decode: func(args Args, channel Channel) (any, error) {
			value := reflect.New(t).Elem()
			if err := decodeInto(value, spec, args, channel); err != nil {
				return nil, err
			}
			return value.Interface(), nil
		},
		run: func(ctx context.Context, call *Call) (Result, error) {
			args, ok := call.Decoded.(A)
			if !ok {
				return Result{}, fmt.Errorf("command %s: its arguments were not decoded", spec.Name)
			}
			return run(ctx, call, args)
		},
	}
}

// check finds what is wrong with a declaration.
func check(spec Spec, params []Param) error {
	switch {
	case !nameShape.MatchString(spec.Name):
		return fmt.Errorf("its name is not lower-case words joined by dashes")
	case spec.Summary == "":
		return fmt.Errorf("it has no summary")
	case !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete}, spec.Method):
		return fmt.Errorf("method %q is not one that commands use", spec.Method)
	}
	positional := 0
	for i, p := range params {
		if p.Positional {
			positional++
		}
		if slices.ContainsFunc(params[:i], func(q Param) bool { return q.Name == p.Name }) {
			return fmt.Errorf("argument %q is declared twice", p.Name)
		}
	}
	if positional > 1 {
		return fmt.Errorf("more than one argument is positional")
	}
	hasTeam := slices.ContainsFunc(params, func(p Param) bool { return p.Name == "team" && p.Kind == KindString })
	if (spec.Needs == Maintainer || spec.Group == OwnsGroup) && !hasTeam {
		return fmt.Errorf("it works on a team and has no team argument")
	}
	return nil
}
