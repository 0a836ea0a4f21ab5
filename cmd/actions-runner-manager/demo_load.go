package main

import (
	"hash/fnv"
	"math"
	"strconv"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

const (
	// loadDays is how much of the past the demo shows.
	loadDays = 30
	// loadEvery is how far samples are apart, and loadRecent on the last two days, of which a
	// server keeps each poll.
	loadEvery  = 20 * time.Minute
	loadRecent = 5 * time.Minute
)

// A load is how the runners of one group of the demo were used.
type load struct {
	group   string
	runners int
	// offline returns how many runners were offline at that moment.
	offline func(time.Time) int
}

// samples returns what polls would have seen until now: busy on working days between
// 07:00 and 19:00 UTC, with a nightly build at 02:00, and every runner busy on Thursday
// afternoons. For a day, eleven days ago, and for 80 minutes last night nobody polled.
func (l load) samples(now time.Time) []store.Sample {
	now = now.UTC()
	recent := now.Add(-48 * time.Hour)
	var all []store.Sample
	for at := now.AddDate(0, 0, -loadDays).Truncate(loadEvery); at.Before(now); {
		if !missed(now.Sub(at)) {
			all = append(all, l.at(at))
		}
		if at.Before(recent) {
			at = at.Add(loadEvery)
		} else {
			at = at.Add(loadRecent)
		}
	}
	return all
}

// missed reports whether there was no poll that long ago.
func missed(ago time.Duration) bool {
	const day = 24 * time.Hour
	return ago > 10*day && ago < 11*day || ago > 9*time.Hour && ago < 9*time.Hour+80*time.Minute
}

// at returns the sample of one moment.
func (l load) at(at time.Time) store.Sample {
	s := store.Sample{At: at, MostOffline: l.offline(at)}
	online := l.runners - s.MostOffline
	s.MostBusy = min(online, int(math.Round(usage(at)*float64(l.runners)+l.noise(at))))
	s.MostBusy = max(0, s.MostBusy)
	s.MostIdle = online - s.MostBusy
	return s
}

// usage returns which part of the runners is wanted, from 0 to more than 1.
func usage(at time.Time) float64 {
	hour := float64(at.Hour()) + float64(at.Minute())/60
	bump := func(middle, width float64) float64 {
		d := (hour - middle) / width
		return math.Exp(-d * d)
	}
	night := .6 * bump(2.2, .5)
	switch at.Weekday() {
	case time.Saturday, time.Sunday:
		return .05 + night + .1*bump(14, 4)
	case time.Thursday:
		return .15 + night + .4*bump(10.5, 2) + bump(15, 2)
	}
	return .15 + night + .4*bump(10.5, 2) + .5*bump(15, 2.2)
}

// noise returns by how many runners the moment differs from an ordinary one: the same for the
// same moment.
func (l load) noise(at time.Time) float64 {
	h := fnv.New32a()
	h.Write([]byte(l.group + strconv.FormatInt(at.Unix()/int64(loadRecent/time.Second), 10)))
	return (float64(h.Sum32()%1000)/1000 - .5) * math.Sqrt(float64(l.runners))
}
