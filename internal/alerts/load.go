package alerts

import (
	"cmp"
	"context"
	"slices"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// rows are what the database holds of an organization's teams.
type rows struct {
	findings []store.Finding
	alerts   map[int64]store.Alert
	notices  []store.Notice
	records  []store.Record
	removals []store.Removal
}

func (a *Alerts) read(ctx context.Context, orgID int64) (r rows, err error) {
	st := a.o.Env.Store
	if r.findings, err = st.Findings(ctx, orgID); err != nil {
		return r, err
	}
	if r.alerts, err = st.Alerts(ctx, orgID); err != nil {
		return r, err
	}
	if r.notices, err = st.Notices(ctx, orgID); err != nil || len(r.findings)+len(r.alerts)+len(r.notices) == 0 {
		return r, err // nothing is there to do for any team
	}
	if r.records, err = st.Records(ctx, orgID); err != nil {
		return r, err
	}
	r.removals, err = st.Removals(ctx, orgID, a.o.Env.Now().Add(-showRemovalsFor))
	return r, err
}

// views returns what is known of the teams that own a group or have an alert, in order of
// their ids; if only is not 0, of that team. It returns none if nothing is wrong anywhere.
func (a *Alerts) views(ctx context.Context, org *dispatch.Org, orgID, only int64) ([]*view, error) {
	r, err := a.read(ctx, orgID)
	if err != nil {
		return nil, err
	}
	byTeam, byGroup := map[int64]*view{}, map[int64]*view{}
	for id, alert := range r.alerts {
		byTeam[id] = &view{a: a, org: org, orgID: orgID, alert: alert}
	}
	for _, record := range r.records {
		v := byTeam[record.TeamID]
		if v == nil {
			v = &view{a: a, org: org, orgID: orgID, alert: store.Alert{OrgID: orgID, TeamID: record.TeamID}}
			byTeam[record.TeamID] = v
		}
		v.record = record
		byGroup[record.GroupID] = v
	}
	for _, f := range r.findings {
		if v := byGroup[f.GroupID]; v != nil && f.Counts() && f.Severity != fleet.Info {
			v.findings = append(v.findings, f)
		}
	}
	for _, n := range r.notices {
		if v := byTeam[n.TeamID]; v != nil {
			v.notices = append(v.notices, n)
		}
	}
	for _, m := range r.removals {
		if v := byGroup[m.GroupID]; v != nil {
			v.removals = append(v.removals, m)
		}
	}
	var views []*view
	for id, v := range byTeam {
		if only == 0 || id == only {
			views = append(views, v)
		}
	}
	slices.SortFunc(views, func(a, b *view) int { return cmp.Compare(a.alert.TeamID, b.alert.TeamID) })
	return views, nil
}
