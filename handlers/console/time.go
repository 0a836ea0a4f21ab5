package console

import (
	"fmt"
	"strconv"
	"strings"
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

// lengthOf writes a duration for people, as an argument has it or as Go does: "7d" and
// "168h0m0s" are "7 days".
func lengthOf(text string) string {
	const day = 24 * time.Hour
	length, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		length = time.Duration(n) * day
	}
	switch {
	case err != nil:
		return text
	case length%day == 0 && length > day:
		return fmt.Sprintf("%d days", length/day)
	case length%time.Hour == 0:
		return fmt.Sprintf("%d h", length/time.Hour)
	}
	return fmt.Sprintf("%d min", length/time.Minute)
}

// minute writes a time to the minute.
func minute(at time.Time) string { return at.UTC().Format("2006-01-02 15:04") }
