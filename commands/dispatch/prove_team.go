package dispatch

import (
	"context"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// ProveMaintainer reports whether the caller is an active maintainer of the team with that id
// at this moment, or, if the policy lets owners act for every team, an owner. It returns the
// team as it is now. The slug is the one on record, which may be out of date. A "no" of the
// last minute is repeated without asking.
func (e *Env) ProveMaintainer(ctx context.Context, call *Call, teamID int64, slug string) (github.Team, bool, error) {
	if e.proofs.refused(call.key(slug, Maintainer), e.Now()) != nil && !call.Org.Policy.OwnersActForAnyTeam {
		return github.Team{}, false, nil
	}
	team, m, err := e.askForTeam(ctx, call, slug)
	if err == nil && team.ID != teamID {
		if team, err = call.Org.GitHub.TeamByID(ctx, teamID); err != nil {
			return github.Team{}, false, GitHubError(IgnoreNotFound(err), "look up the team")
		}
		slug = team.Slug
		team, m, err = e.askForTeam(ctx, call, slug)
	}
	switch {
	case err != nil:
		return github.Team{}, false, err
	case team.ID != teamID:
		return github.Team{}, false, nil
	case m.State == github.StateActive && m.Role == github.RoleMaintainer:
		e.proofs.prove(call.key(slug, Maintainer), team.ID, e.Now())
		return team, true, nil
	}
	if call.Org.Policy.OwnersActForAnyTeam {
		owner, err := e.IsOwner(ctx, call)
		return team, owner, err
	}
	_ = e.proofs.refuse(call.key(slug, Maintainer), Refuse(ReasonNotMaintainer, "%s", adviceFor(call, slug, false)), e.Now())
	return team, false, nil
}

// ProveAgain proves once more what the call's caller must be, as of now, if GitHub said so
// more than a second ago: rights are as of the change. prove asks for what depends on the
// command, and is called then, too.
func (e *Env) ProveAgain(ctx context.Context, call *Call, prove func() error) error {
	if e.Now().Sub(call.authorizedAt) <= freshFor {
		return nil
	}
	team := call.Team
	if err := e.reauthorize(ctx, call); err != nil {
		return err
	}
	call.Team = team
	return prove()
}
