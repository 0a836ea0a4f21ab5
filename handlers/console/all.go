package console

import (
	"context"
	"net/http"
	"strconv"
	"sync"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// An ownedOrg is what the page of all groups shows of an organization.
type ownedOrg struct {
	org      string
	groups   commands.GroupsListing
	statuses map[int64]store.GroupStatus
	findings map[int64][]store.Finding
	requests []commands.RequestInfo
	audit    answered[commands.AuditListing]
	err      error
}

// all shows all groups of the organizations that the person owns.
func (v *visit) all() {
	orgs := make([]ownedOrg, len(v.Orgs))
	var beside sync.WaitGroup
	for i, org := range v.Orgs {
		beside.Go(func() { orgs[i] = v.owned(v.ctx(), org) })
	}
	beside.Wait()
	var body []g.Node
	read, failure := 0, orgs[0].err
	for _, o := range orgs {
		switch reason := dispatch.ReasonOf(o.err); {
		case reason == dispatch.ReasonOwnerOnly, reason == dispatch.ReasonNotMember:
			continue
		case o.err != nil: // perhaps an owner's
			failure = o.err
			body = append(body, h.Section(h.Class("notice bad"), h.P(text(dispatch.AsError(o.err).Message))))
			continue
		}
		read++
		if len(v.Orgs) > 1 {
			body = append(body, h.H2(g.Text(o.org)))
		}
		body = append(body, v.ownedSection(o))
	}
	if read == 0 {
		v.fail(failure)
		return
	}
	v.write(http.StatusOK, page{title: "All groups", here: Path + "/all", body: body})
}

// owned reads what the page shows of an organization: nothing beside, unless the person was
// proved to be its owner lately.
func (v *visit) owned(ctx context.Context, org string) ownedOrg {
	o := ownedOrg{org: org}
	var beside sync.WaitGroup
	others := func() {
		beside.Go(func() { o.requests = v.pending(ctx, org) })
		beside.Go(func() {
			result, err := v.look(ctx, org, "audit-list", "limit", activityShown)
			o.audit.response, _ = result.Response.(commands.AuditListing)
			o.audit.err = err
		})
	}
	proved := v.proved(org, "group-adopt")
	if proved {
		others()
	}
	result, err := v.look(ctx, org, "groups-list", "all", "true")
	if err == nil && !proved {
		others()
	}
	beside.Wait()
	o.groups, _ = result.Response.(commands.GroupsListing)
	if o.err = err; err != nil {
		return o
	}
	o.statuses = v.statuses(ctx, org)
	o.findings = map[int64][]store.Finding{}
	id, err := v.Store.OrgID(ctx, org)
	if err == nil && id != 0 {
		var list []store.Finding
		list, err = v.Store.Findings(ctx, id)
		for _, f := range list {
			o.findings[f.GroupID] = append(o.findings[f.GroupID], f)
		}
	}
	if err != nil {
		logger(ctx).Warn().Err(err).Msg("the findings cannot be shown")
	}
	return o
}

func (v *visit) ownedSection(o ownedOrg) g.Node {
	adopt := h.P(h.Class("actions"), h.A(h.Class("button"), h.Href(link(o.org, "", "group-adopt")+"?back=all"), g.Text("Adopt a group")))
	if len(o.groups.Groups) == 0 {
		return g.Group{h.Section(h.Class("empty"), h.P(g.Text("No team owns a runner group yet. A maintainer creates one with group-create, or you give a group that exists to a team.")), adopt), v.requests(o.org, o.requests, cameFromAll())}
	}
	return g.Group{
		scroll("All groups", h.Table(h.Class("groups"),
			h.THead(h.Tr(g.Map([]string{"Team", "Repositories", "Idle", "Busy", "Offline", "Findings", ""}, func(name string) g.Node {
				return h.Th(h.Scope("col"), g.If(name == "", h.Span(h.Class("hidden"), g.Text("Release"))), g.Text(name))
			}))),
			h.TBody(g.Map(o.groups.Groups, func(group commands.TeamGroup) g.Node { return v.ownedRow(o, group) })))),
		adopt,
		v.requests(o.org, o.requests, cameFromAll()),
		v.ownedFindings(o),
		h.H2(g.Text("Activity")),
		g.Iff(o.audit.err != nil, func() g.Node { return problemText(o.audit.err) }),
		g.If(o.audit.err == nil, v.activity(o.audit.response, true)),
		h.P(h.A(h.Href(link(o.org, "", "audit-list")+"?run=true"), g.Text("All activity, with filters"))),
	}
}

func (v *visit) ownedRow(o ownedOrg, group commands.TeamGroup) g.Node {
	status := o.statuses[group.Group.ID]
	number := func(n int) g.Node {
		if status.PolledAt.IsZero() {
			return h.Td(g.Text("–"))
		}
		return h.Td(g.Text(strconv.Itoa(n)))
	}
	return h.Tr(
		h.Th(h.Scope("row"), v.teamName(o.org, group.Team),
			h.Small(g.Text("Group "+group.Group.Name+", "+group.Origin)), g.If(group.Error != "", h.Small(g.Text(group.Error)))),
		number(status.Repos), number(status.Idle), number(status.Busy), number(status.Offline),
		h.Td(severities(status.Findings)),
		h.Td(h.Form(h.Method("post"), h.Action(link(o.org, group.Team, "group-release")), cameFromAll(),
			h.Button(h.Type("submit"), h.Class("second"), h.Aria("label", "Release the group of "+group.Team), g.Text("Release…")))),
	)
}

// teamName links to the page of a team that the owner may see.
func (v *visit) teamName(org, team string) g.Node {
	if v.OwnersAct != nil && v.OwnersAct(org) || v.proved(org, "group-list", "team", team) {
		return h.A(h.Href(link(org, team)), g.Text(team))
	}
	return g.Text(team)
}

// ownedFindings shows what is wrong, by team. Its remedies are for the maintainers.
func (v *visit) ownedFindings(o ownedOrg) g.Node {
	var items g.Group
	for _, group := range o.groups.Groups {
		for _, f := range bySeverity(o.findings[group.Group.ID]) {
			items = append(items, h.Li(h.P(h.Span(h.Class("tag "+f.Severity), g.Text(f.Severity)), g.Text(" "), h.Strong(g.Text(group.Team)), g.Text(" "), text(f.Message),
				h.Small(g.Text("Since "+minute(f.Since))))))
		}
	}
	if len(items) == 0 {
		return nil
	}
	return g.Group{h.H2(g.Textf("Findings (%d)", len(items))), h.Ul(h.Class("cards findings"), items)}
}
