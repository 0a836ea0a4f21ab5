package console

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A groupPage is what the page of a group shows.
type groupPage struct {
	listing  commands.GroupListing
	runners  answered[commands.RunnersListing]
	requests []commands.RequestInfo
	trusts   answered[commands.TrustListing]
	audit    answered[commands.AuditListing]
	findings []store.Finding
	polled   time.Time // the last complete poll; zero: there was none
	// manages means that the person maintains the team, or may act as if. Others only read.
	manages bool
}

// An answered is the answer of one of the commands that a page runs.
type answered[T any] struct {
	response T
	err      error
}

func ask[T any](ctx context.Context, v *visit, to *answered[T], command string, pairs ...string) func() error {
	return func() error {
		result, err := v.look(ctx, v.org, command, append([]string{"team", v.team}, pairs...)...)
		to.response, _ = result.Response.(T)
		to.err = err
		return nil
	}
}

// activityShown is how many entries of the audit the page of a group shows.
const activityShown = "15"

// group shows a team's group.
func (v *visit) group() {
	if !v.served() {
		v.fail(dispatch.Refuse(dispatch.ReasonInvalidArgument, "This server does not serve an organization %s.", dispatch.Quote(v.org)))
		return
	}
	p, err := v.readGroup(v.ctx())
	switch {
	case dispatch.ReasonOf(err) == dispatch.ReasonGroupNotFound && v.view.Role(v.org, v.team) == dispatch.Maintainer:
		v.write(http.StatusOK, page{title: v.team, body: []g.Node{v.createFirst(dispatch.AsError(err))}})
	case err != nil:
		v.fail(err)
	default:
		v.write(http.StatusOK, page{title: p.listing.Group.Name, crumb: v.team, lead: about(p), body: v.groupBody(p)})
	}
}

// readGroup reads what the page shows: everything at once if the person was proved lately to
// have the right, else the group first.
func (v *visit) readGroup(ctx context.Context) (groupPage, error) {
	var p groupPage
	var group answered[commands.GroupListing]
	readGroup := ask(ctx, v, &group, "group-list")
	maintains := v.proved(v.org, "trust-list", "team", v.team)
	var beside errgroup.Group
	if maintains || v.proved(v.org, "group-list", "team", v.team) {
		beside.Go(readGroup)
	} else if _ = readGroup(); group.err != nil {
		return p, group.err
	}
	maintains = maintains || v.view.Role(v.org, v.team) == dispatch.Maintainer
	beside.Go(ask(ctx, v, &p.runners, "runners-list"))
	beside.Go(func() error { p.requests = v.pending(ctx, v.org, "team", v.team); return nil })
	if maintains {
		beside.Go(ask(ctx, v, &p.trusts, "trust-list"))
		beside.Go(ask(ctx, v, &p.audit, "audit-list", "limit", activityShown))
	}
	_ = beside.Wait()
	p.listing, p.manages = group.response, v.view.Role(v.org, v.team) == dispatch.Maintainer
	if group.err == nil {
		v.readFindings(ctx, &p)
	}
	return p, group.err
}

// readFindings reads what the polls found.
func (v *visit) readFindings(ctx context.Context, p *groupPage) {
	orgID, err := v.Store.OrgID(ctx, v.org)
	if err == nil && orgID != 0 {
		p.findings, err = v.Store.GroupFindings(ctx, orgID, p.listing.Group.ID, time.Time{})
	}
	var poll store.Poll
	if err == nil && orgID != 0 {
		poll, err = v.Store.Poll(ctx, orgID, p.listing.Group.ID)
		p.polled = poll.At
	}
	if err != nil {
		logger(ctx).Warn().Err(err).Msg("what the polls found cannot be shown")
	}
}

// about says in a sentence what the group is.
func about(p groupPage) string {
	group := p.listing.Group
	text := "The runner group of team " + p.listing.Team + "."
	switch {
	case group.Visibility != "selected":
		text += " It is open to " + group.Visibility + " repositories."
	case group.RestrictedToWorkflows:
		text += " Only some workflows may use it."
	}
	return text
}

// createFirst is the page of a team that owns no group.
func (v *visit) createFirst(e *dispatch.Error) g.Node {
	return h.Section(h.Class("empty"),
		h.H2(g.Text("This team has no runner group yet")),
		h.P(text(e.Message)),
		h.Form(h.Method("post"), h.Action(link(v.org, v.team, "group-create")), h.P(h.Class("actions"), h.Button(h.Type("submit"), g.Text("Create the group")))),
	)
}

// groupBody is the page of a group, from what is urgent to what happened.
func (v *visit) groupBody(p groupPage) []g.Node {
	now := countRunners(p.listing.RunnerDetails)
	body := []g.Node{
		v.counts(now),
		live(link(v.org, v.team, "live"), groupEvery), liveState(),
		v.chart(p.listing.Group.ID),
		v.findingsSection(p),
		v.runnersSection(p),
		v.repositoriesSection(p),
		v.requests(v.org, p.requests),
	}
	if !p.manages {
		return append(body, h.P(h.Class("lead"), g.Text("You can read this page as a member of the team. Its maintainers can change the group.")))
	}
	return append(body, v.trustsSection(p), v.activitySection(p), v.moreSection())
}

// counts shows how many runners do what.
func (v *visit) counts(c counts) g.Node {
	one := func(name string, n int) g.Node {
		return h.Div(h.Class(name), h.Dt(g.Text(name)), h.Dd(g.Text(itoa(n))))
	}
	said := fmt.Sprintf("%d idle, %d busy, %d offline", c.Idle, c.Busy, c.Offline)
	return h.Dl(h.ID("counts"), h.Class("counts"), h.Data("say", said), one("idle", c.Idle), one("busy", c.Busy), one("offline", c.Offline))
}

// moreSection has the forms of all commands for a team, by what they are for.
func (v *visit) moreSection() g.Node {
	return h.Details(h.Class("more"), h.Summary(g.Text("All commands for this team")), g.Map(dispatch.ByTask(v.Dispatcher.Specs()), func(group dispatch.TaskGroup) g.Node {
		var entries g.Group
		for _, spec := range group.Specs {
			if spec.Team() && spec.Needs != dispatch.Owner {
				entries = append(entries, h.Li(h.A(h.Href(link(v.org, v.team, spec.Name)), h.Code(g.Text(spec.Name))), g.Text(" "+spec.Summary)))
			}
		}
		if len(entries) == 0 {
			return nil
		}
		return g.Group{h.H3(g.Text(string(group.Task))), h.Ul(entries)}
	}))
}
