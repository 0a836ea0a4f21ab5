package fleet

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

func TestObserve(t *testing.T) {
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	// One look after the other, as the store keeps them.
	h := store.GroupHistory{}
	known := map[int64]store.Runner{}
	look := func(minute int, listed ...github.Runner) observation {
		o := observe(at(minute), 100, h, known, listed, 15*time.Minute)
		for _, r := range o.changed {
			known[r.ID] = r
		}
		h.Runners = nil
		for _, r := range o.runners {
			known[r.ID] = r
			h.Runners = append(h.Runners, r)
		}
		h.Poll.At, h.Poll.NoneOnlineSince = at(minute), o.noneOnlineSince
		return o
	}
	online := github.Runner{ID: 7, Name: "a", Status: "online"}
	busy := github.Runner{ID: 7, Name: "a", Status: "online", Busy: true}
	offline := github.Runner{ID: 7, Name: "a", Status: "offline"}

	o := look(0, busy)
	assert.Len(t, o.changed, 1)
	assert.Equal(t, store.Runner{ID: 7, GroupID: 100, Name: "a", Online: true, Busy: true, FirstSeen: at(0), JoinedAt: at(0), LastOnline: at(0), LastBusy: at(0)}, o.runners[0])
	assert.Equal(t, []int{0, 1, 0}, []int{o.idle, o.busy, o.offline})

	o = look(5, busy)
	assert.Empty(t, o.changed, "nothing changed, so nothing is written")
	assert.Equal(t, at(5), o.runners[0].LastBusy)

	o = look(10, online)
	assert.Len(t, o.changed, 1)
	assert.Equal(t, at(5), o.runners[0].LastBusy, "the last poll that saw it busy")

	o = look(15, offline)
	assert.Equal(t, at(10), o.runners[0].LastOnline)
	assert.Equal(t, []time.Time{at(15), at(15)}, []time.Time{o.runners[0].OfflineSince, o.runners[0].WatchedSince})
	assert.Equal(t, at(15), o.noneOnlineSince)
	o = look(30, offline)
	assert.Empty(t, o.changed)
	assert.Equal(t, at(15), o.noneOnlineSince)
	o = look(46, offline)
	assert.Equal(t, []time.Time{at(15), at(46)}, []time.Time{o.runners[0].OfflineSince, o.runners[0].WatchedSince}, "polls were missed")

	o = look(50)
	assert.Equal(t, at(50), o.changed[0].GoneAt)
	assert.True(t, o.noneOnlineSince.IsZero(), "there are none")
	o = look(55, offline)
	assert.Equal(t, []time.Time{at(0), at(55), at(50), at(15), at(55)}, []time.Time{
		o.runners[0].FirstSeen, o.runners[0].JoinedAt, o.runners[0].AbsentAt, o.runners[0].OfflineSince, o.runners[0].WatchedSince,
	}, "it joined again")
	assert.True(t, o.runners[0].GoneAt.IsZero())

	o = look(60, online)
	assert.True(t, o.runners[0].OfflineSince.IsZero())
	assert.True(t, o.noneOnlineSince.IsZero())

	// Another group's poll has seen it.
	moved := known[7]
	moved.GroupID, moved.JoinedAt, moved.AbsentAt = 101, at(61), at(58)
	known[7], h.Runners = moved, nil
	o = look(65, online)
	assert.Equal(t, []time.Time{at(0), at(65), at(60)}, []time.Time{o.runners[0].FirstSeen, o.runners[0].JoinedAt, o.runners[0].AbsentAt})
	assert.EqualValues(t, 100, o.changed[0].GroupID)
}
