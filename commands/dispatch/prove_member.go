package dispatch

import (
	"context"
	"strings"

	"golang.org/x/sync/errgroup"
)

// ProveMember refuses a person who is at this moment no active member of any organization that is
// served. A "no" of the last minute is repeated without asking.
func (e *Env) ProveMember(ctx context.Context, person Principal) error {
	errs := make([]error, len(e.Orgs))
	var asking errgroup.Group
	for i, org := range e.Orgs {
		asking.Go(func() error {
			call := &Call{Request: Request{Channel: Console, Caller: person}, Env: e, Org: org}
			if call.OrgID, errs[i] = org.ID(ctx); errs[i] == nil {
				errs[i] = e.mustBeMember(withCaller(ctx, call), call)
			}
			return nil
		})
	}
	_ = asking.Wait()
	names := make([]string, len(e.Orgs))
	var failure error
	for i, err := range errs {
		names[i] = e.Orgs[i].Login
		switch {
		case err == nil:
			return nil
		case ReasonOf(err) != ReasonNotMember:
			failure = err
		}
	}
	if failure != nil {
		return failure
	}
	return Refuse(ReasonNotMember, "You are signed in to GitHub as %s, who is no active member of %s. "+
		"Ask an owner of the organization to invite you, and accept the invitation on GitHub.", Quote(person.Login), strings.Join(names, " or "))
}
