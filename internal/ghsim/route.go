package ghsim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A route is one operation of the API.
type route struct {
	method   string
	template string
	needs    string // app, anyone, user, or a permission such as issues:write
	handle   func(*call) answer
}

// A call is a request on its way through a handler.
type call struct {
	s      *Server
	st     *State
	r      *http.Request
	body   []byte
	params map[string]string
	who    actor
	base   string // if the server is reached
	prefix string // "" or "/api/v3"

	// What the path names, resolved before the handler runs.
	org  *Org
	team *Team
	repo *Repo
}

// match finds the route of a path, which is still escaped. A path with empty
// or dot segments matches none: such a path shows that a name was not escaped.
func (s *Server) match(method, path string) (*route, map[string]string) {
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, seg := range segments {
		plain, err := url.PathUnescape(seg)
		if err != nil || seg == "." || seg == ".." {
			return nil, nil
		}
		segments[i] = plain
	}
next:
	for _, rt := range s.table() {
		if rt.method != method || len(rt.segments) != len(segments) {
			continue
		}
		params := map[string]string{}
		for i, w := range rt.segments {
			if w[0] == '{' && segments[i] != "" {
				params[w[1:len(w)-1]] = segments[i]
			} else if w != segments[i] {
				continue next
			}
		}
		return &rt.route, params
	}
	return nil, nil
}

// A splitRoute is a route with its template cut at the slashes.
type splitRoute struct {
	route
	segments []string
}

// table holds all routes.
func (s *Server) table() []splitRoute {
	s.routing.Do(func() {
		for _, rt := range slices.Concat(appRoutes(), orgRoutes(), teamRoutes(), groupRoutes(), runnerRoutes(), issueRoutes()) {
			s.routes = append(s.routes, splitRoute{rt, strings.Split(rt.template[1:], "/")})
		}
	})
	return s.routes
}

// resolve finds what the path names and checks that the caller may do this.
func (c *call) resolve(rt *route) *answer {
	refuse := func(a answer) *answer { return &a }
	missing := refuse(notFound(""))
	switch rt.needs {
	case "app":
		if c.who.kind != "jwt" {
			return refuse(failure(http.StatusUnauthorized, "A JSON web token could not be decoded", docs))
		}
	case "user":
		switch c.who.kind {
		case "none":
			return refuse(unauthorized())
		case "user":
		default:
			return refuse(notAccessible(c, ""))
		}
	case "anyone":
	default:
		switch c.who.kind {
		case "jwt":
			return refuse(failure(http.StatusUnauthorized, "Bad credentials", docs))
		case "none":
			if !strings.HasPrefix(rt.template, "/repos") || rt.method != http.MethodGet {
				return refuse(unauthorized())
			}
		}
	}

	if login := c.params["org"]; login != "" {
		c.org = c.st.Org(login)
	} else if id := c.id("org_id"); id != 0 {
		c.org = find(c.st.Orgs, func(o *Org) bool { return o.ID == id })
	}
	repoOwner := c.st.Org(c.params["owner"])
	if repoOwner != nil {
		c.repo = repoOwner.Repo(c.params["repo"])
	} else if id := c.id("repository_id"); id != 0 && strings.HasPrefix(rt.template, "/repositories") {
		c.repo = c.st.Repo(id)
	}
	switch {
	case strings.HasPrefix(rt.template, "/org"):
		if c.org == nil {
			return missing
		}
		if a := c.checkOrg(rt.needs); a != nil {
			return a
		}
		if strings.Contains(rt.template, "{team_") {
			if c.team = c.findTeam(); c.team == nil {
				return missing
			}
		}
	case strings.HasPrefix(rt.template, "/repo"):
		if c.repo == nil {
			if c.repo = c.st.moved(c.params["owner"], c.params["repo"]); c.repo == nil || c.checkRepo(rt.needs) != nil {
				return missing
			}
			return refuse(c.redirect())
		}
		return c.checkRepo(rt.needs)
	}
	return nil
}

// redirect sends the caller to where the repository, which had the name in the path before,
// is now: by its id, and by a status that keeps the method.
// https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
func (c *call) redirect() answer {
	path := strings.Split(strings.TrimPrefix(c.r.URL.EscapedPath(), c.prefix), "/") // "", repos, owner, name
	to := c.api(strings.Join(append([]string{"/repositories", itoa(c.repo.ID)}, path[4:]...), "/"))
	status := http.StatusMovedPermanently
	if c.r.Method != http.MethodGet {
		status = http.StatusTemporaryRedirect
	}
	a := answer{status: status, body: obj{"message": "Moved Permanently", "url": to, "documentation_url": docs + "/guides/getting-started-with-the-rest-api#http-redirects"}}
	a.set("Location", to)
	return a
}

// checkOrg checks a permission on the organization.
func (c *call) checkOrg(needs string) *answer {
	if needs == "anyone" || needs == "app" {
		return nil
	}
	var a answer
	if c.who.kind == "installation" {
		switch {
		case c.who.inst.Org != c.org:
			a = notFound("")
		case !c.who.may(needs):
			a = notAccessible(c, strings.Replace(needs, ":", "=", 1))
		default:
			return nil
		}
		return &a
	}
	if strings.HasPrefix(needs, "organization_self_hosted_runners") {
		switch {
		case !c.org.activeMember(c.who.user):
			a = notFound("")
		case !c.org.owner(c.who.user):
			a = forbidden("Must have admin rights to Organization.")
		case !c.who.scoped("admin:org"):
			a = notAccessible(c, strings.Replace(needs, ":", "=", 1))
		default:
			return nil
		}
		return &a
	}
	switch {
	case !c.org.activeMember(c.who.user):
		a = notFound("")
	case !c.who.scoped("read:org", "write:org", "admin:org"):
		a = notAccessible(c, strings.Replace(needs, ":", "=", 1))
	default:
		return nil
	}
	return &a
}

// checkRepo checks a permission on the repository. What the caller may not
// even see is not found; what he may see but not do is forbidden.
func (c *call) checkRepo(needs string) *answer {
	name, level, _ := strings.Cut(needs, ":")
	var sees, may bool
	switch c.who.kind {
	case "installation":
		sees = !c.repo.Private() || c.who.reaches(c.repo)
		may = c.who.may(needs) && c.who.reaches(c.repo) || !c.repo.Private() && level == "read"
	case "user":
		sees = !c.repo.Private() || c.repo.Org.activeMember(c.who.user) && c.who.scoped("repo")
		may = name == "metadata" || level == "read" || c.who.scoped("repo", "public_repo")
	default:
		sees, may = !c.repo.Private(), level == "read"
	}
	var a answer
	switch {
	case !sees:
		a = notFound("")
	case !may:
		a = notAccessible(c, strings.Replace(needs, ":", "=", 1))
	case level == "write" && c.repo.Archived:
		a = forbidden("Repository was archived so is read-only.")
	default:
		return nil
	}
	return &a
}

// findTeam is the team that the path names, if the caller may see it.
func (c *call) findTeam() *Team {
	t := c.org.Team(c.params["team_slug"])
	if id := c.id("team_id"); id != 0 {
		t = find(c.org.Teams, func(t *Team) bool { return t.ID == id })
	}
	if t != nil && c.who.user != nil && t.Privacy == "secret" && !c.org.owner(c.who.user) {
		if role, _ := c.org.Role(t, c.who.user); role == "" {
			return nil
		}
	}
	return t
}

// id is a number from the path, or 0.
func (c *call) id(name string) int64 {
	n, err := strconv.ParseInt(c.params[name], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// read decodes the JSON body.
func (c *call) read(into any) *answer {
	if len(c.body) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		a := badJSON()
		if _, is := err.(*json.UnmarshalTypeError); is { //nolint:errorlint // the decoder returns it bare
			a = unprocessable("Invalid request.\n\n" + err.Error())
		}
		return &a
	}
	return nil
}

// api is the absolute address of a path in the API.
func (c *call) api(path string) string { return c.base + c.prefix + path }

// page cuts out the page that the query asks for, and answers with the list in
// the form that wrap gives it, with GitHub's Link header.
func page[T any](c *call, items []T, wrap func(all int, page []T) any) answer {
	q := c.r.URL.Query()
	size := number(q.Get("per_page"), 30)
	if size < 1 {
		size = 30
	}
	size = min(size, 100)
	n := max(1, number(q.Get("page"), 1))
	last := max(1, (len(items)+size-1)/size)
	from := min(len(items), (n-1)*size)
	a := ok(wrap(len(items), items[from:min(len(items), from+size)]))
	var links []string
	link := func(to int, rel string) {
		q.Set("page", strconv.Itoa(to))
		links = append(links, "<"+c.api(strings.TrimPrefix(c.r.URL.EscapedPath(), c.prefix))+"?"+q.Encode()+`>; rel="`+rel+`"`)
	}
	if n > 1 {
		link(min(n-1, last), "prev")
	}
	if n < last {
		link(n+1, "next")
		link(last, "last")
	}
	if n > 1 {
		link(1, "first")
	}
	if len(links) > 0 {
		a.set("Link", strings.Join(links, ", "))
	}
	return a
}

// list answers a page as a bare array.
func list[T any](c *call, items []T, render func(T) any) answer {
	return page(c, items, func(_ int, page []T) any { return each(page, render) })
}

// counted answers a page as GitHub's {total_count, key: [...]}.
func counted[T any](c *call, key string, items []T, render func(T) any) answer {
	return page(c, items, func(all int, page []T) any { return obj{"total_count": all, key: each(page, render)} })
}

func each[T any](items []T, render func(T) any) []any {
	out := make([]any, 0, len(items))
	for _, x := range items {
		out = append(out, render(x))
	}
	return out
}

func number(text string, fallback int) int {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return fallback
}

func itoa[N int | int64](n N) string { return strconv.FormatInt(int64(n), 10) }
