package fleet

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// fill schedules groups of the organization, each due so long after the start.
func fill(s schedule, org int64, start time.Time, due ...time.Duration) {
	for i, after := range due {
		s.of(org).add(&slot{orgID: org, record: store.Record{GroupID: int64(i + 1)}, due: start.Add(after)})
	}
}

func takeAll(s schedule, now time.Time) (taken []*slot, names []string) {
	for next := s.take(now); next != nil; next = s.take(now) {
		taken, names = append(taken, next), append(names, fmt.Sprintf("%d/%d", next.orgID, next.record.GroupID))
	}
	return taken, names
}

// What is due longest is polled first of each organization, and none keeps the others waiting:
// neither one that is answered slowly, nor one of which little of the rate limit is left.
func TestSchedule(t *testing.T) {
	start := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	s := schedule{}
	fill(s, 1, start, 0, 1, 2, 3, 4, 5)
	fill(s, 2, start, time.Second, time.Minute)
	fill(s, 3, start, 0)
	s.of(3).pausedTill = start.Add(time.Minute)

	_, names := takeAll(s, start)
	assert.Equal(t, []string{"1/1"}, names, "nothing else is due")
	taken, names := takeAll(s, start.Add(time.Second))
	assert.Equal(t, []string{"2/1", "1/2", "1/3"}, names, "not more of one organization")
	taken[1].due = start.Add(time.Hour)
	s.of(1).giveBack(taken[1])
	_, names = takeAll(s, start.Add(time.Minute))
	assert.Equal(t, []string{"3/1", "2/2", "1/4"}, names, "those first of which fewer are being polled")

	// What is recorded no more is not polled, and does not come back.
	added := s.of(1).keep([]store.Record{{GroupID: 6}, {GroupID: 7, TeamSlug: "new"}})
	assert.Equal(t, []store.Record{{GroupID: 7, TeamSlug: "new"}}, added)
	s.of(1).giveBack(taken[2])
	_, names = takeAll(s, start.Add(2*time.Hour))
	assert.Equal(t, []string{"1/6"}, names)

	// Another server polls now.
	s.forget()
	s.of(2).giveBack(taken[0])
	_, names = takeAll(s, start.Add(2*time.Hour))
	assert.Empty(t, names)
}

// Organizations that take all workers, and are late with many groups, do not keep another one
// waiting until they are on time again.
func TestScheduleOfSlowOrganizations(t *testing.T) {
	start := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	s := schedule{}
	var slow []*slot
	for org := range int64(groupsAtOnce / groupsOfOrg) {
		fill(s, org+1, start, make([]time.Duration, 100)...)
	}
	for range groupsAtOnce {
		slow = append(slow, s.take(start))
	}
	fill(s, 99, start, time.Minute, time.Minute)
	for i := range 2 {
		s.of(slow[i].orgID).giveBack(slow[i])
		next := s.take(start.Add(time.Minute))
		assert.Equal(t, int64(99), next.orgID)
	}
}

// BenchmarkSchedule takes and gives back one group of many.
func BenchmarkSchedule(b *testing.B) {
	start := time.Now()
	s := schedule{}
	for org := range int64(20) {
		for i := range 500 {
			s.of(org).add(&slot{orgID: org, record: store.Record{GroupID: int64(i)}, due: start})
		}
	}
	for b.Loop() {
		next := s.take(start.Add(time.Hour))
		next.due = next.due.Add(time.Second)
		s.of(next.orgID).giveBack(next)
	}
}
