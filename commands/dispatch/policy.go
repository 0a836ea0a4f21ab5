package dispatch

import (
	"context"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// resolveGroup finds the group that the team owns.
func (e *Env) resolveGroup(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		if err := e.Ownership.Resolve(ctx, call); err != nil {
			return Result{}, err
		}
		return next(ctx, call)
	}
}

// enforcePolicy applies the policy on teams.
func (e *Env) enforcePolicy(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		for _, team := range []github.Team{call.Team, call.Other} {
			if err := call.CheckTeamPolicy(team); err != nil {
				return Result{}, err
			}
		}
		return next(ctx, call)
	}
}

// mayAct refuses a team that the policy keeps from using the server; the operator
// may act for any.
func (c *Call) CheckTeamPolicy(team github.Team) error {
	if team.ID == 0 || c.Channel == CLI {
		return nil
	}
	if rule, ok := c.Org.Policy.allows(team.Slug); !ok {
		return Refuse(ReasonPolicy, "Team `%s` may not use this server (%s). Ask its operator.", team.Slug, rule)
	}
	return nil
}
