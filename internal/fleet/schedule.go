package fleet

import (
	"container/heap"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

const (
	// groupsAtOnce is how many groups are read side by side, each with three requests, and
	// groupsOfOrg how many of one organization: one that GitHub answers slowly must not keep the
	// others waiting. With 50 ms to GitHub the former are some 30,000 groups in 5 minutes.
	groupsAtOnce = 12
	groupsOfOrg  = 3
)

// A schedule says which group is polled next. What it takes to find it grows with the
// organizations, not with the groups.
type schedule map[int64]*orgSchedule // by organization

// An orgSchedule are the recorded groups of one organization.
type orgSchedule struct {
	slots      map[int64]*slot // by group
	waiting    slotHeap        // those that are not being polled; also some that are recorded no more
	running    int
	pausedTill time.Time // GitHub's rate limit is short
	failing    bool      // no group can be read, which was logged
}

// A slot is a group that is polled.
type slot struct {
	org     *dispatch.Org
	orgID   int64
	record  store.Record
	due     time.Time
	failing bool // which was logged
}

func (s schedule) of(orgID int64) *orgSchedule {
	o := s[orgID]
	if o == nil {
		o = &orgSchedule{slots: map[int64]*slot{}}
		s[orgID] = o
	}
	return o
}

// forget forgets all groups. Those that are being polled end.
func (s schedule) forget() {
	for _, o := range s {
		clear(o.slots)
		o.waiting = nil
	}
}

// take returns the group that is due longest, of the organization of which the fewest are being
// polled; nil if none is due. Else some that are slow, and late with many groups, would take every
// worker.
func (s schedule) take(now time.Time) *slot {
	var next *slot
	var of *orgSchedule
	for _, o := range s {
		if o.running >= groupsOfOrg || o.pausedTill.After(now) {
			continue
		}
		first := o.first()
		if first == nil || first.due.After(now) {
			continue
		}
		if next == nil || o.running < of.running || o.running == of.running && first.due.Before(next.due) {
			next, of = first, o
		}
	}
	if next != nil {
		heap.Pop(&of.waiting)
		of.running++
	}
	return next
}

// first returns the group that is due first and not being polled, nil if there is none.
func (o *orgSchedule) first() *slot {
	for len(o.waiting) > 0 {
		if first := o.waiting[0]; o.slots[first.record.GroupID] == first {
			return first
		}
		heap.Pop(&o.waiting) // it is recorded no more
	}
	return nil
}

// add adds a group.
func (o *orgSchedule) add(s *slot) {
	o.slots[s.record.GroupID] = s
	heap.Push(&o.waiting, s)
}

// giveBack ends the poll of a group that take returned.
func (o *orgSchedule) giveBack(s *slot) {
	o.running--
	if o.slots[s.record.GroupID] == s {
		heap.Push(&o.waiting, s)
	}
}

// keep drops the groups that are not among the records, updates the others, and returns the
// records that are new.
func (o *orgSchedule) keep(records []store.Record) (added []store.Record) {
	recorded := make(map[int64]bool, len(records))
	for _, record := range records {
		recorded[record.GroupID] = true
		if old := o.slots[record.GroupID]; old != nil {
			old.record = record
		} else {
			added = append(added, record)
		}
	}
	for group := range o.slots {
		if !recorded[group] {
			delete(o.slots, group)
		}
	}
	return added
}

// A slotHeap implements [heap.Interface]: what is due first is on top.
type slotHeap []*slot

// Len implements [heap.Interface].
func (h slotHeap) Len() int { return len(h) }

// Less implements [heap.Interface].
func (h slotHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }

// Swap implements [heap.Interface].
func (h slotHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements [heap.Interface].
func (h *slotHeap) Push(s any) { *h = append(*h, s.(*slot)) } //nolint:forcetypeassert // there is nothing else in it

// Pop implements [heap.Interface].
func (h *slotHeap) Pop() any {
	last := (*h)[len(*h)-1]
	(*h)[len(*h)-1] = nil
	*h = (*h)[:len(*h)-1]
	return last
}
