// Package dispatch is what a command is and what every call of one passes through:
// declaration, arguments, authorization, rate limit, lease and audit.
//
// Every channel turns what it receives into one [Request] and gets one [Result] or one
// [*Error] back.
package dispatch

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A Role is what a caller must be to run a command.
type Role int

// The roles, least first.
const (
	Anyone     Role = iota // without authentication
	Member                 // an active member of the organization
	Maintainer             // an active maintainer of the team that the command names
	Owner                  // an owner of the organization
)

// An Effect is what running a command does to the world.
type Effect int

// The effects, mildest first.
const (
	Reads    Effect = iota // changes nothing
	Changes                // changes GitHub or the ownership record
	Destroys               // changes what cannot be had back
	Reveals                // hands out a secret
)

// A Need is what a command requires of the team's group before it runs.
type Need int

// The needs.
const (
	NoGroup   Need = iota // the command works without a group
	OwnsGroup             // the team must own its group
)

// A Spec declares a command. Its slash syntax, REST routes, help text, OpenAPI
// operation and reference page are all derived from it.
type Spec struct {
	Name    string   // slash word, path element and operationId: "group-create"
	Aliases []string // other names it answers to
	Method  string   // the REST method it is documented with
	Legacy  bool     // the legacy program had it: GET works too
	Summary string   // imperative, one line, no full stop
	Details string   // further sentences for the reference; may be empty
	Task    Task     // what it is for: the group under which it is shown
	Needs   Role     // what the caller must be
	// OwnersToo means that owners of the organization may run it for every team.
	OwnersToo bool
	// MembersToo means that plain members of the team, those of its child teams included, may
	// run it if the policy lets members read.
	MembersToo bool
	// WholeOrg means that owners of the organization may leave out the team. The command is
	// about the whole organization then.
	WholeOrg bool
	Group    Need   // what the team must own
	Effect   Effect // what it does
	// Trustable means that a team can trust workflows to run it.
	Trustable bool
	// AnyWorkflow means that every workflow of the organization may run it.
	AnyWorkflow bool
	// EncryptedOnly is set for a secret that a comment never shows in plain.
	EncryptedOnly bool
	// Refusals are the reasons for which it refuses beyond those that follow from the other
	// fields: see [Spec.Reasons].
	Refusals      []Reason
	EndsOwnership bool   // it ends the ownership, so a repeated attempt may find none
	Example       string // arguments of an example: "repos-add" has "api,web"

	Sample Result // what it answers to the example over REST, for the reference

	// Concurrent means that the command does not need the group for itself: it neither
	// waits for others nor keeps them waiting, although it is no read.
	Concurrent bool

	// Prefetch, if set, begins to ask for what the command needs beside authorization; for a
	// command that any member may use only in a [View]. It
	// gets the decoded argument struct; the call's Team is not resolved yet, only its slug
	// is known. What it returns is in Call.Prefetched.
	Prefetch func(ctx context.Context, call *Call, teamSlug string, args any) any `json:"-"`

	// Undo, if set, returns the lines that reverse such a change, made with [Call.Line]; nil if
	// that one cannot be reversed.
	Undo func(call *Call, changed store.Diff) []string `json:"-"`

	Params []Param // derived by Define from the argument struct

	// Trigger is the word before it in a comment, behind the slash; [DefaultTrigger] if
	// empty. The [Dispatcher] sets it.
	Trigger string `json:"-"`
}

// DefaultTrigger is the word that commands in comments begin with, behind the slash, if
// chatops.trigger is not set.
const DefaultTrigger = "runner-group"

// Slash returns what the command's line in a comment begins with: "/runner-group".
func (s Spec) Slash() string { return "/" + cmp.Or(s.Trigger, DefaultTrigger) }

// A Param is one argument of a command, as its argument struct declares it.
type Param struct {
	Name       string // "repos", "move-runners-to"
	Kind       Kind
	Required   bool
	Team       bool // its value is a team's slug: the argument "team", or the second team
	Confirm    bool // in a comment, a command with this argument always needs --yes
	Positional bool // in a comment, the words without a flag are this argument
	MayBeEmpty bool // a list that means something else if it is given empty than if it is left out
	Doc        string
	Values     []string // the allowed values, if they are few
	Example    string
}

// A Kind is the type of an argument.
type Kind string

// The kinds of arguments.
const (
	KindString Kind = "string"
	KindList   Kind = "list"
	KindBool   Kind = "bool"
	KindInt    Kind = "int"
	KindTime   Kind = "time"     // a moment or a duration back from now
	KindFor    Kind = "duration" // how long: 90m, 24h, 7d
)

// Methods returns the REST methods that the command answers to, the documented
// one first: beside it POST works for all, and GET for the legacy commands.
func (s Spec) Methods() []string {
	methods := []string{s.Method}
	if s.Method != http.MethodPost {
		methods = append(methods, http.MethodPost)
	}
	if s.Legacy && s.Method != http.MethodGet {
		methods = append(methods, http.MethodGet)
	}
	return methods
}

// Deprecated reports whether a request by this method should carry the
// Deprecation header: a GET that changes or reveals something.
func (s Spec) Deprecated(method string) bool {
	return method == http.MethodGet && s.Method != http.MethodGet
}

// Answers reports whether the command answers to name.
func (s Spec) Answers(name string) bool {
	return s.Name == name || slices.Contains(s.Aliases, name)
}

// Param returns the parameter of that name.
func (s Spec) Param(name string) (Param, bool) {
	i := slices.IndexFunc(s.Params, func(p Param) bool { return p.Name == name })
	if i < 0 {
		return Param{}, false
	}
	return s.Params[i], true
}

// ChannelFlags returns the flags that a comment may hold beside the command's own
// arguments: yes runs a command that is in policy.confirm, encrypted hides a secret.
func (s Spec) ChannelFlags() []string {
	if s.Effect == Reveals {
		return []string{"yes", "encrypted"}
	}
	return []string{"yes"}
}

// Team reports whether the command works on one team.
func (s Spec) Team() bool {
	p, ok := s.Param("team")
	return ok && p.Team
}

var nameShape = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

// paramsOf derives the parameters from the fields of argument struct t. A field's
// tags: `arg:"name[,required][,positional][,confirm]"`, `doc:"…"`, `example:"…"`, and
// `values:"a,b"` for a string that is one of few.
func paramsOf(t reflect.Type) ([]Param, error) {
	var params []Param
	for i := range t.NumField() {
		field := t.Field(i)
		tag, ok := field.Tag.Lookup("arg")
		if !ok {
			return nil, fmt.Errorf("field %s has no arg tag", field.Name)
		}
		parts := strings.Split(tag, ",")
		p := Param{Name: parts[0], Doc: field.Tag.Get("doc"), Example: field.Tag.Get("example")}
		for _, option := range parts[1:] {
			switch option {
			case "required":
				p.Required = true
			case "positional":
				p.Positional = true
			case "confirm":
				p.Confirm = true
			default:
				return nil, fmt.Errorf("field %s: unknown option %q", field.Name, option)
			}
		}
		if !nameShape.MatchString(p.Name) || p.Doc == "" {
			return nil, fmt.Errorf("field %s needs a name in lower case and a doc tag", field.Name)
		}
		if values := field.Tag.Get("values"); values != "" {
			p.Values = strings.Split(values, ",")
		}
		kind, err := kindOf(field.Type)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", field.Name, err)
		}
		p.Kind, p.Team = kind, field.Type == reflect.TypeFor[Team]()
		p.MayBeEmpty = field.Type == reflect.TypeFor[*[]string]()
		params = append(params, p)
	}
	return params, nil
}
