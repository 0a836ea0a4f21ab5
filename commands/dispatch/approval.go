package dispatch

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// The kinds of what a name in a request means.
const (
	PinTeam   = "team"
	PinGroup  = "group"
	PinRepo   = "repo"
	PinRunner = "runner"
)

// askOwner makes a request of a command that policy.approval lists, unless its caller is an
// owner. All checks of the command are made before: it is run as a preview, which notes what
// the names in its arguments mean.
func (e *Env) askOwner(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		if call.Approved != nil {
			if err := call.pinTeams(); err != nil {
				return Result{}, err
			}
			return next(ctx, call)
		}
		if !call.needsApproval() || call.Channel.trusted() {
			return next(ctx, call)
		}
		if call.Caller.Workflow != nil {
			return Result{}, Refuse(ReasonPolicy, "An owner of %s must approve `%s` (policy.approval), so no workflow may use it.", call.Org.Name(), call.Spec.Name)
		}
		if owner, err := e.IsOwner(ctx, call); err != nil || owner || call.Preview {
			if err != nil {
				return Result{}, err
			}
			return next(ctx, call)
		}
		call.pinning, call.Preview = true, true
		err := call.pinTeams()
		if err == nil {
			_, err = next(ctx, call)
		}
		call.pinning, call.Preview = false, false
		if err != nil {
			return Result{}, err
		}
		return e.RequestApproval(ctx, call, call.pins)
	}
}

func (c *Call) needsApproval() bool {
	return c.Org != nil && c.Spec.WhyNotApproved() == "" && slices.ContainsFunc(c.Org.Policy.Approval, c.Spec.Answers)
}

// pinTeams pins the call's teams and their groups. Of a repeated attempt those count that the
// first one saw: it may have made or deleted the group itself.
func (c *Call) pinTeams() error {
	group, other := c.Group.GroupID, c.OtherGroup.GroupID
	if c.First != nil {
		group, other = c.First.Group, c.First.OtherGroup
	}
	for _, pin := range []store.RequestTarget{
		{Kind: PinTeam, Name: "team", ID: c.Team.ID},
		{Kind: PinGroup, Name: "team", ID: group},
		{Kind: PinTeam, Name: "second team", ID: c.Other.ID},
		{Kind: PinGroup, Name: "second team", ID: other},
	} {
		if err := c.Pin(pin.Kind, pin.Name, pin.ID); err != nil {
			return err
		}
	}
	return nil
}

// Pin says what a name in the arguments means. If an owner approved the call, it refuses what
// meant something else when the call was requested.
func (c *Call) Pin(kind, name string, id int64) error {
	if c.pinning {
		c.pins = append(c.pins, store.RequestTarget{Kind: kind, Name: name, ID: id})
		return nil
	}
	if c.Approved == nil || slices.ContainsFunc(c.Approved, func(t store.RequestTarget) bool {
		return t.Kind == kind && t.ID == id && strings.EqualFold(t.Name, name)
	}) {
		return nil
	}
	reason := map[string]Reason{PinTeam: ReasonNotMaintainer, PinGroup: ReasonGroupNotFound, PinRepo: ReasonRepoNotPermitted, PinRunner: ReasonRunnerNotFound}[kind]
	return Refuse(reason, "The %s %s is not what it was when the command was requested. Request it again.", kind, Quote(name))
}

// GivenArgs returns the call's arguments by their names: of a list, its items.
func (c *Call) GivenArgs() []store.RequestArg {
	args, err := placePositional(c.Spec, c.Args, c.Channel)
	if err != nil {
		return nil
	}
	var given []store.RequestArg
	for _, n := range args.Named {
		values := n.Values
		if p, _ := c.Spec.Param(n.Name); p.Kind == KindList {
			if items, err := listOf(n.Name, n.Values); err == nil {
				values = items
			}
		}
		given = append(given, store.RequestArg{Name: n.Name, Values: values})
	}
	return given
}

// WhyNotApproved returns why policy.approval cannot list the command; "" if it can.
func (s Spec) WhyNotApproved() string {
	switch {
	case s.Needs == Owner:
		return "is for owners only already"
	case s.Needs != Maintainer:
		return "is not for maintainers, so no owner can approve it for one"
	case s.Effect == Reads:
		return "changes nothing"
	case s.Effect == Reveals:
		return "reveals a secret, which nobody but its caller may get"
	}
	return ""
}

// maxShown is how many items of one argument a sentence about a requested command has.
const maxShown = 50

// RequestedCommand says which command was requested, for which team, and with which arguments:
// whoever decides must see them.
func RequestedCommand(r store.Request) string {
	text := fmt.Sprintf("`%s` for team `%s`", r.Command, r.TeamSlug)
	separator := " with "
	for _, a := range r.Arguments {
		if a.Name == "team" {
			continue
		}
		text += separator + a.Name + " " + shownValues(a.Values)
		separator = "; "
	}
	return text
}

func shownValues(values []string) string {
	var shown []string
	for _, v := range values[:min(len(values), maxShown)] {
		if strings.TrimSpace(v) == "" {
			v = strconv.Quote(v)
		}
		shown = append(shown, "`"+strings.ReplaceAll(v, "`", "'")+"`")
	}
	switch more := len(values) - len(shown); {
	case len(shown) == 0:
		return "none"
	case more > 0:
		return fmt.Sprintf("%s and %d more", strings.Join(shown, ", "), more)
	}
	return strings.Join(shown, ", ")
}
