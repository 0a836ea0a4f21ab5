package ghsim

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

// New makes a server that holds the scenario.
func New(sc Scenario) (*Server, error) {
	s := new(Server)
	if err := s.Apply(sc); err != nil {
		return nil, err
	}
	return s, nil
}

// Apply adds a scenario to what the server holds. An organization, user or
// team that is there already gets what the scenario adds to it. Apply stops at
// the first mistake, and names it.
func (s *Server) Apply(sc Scenario) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := builder{s: s, st: &s.state}
	for _, u := range sc.Users {
		b.user(u)
	}
	for _, o := range sc.Organizations {
		b.org(o)
	}
	for _, a := range sc.Apps {
		b.app(a)
	}
	s.suggestions = append(s.suggestions, sc.Suggestions...)
	b.life(sc.Life)
	s.touch()
	return b.err
}

// A builder turns descriptions into state. After its first mistake it does nothing of note.
type builder struct {
	s   *Server
	st  *State
	err error
}

func (b *builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf("scenario: "+format, args...)
	}
}

// or gives the id from the description or the next of its kind.
func (b *builder) or(id int64, kind string) int64 {
	if id == 0 {
		return b.st.id(kind)
	}
	return id
}

func (b *builder) user(spec UserSpec) {
	if spec.Login == "" {
		b.fail("a user has no login")
		return
	}
	u := b.st.User(spec.Login)
	if u == nil {
		u = &User{ID: b.or(spec.ID, "user"), Login: spec.Login, Type: "User"}
		b.st.Users = append(b.st.Users, u)
	}
	u.Name, u.Type, u.Suspended = pick(spec.Name, u.Name), pick(spec.Type, u.Type), spec.Suspended || u.Suspended
	for _, t := range spec.Tokens {
		u.Tokens = append(u.Tokens, Token{Value: t.Value, ClientID: t.ClientID, Scopes: t.Scopes})
		b.s.secret(t.Value)
	}
	for _, k := range spec.Keys {
		u.Keys = append(u.Keys, Key{ID: b.st.id("key"), Key: k})
	}
}

// person is the user of that login, made if there is none.
func (b *builder) person(login string) *User {
	if b.st.User(login) == nil {
		b.user(UserSpec{Login: login})
	}
	return b.st.User(login)
}

func (b *builder) org(spec OrgSpec) {
	if spec.Login == "" {
		b.fail("an organization has no login")
		return
	}
	o := b.st.Org(spec.Login)
	if o == nil {
		o = &Org{
			ID: b.or(spec.ID, "org"), Login: spec.Login, Plan: "team", BasePermission: "pull", CreatedAt: b.s.now(), lastGroup: 1,
			Groups: []*Group{{ID: 1, Name: "Default", Visibility: "all", Default: true, AllowsPublic: false}},
		}
		b.st.Orgs = append(b.st.Orgs, o)
	}
	o.Plan, o.BasePermission = pick(spec.Plan, o.Plan), pick(spec.BasePermission, o.BasePermission)
	for _, login := range spec.Owners {
		o.SetMember(b.person(login), "admin", "active")
	}
	for _, login := range spec.Members {
		o.SetMember(b.person(login), "member", "active")
	}
	for _, login := range spec.PendingMembers {
		o.SetMember(b.person(login), "member", "pending")
	}
	for _, r := range spec.Repositories {
		b.repo(o, r)
	}
	for _, t := range spec.Teams {
		b.team(o, t)
	}
	for _, g := range spec.RunnerGroups {
		b.group(o, g)
	}
	for _, r := range spec.Runners {
		b.runner(o, o.Groups[0], r)
	}
}

func (b *builder) team(o *Org, spec TeamSpec) {
	slug := Slug(spec.Name)
	if slug == "" {
		b.fail("%s: a team has no name", o.Login)
		return
	}
	t := o.Team(slug)
	if t == nil {
		t = &Team{ID: b.or(spec.ID, "team"), Name: spec.Name, Slug: slug, Privacy: "closed", CreatedAt: spec.CreatedAt, Permissions: map[int64]string{}}
		if t.CreatedAt.IsZero() {
			t.CreatedAt = b.s.now()
		}
		o.Teams = append(o.Teams, t)
	}
	t.Description, t.Privacy = pick(spec.Description, t.Description), pick(spec.Privacy, t.Privacy)
	if spec.Parent != "" {
		if t.Parent = o.Team(spec.Parent); t.Parent == nil || t.Parent == t {
			b.fail("%s: the parent %q of team %q is no team above it", o.Login, spec.Parent, slug)
		}
	}
	add := func(logins []string, role, state string) {
		for _, login := range logins {
			u := b.person(login)
			if u != nil && o.Member(login) == nil {
				o.SetMember(u, "member", state)
			}
			t.SetMember(u, role, state)
		}
	}
	add(spec.Maintainers, "maintainer", "active")
	add(spec.Members, "member", "active")
	add(spec.PendingMaintainers, "maintainer", "pending")
	add(spec.PendingMembers, "member", "pending")
	for name, permission := range spec.Repositories {
		r := o.Repo(name)
		if r == nil || !slices.Contains(permissions(), permission) {
			b.fail("%s: team %q has %q on %q, which is no permission on a repository of the organization", o.Login, slug, permission, name)
			continue
		}
		t.Permissions[r.ID] = permission
	}
}

func (b *builder) repo(o *Org, spec RepoSpec) {
	if spec.Name == "" {
		b.fail("%s: a repository has no name", o.Login)
		return
	}
	r := o.Repo(spec.Name)
	if r == nil {
		r = &Repo{ID: b.or(spec.ID, "repo"), Org: o, Name: spec.Name, Visibility: "private", HasIssues: true, CreatedAt: b.s.now(), Collaborators: map[int64]string{}}
		o.Repos = append(o.Repos, r)
	}
	r.Visibility, r.Archived, r.HasIssues = pick(spec.Visibility, r.Visibility), spec.Archived || r.Archived, !spec.NoIssues && r.HasIssues
	for login, permission := range spec.Collaborators {
		if !slices.Contains(permissions(), permission) {
			b.fail("%s has %q for %s, which is no permission", r.FullName(), permission, login)
			continue
		}
		r.Collaborators[b.person(login).ID] = permission
	}
	for _, i := range spec.Issues {
		b.issue(r, i)
	}
}

func (b *builder) issue(r *Repo, spec IssueSpec) {
	author := spec.Author
	for _, m := range r.Org.Members {
		if author == "" && m.Role == "admin" {
			author = m.User.Login
		}
	}
	issue := &Issue{
		ID: b.st.id("issue"), Number: spec.Number, Title: spec.Title, Body: spec.Body, State: pick(spec.State, "open"),
		Locked: spec.Locked, Labels: spec.Labels, PullRequest: spec.PullRequest, Suggestions: spec.Suggestions, Author: b.person(pick(author, "ghost")), CreatedAt: b.s.now(), UpdatedAt: b.s.now(),
	}
	if issue.Number == 0 {
		issue.Number = r.nextIssue()
	}
	for _, name := range issue.Labels {
		b.st.label(r, name)
	}
	if r.Issue(issue.Number) != nil {
		b.fail("%s has two issues #%d", r.FullName(), issue.Number)
	}
	r.Issues = append(r.Issues, issue)
	for _, c := range spec.Comments {
		comment := b.st.comment(issue, b.person(c.Author), c.Body, nil, b.s.now())
		if !c.CreatedAt.IsZero() {
			comment.CreatedAt, comment.UpdatedAt = c.CreatedAt, c.CreatedAt
		}
	}
}

func (b *builder) group(o *Org, spec GroupSpec) {
	if spec.Name == "" {
		b.fail("%s: a runner group has no name", o.Login)
		return
	}
	g := o.Group(spec.Name)
	if g == nil {
		g = &Group{ID: spec.ID, Name: spec.Name, Visibility: "selected"}
		if g.ID == 0 {
			o.lastGroup++
			g.ID = o.lastGroup
		}
		o.lastGroup = max(o.lastGroup, g.ID)
		o.Groups = append(o.Groups, g)
	}
	g.Visibility, g.Inherited = pick(spec.Visibility, g.Visibility), spec.Inherited || g.Inherited
	g.AllowsPublic = spec.AllowsPublic || g.AllowsPublic
	g.RestrictedToWorkflows = spec.RestrictedToWorkflows || g.RestrictedToWorkflows
	g.SelectedWorkflows = append(g.SelectedWorkflows, spec.SelectedWorkflows...)
	g.HostedRunners = append(g.HostedRunners, spec.HostedRunners...)
	g.WorkflowsReadOnly = spec.WorkflowsReadOnly || g.WorkflowsReadOnly
	for _, name := range spec.Repositories {
		r := o.Repo(name)
		if r == nil {
			b.fail("%s: runner group %q has %q, which is no repository of the organization", o.Login, spec.Name, name)
			continue
		}
		g.Repos = append(g.Repos, r.ID)
	}
	for _, r := range spec.Runners {
		b.runner(o, g, r)
	}
}

func (b *builder) runner(o *Org, g *Group, spec RunnerSpec) {
	if spec.Name == "" || o.Runner(spec.Name) != nil {
		b.fail("%s: the runner %q has no name or one that is taken", o.Login, spec.Name)
		return
	}
	r := &Runner{
		ID: spec.ID, GroupID: g.ID, Name: spec.Name, OS: pick(spec.OS, "linux"), Status: pick(spec.Status, "online"), Busy: spec.Busy,
		Ephemeral: spec.Ephemeral, Version: pick(spec.Version, b.s.newest()), Labels: spec.Labels,
	}
	if r.Version == "none" {
		r.Version = ""
	}
	if r.ID == 0 {
		r.ID = o.lastRunner + 1
	}
	o.lastRunner = max(o.lastRunner, r.ID)
	if r.Labels == nil {
		r.Labels = []string{"self-hosted", r.OS}
	}
	o.Runners = append(o.Runners, r)
}

func (b *builder) app(spec AppSpec) {
	if spec.Name == "" {
		b.fail("an App has no name")
		return
	}
	a := &App{
		ID: b.or(spec.ID, "app"), Slug: Slug(spec.Name), Name: spec.Name, HookURL: spec.HookURL, HookID: b.st.id("hook"), SetupURL: spec.SetupURL, CallbackURLs: spec.CallbackURLs,
		WebhookSecret: b.s.secret(spec.WebhookSecret), Permissions: spec.Permissions, Events: spec.Events, CreatedAt: b.s.now(),
	}
	if b.st.App(a.Slug) != nil {
		b.fail("two Apps are named %q", spec.Name)
	}
	if a.Permissions == nil {
		a.Permissions = map[string]string{"metadata": "read", "issues": "write", "members": "read", "organization_self_hosted_runners": "write"}
	}
	if a.Events == nil {
		a.Events = []string{"issue_comment"}
	}
	if len(b.st.Orgs) > 0 {
		a.Owner = b.st.Orgs[0]
	}
	if spec.Owner != "" {
		if a.Owner = b.st.Org(spec.Owner); a.Owner == nil {
			b.fail("the owner %q of the App %q is no organization", spec.Owner, spec.Name)
		}
	}
	if err := b.s.complete(a, spec.PrivateKey); err != nil {
		b.fail("App %q: %w", spec.Name, err)
	}
	b.st.Apps = append(b.st.Apps, a)
	for _, i := range spec.Installations {
		b.installation(a, i)
	}
}

// complete gives an App the parts that GitHub makes: key, client, bot.
func (s *Server) complete(a *App, privateKey string) (err error) {
	a.ClientID = "Iv23li" + randomToken("", 14)
	a.ClientSecret = s.secret(strings.ToLower(randomToken("", 40)))
	a.Bot = &User{ID: s.state.id("user"), Login: a.Slug + "[bot]", Type: "Bot"}
	s.state.Users = append(s.state.Users, a.Bot)
	if privateKey != "" {
		a.Key, err = decodeKey(privateKey)
	} else {
		a.Key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err == nil {
		s.secret(encodeKey(a.Key))
	}
	return err
}

func (b *builder) installation(a *App, spec InstallationSpec) {
	o := b.st.Org(spec.Org)
	if o == nil {
		b.fail("the App %q is installed on %q, which is no organization", a.Name, spec.Org)
		return
	}
	i := &Installation{ID: b.or(spec.ID, "installation"), App: a, Org: o, Permissions: spec.Permissions, Events: spec.Events, RateLimit: spec.RateLimit, CreatedAt: b.s.now()}
	if i.Permissions == nil {
		i.Permissions = maps.Clone(a.Permissions)
	}
	if i.Events == nil {
		i.Events = slices.Clone(a.Events)
	}
	if spec.Suspended {
		i.SuspendedAt = b.s.now()
	}
	for _, name := range spec.Repositories {
		r := o.Repo(name)
		if r == nil {
			b.fail("the App %q is installed on %s/%s, which is no repository", a.Name, o.Login, name)
			continue
		}
		i.Repos = append(i.Repos, r.ID)
	}
	a.Installations = append(a.Installations, i)
}

// PrivateKey is the App's key as PEM, as GitHub hands it out.
func (a *App) PrivateKey() string { return encodeKey(a.Key) }

// comment adds a comment to an issue.
func (st *State) comment(i *Issue, author *User, body string, via *App, now time.Time) *Comment {
	c := &Comment{ID: st.id("comment"), Author: author, Body: body, Via: via, CreatedAt: now, UpdatedAt: now}
	i.Comments, i.UpdatedAt = append(i.Comments, c), now
	return c
}

// Slug is what GitHub makes of a name: lower case, with hyphens for all else.
func Slug(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), "-")
}

func pick(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

// errNothing is returned to callers of the Go methods for a name that means nothing here.
var errNothing = errors.New("there is no such thing in the simulated GitHub")
