package dispatch

import (
	"context"
	"strings"
	"sync"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// A View is one look at a page, for which several commands that only read are run. Their
// requests share it.
//
// A look is not charged to the caller's rate limit if what it asks for was proved to be their
// right within the last hour, and is charged once otherwise. Its refusals are audited. Successes
// are not, nor are failures that pass by themselves. Answers of GitHub may be some seconds old and
// another caller's; the caller's rights are asked for each time. The zero value is ready.
type View struct {
	// Refresh means that the page asks again by itself. Nobody waits for the answer, so people's
	// commands go first, and nothing is asked if little of GitHub's rate limit is left.
	Refresh bool

	mu      sync.Mutex
	charged bool
	refusal error // of the charge
	roles   map[string]Role
}

// Role returns what the caller was found to be in the team, in a view that succeeded:
// [Maintainer] (or whoever acts as one) or [Member]. Without a team it is the role in the organization:
// [Owner] or [Member]. It is [Anyone] if nothing asked for it.
func (v *View) Role(org, team string) Role {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.roles[strings.ToLower(org+"/"+team)]
}

// noteRole remembers what the caller is found to be.
func (c *Call) noteRole(team string, role Role) {
	if c.View == nil {
		return
	}
	c.View.mu.Lock()
	defer c.View.mu.Unlock()
	if c.View.roles == nil {
		c.View.roles = map[string]Role{}
	}
	key := strings.ToLower(c.Org.Login + "/" + team)
	c.View.roles[key] = max(c.View.roles[key], role)
}

// provedAs remembers that the caller was proved to be that in the team with that slug and id.
func (c *Call) provedAs(slug string, team int64, role Role) {
	c.Env.proofs.prove(c.key(slug, role), team, c.Env.Now())
	c.noteRole(slug, role)
}

// chargeOnce runs charge, unless an earlier request of the same look was charged. Then it
// returns the outcome of that.
func (v *View) chargeOnce(charge func() error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.charged {
		v.charged, v.refusal = true, charge()
	}
	return v.refusal
}

// Proved reports whether the caller of a request that is a [View] was proved within the last
// hour to have the right to make it. Only then a page sends it beside others.
func (d *Dispatcher) Proved(req Request) bool {
	command := d.byName[req.Command]
	return command != nil && d.env.provedFor(&Call{Request: req, Spec: command.Spec, Env: d.env})
}

// provedFor reports whether the caller was proved lately to be what the call's command needs.
// The call need not be decoded.
func (e *Env) provedFor(call *Call) bool {
	org, ok := e.Org(call.Request.Org)
	if !ok || org.GitHub == nil || org.GitHub.ID() == 0 {
		return false
	}
	team := strings.ToLower(call.Spec.TeamIn(call.Args))
	probe := Call{Request: call.Request, Spec: call.Spec, Env: e, Org: org, OrgID: org.GitHub.ID()}
	proved := func(slug string, role Role) bool { return e.proofs.proved(probe.key(slug, role), e.Now()) }
	switch {
	case call.Spec.Needs == Anyone:
		return true
	case call.Spec.Needs == Member:
		return proved("", Member)
	case call.Spec.Needs == Owner, team == "":
		return proved("", Owner)
	}
	return proved(team, Maintainer) || probe.membersToo() && proved(team, Member)
}

// Recent returns ctx for reads that a view may answer from what GitHub said within the last few
// seconds. It must not be used for what a caller's right depends on.
func (c *Call) Recent(ctx context.Context) context.Context {
	if c.View == nil {
		return ctx
	}
	return github.AllowRecent(ctx)
}

// WasProved reports whether the caller of a view was proved lately to have a right to look at the
// group of the team with that slug. Then it may be asked for beside the proof of this moment. Only
// that proof decides.
func (c *Call) WasProved(slug string) bool {
	if c.View == nil {
		return false
	}
	now := c.Env.Now()
	return c.Env.proofs.proved(c.key(slug, Maintainer), now) || c.Org.Policy.MembersRead && c.Env.proofs.proved(c.key(slug, Member), now)
}
