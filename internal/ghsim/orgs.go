package ghsim

import (
	"maps"
	"net/http"
)

func orgRoutes() []route {
	return []route{
		{http.MethodGet, "/meta", "anyone", (*call).meta},
		{http.MethodGet, "/zen", "anyone", func(*call) answer {
			return answer{status: http.StatusOK, raw: []byte("Keep it logically awesome."), header: http.Header{"Content-Type": {"text/plain;charset=utf-8"}}}
		}},
		{http.MethodGet, "/rate_limit", "anyone", (*call).rateLimit},
		{http.MethodGet, "/user", "user", (*call).getUser},
		{http.MethodGet, "/users/{username}", "anyone", (*call).getPublicUser},
		{http.MethodGet, "/users/{username}/keys", "anyone", (*call).listKeys},
		{http.MethodGet, "/orgs/{org}", "anyone", func(c *call) answer { return c.getOrg() }},
		{http.MethodGet, "/organizations/{org_id}", "anyone", func(c *call) answer { return c.getOrg() }},
		{http.MethodGet, "/orgs/{org}/memberships/{username}", "members:read", (*call).getMembership},
		{http.MethodGet, "/orgs/{org}/installation", "app", (*call).getOrgInstallation},
		{http.MethodGet, "/repos/{owner}/{repo}", "metadata:read", (*call).getRepo},
		{http.MethodGet, "/repositories/{repository_id}", "metadata:read", (*call).getRepo},
		{http.MethodGet, "/repos/{owner}/{repo}/collaborators/{username}/permission", "metadata:read", (*call).getPermission},
	}
}

func (c *call) meta() answer {
	o := obj{"verifiable_password_authentication": false, "hooks": []any{"127.0.0.0/8"}, "web": []any{}, "api": []any{}}
	if c.prefix != "" {
		o["installed_version"] = "3.17.0"
	}
	return ok(o)
}

func (c *call) rateLimit() answer {
	b := c.s.bucket(c.who)
	core := obj{"limit": b.limit, "used": b.used, "remaining": max(0, b.limit-b.used), "reset": b.reset.Unix()}
	return ok(obj{"rate": core, "resources": obj{"core": core, "search": obj{"limit": 30, "used": 0, "remaining": 30, "reset": b.reset.Unix()}}})
}

func (c *call) publicUser(u *User) obj {
	o := c.user(u)
	maps.Copy(o, obj{
		"name": nil, "bio": nil, "blog": nil, "company": nil, "email": nil, "hireable": nil, "location": nil, "followers": 0, "following": 0,
		"public_gists": 0, "public_repos": 0, "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z", "user_view_type": "public",
	})
	if u.Name != "" {
		o["name"] = u.Name
	}
	return o
}

func (c *call) getUser() answer {
	o := c.publicUser(c.who.user)
	if c.who.scoped("user", "read:user") {
		maps.Copy(o, obj{"user_view_type": "private", "collaborators": 0, "disk_usage": 0, "owned_private_repos": 0, "private_gists": 0, "total_private_repos": 0, "two_factor_authentication": true})
	}
	return ok(o)
}

func (c *call) getPublicUser() answer {
	u := c.st.User(c.params["username"])
	if u == nil || u.Suspended {
		return notFound("/users/users#get-a-user")
	}
	return ok(c.publicUser(u))
}

func (c *call) listKeys() answer {
	u := c.st.User(c.params["username"])
	if u == nil {
		return notFound("/users/keys#list-public-keys-for-a-user")
	}
	return list(c, u.Keys, func(k Key) any { return obj{"id": k.ID, "key": k.Key} })
}

// getOrg shows the plan to owners and to Apps that may see it.
func (c *call) getOrg() answer {
	o := c.orgFull(c.org)
	if c.who.inst != nil && c.who.inst.Org == c.org && c.who.may("organization_plan:read") || c.who.user != nil && c.org.owner(c.who.user) {
		o["plan"] = obj{"name": c.org.Plan, "space": 976562499, "private_repos": 999999, "filled_seats": len(c.org.Members), "seats": 100}
	}
	return ok(o)
}

func (c *call) getMembership() answer {
	m := c.org.Member(c.params["username"])
	if m == nil {
		return notFound("/orgs/members#get-organization-membership-for-a-user")
	}
	url := c.api("/orgs/" + c.org.Login)
	return ok(obj{"url": url + "/memberships/" + m.User.Login, "state": m.State, "role": m.Role, "organization_url": url, "organization": c.orgSimple(c.org), "user": c.user(m.User)})
}

func (c *call) getOrgInstallation() answer {
	i := find(c.who.app.Installations, func(i *Installation) bool { return i.Org == c.org })
	if i == nil {
		return notFound("/apps/apps#get-an-organization-installation-for-the-authenticated-app")
	}
	return ok(c.installation(i))
}

func (c *call) getRepo() answer {
	o := c.fullRepo(c.repo)
	o["organization"] = c.account(c.repo.Org)
	if c.who.user != nil {
		o["permissions"] = allows(c.repo.permissionOf(c.who.user))
	}
	if c.who.inst != nil {
		o["permissions"] = allows("pull")
	}
	return ok(o)
}

// permissionOf is what a person may do in the repository, by whatever way; "" is nothing.
func (r *Repo) permissionOf(u *User) string {
	best := r.Collaborators[u.ID]
	raise := func(permission string) {
		if higher(permission, best) {
			best = permission
		}
	}
	switch {
	case r.Org.owner(u):
		return "admin"
	case r.Org.activeMember(u):
		raise(r.Org.BasePermission)
	}
	if !r.Private() {
		raise("pull")
	}
	for _, t := range r.Org.Teams {
		if role, state := r.Org.Role(t, u); role != "" && state == "active" {
			raise(t.permission(r))
		}
	}
	return best
}

// getPermission answers for everybody, also for those who cannot see the repository.
// https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user
func (c *call) getPermission() answer {
	u := c.st.User(c.params["username"])
	if u == nil {
		return notFound("/collaborators/collaborators#get-repository-permissions-for-a-user")
	}
	permission := c.repo.permissionOf(u)
	role := pick(roleName(permission), "none")
	base := role
	switch role {
	case "maintain":
		base = "write"
	case "triage":
		base = "read"
	}
	user := c.user(u)
	user["permissions"], user["role_name"] = allows(permission), role
	return ok(obj{"permission": base, "role_name": role, "user": user})
}
