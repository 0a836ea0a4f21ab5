package dispatch

import (
	"regexp"
	"strings"
)

// decodeArgs decodes the call's arguments and checks them, as far as nobody needs to be asked.
func (c *Call) decodeArgs() error {
	args, err := c.declared.decode(c)
	if err != nil {
		return c.withUsage(err)
	}
	c.decoded = args
	return c.declared.check(c)
}

// ArgumentName returns what the argument of that name is called at the call's channel.
func (c *Call) ArgumentName(name string) string {
	p, _ := c.Spec.Param(name)
	return p.NameIn(c.Channel)
}

// namesTeam reports whether the arguments say which team the call is for.
func (c *Call) namesTeam() bool {
	given, _ := c.Args.Get("team")
	return strings.TrimSpace(strings.Join(given, "")) != ""
}

// Check finds what a command in a comment would be refused for, whoever wrote it and
// whatever GitHub says: its arguments. A team that is not named is no mistake, since
// the issue may name it. An empty org stands for whichever organization the
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
		Spec:    command.Spec, Env: d.env, Org: &Org{Login: org}, declared: command,
	}
	if call.Spec.Team() && !call.namesTeam() {
		team, _ := call.Spec.Param("team")
		call.setTeam(team.Example)
	}
	if err := call.decodeArgs(); err != nil {
		return AsError(err)
	}
	return nil
}

var ownerShape = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

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
			if owner, _, full := strings.Cut(strings.TrimSpace(item), "/"); full && ownerShape.MatchString(owner) {
				return owner
			}
		}
	}
	return "ORG"
}
