package console

import (
	"fmt"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// ago says how long ago that was.
func (v *visit) ago(at time.Time) string {
	switch d := v.now().Sub(at); {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}

// since is [visit.ago] with the exact time for those who want it.
func (v *visit) since(at *time.Time) g.Node {
	if at == nil || at.IsZero() {
		return g.Text("never seen")
	}
	return h.Time(h.DateTime(at.UTC().Format(time.RFC3339)), g.Text(v.ago(*at)))
}

// minute writes a time to the minute.
func minute(at time.Time) string { return at.UTC().Format("2006-01-02 15:04") }
