package ghsim

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// SetMember makes the user a member of the organization, or changes that.
func (o *Org) SetMember(u *User, role, state string) {
	if u == nil {
		return
	}
	m := o.Member(u.Login)
	if m == nil {
		m = &Member{User: u}
		o.Members = append(o.Members, m)
	}
	m.Role, m.State = role, state
}

// RemoveMember removes the user from the organization and all its teams.
func (o *Org) RemoveMember(login string) {
	o.Members = filter(o.Members, func(m *Member) bool { return !strings.EqualFold(m.User.Login, login) })
	for _, t := range o.Teams {
		t.RemoveMember(login)
	}
}

// DeleteTeam deletes the team of that slug, and the teams below it.
func (o *Org) DeleteTeam(slug string) {
	gone := o.Team(slug)
	o.Teams = filter(o.Teams, func(t *Team) bool { return gone == nil || !t.within(gone) })
}

// DeleteRepo deletes the repository of that name.
func (o *Org) DeleteRepo(name string) {
	r := o.Repo(name)
	if r == nil {
		return
	}
	o.Repos = filter(o.Repos, func(other *Repo) bool { return other != r })
	for _, g := range o.Groups {
		g.Repos = filter(g.Repos, func(id int64) bool { return id != r.ID })
	}
	for _, t := range o.Teams {
		delete(t.Permissions, r.ID)
	}
}

// Rename gives the repository another name. GitHub redirects from the old one.
func (r *Repo) Rename(name string) {
	r.formerly = append(r.formerly, strings.ToLower(r.FullName()))
	r.Name = name
}

// Transfer gives the repository to another organization, with nothing of the old one's teams
// and runner groups. GitHub redirects from its old place.
func (r *Repo) Transfer(to *Org) {
	r.formerly = append(r.formerly, strings.ToLower(r.FullName()))
	r.Org.DeleteRepo(r.Name)
	r.Org = to
	to.Repos = append(to.Repos, r)
}

// moved is the repository that had that name before, or nil.
func (st *State) moved(owner, name string) *Repo {
	for _, o := range st.Orgs {
		for _, r := range o.Repos {
			if slices.Contains(r.formerly, strings.ToLower(owner+"/"+name)) {
				return r
			}
		}
	}
	return nil
}

// SetMember puts the user into the team, or changes what he is there.
func (t *Team) SetMember(u *User, role, state string) {
	if u == nil {
		return
	}
	m := find(t.Members, func(m *TeamMember) bool { return m.User == u })
	if m == nil {
		m = &TeamMember{User: u}
		t.Members = append(t.Members, m)
	}
	m.Role, m.State = role, state
}

// RemoveMember takes the user out of the team.
func (t *Team) RemoveMember(login string) {
	t.Members = filter(t.Members, func(m *TeamMember) bool { return !strings.EqualFold(m.User.Login, login) })
}

// Rename gives the team another name, and with it another slug, as GitHub does.
func (t *Team) Rename(name string) { t.Name, t.Slug = name, Slug(name) }

// within reports whether the team is the other one or below it.
func (t *Team) within(other *Team) bool {
	for ; t != nil; t = t.Parent {
		if t == other {
			return true
		}
	}
	return false
}

// Role is what GitHub shows of the user in the team: owners of the
// organization are always maintainers, and members of child teams are members.
// Both are empty if the user is not in the team.
func (o *Org) Role(t *Team, u *User) (role, state string) {
	own := find(t.Members, func(m *TeamMember) bool { return m.User == u })
	switch {
	case own != nil:
		role, state = own.Role, own.State
	case slices.ContainsFunc(o.Teams, func(child *Team) bool {
		return child != t && child.within(t) && slices.ContainsFunc(child.Members, func(m *TeamMember) bool { return m.User == u && m.State == "active" })
	}):
		role, state = "member", "active"
	default:
		return "", ""
	}
	if o.owner(u) {
		role = "maintainer"
	}
	return role, state
}

// membersOf lists a team's active members, of one role if it is not empty.
func (o *Org) membersOf(t *Team, role string) []*User {
	users := []*User{}
	for _, m := range o.Members {
		if got, state := o.Role(t, m.User); state == "active" && (role == "" || got == role) {
			users = append(users, m.User)
		}
	}
	return users
}

// permission is the team's highest permission on the repository, its own or
// one that it has from a team above; empty: none.
func (t *Team) permission(r *Repo) string {
	best := ""
	for ; t != nil; t = t.Parent {
		if p := t.Permissions[r.ID]; higher(p, best) {
			best = p
		}
	}
	return best
}

func (o *Org) reposOf(t *Team) []*Repo {
	return filter(o.Repos, func(r *Repo) bool { return t.permission(r) != "" })
}

func teamRoutes() []route {
	routes := []route{{http.MethodGet, "/orgs/{org}/teams", "members:read", (*call).listTeams}}
	// Every route of a team is there twice: by slug, and by ids.
	for _, base := range []string{"/orgs/{org}/teams/{team_slug}", "/organizations/{org_id}/team/{team_id}"} {
		routes = append(routes,
			route{http.MethodGet, base, "members:read", (*call).getTeam},
			route{http.MethodGet, base + "/members", "members:read", (*call).listTeamMembers},
			route{http.MethodGet, base + "/memberships/{username}", "members:read", (*call).getTeamMembership},
			route{http.MethodGet, base + "/repos", "members:read", (*call).listTeamRepos},
			route{http.MethodGet, base + "/repos/{owner}/{repo}", "members:read", (*call).getTeamRepo},
		)
	}
	return routes
}

func (c *call) listTeams() answer {
	teams := filter(c.org.Teams, func(t *Team) bool {
		if c.who.user == nil || t.Privacy != "secret" || c.org.owner(c.who.user) {
			return true
		}
		role, _ := c.org.Role(t, c.who.user)
		return role != ""
	})
	slices.SortStableFunc(teams, func(a, b *Team) int { return cmp.Compare(a.Slug, b.Slug) })
	return list(c, teams, func(t *Team) any { return c.teamListed(c.org, t) })
}

func (c *call) getTeam() answer { return ok(c.teamFull(c.org, c.team)) }

func (c *call) listTeamMembers() answer {
	role := c.r.URL.Query().Get("role")
	switch role {
	case "", "all":
		role = ""
	case "member", "maintainer":
	default:
		return invalid("TeamMember", "role", "invalid", "")
	}
	return list(c, c.org.membersOf(c.team, role), func(u *User) any { return c.user(u) })
}

func (c *call) getTeamMembership() answer {
	u := c.st.User(c.params["username"])
	if u == nil {
		return notFound("/teams/members#get-team-membership-for-a-user")
	}
	role, state := c.org.Role(c.team, u)
	if role == "" {
		return notFound("/teams/members#get-team-membership-for-a-user")
	}
	return ok(obj{"role": role, "state": state, "url": c.api("/organizations/" + itoa(c.org.ID) + "/team/" + itoa(c.team.ID) + "/memberships/" + u.Login)})
}

// visible reports whether the caller may see the repository at all.
func (c *call) visible(r *Repo) bool {
	return !r.Private() || c.who.inst != nil && c.who.reaches(r) || c.who.user != nil && r.Org.activeMember(c.who.user)
}

func (c *call) listTeamRepos() answer {
	return list(c, filter(c.org.reposOf(c.team), c.visible), func(r *Repo) any { return c.teamRepo(r, c.team.permission(r)) })
}

// getTeamRepo answers only 204 unless the repository's media type is asked for.
// https://docs.github.com/rest/teams/teams#check-team-permissions-for-a-repository
func (c *call) getTeamRepo() answer {
	if c.repo == nil || c.repo.Org != c.org || !c.visible(c.repo) || c.team.permission(c.repo) == "" {
		return notFound("/teams/teams#check-team-permissions-for-a-repository")
	}
	if accept := c.r.Header.Get("Accept"); strings.Contains(accept, "application/vnd.github.v3.repository+json") || strings.Contains(accept, "application/vnd.github.repository+json") {
		return ok(c.teamRepo(c.repo, c.team.permission(c.repo)))
	}
	return noContent()
}
