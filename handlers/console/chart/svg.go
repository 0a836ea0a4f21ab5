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

// The drawing is as wide as the page: what lies along the time is given in percent, and
// lengths from top to bottom are in pixels. So text keeps its size on a phone.
const (
	bandHeight = 92 // of one state: a line of text, and the plot
	plotTop    = 26
	plotHeight = 52
	bottom     = (states-1)*bandHeight + plotTop + plotHeight // of the last plot
	axisHeight = 24

	scale    = 100 // the height of a plot in its own units
	leastBar = 5   // of scale: one runner of many stays visible

	maxGapsDrawn = 12
)

// A drawing is the chart in the units of its drawing.
type drawing struct {
	Data
	begin, end time.Time
	steps      []bucket
	gaps       []gap
	top        float64 // the number of runners at the top of each plot
}

func (d Data) drawing(points []point) drawing {
	begin, end := d.span()
	w := drawing{Data: d, begin: begin, end: end, steps: buckets(points, begin, end, d.Range.bucket), gaps: gaps(points, begin, d.Now)}
	for _, b := range w.steps {
		w.top = max(w.top, slices.Max(b.most[:]))
	}
	w.top = roundUp(w.top)
	return w
}

// roundUp returns the next number at or above most that reads well on an axis.
func roundUp(most float64) float64 {
	if most <= 4 {
		return max(1, math.Ceil(most))
	}
	unit := math.Pow(10, math.Floor(math.Log10(most)))
	for _, factor := range []float64{1, 1.5, 2, 2.5, 3, 4, 5, 6, 8} {
		if at := factor * unit; at >= most && at == math.Trunc(at) {
			return at
		}
	}
	return 10 * unit
}

// svg draws the chart.
func (w drawing) svg() g.Node {
	shown := g.Group{
		svg("title", h.ID("chart-title"), g.Text("Runners over "+w.Range.Title)),
		svg("desc", h.ID("chart-desc"), g.Text(w.description())),
		svg("defs", svg("pattern", h.ID("chart-hatch"), g.Attr("width", "6"), g.Attr("height", "6"), g.Attr("patternUnits", "userSpaceOnUse"),
			svg("path", g.Attr("d", "M-1 7L7-1M-1 1L1-1M5 7L7 5"), h.Class("hatch")))),
		w.axis(),
	}
	for state := range states {
		shown = append(shown, w.band(state))
	}
	return svg("svg", append(g.Group{
		h.Class("fleet-chart"), h.Role("img"), h.Aria("labelledby", "chart-title chart-desc"),
		h.Width("100%"), h.Height(strconv.Itoa(bottom + axisHeight)),
	}, shown...)...)
}

// band draws one state: its name with its figures, and below its plot.
func (w drawing) band(state int) g.Node {
	top := state * bandHeight
	plot := top + plotTop
	sum := summarize(w.steps, state)
	nodes := g.Group{
		svg("text", y(top+16), svg("tspan", h.Class("name"), g.Text(stateNames()[state])),
			svg("tspan", h.Class("figures"), g.Attr("dx", "8"), g.Text(w.figures(sum)))),
		svg("text", h.Class("scale"), g.Attr("x", "100%"), y(plot-4), g.Text(number(w.top))),
		svg("svg", y(plot), h.Width("100%"), h.Height(strconv.Itoa(plotHeight)), g.Attr("preserveAspectRatio", "none"),
			g.Attr("viewBox", fmt.Sprintf("0 0 %d %d", len(w.steps), scale)), h.Class(strings.ToLower(stateNames()[state])),
			svg("path", h.Class("mean"), g.Attr("d", w.outline(func(b bucket) float64 { return b.mean[state] }, true))),
			svg("path", h.Class("most"), g.Attr("d", w.outline(func(b bucket) float64 { return b.most[state] }, false)))),
	}
	if state == 0 {
		nodes = append(nodes, w.gapBoxes(), w.gapWords())
	} else if len(w.gaps) > 0 {
		nodes = append(nodes, svg("use", h.Href("#chart-gaps"), y(top)))
	}
	if sum.most > 0 {
		nodes = append(nodes, svg("circle", h.Class("peak"), g.Attr("r", "3.5"), g.Attr("cx", percent((float64(sum.peak)+.5)/float64(len(w.steps)))),
			g.Attr("cy", strconv.FormatFloat(float64(plot)+float64(w.height(sum.most))*plotHeight/scale, 'f', 1, 64))))
	}
	return nodes
}

// height returns how far below the top of the plot that many runners are.
func (w drawing) height(runners float64) int {
	if runners <= 0 {
		return scale
	}
	return min(scale-int(math.Round(runners/w.top*scale)), scale-leastBar)
}

// outline is the path of what of returns for each step, broken where nothing is known. An area
// goes down to the base line at both ends.
func (w drawing) outline(of func(bucket) float64, area bool) string {
	var p path
	for i, b := range w.steps {
		if b.covered == 0 {
			p.end(area)
			continue
		}
		p.step(i, w.height(of(b)), area)
	}
	p.end(area)
	return p.String()
}

// A path is written as steps, equal ones as one.
type path struct {
	strings.Builder
	drawn bool // a part has begun and is not closed
	width int  // of the step that is not written yet
	at    int  // its height
}

func (p *path) step(i, height int, fromBase bool) {
	switch {
	case !p.drawn && fromBase:
		fmt.Fprintf(p, "M%d %dV%d", i, scale, height)
	case !p.drawn:
		fmt.Fprintf(p, "M%d %d", i, height)
	case height != p.at:
		p.flush()
		fmt.Fprintf(p, "v%d", height-p.at)
	}
	p.drawn, p.at = true, height
	p.width++
}

func (p *path) flush() {
	if p.width > 0 {
		fmt.Fprintf(p, "h%d", p.width)
	}
	p.width = 0
}

// end ends a part of the path: an area at the base line.
func (p *path) end(area bool) {
	p.flush()
	if p.drawn && area {
		fmt.Fprintf(p, "V%dz", scale)
	}
	p.drawn = false
}

// gapBoxes hatches the longest gaps. What lies in others is blank all the same.
func (w drawing) gapBoxes() g.Node {
	boxes := g.Group{h.ID("chart-gaps"), g.Attr("fill", "url(#chart-hatch)")}
	for _, gap := range longest(w.gaps, maxGapsDrawn) {
		from, width := w.extent(gap)
		boxes = append(boxes, svg("rect", g.Attr("x", percent(from)), y(plotTop), h.Width(percent(width)), h.Height(strconv.Itoa(plotHeight))))
	}
	return svg("g", boxes)
}

// gapWords are written into the gaps of the first plot that have room for them.
func (w drawing) gapWords() g.Node {
	const roomOnPhone, room = .18, .09 // of the width
	var words g.Group
	for _, gap := range longest(w.gaps, maxGapsDrawn) {
		class := "gap"
		from, width := w.extent(gap)
		if width < roomOnPhone {
			class = "gap minor"
		}
		if width > room {
			words = append(words, svg("text", h.Class(class), g.Attr("x", percent(from+width/2)), y(plotTop+plotHeight/2+5), g.Text("no data")))
		}
	}
	return words
}

// extent returns where a gap begins, and how wide it is drawn, both as a part of the width.
func (w drawing) extent(of gap) (from, width float64) {
	const thinnest = .004
	from = w.along(of.from)
	return from, max(w.along(of.to)-from, thinnest)
}

// along returns how far that time is along the chart, from 0 to 1.
func (w drawing) along(t time.Time) float64 {
	return t.Sub(w.begin).Seconds() / w.end.Sub(w.begin).Seconds()
}

func longest(all []gap, n int) []gap {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b gap) int { return int(b.to.Sub(b.from) - a.to.Sub(a.from)) })
	return sorted[:min(n, len(sorted))]
}

func svg(name string, children ...g.Node) g.Node { return g.El(name, children...) }

func y(pixels int) g.Node { return g.Attr("y", strconv.Itoa(pixels)) }

func percent(part float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(part*100, 'f', 1, 64), ".0") + "%"
}
