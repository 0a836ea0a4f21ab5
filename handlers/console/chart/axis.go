package chart

import (
	"strconv"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// A tick is a time that the axis names.
type tick struct {
	at    time.Time
	label string
	minor bool // left out on a phone
}

// ticks returns the times that the axis names: each third hour, each day, or each Monday.
func (w drawing) ticks() []tick {
	every, layout := 24*time.Hour, "Mon 2"
	if w.Range.length <= 24*time.Hour {
		every, layout = 3*time.Hour, "15:04"
	}
	var all []tick
	for at := w.begin.Truncate(every); at.Before(w.end); at = at.Add(every) {
		t := tick{at: at, label: at.Format(layout)}
		switch days := int(at.Unix() / 86400); {
		case at.Before(w.begin):
			continue
		case w.Range.length > 7*24*time.Hour:
			if t.label = at.Format("2 Jan"); at.Weekday() != time.Monday {
				continue
			}
		case every == 24*time.Hour:
			t.minor = days%2 == 1
		case at.Hour() == 0:
			t.label = at.Format("Mon 2")
		default:
			t.minor = at.Hour()%6 != 0
		}
		all = append(all, t)
	}
	return all
}

// axis draws a line through all plots for each tick, its label below, and the top and the base
// line of each plot.
func (w drawing) axis() g.Node {
	const noRoom = .93 // along: a label would not fit
	var nodes g.Group
	for _, t := range w.ticks() {
		along := w.along(t.at)
		x := percent(along)
		of := g.Group{svg("line", g.Attr("x1", x), g.Attr("x2", x), g.Attr("y1", strconv.Itoa(plotTop)), g.Attr("y2", strconv.Itoa(bottom+4)))}
		if along < noRoom {
			of = append(of, svg("text", g.Attr("x", x), g.Attr("dx", "4"), y(bottom+18), g.Text(t.label)))
		}
		nodes = append(nodes, svg("g", g.If(t.minor, h.Class("minor")), of))
	}
	for state := range states {
		for _, height := range []int{plotTop, plotTop + plotHeight} {
			at := strconv.Itoa(state*bandHeight + height)
			nodes = append(nodes, svg("line", g.Attr("x2", "100%"), g.Attr("y1", at), g.Attr("y2", at)))
		}
	}
	return svg("g", h.Class("axis"), nodes)
}
