package github

import (
	"context"
	"encoding/json"
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
	Name       string // as GitHub spells it, which may differ from the name in the request
	Private    bool
	Visibility string // "public", "private" or "internal"
	Archived   bool
	HasIssues  bool
	// Permission is the highest permission of the team in the request, one of
	// [Permissions]. It is empty if the request was not about a team.
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
	Private     bool          `json:"private"`
	Visibility  string        `json:"visibility"`
	Archived    bool          `json:"archived"`
	HasIssues   bool          `json:"has_issues"`
	Permissions permissionSet `json:"permissions"`
	RoleName    string        `json:"role_name"`
}

// A permissionSet has a bit for each of [Permissions]. The cache holds many: as a map it
// would be most of an answer.
type permissionSet uint8

// UnmarshalJSON implements [json.Unmarshaler]. GitHub sends an object of booleans.
func (p *permissionSet) UnmarshalJSON(text []byte) error {
	var granted map[string]bool
	if err := json.Unmarshal(text, &granted); err != nil {
		return err
	}
	*p = 0
	for i, name := range Permissions() {
		if granted[name] {
			*p |= 1 << i
		}
	}
	return nil
}

func (r repositoryAnswer) repository() Repository {
	if r.Visibility == "" { // older Enterprise Servers do not send it
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
	for i, name := range Permissions() {
		if r.Permissions&(1<<i) != 0 || r.RoleName == name {
			highest = name
		}
	}
	if highest == "" {
		switch r.RoleName {
		case "read":
			return PermissionPull
		case "write":
			return PermissionPush
		}
	}
	return highest
}

// checkRepository returns an error if the answer is not about a repository of this
// organization.
func (o *Org) checkRepository(r repositoryAnswer) error {
	if r.ID == 0 || r.Name == "" {
		return &Error{Kind: Other, Message: "GitHub's answer contains no repository"}
	}
	if !strings.EqualFold(r.Owner.Login, o.Name()) && !strings.EqualFold(r.Owner.Login, o.login) {
		return &Error{Kind: NotFound, Message: "it now belongs to another owner"}
	}
	return nil
}

// TeamRepository gets a repository with a team's permission on it. It fails with NotFound
// if the repository does not exist, if the team has no access, or if it was renamed.
func (o *Org) TeamRepository(ctx context.Context, slug, name string) (Repository, error) {
	op := fmt.Sprintf("get the permission of team %.100s on %s/%.100s", strconv.QuoteToASCII(slug), o.login, strconv.QuoteToASCII(name))
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
	path := fmt.Sprintf("orgs/%s/teams/%s/repos/%s/%s", o.loginSegment(), team, o.loginSegment(), escaped)
	got, _, err := send[repositoryAnswer](ctx, s.main, http.MethodGet, path, nil, "Accept", repositoryMediaType)
	if err == nil {
		err = o.checkRepository(got)
	}
	if err != nil {
		return Repository{}, o.app.failed(op, err)
	}
	return got.repository(), nil
}

// TeamRepositories lists a team's repositories, with the team's permission on each.
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
	found, err := listAll(ctx, func(ctx context.Context, page github.ListOptions) ([]repositoryAnswer, *github.Response, error) {
		path := fmt.Sprintf("orgs/%s/teams/%s/repos", o.loginSegment(), team)
		return send[[]repositoryAnswer](ctx, s.main, http.MethodGet, path+listQuery(page), nil)
	})
	if err != nil {
		return nil, o.app.failed(op, err)
	}
	repos := make([]Repository, 0, len(found))
	for _, r := range found {
		if o.checkRepository(r) == nil { // a team may have members' forks, which no group can have
			repos = append(repos, r.repository())
		}
	}
	return repos, nil
}

// Repository gets a repository. It fails with NotFound if the App may not see it, or if it was
// renamed.
func (o *Org) Repository(ctx context.Context, name string) (Repository, error) {
	op := fmt.Sprintf("get %s/%.100s", o.login, strconv.QuoteToASCII(name))
	escaped, err := repoName(name)
	if err != nil {
		return Repository{}, o.app.failed(op, err)
	}
	s, err := o.session(ctx)
	if err != nil {
		return Repository{}, err
	}
	path := "repos/" + o.loginSegment() + "/" + escaped
	got, _, err := send[repositoryAnswer](context.WithValue(ctx, stayKey{}, true), s.main, http.MethodGet, path, nil)
	if err == nil {
		err = o.checkRepository(got)
	}
	if err != nil {
		return Repository{}, o.app.failed(op, err)
	}
	r := got.repository()
	r.Permission = "" // GitHub returns the App's own here
	return r, nil
}

// RepositoryByID gets a repository, whatever its name is now. It fails with NotFound if the App
// may not see it, or if it belongs to another owner.
func (o *Org) RepositoryByID(ctx context.Context, id int64) (Repository, error) {
	op := fmt.Sprintf("get repository %d of %s", id, o.login)
	s, err := o.session(ctx)
	if err != nil {
		return Repository{}, err
	}
	got, _, err := send[repositoryAnswer](ctx, s.main, http.MethodGet, fmt.Sprintf("repositories/%d", id), nil)
	if err == nil {
		err = o.checkRepository(got)
	}
	if err != nil {
		return Repository{}, o.app.failed(op, err)
	}
	r := got.repository()
	r.Permission = "" // GitHub returns the App's own here
	return r, nil
}

// AdminRepository gets the admin repository as it is now. The answer never comes from the
// cache or from another caller's request.
func (o *Org) AdminRepository(ctx context.Context) (Repository, error) {
	op := "get the admin repository"
	s, repo, err := o.adminSession(ctx, op)
	if err != nil {
		return Repository{}, err
	}
	got, _, err := send[repositoryAnswer](ctx, s.comments, http.MethodGet, "repos/"+o.loginSegment()+"/"+repo, nil, "Cache-Control", "no-store")
	if err == nil {
		err = o.checkRepository(got)
	}
	if err != nil {
		return Repository{}, o.app.failed(op+" "+o.login+"/"+repo, err)
	}
	r := got.repository()
	r.Permission = "" // GitHub returns the App's own here
	return r, nil
}

// adminSession returns the session, and the admin repository's name as a segment of a
// path. It fails with Invalid if no admin repository is configured.
func (o *Org) adminSession(ctx context.Context, op string) (*session, string, error) {
	if o.adminRepo == "" {
		return nil, "", &Error{Kind: Invalid, Op: op, Message: "no admin repository is configured; set chatops.adminRepo"}
	}
	repo, err := repoName(o.adminRepo)
	if err != nil {
		return nil, "", o.app.failed(op, err)
	}
	s, err := o.session(ctx)
	return s, repo, err
}

// loginSegment returns the organization's current name as a segment of a path.
func (o *Org) loginSegment() string { return url.PathEscape(o.Name()) }
