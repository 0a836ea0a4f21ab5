package github

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/google/go-github/v41/github"
)

// A Team belongs to the organization. Its slug and name can change and be reused by
// another team; its ID never changes.
type Team struct {
	ID        int64     `json:"id"`
	Slug      string    `json:"slug"`
	Name      string    `json:"name"`
	Privacy   string    `json:"privacy"` // "closed" or "secret"
	HTMLURL   string    `json:"html_url"`
	CreatedAt time.Time `json:"created_at"`
}

// Team gets the team that has this slug now.
func (o *Org) Team(ctx context.Context, slug string) (Team, error) {
	op := fmt.Sprintf("get team %.100q of %s", slug, o.login)
	escaped, err := teamSlug(slug)
	if err != nil {
		return Team{}, o.app.failed(op, err)
	}
	return o.team(ctx, op, func(*session) string { return "orgs/" + o.loginSegment() + "/teams/" + escaped })
}

// TeamByID gets a team by its ID.
func (o *Org) TeamByID(ctx context.Context, id int64) (Team, error) {
	op := fmt.Sprintf("get team %d of %s", id, o.login)
	return o.team(ctx, op, func(s *session) string { return fmt.Sprintf("organizations/%d/team/%d", s.OrgID, id) })
}

func (o *Org) team(ctx context.Context, op string, path func(*session) string) (Team, error) {
	s, err := o.session(ctx)
	if err != nil {
		return Team{}, err
	}
	team, _, err := send[Team](ctx, s.main, http.MethodGet, path(s), nil)
	if err == nil && team.ID == 0 {
		err = &Error{Kind: Other, Message: "GitHub's answer contains no team"}
	}
	return team, o.app.failed(op, err)
}

// Teams lists all teams of the organization, secret ones too. CreatedAt is zero, because
// GitHub's list does not have it; [Org.Team] returns it.
func (o *Org) Teams(ctx context.Context) ([]Team, error) {
	s, err := o.session(ctx)
	if err != nil {
		return nil, err
	}
	teams, err := listAll(ctx, func(ctx context.Context, page github.ListOptions) ([]Team, *github.Response, error) {
		return send[[]Team](ctx, s.main, http.MethodGet, "orgs/"+o.loginSegment()+"/teams"+listQuery(page), nil)
	})
	return teams, o.app.failed("list the teams of "+o.login, err)
}

// The values of [Membership].
const (
	RoleMaintainer = "maintainer" // of a team
	RoleMember     = "member"     // of a team or an organization
	RoleAdmin      = "admin"      // of an organization: its owner
	StateActive    = "active"
	StatePending   = "pending" // invited, but has not accepted yet
)

// A Membership is a user's membership in a team or in the organization.
type Membership struct {
	TeamID int64  // the team's ID if GitHub's answer contains it, else 0
	UserID int64  // whose membership it is if GitHub's answer contains it, else 0
	Role   string // RoleMaintainer, RoleMember or RoleAdmin
	State  string // StateActive or StatePending
}

// TeamMembership gets a user's membership in the team with this ID. Members of a child
// team count as members of its parents. It fails with NotFound if there is no membership.
func (o *Org) TeamMembership(ctx context.Context, teamID int64, user string) (Membership, error) {
	return o.membership(ctx, fmt.Sprintf("get the membership of %.100q in team %d", user, teamID), user,
		func(s *session, user string) (*github.Membership, *github.Response, error) {
			return s.main.Teams.GetTeamMembershipByID(ctx, s.OrgID, teamID, user)
		})
}

// TeamMembershipBySlug gets a user's membership in the team that has this slug now. Check
// Membership.TeamID: a slug can pass to another team.
func (o *Org) TeamMembershipBySlug(ctx context.Context, slug, user string) (Membership, error) {
	op := fmt.Sprintf("get the membership of %.100q in team %.100q", user, slug)
	escaped, err := teamSlug(slug)
	if err != nil {
		return Membership{}, o.app.failed(op, err)
	}
	return o.membership(ctx, op, user, func(s *session, user string) (*github.Membership, *github.Response, error) {
		return s.main.Teams.GetTeamMembershipBySlug(ctx, o.loginSegment(), escaped, user)
	})
}

// Membership gets a user's membership in the organization.
func (o *Org) Membership(ctx context.Context, user string) (Membership, error) {
	return o.membership(ctx, fmt.Sprintf("get the membership of %.100q in %s", user, o.login), user,
		func(s *session, user string) (*github.Membership, *github.Response, error) {
			return s.main.Organizations.GetOrgMembership(ctx, user, o.loginSegment())
		})
}

func (o *Org) membership(ctx context.Context, op, user string, get func(*session, string) (*github.Membership, *github.Response, error)) (Membership, error) {
	user, err := login(user)
	if err != nil {
		return Membership{}, o.app.failed(op, err)
	}
	s, err := o.session(ctx)
	if err != nil {
		return Membership{}, err
	}
	m, _, err := get(s, user)
	if err != nil {
		return Membership{}, o.app.failed(op, err)
	}
	return Membership{TeamID: teamOf(m.GetURL()), UserID: m.GetUser().GetID(), Role: m.GetRole(), State: m.GetState()}, nil
}

var membershipURL = regexp.MustCompile(`/teams?/([0-9]+)/memberships/[^/]+$`)

// teamOf returns the team's ID in the URL of a membership, or 0 if the URL has none. On
// github.com it is like https://api.github.com/organizations/1/team/2/memberships/mona.
func teamOf(membership string) int64 {
	found := membershipURL.FindStringSubmatch(membership)
	if found == nil {
		return 0
	}
	id, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// TeamMaintainers lists the maintainers of the team that has this slug now. The answer is
// the same for all callers, so the cache serves all of them.
func (o *Org) TeamMaintainers(ctx context.Context, slug string) ([]User, error) {
	return o.teamMembers(ctx, fmt.Sprintf("list the maintainers of team %.100q of %s", slug, o.login), slug, RoleMaintainer)
}

// TeamMembers lists the members of the team that has this slug now: its maintainers and the
// members of its child teams too. The cache serves all callers.
func (o *Org) TeamMembers(ctx context.Context, slug string) ([]User, error) {
	return o.teamMembers(ctx, fmt.Sprintf("list the members of team %.100q of %s", slug, o.login), slug, "")
}

func (o *Org) teamMembers(ctx context.Context, op, slug, role string) ([]User, error) {
	escaped, err := teamSlug(slug)
	if err != nil {
		return nil, o.app.failed(op, err)
	}
	s, err := o.session(ctx)
	if err != nil {
		return nil, err
	}
	found, err := listAll(ctx, func(ctx context.Context, page github.ListOptions) ([]*github.User, *github.Response, error) {
		options := &github.TeamListTeamMembersOptions{Role: role, ListOptions: page}
		return s.main.Teams.ListTeamMembersBySlug(ctx, o.loginSegment(), escaped, options)
	})
	if err != nil {
		return nil, o.app.failed(op, err)
	}
	users := make([]User, len(found))
	for i, u := range found {
		users[i] = userOf(u)
	}
	return users, nil
}
