package dispatch

import (
	"context"
	"errors"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github/pacing"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// authorize proves that the caller is what the command needs, by what GitHub says at this
// moment, and finds the team by its numeric id. A "no" of the last minute is repeated
// without asking. Nothing beyond the proof is asked for a caller who was not proved lately.
func (e *Env) authorize(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		if call.Spec.Needs == Anyone {
			return next(ctx, call)
		}
		if err := e.Authorize(withCaller(ctx, call), call); err != nil {
			return Result{}, err
		}
		call.authorized, call.authorizedAt = true, e.Now()
		return next(withCaller(ctx, call), call)
	}
}

// Authorize proves the right of the call's caller, and resolves its teams.
func (e *Env) Authorize(ctx context.Context, call *Call) error {
	id, err := call.Org.ID(ctx)
	if err != nil {
		return err
	}
	call.OrgID = id
	switch {
	case call.Channel == CLI:
		return e.findTeams(ctx, call)
	case call.Channel == Schedule:
		return e.recordedTeam(ctx, call)
	case call.Caller.Workflow != nil:
		return e.authorizeWorkflow(ctx, call)
	case call.Spec.Needs == Member:
		return e.mustBeMember(ctx, call)
	case call.Spec.Needs == Owner:
		if err := e.mustBeOwner(ctx, call); err != nil {
			return err
		}
		return e.findTeams(ctx, call)
	}
	return e.authorizeMaintainer(ctx, call)
}

// withCaller says on whose behalf GitHub is asked, by which calls get their turns.
func withCaller(ctx context.Context, call *Call) context.Context {
	caller := pacing.Caller{TeamID: call.Team.ID}
	switch {
	case call.View != nil && call.View.Refresh:
		caller.Kind = pacing.Background
	case call.Channel == CLI, call.authorized && call.Spec.Needs == Owner:
		caller.Kind = pacing.Owner
	case call.EndsAccess:
		caller.Kind = pacing.Timed
	case call.Channel == Schedule:
		caller.Kind = pacing.Background
	}
	return github.WithCaller(ctx, caller)
}

// key names what is remembered of the call's caller.
func (c *Call) key(slug string, role Role) proofKey {
	key := proofKey{org: c.OrgID, caller: c.Caller.key(), slug: slug, role: role}
	if c.Caller.Workflow == nil {
		key.login = strings.ToLower(c.Caller.Login)
	}
	return key
}

// mustBeMember refuses callers who are no active member of the organization.
func (e *Env) mustBeMember(ctx context.Context, call *Call) error {
	if refusal := e.proofs.refused(call.key("", Member), e.Now()); refusal != nil {
		return notMember(call, refusal)
	}
	if call.View != nil && call.Spec.Prefetch != nil && e.proofs.proved(call.key("", Member), e.Now()) {
		call.Prefetched = call.Spec.Prefetch(ctx, call, "", call.decoded.args)
	}
	m, err := e.membership(ctx, call)
	if err != nil {
		return err
	}
	if m.State != "active" {
		return notMember(call, e.refuseOutsider(call))
	}
	return nil
}

// refuseOutsider remembers that the caller is no active member of the organization, which
// refuses every command that needs more than anyone.
func (e *Env) refuseOutsider(call *Call) *Error {
	return e.proofs.refuse(call.key("", Member), Refuse(ReasonNotMember, ""), e.Now())
}

// notMember words the remembered refusal for the call's command.
func notMember(call *Call, remembered *Error) *Error {
	return Refuse(ReasonNotMember, "`%s` is for members of %s, and you are not an active one.%s", call.Spec.Name, call.Org.Login, remembered.Message)
}

func (e *Env) mustBeOwner(ctx context.Context, call *Call) error {
	if refusal := e.proofs.refused(call.key("", Owner), e.Now()); refusal != nil {
		return ownerOnly(call, refusal)
	}
	owner, err := e.IsOwner(ctx, call)
	if err != nil {
		return err
	}
	if !owner {
		return ownerOnly(call, e.proofs.refuse(call.key("", Owner), Refuse(ReasonOwnerOnly, ""), e.Now()))
	}
	call.provedAs("", 0, Owner)
	return nil
}

func ownerOnly(call *Call, remembered *Error) *Error {
	return Refuse(ReasonOwnerOnly, "Only owners of %s may use `%s`. Ask one of them.%s", call.Org.Login, call.Spec.Name, remembered.Message)
}

// IsOwner reports whether the caller is an active owner of the organization.
func (e *Env) IsOwner(ctx context.Context, call *Call) (bool, error) {
	m, err := e.membership(ctx, call)
	return m.State == "active" && m.Role == "admin", err
}

// membership returns the caller's membership in the organization: zero if there is none.
// It is asked once for a call.
func (e *Env) membership(ctx context.Context, call *Call) (github.Membership, error) {
	if call.member != nil {
		return *call.member, nil
	}
	if call.Caller.Workflow != nil {
		return github.Membership{}, nil
	}
	m, err := call.Org.GitHub.Membership(ctx, call.Caller.Login)
	if err != nil && github.KindOf(err) != github.NotFound {
		return m, GitHubError(err, "look up your membership in "+call.Org.Login)
	}
	if m.UserID != 0 && call.Caller.ID != 0 && m.UserID != call.Caller.ID {
		m = github.Membership{} // the caller was renamed since they signed in, and somebody else has the login now
	}
	call.member = &m
	if m.State == "active" {
		call.provedAs("", 0, Member)
		if m.Role == github.RoleAdmin {
			call.noteRole("", Owner)
		}
	}
	return m, nil
}

// authorizeMaintainer proves that the caller is an active maintainer of the command's team,
// and of its second team if there is one.
func (e *Env) authorizeMaintainer(ctx context.Context, call *Call) error {
	slug := call.teamSlug()
	if slug == "" {
		return e.mustBeOwnerWithoutTeam(ctx, call)
	}
	var err error
	if call.Team, err = e.maintainedTeam(ctx, call, slug, call.Spec.Prefetch != nil); err != nil {
		return err
	}
	if err := e.checkFieldAuthor(ctx, call); err != nil {
		return err
	}
	if other := call.decoded.teams[1]; other != "" {
		if other == call.Team.Slug { // which may differ from the slug that was given
			return sameTeamTwice(other)
		}
		call.Other, err = e.maintainedTeam(ctx, call, other, false)
	}
	return err
}

// mustBeOwnerWithoutTeam refuses a call without a team, unless its caller is an owner.
func (e *Env) mustBeOwnerWithoutTeam(ctx context.Context, call *Call) error {
	err := e.mustBeOwner(ctx, call)
	if ReasonOf(err) != ReasonOwnerOnly {
		return err
	}
	team, _ := call.Spec.Param("team")
	return call.withUsage(missingArgument(call.Spec, team, call.Channel))
}

// maintainedTeam returns the team of that slug if the caller is its active maintainer (or
// an owner, if the policy lets owners act). Team and membership are asked side by side,
// and both answers must be of one and the same id. The same is asked for a team that does
// not exist as for a secret one, so that time does not tell them apart.
func (e *Env) maintainedTeam(ctx context.Context, call *Call, slug string, prefetch bool) (github.Team, error) {
	now := e.Now()
	for _, key := range []proofKey{call.key("", Member), call.key(slug, call.teamRole())} {
		if refusal := e.proofs.refused(key, now); refusal != nil {
			if key.role == Member {
				return github.Team{}, notMaintainer(call, slug, adviceFor(call, slug, false)+refusal.Message)
			}
			return github.Team{}, notMaintainer(call, slug, refusal.Message)
		}
	}
	if prefetch && (e.proofs.proved(call.key(slug, Maintainer), now) || call.WasProved(slug)) {
		call.Prefetched = call.Spec.Prefetch(ctx, call, slug, call.decoded.args)
	}
	name := call.Org.Name()
	team, m, err := e.askAsPerson(ctx, call, slug)
	if err != nil {
		return github.Team{}, err
	}
	if team.ID != 0 && m.State == "active" && m.Role == "maintainer" {
		call.provedAs(slug, team.ID, Maintainer)
		return team, nil
	}
	if team.ID != 0 && m.State == github.StateActive && call.membersToo() {
		call.provedAs(slug, team.ID, Member)
		return team, nil
	}
	switch member, err := e.membership(ctx, call); {
	case err != nil:
		return github.Team{}, err
	case call.Org.Name() != name: // it was renamed, so the team was looked for under a name of nobody
		return e.maintainedTeam(ctx, call, slug, false)
	case member.State != "active":
		return github.Team{}, notMaintainer(call, slug, adviceFor(call, slug, false)+e.refuseOutsider(call).Message)
	case team.ID != 0 && (call.Org.Policy.OwnersActForAnyTeam || call.Spec.OwnersToo) && member.Role == "admin":
		if call.Org.Policy.OwnersActForAnyTeam {
			call.provedAs(slug, team.ID, Maintainer) // who acts as one
		}
		return team, nil
	}
	owner := call.member.Role == "admin"
	refused := []Role{Maintainer} // what owners or plain members may do too is refused as well
	if !owner || team.ID == 0 {
		refused = append(refused, Owner)
	}
	if m.State != github.StateActive || team.ID == 0 {
		refused = append(refused, Member)
	}
	advice := adviceFor(call, slug, owner)
	var refusal *Error
	for _, role := range refused {
		refusal = e.proofs.refuse(call.key(slug, role), Refuse(ReasonNotMaintainer, "%s", advice), e.Now())
	}
	return github.Team{}, notMaintainer(call, slug, refusal.Message)
}

// teamRole is the role in the team by which the call's refusals are remembered: Owner if
// owners of the organization may run its command too, Member if members of the team may.
func (c *Call) teamRole() Role {
	switch {
	case c.Spec.OwnersToo:
		return Owner
	case c.membersToo():
		return Member
	}
	return Maintainer
}

// membersToo reports whether plain members of the team may run the call's command.
func (c *Call) membersToo() bool { return c.Spec.MembersToo && c.Org.Policy.MembersRead }

// askAsPerson is askForTeam. On the console it asks beside whether the caller's login is still
// theirs: they may have signed in hours ago, and GitHub's answer about a team does not say whose
// login it is.
func (e *Env) askAsPerson(ctx context.Context, call *Call, slug string) (team github.Team, m github.Membership, err error) {
	if call.Channel != Console {
		return e.askForTeam(ctx, call, slug)
	}
	var member github.Membership
	var beside errgroup.Group
	beside.Go(func() (err error) { member, err = e.membership(ctx, call); return err })
	team, m, err = e.askForTeam(ctx, call, slug)
	if memberErr := beside.Wait(); err == nil {
		err = memberErr
	}
	if member.State != github.StateActive {
		m = github.Membership{}
	}
	return team, m, err
}

// askForTeam asks for the team and the caller's membership in it: both zero if there are
// none, or if they are not of one team.
func (e *Env) askForTeam(ctx context.Context, call *Call, slug string) (team github.Team, m github.Membership, err error) {
	var teamErr, memberErr error
	var beside errgroup.Group
	beside.Go(func() error { team, teamErr = call.Org.GitHub.Team(ctx, slug); return nil })
	m, memberErr = call.Org.GitHub.TeamMembershipBySlug(ctx, slug, call.Caller.Login)
	_ = beside.Wait()
	switch kind := github.KindOf(teamErr); {
	case kind == github.NotFound || kind == github.Invalid:
		return github.Team{}, github.Membership{}, nil
	case teamErr != nil:
		return github.Team{}, github.Membership{}, GitHubError(teamErr, "look up the team")
	}
	if memberErr == nil && m.TeamID != team.ID {
		m, memberErr = membershipByID(ctx, call, team, m)
	}
	if github.KindOf(memberErr) == github.NotFound {
		return team, github.Membership{}, nil
	}
	return team, m, GitHubError(memberErr, "look up your membership in the team")
}

// membershipByID asks again for a membership whose answer did not say that it is of this
// team: by the team's id, since the slug may have passed to another team just now. GitHub
// does not document that address. A server that does not know it says 404, and then an
// answer without an id counts.
func membershipByID(ctx context.Context, call *Call, team github.Team, bySlug github.Membership) (github.Membership, error) {
	m, err := call.Org.GitHub.TeamMembership(ctx, team.ID, call.Caller.Login)
	if github.KindOf(err) == github.NotFound && bySlug.TeamID == 0 {
		return bySlug, nil
	}
	return m, err
}

// MembershipBySlug asks for the caller's membership by the slug that the team was just
// found to have. It is zero if the slug has passed to another team.
func MembershipBySlug(ctx context.Context, call *Call, team github.Team) (github.Membership, error) {
	m, err := call.Org.GitHub.TeamMembershipBySlug(ctx, team.Slug, call.Caller.Login)
	if err == nil && m.TeamID != 0 && m.TeamID != team.ID {
		return github.Membership{}, nil
	}
	return m, err
}

// notMaintainer is the one answer for a team that the caller does not maintain and
// for one that does not exist, so that secret teams stay secret. advice says what the caller
// can do about it, and when it was checked.
func notMaintainer(call *Call, slug, advice string) *Error {
	role := "maintainer"
	if call.membersToo() {
		role = "member"
	}
	if strings.HasPrefix(slug, enterprisePrefix) {
		return Refuse(ReasonNotMaintainer, "You're not a %s of the enterprise team `%s`, or it doesn't exist in %s.%s", role, slug, call.Org.Login, advice)
	}
	return Refuse(ReasonNotMaintainer, "You're not a %s of team `%s` in %s, or it doesn't exist.%s", role, slug, call.Org.Login, advice)
}

// adviceFor says what a caller who does not maintain the team can do: an owner of
// the organization more than others.
func adviceFor(call *Call, slug string, owner bool) string {
	switch {
	case strings.HasPrefix(slug, enterprisePrefix): // GitHub may show members of such a team only, and no maintainers
		owners := "owners of " + call.Org.Login + " act for it"
		if !call.Org.Policy.OwnersActForAnyTeam {
			owners = "owners of " + call.Org.Login + " can act for it if the operator sets `policy.ownersActForAnyTeam`"
		}
		return " If GitHub shows no maintainers of it, " + owners + "."
	case owner:
		return " As an owner of " + call.Org.Login + " you can make yourself a maintainer on the team's page on GitHub, or assign an existing group to the team with `group-adopt`. " +
			"If the operator sets `policy.ownersActForAnyTeam`, owners act for every team."
	}
	if call.membersToo() {
		return " One of its maintainers can add you on the team's page on GitHub."
	}
	return " One of its maintainers can promote you on the team's page on GitHub."
}

// findTeams resolves the teams of a command for an owner or the operator, who need
// not maintain them. A team that is gone is left to the command.
func (e *Env) findTeams(ctx context.Context, call *Call) error {
	if call.teamSlug() == "" {
		return nil
	}
	team, err := call.Org.GitHub.Team(ctx, call.teamSlug())
	if err != nil && github.KindOf(err) != github.NotFound {
		return GitHubError(err, "look up the team")
	}
	call.Team = team
	return nil
}

// recordedTeam finds the team of a command that the server itself runs.
func (e *Env) recordedTeam(ctx context.Context, call *Call) error {
	record, err := e.Store.RecordOf(ctx, call.OrgID, call.TeamID)
	if errors.Is(err, store.ErrNotFound) {
		return Refuse(ReasonGroupNotFound, "The team owns no runner group any more.")
	}
	call.Team = github.Team{ID: record.TeamID, Slug: record.TeamSlug}
	return StoreError(err)
}

// IgnoreNotFound returns nil if err says that GitHub has no such thing.
func IgnoreNotFound(err error) error {
	if github.KindOf(err) == github.NotFound {
		return nil
	}
	return err
}
