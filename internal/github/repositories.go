package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-github/v41/github"
)

// A Repository of the organization.
type Repository struct {
	ID         int64
	Name       string // as GitHub spells it now, which may not be as it was asked for
	Private    bool
	Visibility string // "public", "private" or "internal"
	Archived   bool
	HasIssues  bool
	// Permission is the highest permission of the team that was asked about, one of
	// [Permissions]. It is empty if no team was asked about.
	Permission string
}

// The permissions that a team can have on a repository, as GitHub's REST API spells
// them. (Roles in [repositoryAnswer.RoleName] are the same but for "read" and "write".)
const (
	PermissionPull     = "pull"
	PermissionTriage   = "triage"
	PermissionPush     = "push"
	PermissionMaintain = "maintain"
	PermissionAdmin    = "admin"
)

// Permissions returns all permissions, lowest first. Each includes those before it.
func Permissions() []string {
	return []string{PermissionPull, PermissionTriage, PermissionPush, PermissionMaintain, PermissionAdmin}
}

// PermissionAtLeast reports whether permission includes need. If need is not a
// permission, only admin does. A permission that GitHub does not have includes nothing.
func PermissionAtLeast(permission, need string) bool {
	all := Permissions()
	least := slices.Index(all, need)
	if least < 0 {
		least = len(all) - 1
	}
	return slices.Index(all, permission) >= least
}

type repositoryAnswer struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Owner struct {
		Login string `json:"login"`
	} `json:"owner"`
	Private     bool            `json:"private"`
	Visibility  string          `json:"visibility"`
	Archived    bool            `json:"archived"`
	HasIssues   bool            `json:"has_issues"`
	Permissions map[string]bool `json:"permissions"`
	RoleName    string          `json:"role_name"`
}

func (r repositoryAnswer) repository() Repository {
	if r.Visibility == "" { // older Enterprise Servers
		r.Visibility = "public"
		if r.Private {
			r.Visibility = "private"
		}
	}
	return Repository{
		ID: r.ID, Name: r.Name, Private: r.Private, Visibility: r.Visibility,
		Archived: r.Archived, HasIssues: r.HasIssues, Permission: r.permission(),
	}
}

func (r repositoryAnswer) permission() string {
	highest := ""
	for _, name := range Permissions() {
		if r.Permissions[name] || r.RoleName == name {
			highest = name
		}
	}
	if highest == "" { // these two have other names as roles
		switch r.RoleName {
		case "read":
			return PermissionPull
		case "write":
			return PermissionPush
		}
	}
	return highest
}

// named checks that the answer is about a repository of this organization.
func (o *Org) named(r repositoryAnswer) error {
	if r.ID == 0 || r.Name == "" {
		return &Error{Kind: Other, Message: "the answer names no repository"}
	}
	if !strings.EqualFold(r.Owner.Login, o.login) {
		return &Error{Kind: NotFound, Message: "it belongs to another owner now"}
	}
	return nil
}

// TeamRepository asks for a repository and for what a team may do there.
// NotFound is no such repository, none that the team has, or one that was renamed.
func (o *Org) TeamRepository(ctx context.Context, slug, name string) (Repository, error) {
	op := fmt.Sprintf("ask what team %.100s may do in %s/%.100s", strconv.QuoteToASCII(slug), o.login, strconv.QuoteToASCII(name))
	team, err := teamSlug(slug)
	if err != nil {
		return Repository{}, o.app.failed(op, err)
	}
	escaped, err := repoName(name)
	if err != nil {
		return Repository{}, o.app.failed(op, err)
	}
	s, err := o.session(ctx)
	if err != nil {
		return Repository{}, err
	}
	path := fmt.Sprintf("orgs/%s/teams/%s/repos/%s/%s", o.path(), team, o.path(), escaped)
	got, _, err := send[repositoryAnswer](ctx, s.main, http.MethodGet, path, nil, "Accept", repositoryMediaType)
	if err == nil {
		err = o.named(got)
	}
	if err != nil {
		return Repository{}, o.app.failed(op, err)
	}
	return got.repository(), nil
}

// TeamRepositories lists all repositories that a team has, with what it may do
// in each.
func (o *Org) TeamRepositories(ctx context.Context, slug string) ([]Repository, error) {
	op := fmt.Sprintf("list the repositories of team %.100s of %s", strconv.QuoteToASCII(slug), o.login)
	team, err := teamSlug(slug)
	if err != nil {
		return nil, o.app.failed(op, err)
	}
	s, err := o.session(ctx)
	if err != nil {
		return nil, err
	}
	found, err := pages(ctx, func(ctx context.Context, page github.ListOptions) ([]repositoryAnswer, *github.Response, error) {
		path := fmt.Sprintf("orgs/%s/teams/%s/repos", o.path(), team)
		return send[[]repositoryAnswer](ctx, s.main, http.MethodGet, path+listQuery(page), nil)
	})
	if err != nil {
		return nil, o.app.failed(op, err)
	}
	repos := make([]Repository, 0, len(found))
	for _, r := range found {
		if o.named(r) == nil { // a team may have forks of members, which no group takes
			repos = append(repos, r.repository())
		}
	}
	return repos, nil
}

// AdminRepository asks for the admin repository as it is at this moment: the
// answer is never taken from the cache, nor from another caller's question.
func (o *Org) AdminRepository(ctx context.Context) (Repository, error) {
	op := "ask for the admin repository"
	s, repo, err := o.admin(ctx, op)
	if err != nil {
		return Repository{}, err
	}
	got, _, err := send[repositoryAnswer](ctx, s.comments, http.MethodGet, "repos/"+o.path()+"/"+repo, nil, "Cache-Control", "no-store")
	if err == nil {
		err = o.named(got)
	}
	if err != nil {
		return Repository{}, o.app.failed(op+" "+o.login+"/"+repo, err)
	}
	r := got.repository()
	r.Permission = "" // the App's own
	return r, nil
}

// admin is for what is asked of the admin repository: the session, and the
// repository's name as a segment of a path.
func (o *Org) admin(ctx context.Context, op string) (*session, string, error) {
	if o.adminRepo == "" {
		return nil, "", &Error{Kind: Invalid, Op: op, Message: "no admin repository is configured: set chatops.adminRepo"}
	}
	repo, err := repoName(o.adminRepo)
	if err != nil {
		return nil, "", o.app.failed(op, err)
	}
	s, err := o.session(ctx)
	return s, repo, err
}

// path is the organization's name as a segment of a path. A session exists
// only where the name was found to be one.
func (o *Org) path() string { return url.PathEscape(o.login) }

func pageValues(o github.ListOptions) url.Values {
	values := url.Values{"per_page": {strconv.Itoa(o.PerPage)}}
	if o.Page > 1 {
		values.Set("page", strconv.Itoa(o.Page))
	}
	return values
}
