package chart

import (
	"math"
	"slices"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// The states, in the order in which they are drawn.
const (
	idle = iota
	busy
	offline
	states
)

func stateNames() [states]string { return [states]string{"Idle", "Busy", "Offline"} }

// A point is what is known of a time: from until to, without to.
type point struct {
	from, to time.Time
	mean     [states]float64
	most     [states]float64 // at least mean
}

// A gap is a time of which nothing is known.
type gap struct{ from, to time.Time }

// tolerance is how far apart two polls may be without a gap between them: a server that
// restarts is none.
func (d Data) tolerance() time.Duration { return max(3*d.Interval, 15*time.Minute) }

// points returns what is known of the chart's time until now, oldest first, without overlaps.
// What a poll saw holds until the next one, if that is not too late.
func (d Data) points() []point {
	begin, _ := d.span()
	every := d.Interval
	if every <= 0 {
		every = 5 * time.Minute
	}
	var all []point
	add := func(samples []store.Sample, length time.Duration) {
		for _, s := range samples {
			if p := newPoint(s, length); p.to.After(begin) && p.from.Before(d.Now) {
				all = append(all, p)
			}
		}
	}
	add(d.Hours, time.Hour)
	add(d.Polls, every)
	slices.SortStableFunc(all, func(a, b point) int { return a.from.Compare(b.from) })
	all = slices.CompactFunc(all, func(a, b point) bool { return a.from.Equal(b.from) })
	for i := range all {
		next := d.Now
		if i+1 < len(all) {
			next = all[i+1].from
		}
		if next.Sub(all[i].to) <= d.tolerance() { // also if they overlap
			all[i].to = next
		}
	}
	if len(all) > 0 && (all[0].from.Before(begin) || all[0].from.Sub(begin) <= d.tolerance()) {
		all[0].from = begin
	}
	return all
}

func newPoint(s store.Sample, length time.Duration) point {
	p := point{from: s.At.UTC(), to: s.At.UTC().Add(length)}
	means := [states]float64{idle: s.Idle, busy: s.Busy, offline: s.Offline}
	maxima := [states]int{idle: s.MostIdle, busy: s.MostBusy, offline: s.MostOffline}
	for i := range states {
		p.mean[i] = count(means[i])
		p.most[i] = max(p.mean[i], count(float64(maxima[i])))
	}
	return p
}

// count returns a number of runners that can be drawn, whatever the database holds.
func count(n float64) float64 {
	if math.IsNaN(n) {
		return 0
	}
	return min(max(n, 0), math.MaxInt32)
}

// gaps returns the times between begin and end of which the points say nothing, oldest first.
func gaps(points []point, begin, end time.Time) []gap {
	var all []gap
	for _, p := range points {
		if p.from.After(begin) {
			all = append(all, gap{begin, p.from})
		}
		begin = later(begin, p.to)
	}
	if end.After(begin) {
		all = append(all, gap{begin, end})
	}
	return all
}

// A bucket is what is known of one step of the drawing, or of one row of the table.
type bucket struct {
	from    time.Time
	covered time.Duration // of which something is known; 0: the rest is zero too
	mean    [states]float64
	most    [states]float64
}

// buckets sums up the points for steps of that length from begin until end.
func buckets(points []point, begin, end time.Time, step time.Duration) []bucket {
	all := make([]bucket, 0, int(end.Sub(begin)/step)+1)
	for from := begin; from.Before(end); from = from.Add(step) {
		b := bucket{from: from}
		to := from.Add(step)
		for len(points) > 0 && !points[0].to.After(from) {
			points = points[1:]
		}
		for _, p := range points {
			if !p.from.Before(to) {
				break
			}
			b.add(p, earlier(p.to, to).Sub(later(p.from, from)))
		}
		all = append(all, b)
	}
	return all
}

// add adds what holds for that long.
func (b *bucket) add(p point, length time.Duration) {
	if length <= 0 {
		return
	}
	b.covered += length
	share := length.Seconds() / b.covered.Seconds()
	for i := range states {
		b.mean[i] += (p.mean[i] - b.mean[i]) * share
		b.most[i] = max(b.most[i], p.most[i])
	}
}

// A summary is what a state came to over the whole time.
type summary struct {
	mean, most float64
	peak       int // the step with the most, the latest such
}

func summarize(all []bucket, state int) summary {
	var s summary
	var covered time.Duration
	for i, b := range all {
		if b.covered == 0 {
			continue
		}
		covered += b.covered
		s.mean += (b.mean[state] - s.mean) * (b.covered.Seconds() / covered.Seconds())
		if b.most[state] >= s.most {
			s.most, s.peak = b.most[state], i
		}
	}
	return s
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
