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
	decode func(*Call) (decoded, error)
	check  func(*Call) error
	run    Func
}

// Define binds spec to run. A is the argument struct: the tags of its fields name and
// explain the parameters. The checks look at decoded arguments before anybody is asked
// anything; their errors are refusals. Define panics if A or spec is malformed.
func Define[A any](spec Spec, run func(context.Context, *Call, A) (Result, error), checks ...func(*Call, A) error) Command {
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
		decode: func(call *Call) (decoded, error) {
			value := reflect.New(t).Elem()
			teams, err := decodeInto(value, spec, call)
			if err != nil {
				return decoded{}, err
			}
			args, ok := value.Interface().(A)
			if !ok {
				return decoded{}, fmt.Errorf("command %s: its arguments are of another type", spec.Name)
			}
			return decoded{args: args, teams: teams}, nil
		},
		check: func(call *Call) error {
			args, _ := call.decoded.args.(A)
			for _, check := range checks {
				if err := check(call, args); err != nil {
					return err
				}
			}
			return nil
		},
		run: func(ctx context.Context, call *Call) (Result, error) {
			args, ok := call.decoded.args.(A)
			if !ok {
				return Result{}, fmt.Errorf("command %s: its arguments were not decoded", spec.Name)
			}
			return run(ctx, call, args)
		},
	}
}

// decoded is what a command's arguments became.
type decoded struct {
	args any // the command's argument struct
	// teams are the slugs of its fields of type Team: first the argument "team", then the
	// second team; "" if not given.
	teams [2]string
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
	hasTeam := slices.ContainsFunc(params, func(p Param) bool { return p.Name == "team" && p.Team })
	if (spec.Needs == Maintainer || spec.Group == OwnsGroup) && !hasTeam {
		return fmt.Errorf("it works on a team and has no team argument")
	}
	return nil
}
