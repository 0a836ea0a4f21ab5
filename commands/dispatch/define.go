package dispatch

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// A Func runs a call.
type Func func(context.Context, *Call) (Result, error)

// A Dispatch runs a request, as [Dispatcher.Dispatch] does.
type Dispatch func(context.Context, Request) (Result, error)

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
	fields := len(params)
	if spec.DryRuns() {
		params = append(params, Param{Name: DryRun, Kind: KindBool, Doc: "check everything, change nothing, and show what would change"})
	}
	spec.Params = params
	return Command{
		Spec: spec,
		decode: func(call *Call) (decoded, error) {
			value := reflect.New(t).Elem()
			teams, err := decodeInto(value, spec, fields, call)
			if err == nil {
				err = call.decodeDryRun()
			}
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
	case spec.Task != "" && !spec.Task.exists():
		return fmt.Errorf("its task %q is not one of dispatch's", spec.Task)
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
	required := slices.ContainsFunc(params, func(p Param) bool { return p.Name == "team" && p.Required })
	if hasTeam && spec.Needs == Maintainer && required == spec.WholeOrg {
		return fmt.Errorf("its team must be required, unless it is for the whole organization too")
	}
	return nil
}

// decodeArgs decodes the call's arguments and checks them, as far as nobody needs to be asked.
func (c *Call) decodeArgs() error {
	args, err := c.declared.decode(c)
	if err != nil {
		return c.withUsage(err)
	}
	c.decoded = args
	return c.withUsage(c.declared.check(c))
}

// checkArguments finds what is wrong with the arguments, as far as nobody needs to be asked.
// A team that is not named is no mistake: the issue, or what the caller maintains, may name
// it.
func (c *Call) checkArguments() error {
	probe := &Call{
		Request: c.Request, Spec: c.Spec, Env: c.Env, Org: c.Org,
		declared: c.declared, Specs: c.Specs, Unknown: c.Unknown, anyTeam: true,
	}
	return probe.decodeArgs()
}

// ArgumentName returns what the argument of that name is called at the call's channel.
func (c *Call) ArgumentName(name string) string {
	p, _ := c.Spec.Param(name)
	return p.NameIn(c.Channel)
}

// namesTeam reports whether the arguments say which team the call is for.
func (c *Call) namesTeam() bool { return c.Spec.TeamIn(c.Args) != "" }

// Check finds what a command in a comment would be refused for, whoever wrote it and
// whatever GitHub says: its arguments. An empty org means whichever organization the
// arguments mean. Nothing is asked of GitHub, and nothing runs.
func (d *Dispatcher) Check(name, org string, args Args) *Error {
	command := d.byName[name]
	if command == nil {
		return d.Unknown(name)
	}
	if org == "" {
		org = ownerIn(args)
	}
	call := &Call{
		Request: Request{Channel: Comment, Command: name, Org: org, Args: args},
		Spec:    command.Spec, Env: d.env, Org: &Org{Login: org}, declared: command, Specs: d.Specs, Unknown: d.Unknown,
	}
	if err := call.checkArguments(); err != nil {
		return AsError(err)
	}
	return nil
}

var ownerShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

// ownerIn is the organization in the first full name among the arguments, such as
// acme/web; ORG if there is none.
func ownerIn(args Args) string {
	values := args.Positional
	for _, named := range args.Named {
		values = append(values[:len(values):len(values)], named.Values...)
	}
	for _, value := range values {
		items, err := splitList(value)
		if err != nil {
			continue
		}
		for _, item := range items {
			if owner, _, full := strings.Cut(strings.TrimPrefix(strings.TrimSpace(item), "@"), "/"); full && ownerShape.MatchString(owner) {
				return owner
			}
		}
	}
	return "ORG"
}
