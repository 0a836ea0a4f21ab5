package dispatch

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// authorize proves that the caller is what the command needs, by GitHub's word of
// this moment, and finds the team by its numeric id.
func (e *Env) authorize(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		if call.Spec.Needs == Anyone {
			return next(ctx, call)
		}
		id, err := call.Org.ID(ctx)
		if err != nil {
			return Result{}, err
		}
		call.OrgID = id
		switch {
		case call.Channel == CLI:
			err = e.findTeams(ctx, call)
		case call.Spec.Needs == Member:
			err = call.mustBeMember(ctx)
		case call.Spec.Needs == Owner:
			if err = call.mustBeOwner(ctx); err == nil {
				err = e.findTeams(ctx, call)
			}
		default:
			err = e.authorizeMaintainer(ctx, call)
		}
		if err != nil {
			return Result{}, err
		}
		return next(ctx, call)
	}
}

func (c *Call) mustBeMember(ctx context.Context) error {
	m, err := c.Org.GitHub.Membership(ctx, c.Caller.Login)
	switch {
	case github.KindOf(err) == github.NotFound, err == nil && m.State != "active":
		return Refuse(ReasonNotMember, "`%s` is for members of %s, and you are not an active one.", c.Spec.Name, c.Org.Login)
	case err != nil:
		return GitHubError(err, "look up your membership in "+c.Org.Login)
	}
	return nil
}

func (c *Call) mustBeOwner(ctx context.Context) error {
	owner, err := c.Owner(ctx)
	if err != nil {
		return err
	}
	if !owner {
		return Refuse(ReasonOwnerOnly, "Only owners of %s may use `%s`. Ask one of them.", c.Org.Login, c.Spec.Name)
	}
	return nil
}

// owner reports whether the caller is an active owner of the organization.
func (c *Call) Owner(ctx context.Context) (bool, error) {
	m, err := c.Org.GitHub.Membership(ctx, c.Caller.Login)
	if github.KindOf(err) == github.NotFound {
		return false, nil
	}
	if err != nil {
		return false, GitHubError(err, "look up your membership in "+c.Org.Login)
	}
	return m.State == "active" && m.Role == "admin", nil
}

// authorizeMaintainer proves that the caller is an active maintainer of the command's team,
// and of its second team if there is one.
func (e *Env) authorizeMaintainer(ctx context.Context, call *Call) error {
	slug := call.teamSlug()
	if call.Spec.Prefetch != nil && slug != "" {
		call.Prefetched = call.Spec.Prefetch(ctx, call, slug, call.decoded.args)
	}
	var err error
	if call.Team, err = e.maintainedTeam(ctx, call, slug); err != nil {
		return err
	}
	if other := call.decoded.teams[1]; other != "" {
		if other == call.Team.Slug {
			return Refuse(ReasonInvalidArgument, "Both teams are %s; name two different ones.", Quote(other))
		}
		call.Other, err = e.maintainedTeam(ctx, call, other)
	}
	return err
}

// maintainedTeam returns the team of that slug if the caller is its active
// maintainer (or an owner, if the policy lets owners act). Team and membership
// are asked side by side: the membership by the id in the record or in the answer,
// and both answers must be of one and the same id.
func (e *Env) maintainedTeam(ctx context.Context, call *Call, slug string) (github.Team, error) {
	org := call.Org.GitHub
	var hint int64
	records, err := e.Store.RecordsBySlug(ctx, call.OrgID, slug)
	if err != nil {
		return github.Team{}, StoreError(err)
	}
	if len(records) == 1 {
		hint = records[0].TeamID
	}

	var team github.Team
	var m github.Membership
	var teamErr, memberErr error
	var beside errgroup.Group
	beside.Go(func() error { team, teamErr = org.Team(ctx, slug); return nil })
	if hint != 0 {
		m, memberErr = org.TeamMembership(ctx, hint, call.Caller.Login)
	} else {
		m, memberErr = org.TeamMembershipBySlug(ctx, slug, call.Caller.Login)
	}
	_ = beside.Wait()

	if teamErr != nil {
		if github.KindOf(teamErr) == github.NotFound || github.KindOf(teamErr) == github.Invalid {
			return github.Team{}, notMaintainer(call, slug)
		}
		return github.Team{}, GitHubError(teamErr, "look up the team")
	}
	asked := hint
	if hint == 0 {
		asked = m.TeamID // 0 if GitHub's answer does not say
	}
	if asked != 0 && asked != team.ID {
		// the slug belongs to another team now than the one asked about
		asked = team.ID
		m, memberErr = org.TeamMembership(ctx, team.ID, call.Caller.Login)
	}
	if asked == team.ID && github.KindOf(memberErr) == github.NotFound {
		m, memberErr = MembershipBySlug(ctx, call, team)
	}
	switch {
	case memberErr == nil && m.State == "active" && m.Role == "maintainer":
		return team, nil
	case memberErr != nil && github.KindOf(memberErr) != github.NotFound:
		return github.Team{}, GitHubError(memberErr, "look up your membership in the team")
	}
	if call.Org.Policy.OwnersActForAnyTeam {
		if owner, err := call.Owner(ctx); err != nil || owner {
			return team, err
		}
	}
	return github.Team{}, notMaintainer(call, slug)
}

// bySlug asks for the membership by the slug that the team was just found to have. An
// Enterprise Server of another version may not know the address by ids, which GitHub
// does not document, and answers as if there were no membership.
func MembershipBySlug(ctx context.Context, call *Call, team github.Team) (github.Membership, error) {
	m, err := call.Org.GitHub.TeamMembershipBySlug(ctx, team.Slug, call.Caller.Login)
	if err == nil && m.TeamID != 0 && m.TeamID != team.ID {
		return github.Membership{}, nil // the slug has gone to another team just now
	}
	return m, err
}

// notMaintainer is the one answer for a team that the caller does not maintain and
// for one that does not exist, so that secret teams stay secret.
func notMaintainer(call *Call, slug string) *Error {
	return Refuse(ReasonNotMaintainer,
		"You're not a maintainer of team `%s` in %s, or it doesn't exist. One of its maintainers can promote you on the team's page on GitHub.",
		slug, call.Org.Login)
}

// findTeams resolves the teams of a command for an owner or the operator, who need
// not maintain them. A team that is gone is left to the command.
func (e *Env) findTeams(ctx context.Context, call *Call) error {
	if !call.Spec.Team() {
		return nil
	}
	team, err := call.Org.GitHub.Team(ctx, call.teamSlug())
	if err != nil && github.KindOf(err) != github.NotFound {
		return GitHubError(err, "look up the team")
	}
	call.Team = team
	return nil
}

// IgnoreNotFound returns nil if err says that GitHub has no such thing.
func IgnoreNotFound(err error) error {
	if github.KindOf(err) == github.NotFound {
		return nil
	}
	return err
}
