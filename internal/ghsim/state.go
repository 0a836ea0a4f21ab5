package ghsim

import (
	"crypto/rsa"
	"slices"
	"strings"
	"time"
)

// A State is all that the simulated GitHub knows. Tests read and change it
// inside [Server.Update]; new things are best added with [Server.Apply], which
// gives them ids.
type State struct {
	Users      []*User
	Orgs       []*Org
	Apps       []*App
	Deliveries []*Delivery // oldest first

	last map[string]int64 // the last id given, by kind
}

// A User is a person, or a bot of an App.
type User struct {
	ID        int64
	Login     string
	Name      string
	Type      string // User or Bot
	Suspended bool
	Tokens    []Token
	Keys      []Key
}

// A Token is a user's token. Its prefix says what it is: ghp_ (classic),
// github_pat_ (fine-grained), gho_ (OAuth app) or ghu_ (a GitHub App's user
// token).
type Token struct {
	Value    string
	ClientID string    // of the OAuth app or GitHub App that made it
	Scopes   []string  // classic and OAuth: repo, read:org, admin:org; fine-grained: any entry means "may do what the user may"
	Expires  time.Time // zero: never
}

// A Key is a public SSH key, as GET /users/{username}/keys lists it.
type Key struct {
	ID  int64
	Key string
}

// An Org is an organization with all that belongs to it.
type Org struct {
	ID    int64
	Login string
	Plan  string
	// BasePermission is what every member may do in every repository: pull, push, admin or none.
	BasePermission string
	CreatedAt      time.Time
	Members        []*Member
	Teams          []*Team
	Repos          []*Repo
	Groups         []*Group // the first is the default group
	Runners        []*Runner

	lastGroup, lastRunner int64 // GitHub counts these for each organization
}

// A Member is a user's membership in an organization.
type Member struct {
	User  *User
	Role  string // admin (an owner) or member
	State string // active or pending
}

// A Team belongs to one organization.
type Team struct {
	ID          int64
	Name        string
	Slug        string
	Description string
	Privacy     string // closed or secret
	CreatedAt   time.Time
	Parent      *Team
	Members     []*TeamMember
	Permissions map[int64]string // by repository id: pull, triage, push, maintain or admin
}

// A TeamMember is a user's own membership in a team. What GitHub shows also
// depends on child teams and on the organization's owners; see [Org.Role].
type TeamMember struct {
	User  *User
	Role  string // member or maintainer
	State string // active or pending
}

// A Repo is a repository of an organization.
type Repo struct {
	ID         int64
	Org        *Org
	Name       string
	Visibility string // public, private or internal
	Archived   bool
	HasIssues  bool
	CreatedAt  time.Time
	Issues     []*Issue
	Labels     []*Label
	// Collaborators are the permissions of people, by their ids: pull, triage, push, maintain or admin.
	Collaborators map[int64]string

	formerly []string // full names that it had, in lower case
	deleted  []int    // numbers of issues that it had
}

// A Label belongs to a repository. Its issues name it.
type Label struct {
	ID          int64
	Name        string
	Color       string
	Description string
}

// Private reports whether GitHub shows the repository as private, which internal ones are too.
func (r *Repo) Private() bool { return r.Visibility != "public" }

// FullName is owner/name.
func (r *Repo) FullName() string { return r.Org.Login + "/" + r.Name }

// Issue is the issue of that number, or nil.
func (r *Repo) Issue(number int) *Issue {
	return find(r.Issues, func(i *Issue) bool { return i.Number == number })
}

// An Issue is an issue or, if PullRequest is set, a pull request.
type Issue struct {
	ID          int64
	Number      int
	Title       string
	Body        string
	State       string // open or closed
	Locked      bool   // only people who may write to the repository can comment
	Labels      []string
	PullRequest bool
	Author      *User
	Via         *App // the GitHub App that made it, or nil
	CreatedAt   time.Time
	UpdatedAt   time.Time
	ClosedAt    time.Time
	ClosedBy    *User
	Comments    []*Comment
	Suggestions []string // comments that its page offers
}

// A Comment is a comment on an issue.
type Comment struct {
	ID        int64
	Author    *User
	Body      string
	Via       *App // the GitHub App it was written through, or nil
	CreatedAt time.Time
	UpdatedAt time.Time
	Reactions []*Reaction
}

// A Reaction is one user's reaction to a comment.
type Reaction struct {
	ID        int64
	User      *User
	Content   string // +1, -1, laugh, confused, heart, hooray, rocket or eyes
	CreatedAt time.Time
}

// A Group is a runner group.
type Group struct {
	ID                    int64
	Name                  string
	Visibility            string // all, private or selected
	Default               bool
	Inherited             bool
	AllowsPublic          bool
	RestrictedToWorkflows bool
	SelectedWorkflows     []string
	WorkflowsReadOnly     bool
	Repos                 []int64  // ids; they count if Visibility is selected
	HostedRunners         []string // names of those that GitHub hosts; they are ready
}

// A Runner is a self-hosted runner of an organization.
type Runner struct {
	ID        int64
	GroupID   int64
	Name      string
	OS        string
	Status    string // online or offline
	Busy      bool
	Ephemeral bool
	Version   string // empty: it never connected
	Labels    []string
}

// An App is a registered GitHub App.
type App struct {
	ID            int64
	Slug          string
	Name          string
	Owner         *Org
	Public        bool
	Key           *rsa.PrivateKey
	OtherKeys     []*rsa.PrivateKey // further keys that GitHub accepts, while one is rotated
	ClientID      string
	ClientSecret  string
	WebhookSecret string
	HookURL       string
	HookID        int64
	CallbackURLs  []string // where people who sign in with the App may be sent back
	SetupURL      string
	Permissions   map[string]string
	Events        []string
	CreatedAt     time.Time
	Bot           *User
	Installations []*Installation
}

// An Installation is an App's installation on an organization.
type Installation struct {
	ID          int64
	App         *App
	Org         *Org
	Repos       []int64 // nil: all repositories
	SuspendedAt time.Time
	Permissions map[string]string
	Events      []string
	RateLimit   int // requests an hour; 0: the server's default
	CreatedAt   time.Time
}

// A Delivery is one attempt to deliver a webhook, as GitHub keeps it.
type Delivery struct {
	ID             int64
	GUID           string
	App            *App
	Event          string
	Action         string
	InstallationID int64
	RepositoryID   int64
	DeliveredAt    time.Time
	Redelivery     bool
	Done           bool // the attempt has ended
	Duration       time.Duration
	Status         string // OK, or what went wrong
	StatusCode     int
	RequestHeader  map[string]string
	Payload        []byte
	ResponseHeader map[string]string
	ResponseBody   string
}

// User is the user of that login, whatever its case, or nil.
func (st *State) User(login string) *User {
	return find(st.Users, func(u *User) bool { return strings.EqualFold(u.Login, login) })
}

// Org is the organization of that login, whatever its case, or nil.
func (st *State) Org(login string) *Org {
	return find(st.Orgs, func(o *Org) bool { return strings.EqualFold(o.Login, login) })
}

// App is the App of that slug, or nil.
func (st *State) App(slug string) *App {
	return find(st.Apps, func(a *App) bool { return a.Slug == slug })
}

// Installation is the installation of that id, or nil.
func (st *State) Installation(id int64) *Installation {
	for _, a := range st.Apps {
		if i := find(a.Installations, func(i *Installation) bool { return i.ID == id }); i != nil {
			return i
		}
	}
	return nil
}

// Repo is the repository of that id, or nil.
func (st *State) Repo(id int64) *Repo {
	for _, o := range st.Orgs {
		if r := find(o.Repos, func(r *Repo) bool { return r.ID == id }); r != nil {
			return r
		}
	}
	return nil
}

// id gives the next id of a kind. Kinds start far apart, so that a program
// that confuses, say, a team's id with a repository's does not get by.
func (st *State) id(kind string) int64 {
	starts := map[string]int64{
		"user": 1000, "org": 20000, "team": 300000, "repo": 4000000, "issue": 50000000,
		"comment": 600000000, "reaction": 70000000, "label": 13000, "app": 8000, "installation": 9000000, "delivery": 100000000000, "key": 11000, "hook": 12000,
	}
	if st.last == nil {
		st.last = map[string]int64{}
	}
	if st.last[kind] == 0 {
		st.last[kind] = starts[kind]
	}
	st.last[kind]++
	return st.last[kind]
}

// Team is the team of that slug, or nil.
func (o *Org) Team(slug string) *Team {
	return find(o.Teams, func(t *Team) bool { return strings.EqualFold(t.Slug, slug) })
}

// Repo is the repository of that name, whatever its case, or nil.
func (o *Org) Repo(name string) *Repo {
	return find(o.Repos, func(r *Repo) bool { return strings.EqualFold(r.Name, name) })
}

// Group is the runner group of that name, whatever its case, or nil.
func (o *Org) Group(name string) *Group {
	return find(o.Groups, func(g *Group) bool { return strings.EqualFold(g.Name, name) })
}

// Runner is the runner of that name, whatever its case, or nil.
func (o *Org) Runner(name string) *Runner {
	return find(o.Runners, func(r *Runner) bool { return strings.EqualFold(r.Name, name) })
}

// Member is the user's membership, or nil.
func (o *Org) Member(login string) *Member {
	return find(o.Members, func(m *Member) bool { return strings.EqualFold(m.User.Login, login) })
}

// owner reports whether the user is an active owner.
func (o *Org) owner(u *User) bool {
	return slices.ContainsFunc(o.Members, func(m *Member) bool { return m.User == u && m.Role == "admin" && m.State == "active" })
}

func (o *Org) activeMember(u *User) bool {
	return slices.ContainsFunc(o.Members, func(m *Member) bool { return m.User == u && m.State == "active" })
}

// GroupRunners lists the runners in a group.
func (o *Org) GroupRunners(g *Group) []*Runner {
	return filter(o.Runners, func(r *Runner) bool { return r.GroupID == g.ID })
}

// RunnersOf lists the names of the runners in the group of that name.
func (o *Org) RunnersOf(group string) []string {
	names := []string{}
	if g := o.Group(group); g != nil {
		for _, r := range o.GroupRunners(g) {
			names = append(names, r.Name)
		}
	}
	return names
}

// ReposOf lists the names of the repositories attached to the group of that name.
func (o *Org) ReposOf(group string) []string {
	names := []string{}
	if g := o.Group(group); g != nil {
		for _, r := range o.Repos {
			if slices.Contains(g.Repos, r.ID) {
				names = append(names, r.Name)
			}
		}
	}
	return names
}

func find[T any](list []*T, is func(*T) bool) *T {
	if i := slices.IndexFunc(list, is); i >= 0 {
		return list[i]
	}
	return nil
}

func filter[T any](list []T, keep func(T) bool) []T {
	kept := make([]T, 0, len(list))
	for _, x := range list {
		if keep(x) {
			kept = append(kept, x)
		}
	}
	return kept
}
