package ghsim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The renderers give GitHub's JSON forms. They name all fields that GitHub's
// OpenAPI document requires, and those that clients read.

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

func node(kind string, id int64) string { return fmt.Sprintf("%s_sim%d", kind, id) }

func (c *call) user(u *User) obj {
	if u == nil {
		return nil
	}
	api := c.api("/users/" + u.Login)
	o := obj{
		"login": u.Login, "id": u.ID, "node_id": node("U", u.ID), "type": u.Type, "site_admin": false, "gravatar_id": "",
		"avatar_url": c.base + "/avatars/" + u.Login + ".svg", "url": api, "html_url": c.base + "/" + u.Login,
		"following_url": api + "/following{/other_user}", "gists_url": api + "/gists{/gist_id}", "starred_url": api + "/starred{/owner}{/repo}",
		"organizations_url": api + "/orgs", "events_url": api + "/events{/privacy}",
	}
	for _, k := range []string{"followers", "subscriptions", "repos", "received_events"} {
		o[k+"_url"] = api + "/" + k
	}
	return o
}

// account is an organization where GitHub shows it like a user.
func (c *call) account(org *Org) obj {
	o := c.user(&User{ID: org.ID, Login: org.Login, Type: "Organization"})
	o["node_id"] = node("O", org.ID)
	return o
}

func (c *call) orgSimple(org *Org) obj {
	api := c.api("/orgs/" + org.Login)
	return obj{
		"login": org.Login, "id": org.ID, "node_id": node("O", org.ID), "url": api, "repos_url": api + "/repos", "events_url": api + "/events",
		"hooks_url": api + "/hooks", "issues_url": api + "/issues", "members_url": api + "/members{/member}", "public_members_url": api + "/public_members{/member}",
		"avatar_url": c.base + "/avatars/" + org.Login + ".svg", "description": "",
	}
}

func (c *call) orgFull(org *Org) obj {
	o := c.orgSimple(org)
	public := len(filter(org.Repos, func(r *Repo) bool { return !r.Private() }))
	maps.Copy(o, obj{
		"name": org.Login, "html_url": c.base + "/" + org.Login, "has_organization_projects": true, "has_repository_projects": true,
		"public_repos": public, "public_gists": 0, "followers": 0, "following": 0, "type": "Organization",
		"created_at": stamp(org.CreatedAt), "updated_at": stamp(org.CreatedAt), "archived_at": nil, "is_verified": false,
	})
	return o
}

func (c *call) teamSimple(org *Org, t *Team) obj {
	api := c.api(fmt.Sprintf("/organizations/%d/team/%d", org.ID, t.ID))
	return obj{
		"id": t.ID, "node_id": node("T", t.ID), "name": t.Name, "slug": t.Slug, "description": t.Description, "privacy": t.Privacy,
		"notification_setting": "notifications_enabled", "permission": "pull", "url": api, "html_url": c.base + "/orgs/" + org.Login + "/teams/" + t.Slug,
		"members_url": api + "/members{/member}", "repositories_url": api + "/repos", "type": "organization", "organization_id": org.ID,
	}
}

func (c *call) teamListed(org *Org, t *Team) obj {
	o := c.teamSimple(org, t)
	o["parent"] = nil
	if t.Parent != nil {
		o["parent"] = c.teamSimple(org, t.Parent)
	}
	return o
}

func (c *call) teamFull(org *Org, t *Team) obj {
	o := c.teamListed(org, t)
	maps.Copy(o, obj{
		"created_at": stamp(t.CreatedAt), "updated_at": stamp(t.CreatedAt), "organization": c.orgFull(org),
		"members_count": len(org.membersOf(t, "")), "repos_count": len(org.reposOf(t)),
	})
	return o
}

// repoPaths are the addresses in a repository's JSON: their key, and the path below the repository.
const repoPaths = `archive /{archive_format}{/ref} assignees /assignees{/user} blobs /git/blobs{/sha} branches /branches{/branch}
collaborators /collaborators{/collaborator} comments /comments{/number} commits /commits{/sha} compare /compare/{base}...{head} contents /contents/{+path}
contributors /contributors deployments /deployments downloads /downloads events /events forks /forks git_commits /git/commits{/sha} git_refs /git/refs{/sha}
git_tags /git/tags{/sha} hooks /hooks issue_comment /issues/comments{/number} issue_events /issues/events{/number} issues /issues{/number} keys /keys{/key_id}
labels /labels{/name} languages /languages merges /merges milestones /milestones{/number} notifications /notifications{?since,all,participating} pulls /pulls{/number}
releases /releases{/id} stargazers /stargazers statuses /statuses/{sha} subscribers /subscribers subscription /subscription tags /tags teams /teams trees /git/trees{/sha}`

func (c *call) minimalRepo(r *Repo) obj {
	full := r.FullName()
	o := obj{
		"id": r.ID, "node_id": node("R", r.ID), "name": r.Name, "full_name": full, "private": r.Private(), "owner": c.account(r.Org),
		"html_url": c.base + "/" + full, "description": nil, "fork": false, "url": c.api("/repos/" + full), "visibility": r.Visibility, "archived": r.Archived, "disabled": false,
		"has_issues": r.HasIssues, "created_at": stamp(r.CreatedAt), "updated_at": stamp(r.CreatedAt), "pushed_at": stamp(r.CreatedAt),
	}
	paths := strings.Fields(repoPaths)
	for i := 0; i < len(paths); i += 2 {
		o[paths[i]+"_url"] = c.api("/repos/" + full + paths[i+1])
	}
	return o
}

func (c *call) fullRepo(r *Repo) obj {
	o := c.minimalRepo(r)
	host := c.base + "/" + r.FullName()
	open := len(filter(r.Issues, func(i *Issue) bool { return i.State == "open" }))
	maps.Copy(o, obj{
		"clone_url": host + ".git", "git_url": host + ".git", "ssh_url": "git@github.com:" + r.FullName() + ".git", "svn_url": host,
		"mirror_url": nil, "homepage": nil, "language": nil, "license": nil, "default_branch": "main", "forks": 0, "forks_count": 0, "size": 1,
		"stargazers_count": 0, "watchers": 0, "watchers_count": 0, "open_issues": open, "open_issues_count": open, "has_downloads": true,
		"has_projects": true, "has_wiki": true, "has_pages": false, "has_discussions": false, "network_count": 0, "subscribers_count": 0,
		"is_template": false, "topics": []any{}, "allow_forking": false, "web_commit_signoff_required": false,
	})
	return o
}

// permissions orders what a team may do on a repository.
func permissions() []string { return []string{"pull", "triage", "push", "maintain", "admin"} }

// higher reports whether one permission is above another; "" is below all.
func higher(permission, other string) bool {
	return slices.Index(permissions(), permission) > slices.Index(permissions(), other)
}

// allows is GitHub's object of permissions for the highest one.
func allows(permission string) obj {
	o := obj{}
	for _, p := range permissions() {
		o[p] = !higher(p, permission)
	}
	return o
}

// roleName is the name of a permission if GitHub speaks of roles.
func roleName(permission string) string {
	return pick(map[string]string{"pull": "read", "push": "write"}[permission], permission)
}

func (c *call) teamRepo(r *Repo, permission string) obj {
	o := c.fullRepo(r)
	o["permissions"], o["role_name"] = allows(permission), roleName(permission)
	return o
}

func (c *call) group(g *Group) any {
	api := c.api(fmt.Sprintf("/orgs/%s/actions/runner-groups/%d", c.org.Login, g.ID))
	workflows := g.SelectedWorkflows
	if workflows == nil {
		workflows = []string{}
	}
	o := obj{
		"id": g.ID, "name": g.Name, "visibility": g.Visibility, "default": g.Default, "inherited": g.Inherited, "runners_url": api + "/runners",
		"hosted_runners_url": api + "/hosted-runners", "allows_public_repositories": g.AllowsPublic, "restricted_to_workflows": g.RestrictedToWorkflows,
		"selected_workflows": workflows, "workflow_restrictions_read_only": g.WorkflowsReadOnly,
	}
	if g.Visibility == "selected" {
		o["selected_repositories_url"] = api + "/repositories"
	}
	return o
}

func (c *call) runner(r *Runner) any {
	o := obj{"id": r.ID, "name": r.Name, "os": r.OS, "status": r.Status, "busy": r.Busy, "runner_group_id": r.GroupID, "labels": c.labelsOf(r)}
	if !c.s.OldRunners {
		o["ephemeral"], o["version"] = r.Ephemeral, nil
		if r.Version != "" {
			o["version"] = r.Version
		}
	}
	return o
}

// labelsOf renders a runner's labels; those that the runner brings itself are read-only.
func (c *call) labelsOf(r *Runner) []any {
	return each(r.Labels, func(name string) any {
		o := obj{"id": len(name), "name": name}
		switch {
		case c.s.OldRunners:
		case isFixed(r, name):
			o["type"] = "read-only"
		default:
			o["type"] = "custom"
		}
		return o
	})
}

func isFixed(r *Runner, label string) bool {
	return !r.Ephemeral && slices.ContainsFunc([]string{"self-hosted", r.OS, "x64", "arm64"}, func(l string) bool { return strings.EqualFold(l, label) })
}

func (c *call) integration(a *App) obj {
	if a == nil {
		return nil
	}
	o := obj{
		"id": a.ID, "slug": a.Slug, "node_id": node("A", a.ID), "client_id": a.ClientID, "owner": nil, "name": a.Name, "description": "",
		"external_url": c.base, "html_url": c.base + "/apps/" + a.Slug, "created_at": stamp(a.CreatedAt), "updated_at": stamp(a.CreatedAt),
		"permissions": a.Permissions, "events": append([]string{}, a.Events...),
	}
	if a.Owner != nil {
		o["owner"] = c.account(a.Owner)
	}
	return o
}

func (c *call) installation(i *Installation) any {
	selection := "all"
	if i.Repos != nil {
		selection = "selected"
	}
	o := obj{
		"id": i.ID, "app_id": i.App.ID, "client_id": i.App.ClientID, "app_slug": i.App.Slug, "target_id": i.Org.ID, "target_type": "Organization",
		"account": c.account(i.Org), "repository_selection": selection, "access_tokens_url": c.api("/app/installations/" + itoa(i.ID) + "/access_tokens"),
		"repositories_url": c.api("/installation/repositories"), "html_url": c.base + "/organizations/" + i.Org.Login + "/settings/installations/" + itoa(i.ID),
		"permissions": i.Permissions, "events": append([]string{}, i.Events...), "created_at": stamp(i.CreatedAt), "updated_at": stamp(i.CreatedAt), "single_file_name": nil,
		"has_multiple_single_files": false, "single_file_paths": []any{}, "suspended_at": stamp(i.SuspendedAt), "suspended_by": nil,
	}
	if i.App.Owner != nil && !i.SuspendedAt.IsZero() {
		o["suspended_by"] = c.account(i.App.Owner)
	}
	return o
}
