package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/pages"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// maxLive is how many groups the page of the person's groups reads from GitHub. If there are
// more, it shows what the last polls saw.
const maxLive = 20

// A homeOrg is what the page shows of one organization.
type homeOrg struct {
	org      string
	groups   []homeGroup
	requests []commands.RequestInfo // undecided ones: of the person, or theirs to decide
	err      error
}

// A homeGroup is a row of the page.
type homeGroup struct {
	commands.TeamGroup

	repos    string // how many, or "–"
	counts   *counts
	findings map[string]int // by severity
	pending  int
}

// counts are how many runners of a group do what.
type counts struct{ Idle, Busy, Offline int }

func countRunners(runners []commands.RunnerDetail) counts {
	var c counts
	for _, r := range runners {
		switch {
		case r.Status != "online":
			c.Offline++
		case r.Busy:
			c.Busy++
		default:
			c.Idle++
		}
	}
	return c
}

// home shows the groups of the teams that the person maintains, or may read.
func (v *visit) home() {
	served, err := v.homeOrgs()
	if err != nil {
		v.fail(err)
		return
	}
	var body []g.Node
	for _, o := range served {
		if len(served) > 1 {
			body = append(body, h.H2(g.Text(o.org)))
		}
		body = append(body, v.homeSection(o))
	}
	path := Path + "/live"
	if team := v.r.URL.Query().Get("team"); team != "" {
		path += "?" + url.Values{"team": {team}}.Encode()
	}
	body = append(body, live(path, homeEvery), liveState())
	v.write(http.StatusOK, page{title: "My groups", here: Path, body: body})
}

// homeOrgs reads what the page shows of the organizations that the person is a member of.
func (v *visit) homeOrgs() ([]homeOrg, error) {
	orgs := make([]homeOrg, len(v.Orgs))
	var beside sync.WaitGroup
	for i, org := range v.Orgs {
		beside.Go(func() { orgs[i] = v.homeOf(org) })
	}
	beside.Wait()
	served := slices.DeleteFunc(slices.Clone(orgs), func(o homeOrg) bool { return dispatch.ReasonOf(o.err) == dispatch.ReasonNotMember })
	if len(served) == 0 {
		return nil, orgs[0].err
	}
	if len(served) == 1 && served[0].err != nil && dispatch.ReasonOf(served[0].err) != dispatch.ReasonMissingArgument {
		return nil, served[0].err
	}
	return served, nil
}

// homeOf reads what the page shows of an organization. What was shown last is asked for at
// once, beside the question which groups there are.
func (v *visit) homeOf(org string) homeOrg {
	ctx := v.ctx()
	o := homeOrg{org: org}
	key := v.person.Login + "/" + org
	known, _ := v.teams.Get(key)
	listings := newListings(v, ctx, org)
	for _, team := range known {
		if v.proved(org, "group-list", "team", team) {
			listings.read(team)
		}
	}
	args := []string{}
	if team := v.r.URL.Query().Get("team"); team != "" {
		args = []string{"team", team}
	}
	var beside errgroup.Group
	readRequests := func() { beside.Go(func() error { o.requests = v.pending(ctx, org); return nil }) }
	ahead := v.proved(org, "groups-list")
	if ahead {
		readRequests()
	}
	result, err := v.look(ctx, org, "groups-list", args...)
	if err == nil && !ahead {
		readRequests()
	}
	groups, _ := result.Response.(commands.GroupsListing)
	var teams []string
	for _, group := range groups.Groups {
		teams = append(teams, group.Team)
		if group.Error == "" && len(groups.Groups) <= maxLive {
			listings.read(group.Team)
		}
	}
	_ = beside.Wait()
	if o.err = err; err != nil {
		return o
	}
	v.teams.Add(key, teams)
	statuses := v.statuses(ctx, org)
	for _, group := range groups.Groups {
		row := homeGroup{TeamGroup: group, repos: "–", findings: statuses[group.Group.ID].Findings}
		if status := statuses[group.Group.ID]; !status.PolledAt.IsZero() {
			row.repos, row.counts = strconv.Itoa(status.Repos), &counts{status.Idle, status.Busy, status.Offline}
		}
		if listing := listings.of(group.Team); listing != nil {
			now := countRunners(listing.RunnerDetails)
			row.repos, row.counts = strconv.Itoa(len(listing.Repos)), &now
		}
		for _, request := range o.requests {
			if request.Team == group.Team {
				row.pending++
			}
		}
		o.groups = append(o.groups, row)
	}
	return o
}

// listings are the answers of group-list for several teams.
type listings struct {
	v   *visit
	ctx context.Context //nolint:containedctx // of the one page
	org string

	beside sync.WaitGroup
	mu     sync.Mutex
	byTeam map[string]*commands.GroupListing // nil: not answered
}

func newListings(v *visit, ctx context.Context, org string) *listings { //nolint:revive // the context belongs to the visit
	return &listings{v: v, ctx: ctx, org: org, byTeam: map[string]*commands.GroupListing{}}
}

// read begins to read the group of the team, unless it has begun.
func (l *listings) read(team string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, begun := l.byTeam[team]; begun {
		return
	}
	l.byTeam[team] = nil
	l.beside.Go(func() {
		result, err := l.v.look(l.ctx, l.org, "group-list", "team", team)
		if listing, ok := result.Response.(commands.GroupListing); ok && err == nil {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.byTeam[team] = &listing
		}
	})
}

// of waits for the answers, and returns that of the team; nil if there is none.
func (l *listings) of(team string) *commands.GroupListing {
	l.beside.Wait()
	return l.byTeam[team]
}

// pending returns the undecided requests of the person, and those that they may decide.
func (v *visit) pending(ctx context.Context, org string, args ...string) []commands.RequestInfo {
	result, err := v.look(ctx, org, "requests-list", append([]string{"state", "pending"}, args...)...)
	if err != nil {
		logger(ctx).Debug().Err(err).Msg("the requests cannot be shown")
	}
	listing, _ := result.Response.(commands.RequestListing)
	return listing.Requests
}

// statuses returns what the last polls saw, by the ids of the groups.
func (v *visit) statuses(ctx context.Context, org string) map[int64]store.GroupStatus {
	byID := map[int64]store.GroupStatus{}
	id, err := v.Store.OrgID(ctx, org)
	if err == nil && id != 0 {
		var list []store.GroupStatus
		list, err = v.Store.GroupStatuses(ctx, id)
		for _, status := range list {
			byID[status.GroupID] = status
		}
	}
	if err != nil {
		logger(ctx).Warn().Err(err).Msg("what the polls saw cannot be shown")
	}
	return byID
}

// homeSection shows the groups of an organization, or what to do first.
func (v *visit) homeSection(o homeOrg) g.Node {
	switch {
	case dispatch.ReasonOf(o.err) == dispatch.ReasonMissingArgument:
		return h.Section(h.P(text(pages.Plain(dispatch.AsError(o.err).Message))),
			h.Form(h.Method("get"), h.Action(Path), h.Class("inline"), h.Label(h.For("team-"+o.org), g.Text("Your teams")),
				h.Input(h.ID("team-"+o.org), h.Type("text"), h.Name("team"), h.Placeholder("platform,web"), h.Required()), h.Button(h.Type("submit"), g.Text("Show"))))
	case o.err != nil:
		return h.Section(h.Class("notice bad"), h.P(text(dispatch.AsError(o.err).Message)))
	case len(o.groups) == 0:
		return g.Group{v.noGroup(o.org), v.requests(o.org, o.requests)}
	}
	return g.Group{
		groupTable(o),
		h.P(h.Class("actions"), h.A(h.Href(link(o.org, "", "group-create")), g.Text("Create a group for another team")), h.A(h.Href(link(o.org, "", "access-request")), g.Text("Ask to use another team's group"))),
		v.requests(o.org, o.requests),
	}
}

// groupTable has a row for each group of an organization. It refreshes by itself.
func groupTable(o homeOrg) g.Node {
	rows := g.Map(o.groups, func(row homeGroup) g.Node {
		number := func(n func(counts) int) g.Node {
			if row.counts == nil {
				return g.Text("–")
			}
			return g.Text(strconv.Itoa(n(*row.counts)))
		}
		return h.Tr(h.ID("group-"+o.org+"-"+row.Team),
			h.Th(h.Scope("row"), h.A(h.Href(link(o.org, row.Team)), g.Text(row.Team)),
				g.If(row.Group.Name != row.Team, h.Small(g.Text("Group "+row.Group.Name))), g.If(row.Error != "", h.Small(g.Text(row.Error)))),
			h.Td(g.Text(row.repos)),
			h.Td(number(func(c counts) int { return c.Idle })), h.Td(number(func(c counts) int { return c.Busy })), h.Td(number(func(c counts) int { return c.Offline })),
			h.Td(severities(row.findings)), h.Td(g.Text(numberOrNone(row.pending))),
		)
	})
	return h.Div(h.ID("groups-"+o.org), scroll("My groups", h.Table(h.Class("groups"),
		h.THead(h.Tr(g.Map([]string{"Team", "Repositories", "Idle", "Busy", "Offline", "Findings", "Requests"}, func(name string) g.Node { return h.Th(h.Scope("col"), g.Text(name)) }))),
		h.TBody(rows))))
}

// noGroup says what to do first.
func (v *visit) noGroup(org string) g.Node {
	return h.Section(h.Class("empty"),
		h.H2(g.Text("No runner group yet")),
		h.P(g.Text("You see the runner groups of the teams that you maintain. A team gets its group once: name a team that you maintain.")),
		h.Form(h.Method("post"), h.Action(link(org, "", "group-create")), h.Class("inline"),
			h.Label(h.For("create-"+org), g.Text("Team")), h.Input(h.ID("create-"+org), h.Type("text"), h.Name("team"), h.Placeholder("platform"), h.Required(), h.AutoComplete("off")),
			h.Button(h.Type("submit"), g.Text("Create the group"))),
		h.P(g.Text("No team? Members create teams "), external(strings.TrimSuffix(v.GitHubURL, "/")+"/orgs/"+escape(org)+"/teams", "on GitHub"),
			g.Text(". Somebody else's group? "), h.A(h.Href(link(org, "", "access-request")), g.Text("Ask to use it")), g.Text(". Do you own the organization? See "), h.A(h.Href(Path+"/all"), g.Text("all groups")), g.Text(".")),
	)
}

// severities shows how many findings there are, the worst first.
func severities(findings map[string]int) g.Node {
	var nodes g.Group
	for _, severity := range []string{"critical", "warning", "info"} {
		if n := findings[severity]; n > 0 {
			text := strconv.Itoa(n) + " " + severity
			if severity == "warning" && n > 1 {
				text += "s"
			}
			nodes = append(nodes, h.Span(h.Class("tag "+severity), g.Text(text)))
		}
	}
	if len(nodes) == 0 {
		return g.Text("none")
	}
	return nodes
}

func numberOrNone(n int) string {
	if n == 0 {
		return "none"
	}
	return strconv.Itoa(n)
}
