package console

import (
	"net/http"
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/pages"
)

// How often pages refresh, in seconds. Each time GitHub is asked for the viewer's rights; what a
// group holds is asked once for all viewers of five seconds.
const (
	arrivalEvery = 5
	groupEvery   = 15
	homeEvery    = 60
)

// live makes parts of a page refresh: the script gets the path that often, and replaces the
// elements of the page with those of the answer that have the same ids. A path "" ends it.
func live(path string, seconds int) g.Node {
	return h.Div(h.ID("live"), h.Data("live", path), h.Data("every", strconv.Itoa(seconds)))
}

// liveState is where the script says what is wrong with refreshing, and to screen readers what
// changed.
func liveState() g.Node {
	return g.Group{
		h.P(h.ID("live-state"), h.Class("live-state"), h.Role("status")),
		h.P(h.ID("live-said"), h.Class("hidden"), h.Role("status")),
	}
}

// refresh serves parts of a page that refreshes by itself.
func (c *console) refresh(serve func(*visit)) http.HandlerFunc {
	return c.page(func(v *visit) {
		v.view.Refresh = true
		serve(v)
	})
}

// parts answers with parts of a page.
func (v *visit) parts(parts ...g.Node) { v.status = pages.WriteFragment(v.w, v.r, g.Group(parts)) }

// failPart answers that the parts cannot be had. Nobody reads it, but the script its status.
func (v *visit) failPart(err error) {
	e := v.note(err)
	http.Error(v.w, pages.Plain(e.Message), v.status)
}

// homeLive answers with the rows of the person's groups.
func (v *visit) homeLive() {
	orgs, err := v.homeOrgs()
	if err != nil {
		v.failPart(err)
		return
	}
	var tables []g.Node
	for _, o := range orgs {
		if o.err == nil && len(o.groups) > 0 {
			tables = append(tables, groupTable(o))
		}
	}
	v.parts(tables...)
}

// groupLive answers with the counts and the runners of a group.
func (v *visit) groupLive() {
	runners, err := v.listRunners()
	if err != nil {
		v.failPart(err)
		return
	}
	p := groupPage{manages: v.view.Role(v.org, v.team) == dispatch.Maintainer}
	p.runners.response.Runners = runners
	details := make([]commands.RunnerDetail, len(runners))
	for i, r := range runners {
		details[i] = r.RunnerDetail
	}
	v.parts(v.counts(countRunners(details)), v.runnersSection(p))
}

// listRunners returns the runners of the team's group.
func (v *visit) listRunners() ([]commands.ListedRunner, error) {
	if !v.served() {
		return nil, dispatch.Refuse(dispatch.ReasonInvalidArgument, "This server does not serve an organization %s.", dispatch.Quote(v.org))
	}
	result, err := v.look(v.ctx(), v.org, "runners-list", "team", v.team)
	listing, _ := result.Response.(commands.RunnersListing)
	return listing.Runners, err
}
