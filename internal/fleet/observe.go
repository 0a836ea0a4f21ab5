package fleet

import (
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// An observation is what a look at a group's runners adds to what is on record of them.
type observation struct {
	runners []store.Runner // that are there, as they are on record from now on
	changed []store.Runner // those to be written, also those that are gone

	idle, busy, offline int
	noneOnlineSince     time.Time
}

// observe compares the listed runners with those on record. known are records by id, at
// least of all that are listed. If the previous poll is longer ago than missed, polls were
// missed.
func observe(now time.Time, groupID int64, h store.GroupHistory, known map[int64]store.Runner, listed []github.Runner, missed time.Duration) observation {
	var o observation
	there := make(map[int64]bool, len(listed))
	for _, g := range listed {
		there[g.ID] = true
		before, isKnown := known[g.ID]
		after := next(now, groupID, h.Poll.At, before, g, now.Sub(h.Poll.At) > missed)
		o.runners = append(o.runners, after)
		switch {
		case !after.Online:
			o.offline++
		case after.Busy:
			o.busy++
		default:
			o.idle++
		}
		// The last times of a runner that is still online or busy follow from the poll's.
		same := after
		same.LastOnline, same.LastBusy = before.LastOnline, before.LastBusy
		if !isKnown || same != before {
			o.changed = append(o.changed, after)
		}
	}
	for _, before := range h.Runners {
		if !there[before.ID] {
			before.GoneAt = now
			o.changed = append(o.changed, before)
		}
	}
	if o.offline > 0 && o.idle+o.busy == 0 {
		o.noneOnlineSince = now
		if !h.Poll.NoneOnlineSince.IsZero() {
			o.noneOnlineSince = h.Poll.NoneOnlineSince
		}
	}
	return o
}

// next is what is on record of a runner after a look that showed it.
func next(now time.Time, groupID int64, previous time.Time, before store.Runner, g github.Runner, missed bool) store.Runner {
	after := before
	after.ID, after.GroupID, after.Name, after.OS, after.Version = g.ID, groupID, g.Name, g.OS, g.Version
	after.Ephemeral, after.Online, after.Busy, after.GoneAt = g.Ephemeral, g.Status == "online", g.Busy, time.Time{}
	if before.ID == 0 {
		after.FirstSeen = now
	}
	moved := before.GroupID != groupID || !before.GoneAt.IsZero()
	if moved {
		after.JoinedAt, after.AbsentAt = now, previous
	}
	if after.Busy {
		after.LastBusy = now
	}
	switch {
	case after.Online:
		after.LastOnline, after.OfflineSince, after.WatchedSince = now, time.Time{}, time.Time{}
	case before.OfflineSince.IsZero():
		after.OfflineSince, after.WatchedSince = now, now
	case moved || missed:
		after.WatchedSince = now
	}
	return after
}
