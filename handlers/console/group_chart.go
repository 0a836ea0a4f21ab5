package console

import (
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/handlers/console/chart"
)

// chart draws how many runners of the group were idle, busy and offline lately.
func (v *visit) chart(groupID int64) g.Node {
	ctx := v.ctx()
	orgID, err := v.Store.OrgID(ctx, v.org)
	if err != nil {
		logger(ctx).Warn().Err(err).Msg("the chart cannot be shown")
		return nil
	}
	data, err := chart.Read(ctx, v.Store, orgID, groupID, chart.ParseRange(v.r.URL.Query().Get("range")), v.now(), v.PollInterval)
	if err != nil {
		logger(ctx).Warn().Err(err).Msg("the chart cannot be shown")
		return nil
	}
	return g.Group{h.H2(g.Text("Runners over time")), chart.Fleet(data)}
}
