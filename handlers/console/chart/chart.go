// Package chart draws how many runners of a group were idle, busy and offline over time, from
// the samples of the fleet's polls: an SVG that needs neither color nor a script, and a table.
package chart

import (
	"context"
	"slices"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A Range is how much time a chart shows.
type Range struct {
	Name   string // of the query parameter "range"
	Title  string // "24 hours"
	length time.Duration
	bucket time.Duration // what one step of the drawing covers
	row    time.Duration // what one row of the table covers
	hourly bool          // hours are shown, not single polls
}

// Ranges returns the ranges, the shortest first. Each is drawn in at most 180 steps.
func Ranges() []Range {
	const day = 24 * time.Hour
	return []Range{
		{Name: "24h", Title: "24 hours", length: day, bucket: 10 * time.Minute, row: time.Hour},
		{Name: "7d", Title: "7 days", length: 7 * day, bucket: time.Hour, row: 6 * time.Hour, hourly: true},
		{Name: "30d", Title: "30 days", length: 30 * day, bucket: 4 * time.Hour, row: day, hourly: true},
	}
}

// ParseRange returns the range of that name, or the shortest if there is none.
func ParseRange(name string) Range {
	all := Ranges()
	if i := slices.IndexFunc(all, func(r Range) bool { return r.Name == name }); i >= 0 {
		return all[i]
	}
	return all[0]
}

// Store is what [Read] reads from.
type Store interface {
	Samples(ctx context.Context, orgID, groupID int64, since time.Time) ([]store.Sample, error)
	HourlySamples(ctx context.Context, orgID, groupID int64, since time.Time) ([]store.Sample, error)
	Poll(ctx context.Context, orgID, groupID int64) (store.Poll, error)
}

// Data is what a chart shows.
type Data struct {
	Range    Range
	Now      time.Time
	Interval time.Duration  // fleet.pollInterval; 0: the server does not poll
	Polled   time.Time      // the last complete poll of the group; zero: there was none
	Hours    []store.Sample // of whole hours
	Polls    []store.Sample // of single polls: those after the last of Hours
}

// Read reads what a chart of the group shows. interval is fleet.pollInterval.
func Read(ctx context.Context, s Store, orgID, groupID int64, r Range, now time.Time, interval time.Duration) (Data, error) {
	d := Data{Range: r, Now: now.UTC(), Interval: interval}
	since, _ := d.span()
	poll, err := s.Poll(ctx, orgID, groupID)
	if err != nil || poll.At.IsZero() {
		return d, err
	}
	d.Polled = poll.At
	if r.hourly {
		if d.Hours, err = s.HourlySamples(ctx, orgID, groupID, since); err != nil {
			return d, err
		}
		if n := len(d.Hours); n > 0 {
			since = d.Hours[n-1].At.Add(time.Hour)
		}
	}
	d.Polls, err = s.Samples(ctx, orgID, groupID, since)
	return d, err
}

// span returns when the chart begins and ends. It ends with the present step, so that the
// steps begin at whole hours, and ten minutes.
func (d Data) span() (from, to time.Time) {
	to = d.Now.UTC().Truncate(d.Range.bucket).Add(d.Range.bucket)
	return to.Add(-d.Range.length), to
}
