package github

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/go-github/v41/github"
)

// VisibilitySelected is the visibility of a group that has a list of repositories. GitHub
// refuses to change the list of a group with any other visibility.
const VisibilitySelected = "selected"

// A Group is a runner group.
type Group struct {
	ID                           int64    `json:"id"`
	Name                         string   `json:"name"`
	Visibility                   string   `json:"visibility"` // [VisibilitySelected], "all" or "private"
	Default                      bool     `json:"default"`    // the organization's default group
	Inherited                    bool     `json:"inherited"`  // belongs to the enterprise
	AllowsPublicRepositories     bool     `json:"allows_public_repositories"`
	RestrictedToWorkflows        bool     `json:"restricted_to_workflows"`
	SelectedWorkflows            []string `json:"selected_workflows"`
	WorkflowRestrictionsReadOnly bool     `json:"workflow_restrictions_read_only"`
}

// Limit returns the workflows that the group is limited to, or nil if any workflow may use it.
func (g Group) Limit() *[]string {
	if !g.RestrictedToWorkflows {
		return nil
	}
	workflows := append([]string{}, g.SelectedWorkflows...)
	return &workflows
}

// A NewGroup describes a group to create. Its visibility is always [VisibilitySelected].
type NewGroup struct {
	Name         string
	AllowsPublic bool // public repositories may use it
}

// A GroupChange describes a change of a group. Fields that are nil stay as they are.
type GroupChange struct {
	Name                     string // required by GitHub, even if it does not change
	AllowsPublicRepositories *bool
	Workflows                *[]string // limits the group to these; the empty list removes the limit
}

// Group gets a group by its ID.
func (o *Org) Group(ctx context.Context, id int64) (Group, error) {
	s, err := o.session(ctx)
	if err != nil {
		return Group{}, err
	}
	group, _, err := send[Group](ctx, s.main, http.MethodGet, o.groupPath(id), nil)
	return group, o.app.failed(o.groupOp("get", id), err)
}

// Groups lists all groups of the organization, those of the enterprise too.
func (o *Org) Groups(ctx context.Context) ([]Group, error) {
	return o.listGroups(ctx, "list the runner groups of "+o.login, nil)
}

// A KnownGroups is what is known of an organization's groups.
type KnownGroups struct {
	Groups []Group
	Count  int // how many there are; more than len(Groups) if those are not all
}

// FirstGroups gets some groups of the organization, and how many there are, by one request. It
// lists all of them if GitHub does not say how many there are.
func (o *Org) FirstGroups(ctx context.Context) (KnownGroups, error) {
	s, err := o.session(ctx)
	if err != nil {
		return KnownGroups{}, err
	}
	groups, count, _, err := o.groupsPage(ctx, s, github.ListOptions{PerPage: perPage}, nil)
	switch {
	case err != nil:
		return KnownGroups{}, o.app.failed("count the runner groups of "+o.login, err)
	case count >= len(groups) && len(groups) > 0:
		return KnownGroups{Groups: groups, Count: count}, nil
	}
	groups, err = o.Groups(ctx)
	return KnownGroups{Groups: groups, Count: len(groups)}, err
}

// GroupsVisibleTo lists the groups that GitHub says a repository may use. A server that does
// not know this filter lists all groups.
func (o *Org) GroupsVisibleTo(ctx context.Context, repo string) ([]Group, error) {
	op := fmt.Sprintf("list the runner groups of %s that %.100s may use", o.login, strconv.QuoteToASCII(repo))
	if _, err := repoName(repo); err != nil {
		return nil, o.app.failed(op, err)
	}
	return o.listGroups(ctx, op, url.Values{"visible_to_repository": {repo}})
}

func (o *Org) listGroups(ctx context.Context, op string, query url.Values) ([]Group, error) {
	s, err := o.session(ctx)
	if err != nil {
		return nil, err
	}
	groups, err := listCounted(ctx, func(ctx context.Context, page github.ListOptions) ([]Group, int, *github.Response, error) {
		return o.groupsPage(ctx, s, page, query)
	})
	return groups, o.app.failed(op, err)
}

func (o *Org) groupsPage(ctx context.Context, s *session, page github.ListOptions, query url.Values) ([]Group, int, *github.Response, error) {
	values := pageValues(page)
	maps.Copy(values, query)
	answer, resp, err := send[struct {
		Count  int     `json:"total_count"`
		Groups []Group `json:"runner_groups"`
	}](ctx, s.main, http.MethodGet, "orgs/"+o.loginSegment()+"/actions/runner-groups?"+values.Encode(), nil)
	return answer.Groups, answer.Count, resp, err
}

// GroupByName gets a group by its name. GitHub has no endpoint for that, so it lists all
// groups. It prefers the exact name to one that differs in case only.
func (o *Org) GroupByName(ctx context.Context, name string) (Group, error) {
	groups, err := o.Groups(ctx)
	if err != nil {
		return Group{}, err
	}
	var sameFold *Group
	for i := range groups {
		switch {
		case groups[i].Name == name:
			return groups[i], nil
		case sameFold == nil && strings.EqualFold(groups[i].Name, name):
			sameFold = &groups[i]
		}
	}
	if sameFold == nil {
		return Group{}, &Error{Kind: NotFound, Op: fmt.Sprintf("get group %.100q of %s", name, o.login), Message: "no group has this name"}
	}
	return *sameFold, nil
}

// CreateGroup creates a group that no repository may use yet. It fails with Conflict if a
// group has that name already.
func (o *Org) CreateGroup(ctx context.Context, g NewGroup) (Group, error) {
	s, err := o.session(ctx)
	if err != nil {
		return Group{}, err
	}
	group, _, err := send[Group](ctx, s.main, http.MethodPost, "orgs/"+o.loginSegment()+"/actions/runner-groups", map[string]any{
		"name": g.Name, "visibility": VisibilitySelected, "allows_public_repositories": g.AllowsPublic,
	})
	return group, o.app.failedWrite(fmt.Sprintf("create group %.100q in %s", g.Name, o.login), err)
}

// UpdateGroup changes a group and returns the result.
func (o *Org) UpdateGroup(ctx context.Context, id int64, change GroupChange) (Group, error) {
	s, err := o.session(ctx)
	if err != nil {
		return Group{}, err
	}
	body := map[string]any{"name": change.Name}
	if change.AllowsPublicRepositories != nil {
		body["allows_public_repositories"] = *change.AllowsPublicRepositories
	}
	if change.Workflows != nil {
		body["restricted_to_workflows"] = len(*change.Workflows) > 0
		body["selected_workflows"] = append([]string{}, *change.Workflows...)
	}
	group, _, err := send[Group](ctx, s.main, http.MethodPatch, o.groupPath(id), body)
	return group, o.app.failedWrite(o.groupOp("change", id), err)
}

// DeleteGroup deletes a group.
func (o *Org) DeleteGroup(ctx context.Context, id int64) error {
	return o.write(ctx, o.groupOp("delete", id), func(ctx context.Context, s *session) (*github.Response, error) {
		return s.main.Actions.DeleteOrganizationRunnerGroup(ctx, o.loginSegment(), id)
	})
}

// A HostedRunner is a runner that GitHub hosts, as many machines of one kind as are needed up
// to a maximum. Its name is its only label.
type HostedRunner struct {
	Name   string `json:"name"`
	Status string `json:"status"` // "Ready" if it takes jobs
}

// GroupHostedRunners lists the runners of a group that GitHub hosts. It fails with NotFound on
// an Enterprise Server, which has none.
func (o *Org) GroupHostedRunners(ctx context.Context, id int64) ([]HostedRunner, error) {
	s, err := o.session(ctx)
	if err != nil {
		return nil, err
	}
	found, err := listCounted(ctx, func(ctx context.Context, page github.ListOptions) ([]HostedRunner, int, *github.Response, error) {
		answer, resp, err := send[struct {
			Count   int            `json:"total_count"`
			Runners []HostedRunner `json:"runners"`
		}](ctx, s.main, http.MethodGet, o.groupPath(id)+"/hosted-runners"+listQuery(page), nil)
		return answer.Runners, answer.Count, resp, err
	})
	return found, o.app.failed(o.groupOp("list the hosted runners of", id), err)
}

// AddGroupRepository lets a repository use a group.
func (o *Org) AddGroupRepository(ctx context.Context, id, repoID int64) error {
	return o.write(ctx, o.groupOp(fmt.Sprintf("add repository %d to", repoID), id), func(ctx context.Context, s *session) (*github.Response, error) {
		return s.main.Actions.AddRepositoryAccessRunnerGroup(ctx, o.loginSegment(), id, repoID)
	})
}

// RemoveGroupRepository stops a repository from using a group.
func (o *Org) RemoveGroupRepository(ctx context.Context, id, repoID int64) error {
	return o.write(ctx, o.groupOp(fmt.Sprintf("remove repository %d from", repoID), id), func(ctx context.Context, s *session) (*github.Response, error) {
		return s.main.Actions.RemoveRepositoryAccessRunnerGroup(ctx, o.loginSegment(), id, repoID)
	})
}

// write sends a write whose answer has no content.
func (o *Org) write(ctx context.Context, op string, do func(context.Context, *session) (*github.Response, error)) error {
	s, err := o.session(ctx)
	if err != nil {
		return err
	}
	ctx, sent := watchSent(ctx)
	_, err = do(ctx, s)
	return o.app.failedWrite(op, unlessSent(err, sent))
}

func (o *Org) groupPath(id int64) string {
	return fmt.Sprintf("orgs/%s/actions/runner-groups/%d", o.loginSegment(), id)
}

func (o *Org) groupOp(what string, id int64) string {
	return fmt.Sprintf("%s group %d of %s", what, id, o.login)
}
