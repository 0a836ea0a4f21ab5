package web

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/yuin/goldmark"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A view is what a page shows: an issue, the form that installs an App, or the list of issues.
type view struct {
	Title   string
	FormTo  string // another origin that a form may lead to
	Moved   string // go there instead
	Issue   *issueView
	Issues  []issueLink
	Install *installView
	SignIn  *signInView
	Machine *machineView
}

type issueLink struct{ Path, Name, Title string }

type issueView struct {
	Version         uint64
	Org, Repo, Path string
	Private         bool
	Number          int
	Title, State    string
	Labels          []labelView
	First           commentView
	Comments        []commentView
	People          []person
	Suggestions     []string
	Groups          []groupView
	Deliveries      []ghsim.Delivery
}

type labelView struct {
	Name string
	Hue  uint32
}

type commentView struct {
	ID        int64
	Author    string
	Bot       bool
	Role      string
	When      time.Time
	Edited    bool
	HTML      string // of goldmark, which is safe to show
	Reactions []reactionView
}

type reactionView struct {
	Emoji, Who string
	Count      int
}

type person struct{ Login, About string }

type groupView struct {
	Name, Visibility string
	Default          bool
	Inherited        bool
	Public           bool
	Workflows        []string
	Repos            []string
	Runners          []*ghsim.Runner
}

type installView struct {
	Slug, Name  string
	Orgs        []string
	Permissions map[string]string
	Events      []string
	Installed   []string // if the App is installed already
}

// index lists the issues, or shows the one that there is.
func (p *Pages) index(*http.Request) (view, error) {
	v := view{Title: "Simulated GitHub"}
	p.sim.View(func(st *ghsim.State) {
		for _, o := range st.Orgs {
			for _, r := range o.Repos {
				v.Issues = append(v.Issues, issueLinks(r)...)
			}
		}
	})
	if len(v.Issues) == 1 {
		v.Moved = v.Issues[0].Path
	}
	return v, nil
}

// repoIssues lists the issues of a repository, as the link from its page does.
func (p *Pages) repoIssues(org, repo string) (v view, err error) {
	err = errNoPage
	p.sim.View(func(st *ghsim.State) {
		if o := st.Org(org); o != nil {
			if r := o.Repo(repo); r != nil {
				v, err = view{Title: "Issues · " + r.FullName(), Issues: issueLinks(r)}, nil
			}
		}
	})
	return v, err
}

func issueLinks(r *ghsim.Repo) []issueLink {
	links := make([]issueLink, 0, len(r.Issues))
	for _, i := range r.Issues {
		name := fmt.Sprintf("%s#%d", r.FullName(), i.Number)
		links = append(links, issueLink{fmt.Sprintf("/%s/issues/%d", r.FullName(), i.Number), name, i.Title})
	}
	return links
}

func (p *Pages) issueView(org, repo string, number int) (found view, err error) {
	version, _, _ := p.sim.Changes()
	p.sim.View(func(st *ghsim.State) { found, err = issuePage(st, org, repo, number) })
	if err == nil {
		found.Issue.Version = version
		if found.Issue.Suggestions == nil {
			found.Issue.Suggestions = p.sim.Suggestions()
		}
	}
	return found, err
}

func issuePage(st *ghsim.State, org, repo string, number int) (view, error) {
	r, i, err := st.Issue(org, repo, number)
	if err != nil {
		return view{}, errNoPage
	}
	md := newMarkdown()
	v := &issueView{
		Org: r.Org.Login, Repo: r.Name, Path: fmt.Sprintf("/%s/issues/%d", r.FullName(), number), Private: r.Private(), Number: number,
		Title: i.Title, State: i.State, Suggestions: slices.Clone(i.Suggestions),
		First: renderComment(md, r, &ghsim.Comment{Author: i.Author, Body: i.Body, CreatedAt: i.CreatedAt, UpdatedAt: i.CreatedAt}),
	}
	for _, name := range i.Labels {
		v.Labels = append(v.Labels, labelView{name, hue(name) % 8})
	}
	for _, c := range i.Comments {
		v.Comments = append(v.Comments, renderComment(md, r, c))
	}
	for _, m := range r.Org.Members {
		if m.State == "active" && m.User.Type == "User" && !m.User.Suspended {
			v.People = append(v.People, person{m.User.Login, about(r.Org, m)})
		}
	}
	// Whoever has something to command comes first.
	slices.SortStableFunc(v.People, func(a, b person) int { return cmp.Compare(rank(a), rank(b)) })
	for _, g := range r.Org.Groups {
		v.Groups = append(v.Groups, groupView{
			Name: g.Name, Visibility: g.Visibility, Default: g.Default, Inherited: g.Inherited, Public: g.AllowsPublic,
			Workflows: restrictions(g), Repos: r.Org.ReposOf(g.Name), Runners: copies(r.Org.GroupRunners(g)),
		})
	}
	for n := len(st.Deliveries) - 1; n >= 0 && len(v.Deliveries) < 5; n-- {
		v.Deliveries = append(v.Deliveries, *st.Deliveries[n])
	}
	return view{Title: fmt.Sprintf("%s · %s #%d", i.Title, r.FullName(), number), Issue: v}, nil
}

// rank puts maintainers before others.
func rank(p person) int {
	if strings.Contains(p.About, "maintainer of") {
		return 0
	}
	return 1
}

func copies(runners []*ghsim.Runner) []*ghsim.Runner {
	out := make([]*ghsim.Runner, 0, len(runners))
	for _, r := range runners {
		dup := *r
		out = append(out, &dup)
	}
	return out
}

func restrictions(g *ghsim.Group) []string {
	if g.RestrictedToWorkflows {
		return append([]string{}, g.SelectedWorkflows...)
	}
	return nil
}

// about says what a member is, in a few words.
func about(o *ghsim.Org, m *ghsim.Member) string {
	var roles []string
	if m.Role == "admin" {
		roles = append(roles, "owner")
	}
	for _, t := range o.Teams {
		for _, tm := range t.Members {
			if tm.User == m.User {
				role := tm.Role + " of "
				if tm.State != "active" {
					role = "invited to "
				}
				roles = append(roles, role+t.Slug)
			}
		}
	}
	return strings.Join(roles, ", ")
}

// renderComment renders the Markdown as GitHub would. Most raw HTML and
// dangerous links are left out, so the result is safe to show.
func renderComment(md goldmark.Markdown, r *ghsim.Repo, c *ghsim.Comment) commentView {
	var body bytes.Buffer
	if err := md.Convert([]byte(c.Body), &body); err != nil {
		body.Reset()
		body.WriteString(html.EscapeString(c.Body))
	}
	// What scrolls sideways must do so by the keyboard, too.
	focusable := strings.NewReplacer("<pre>", `<pre tabindex="0">`, "<table>", `<table tabindex="0">`)
	v := commentView{
		ID: c.ID, Author: c.Author.Login, Bot: c.Author.Type == "Bot", When: c.CreatedAt, Edited: c.UpdatedAt.After(c.CreatedAt),
		HTML: focusable.Replace(body.String()),
	}
	if m := r.Org.Member(c.Author.Login); m != nil {
		v.Role = map[string]string{"admin": "Owner", "member": "Member"}[m.Role]
	}
	for _, content := range ghsim.Reactions() {
		var who []string
		for _, rc := range c.Reactions {
			if rc.Content == content {
				who = append(who, rc.User.Login)
			}
		}
		if len(who) > 0 {
			v.Reactions = append(v.Reactions, reactionView{emoji(content), strings.Join(who, ", "), len(who)})
		}
	}
	return v
}

func emoji(content string) string {
	return map[string]string{"+1": "👍", "-1": "👎", "laugh": "😄", "confused": "😕", "heart": "❤️", "hooray": "🎉", "rocket": "🚀", "eyes": "👀"}[content]
}

func (p *Pages) installPage(slug string) (found view, err error) {
	p.sim.View(func(st *ghsim.State) { found, err = installPage(st, slug) })
	return found, err
}

func installPage(st *ghsim.State, slug string) (view, error) {
	a := st.App(slug)
	if a == nil {
		return view{}, errNoPage
	}
	v := view{Title: "Install " + a.Name, Install: &installView{Slug: slug, Name: a.Name, Permissions: a.Permissions, Events: a.Events}}
	for _, o := range st.Orgs {
		installed := slices.ContainsFunc(a.Installations, func(i *ghsim.Installation) bool { return i.Org == o })
		if !installed && (a.Public || a.Owner == nil || a.Owner == o) {
			v.Install.Orgs = append(v.Install.Orgs, o.Login)
		}
	}
	for _, i := range a.Installations {
		v.Install.Installed = append(v.Install.Installed, i.Org.Login)
	}
	if to, err := url.Parse(a.SetupURL); err == nil && to.Host != "" {
		v.FormTo = to.Scheme + "://" + to.Host
	}
	return v, nil
}
