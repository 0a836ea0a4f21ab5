package ghsim

import (
	"net/http"
	"slices"
	"strings"
)

// DeleteGroup deletes the group of that name; its runners go to the default group.
func (o *Org) DeleteGroup(name string) {
	g := o.Group(name)
	if g == nil || g.Default {
		return
	}
	for _, r := range o.GroupRunners(g) {
		r.GroupID = o.Groups[0].ID
	}
	o.Groups = filter(o.Groups, func(other *Group) bool { return other != g })
}

func groupRoutes() []route {
	const base = "/orgs/{org}/actions/runner-groups"
	const one = base + "/{runner_group_id}"
	const read, write = "organization_self_hosted_runners:read", "organization_self_hosted_runners:write"
	return []route{
		{http.MethodGet, base, read, (*call).listGroups},
		{http.MethodPost, base, write, (*call).createGroup},
		{http.MethodGet, one, read, onGroup((*call).getGroup)},
		{http.MethodPatch, one, write, onGroup((*call).updateGroup)},
		{http.MethodDelete, one, write, onGroup((*call).deleteGroup)},
		{http.MethodGet, one + "/repositories", read, onGroup((*call).listGroupRepos)},
		{http.MethodPut, one + "/repositories", write, onGroup((*call).setGroupRepos)},
		{http.MethodPut, one + "/repositories/{repository_id}", write, onGroup((*call).addGroupRepo)},
		{http.MethodDelete, one + "/repositories/{repository_id}", write, onGroup((*call).removeGroupRepo)},
		{http.MethodGet, one + "/runners", read, onGroup((*call).listGroupRunners)},
		{http.MethodPut, one + "/runners", write, onGroup((*call).setGroupRunners)},
		{http.MethodPut, one + "/runners/{runner_id}", write, onGroup((*call).addGroupRunner)},
		{http.MethodDelete, one + "/runners/{runner_id}", write, onGroup((*call).removeGroupRunner)},
		{http.MethodGet, one + "/hosted-runners", read, onGroup((*call).listHostedRunners)},
	}
}

// onGroup finds the group that the path names, and keeps changes from groups that GitHub does not let anybody change here.
func onGroup(handle func(*call, *Group) answer) func(*call) answer {
	return func(c *call) answer {
		id := c.id("runner_group_id")
		g := find(c.org.Groups, func(g *Group) bool { return g.ID == id })
		if g == nil {
			return notFound("/actions/self-hosted-runner-groups")
		}
		if g.Inherited && c.r.Method != http.MethodGet && !strings.Contains(c.r.URL.Path, "/runners") {
			return forbidden("Runner groups inherited from the enterprise can only be changed there.")
		}
		return handle(c, g)
	}
}

func (c *call) listGroups() answer {
	groups := c.org.Groups
	if name := c.r.URL.Query().Get("visible_to_repository"); name != "" {
		r := c.org.Repo(strings.TrimPrefix(name, c.org.Login+"/"))
		groups = filter(groups, func(g *Group) bool {
			return r != nil && (g.AllowsPublic || r.Private()) && (g.Visibility == "all" || g.Visibility == "private" && r.Private() || slices.Contains(g.Repos, r.ID))
		})
	}
	return counted(c, "runner_groups", groups, c.group)
}

// groupInput is the body of POST and PATCH. A nil pointer is a field that was left out.
type groupInput struct {
	Name                  *string   `json:"name"`
	Visibility            *string   `json:"visibility"`
	AllowsPublic          *bool     `json:"allows_public_repositories"`
	RestrictedToWorkflows *bool     `json:"restricted_to_workflows"`
	SelectedWorkflows     *[]string `json:"selected_workflows"`
	Repos                 []int64   `json:"selected_repository_ids"`
	Runners               []int64   `json:"runners"`
}

// apply checks the input whole, then changes the group.
func (in groupInput) apply(c *call, g *Group) *answer {
	refuse := func(a answer) *answer { return &a }
	if in.Name == nil || strings.TrimSpace(*in.Name) == "" {
		return refuse(invalid("RunnerGroup", "name", "missing_field", ""))
	}
	if other := c.org.Group(*in.Name); other != nil && other != g {
		return refuse(conflict("Runner group already exists: a runner group with the name " + *in.Name + " already exists."))
	}
	if in.Visibility != nil && !slices.Contains([]string{"all", "selected", "private"}, *in.Visibility) {
		return refuse(invalid("RunnerGroup", "visibility", "invalid", ""))
	}
	workflows := in.RestrictedToWorkflows != nil || in.SelectedWorkflows != nil
	if workflows && g.WorkflowsReadOnly {
		return refuse(unprocessable("The workflow restrictions of this runner group cannot be changed."))
	}
	if in.SelectedWorkflows != nil {
		for _, w := range *in.SelectedWorkflows {
			if path, ref, _ := strings.Cut(w, "@"); ref == "" || !strings.Contains(path, "/.github/workflows/") {
				return refuse(invalid("RunnerGroup", "selected_workflows", "invalid", "Workflow "+w+" must name a repository's workflow file and a ref."))
			}
		}
	}
	g.Name = *in.Name
	set(&g.Visibility, in.Visibility)
	set(&g.AllowsPublic, in.AllowsPublic)
	set(&g.RestrictedToWorkflows, in.RestrictedToWorkflows)
	set(&g.SelectedWorkflows, in.SelectedWorkflows)
	return nil
}

func set[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}

// createGroup refuses organizations on the free plan, which have only the default group.
// https://docs.github.com/actions/concepts/runners/runner-groups
func (c *call) createGroup() answer {
	if c.org.Plan == "free" {
		return forbidden("Runner groups are not available on this organization's plan.")
	}
	var in groupInput
	if a := c.read(&in); a != nil {
		return *a
	}
	if a := c.checkRepos(in.Repos); a != nil {
		return *a
	}
	if a := c.checkRunners(in.Runners); a != nil {
		return *a
	}
	g := &Group{Visibility: "all"} // GitHub's default
	if a := in.apply(c, g); a != nil {
		return *a
	}
	c.org.lastGroup++
	g.ID, g.Repos = c.org.lastGroup, slices.Compact(slices.Sorted(slices.Values(in.Repos)))
	c.org.Groups = append(c.org.Groups, g)
	c.move(in.Runners, g)
	return created(c.group(g))
}

func (c *call) getGroup(g *Group) answer { return ok(c.group(g)) }

func (c *call) updateGroup(g *Group) answer {
	var in groupInput
	if a := c.read(&in); a != nil {
		return *a
	}
	if a := in.apply(c, g); a != nil {
		return *a
	}
	return ok(c.group(g))
}

func (c *call) deleteGroup(g *Group) answer {
	switch {
	case g.Default:
		return unprocessable("The default runner group cannot be deleted.")
	case c.s.GroupDeleteRefusesRunners && len(c.org.GroupRunners(g)) > 0:
		return conflict("This group cannot be deleted because it contains runners. Please remove or move them to another group before deleting.")
	}
	c.org.DeleteGroup(g.Name)
	return noContent()
}

func (c *call) listGroupRepos(g *Group) answer {
	if g.Visibility != "selected" {
		return notSelected()
	}
	repos := filter(c.org.Repos, func(r *Repo) bool { return slices.Contains(g.Repos, r.ID) })
	return counted(c, "repositories", repos, func(r *Repo) any { return c.minimalRepo(r) })
}

// notSelected is the refusal of lists of repositories if the group's visibility has no such list.
func notSelected() answer {
	return conflict("The runner group's visibility is not set to selected.")
}

// checkRepos makes sure that all ids are repositories of the organization.
func (c *call) checkRepos(ids []int64) *answer {
	for _, id := range ids {
		if r := c.st.Repo(id); r == nil || r.Org != c.org {
			a := notFound("/actions/self-hosted-runner-groups")
			return &a
		}
	}
	return nil
}

func (c *call) setGroupRepos(g *Group) answer {
	var in struct {
		Repos *[]int64 `json:"selected_repository_ids"`
	}
	if a := c.read(&in); a != nil {
		return *a
	}
	if in.Repos == nil {
		return invalid("RunnerGroup", "selected_repository_ids", "missing_field", "")
	}
	if g.Visibility != "selected" {
		return notSelected()
	}
	if a := c.checkRepos(*in.Repos); a != nil {
		return *a
	}
	g.Repos = slices.Compact(slices.Sorted(slices.Values(*in.Repos)))
	return noContent()
}

func (c *call) addGroupRepo(g *Group) answer {
	if g.Visibility != "selected" {
		return notSelected()
	}
	id := c.id("repository_id")
	if a := c.checkRepos([]int64{id}); a != nil {
		return *a
	}
	if !slices.Contains(g.Repos, id) {
		g.Repos = append(g.Repos, id)
	}
	return noContent()
}

func (c *call) removeGroupRepo(g *Group) answer {
	if g.Visibility != "selected" {
		return notSelected()
	}
	id := c.id("repository_id")
	if a := c.checkRepos([]int64{id}); a != nil {
		return *a
	}
	g.Repos = filter(g.Repos, func(other int64) bool { return other != id })
	return noContent()
}

func (c *call) listGroupRunners(g *Group) answer {
	return counted(c, "runners", c.org.GroupRunners(g), c.runner)
}

func (c *call) listHostedRunners(g *Group) answer {
	return counted(c, "runners", g.HostedRunners, func(name string) any {
		machine := obj{"id": "4-core", "cpu_cores": 4, "memory_gb": 16, "storage_gb": 150}
		return obj{"id": len(name), "name": name, "runner_group_id": g.ID, "image_details": nil, "machine_size_details": machine, "status": "Ready", "platform": "linux-x64", "public_ip_enabled": false}
	})
}

func (c *call) checkRunners(ids []int64) *answer {
	for _, id := range ids {
		if c.findRunner(id) == nil {
			a := notFound("/actions/self-hosted-runner-groups")
			return &a
		}
	}
	return nil
}

// move puts runners into a group.
func (c *call) move(ids []int64, g *Group) {
	for _, id := range ids {
		c.findRunner(id).GroupID = g.ID
	}
}

func (c *call) setGroupRunners(g *Group) answer {
	var in struct {
		Runners *[]int64 `json:"runners"`
	}
	if a := c.read(&in); a != nil {
		return *a
	}
	if in.Runners == nil {
		return invalid("RunnerGroup", "runners", "missing_field", "")
	}
	if a := c.checkRunners(*in.Runners); a != nil {
		return *a
	}
	for _, r := range c.org.GroupRunners(g) {
		r.GroupID = c.org.Groups[0].ID
	}
	c.move(*in.Runners, g)
	return noContent()
}

func (c *call) addGroupRunner(g *Group) answer {
	ids := []int64{c.id("runner_id")}
	if a := c.checkRunners(ids); a != nil {
		return *a
	}
	c.move(ids, g)
	return noContent()
}

func (c *call) removeGroupRunner(g *Group) answer {
	r := c.findRunner(c.id("runner_id"))
	if r == nil || r.GroupID != g.ID {
		return notFound("/actions/self-hosted-runner-groups")
	}
	r.GroupID = c.org.Groups[0].ID
	return noContent()
}
