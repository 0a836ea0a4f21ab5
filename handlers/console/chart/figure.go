package chart

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// Fleet returns the chart as a figure: links to the other ranges, the drawing, what it does
// not show, and the same as a table. A page has at most one.
func Fleet(d Data) g.Node {
	points := d.points()
	if len(points) == 0 {
		return h.Figure(h.Class("fleet"), h.ID("chart"), d.links(), h.P(h.Class("empty"), g.Text(d.nothing())))
	}
	w := d.drawing(points)
	if !anyRunner(points) {
		return h.Figure(h.Class("fleet"), h.ID("chart"), d.links(),
			h.P(h.Class("empty"), g.Textf("No runner was seen in the last %s.", d.Range.Title), g.If(len(w.gaps) > 0, g.Text(" "+w.gapSentence()))))
	}
	return h.Figure(h.Class("fleet"), h.ID("chart"), d.links(), w.svg(),
		h.FigCaption(
			h.P(g.Textf("Times are UTC. Filled: the average of each %s. Line: the most at once. Dot: the peak.", length(d.Range.bucket)), g.If(len(w.gaps) > 0, g.Text(" Hatched: no data."))),
			g.If(len(w.gaps) > 0, h.P(g.Text(w.gapSentence()))),
			g.If(d.Interval <= 0, h.P(g.Text(pollerOff)))),
		w.table(points))
}

// anyRunner reports whether the group had a runner at any time. Without one there is nothing to compare.
func anyRunner(points []point) bool {
	return slices.ContainsFunc(points, func(p point) bool { return p.most != [states]float64{} })
}

const pollerOff = "This server does not poll runners at present (fleet.pollInterval is 0)."

// nothing says why there is nothing to draw.
func (d Data) nothing() string {
	switch {
	case d.Interval <= 0 && d.Polled.IsZero():
		return "There is no history, because this server does not poll runners (fleet.pollInterval is 0)."
	case d.Polled.IsZero():
		return fmt.Sprintf("There is no history yet. The server looks at each group every %s, so the first counts appear soon.", length(d.Interval))
	}
	text := fmt.Sprintf("No data in the last %s. The last poll of this group was on %s UTC.", d.Range.Title, clock(d.Polled))
	if d.Interval <= 0 {
		text += " " + pollerOff
	}
	return text
}

func (d Data) links() g.Node {
	return h.Nav(h.Class("ranges"), h.Aria("label", "Time shown"), g.Map(Ranges(), func(r Range) g.Node {
		return h.A(h.Href("?range="+r.Name+"#chart"), g.If(r.Name == d.Range.Name, h.Aria("current", "true")), g.Text(r.Title))
	}))
}

// description is what the chart shows, for those who do not see it.
func (w drawing) description() string {
	var parts []string
	for state, name := range stateNames() {
		parts = append(parts, name+": "+w.figures(summarize(w.steps, state))+".")
	}
	if len(w.gaps) > 0 {
		parts = append(parts, w.gapSentence())
	}
	return strings.Join(append(parts, "The table below has the figures. Times are UTC."), " ")
}

// figures is the summary in words.
func (w drawing) figures(s summary) string {
	if s.most == 0 {
		return "none"
	}
	layout := "Mon 15:04"
	if w.Range.length > 7*24*time.Hour {
		layout = "2 Jan 15:04"
	}
	return fmt.Sprintf("average %s, most %s (%s)", number(s.mean), number(s.most), w.steps[s.peak].from.Format(layout))
}

// gapSentence says of which times nothing is known.
func (w drawing) gapSentence() string {
	const most = 3
	shown := longest(w.gaps, most)
	var parts []string
	for _, gap := range w.gaps { // the longest, in the order of time
		for _, s := range shown {
			if s != gap || len(parts) == most {
				continue
			}
			switch {
			case !gap.from.After(w.begin):
				parts = append(parts, "before "+clock(gap.to))
			case !gap.to.Before(w.Now):
				parts = append(parts, "since "+clock(gap.from))
			default:
				parts = append(parts, "from "+clock(gap.from)+" to "+clock(gap.to))
			}
		}
	}
	text := "No data " + strings.Join(parts, ", ")
	if more := len(w.gaps) - len(parts); more == 1 {
		text += ", and in 1 shorter gap"
	} else if more > 1 {
		text += fmt.Sprintf(", and in %d shorter gaps", more)
	}
	return text + "."
}

// table is the chart in figures. Rows without data that follow each other are one.
func (w drawing) table(points []point) g.Node {
	begin, layout := w.begin.Truncate(w.Range.row), "Mon 2 Jan 15:04"
	if w.Range.row >= 24*time.Hour {
		layout = "Mon 2 Jan"
	}
	var rows g.Group
	all := buckets(points, begin, w.Now, w.Range.row)
	for i := 0; i < len(all); i++ {
		cells := g.Group{h.Th(h.Scope("row"), g.Text(all[i].from.Format(layout)))}
		if all[i].covered == 0 {
			for i+1 < len(all) && all[i+1].covered == 0 {
				i++
			}
			cells = g.Group{cells, h.Td(h.ColSpan("3"), g.Text("no data until "+clock(earlier(all[i].from.Add(w.Range.row), w.Now))))}
		} else {
			for state := range states {
				cells = append(cells, h.Td(g.Text(all[i].cell(state))))
			}
		}
		rows = append(rows, h.Tr(cells))
	}
	return h.Details(h.Summary(g.Text("Figures as a table")), h.Div(h.Class("scroll"), h.TabIndex("0"), h.Role("region"), h.Aria("label", "Figures of the chart"), h.Table(
		h.Caption(g.Textf("Runners in each %s that begins at the time (UTC): average, and most at once if that is more.", length(w.Range.row))),
		h.THead(h.Tr(h.Th(h.Scope("col"), g.Text("Time (UTC)")), g.Map(names(), func(name string) g.Node { return h.Th(h.Scope("col"), g.Text(name)) }))),
		h.TBody(rows))))
}

func names() []string {
	all := stateNames()
	return all[:]
}

// cell is what a row of the table says of a state.
func (b bucket) cell(state int) string {
	mean, most := number(b.mean[state]), number(b.most[state])
	if mean == most {
		return mean
	}
	return mean + ", most " + most
}

// number writes a number of runners, with one decimal if it is not whole and small.
func number(n float64) string {
	if n > 0 && n < .05 {
		return "under 0.1"
	}
	if n >= 100 {
		return strconv.FormatFloat(math.Round(n), 'f', -1, 64)
	}
	return strings.TrimSuffix(strconv.FormatFloat(n, 'f', 1, 64), ".0")
}

func clock(t time.Time) string { return t.UTC().Format("Mon 2 Jan 15:04") }

// length writes a whole number of days, hours or minutes.
func length(d time.Duration) string {
	plural := func(n time.Duration, unit string) string {
		if n == 1 {
			return unit
		}
		return fmt.Sprintf("%d %ss", n, unit)
	}
	switch {
	case d >= 24*time.Hour && d%(24*time.Hour) == 0:
		return plural(d/(24*time.Hour), "day")
	case d >= time.Hour && d%time.Hour == 0:
		return plural(d/time.Hour, "hour")
	case d >= time.Minute && d%time.Minute == 0:
		return plural(d/time.Minute, "minute")
	}
	return d.String()
}
