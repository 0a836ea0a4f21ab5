package queue_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/queue"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// comments is an issue's comments, by id, with the marker that each holds.
type comments struct {
	mu      sync.Mutex
	posted  map[int64]string
	deleted []int64
	looked  int
	fail    int // so many calls fail first
}

func (c *comments) failing() error {
	if c.fail > 0 {
		c.fail--
		return errors.New("502")
	}
	return nil
}

func (c *comments) failNext(calls int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail = calls
}

func (c *comments) DeleteComment(_ context.Context, e queue.Ephemeral) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.failing(); err != nil {
		return err
	}
	delete(c.posted, e.CommentID) // it is no error if the comment does not exist
	c.deleted = append(c.deleted, e.CommentID)
	return nil
}

func (c *comments) FindComments(_ context.Context, e queue.Ephemeral) (ids []int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looked++
	if err := c.failing(); err != nil {
		return nil, err
	}
	for id, marker := range c.posted {
		if marker == e.Marker {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (c *comments) post(id int64, marker string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.posted == nil {
		c.posted = map[int64]string{}
	}
	c.posted[id] = marker
}

func (c *comments) gone() []int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(slices.Values(c.deleted))
}

func (c *comments) looks() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.looked
}

// A clock moves only when it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func pending(t testing.TB, q *queue.Queue) int {
	t.Helper()
	n, err := q.PendingEphemerals(context.Background())
	require.NoError(t, err)
	return n
}

func ephemeral(marker string, at time.Time) queue.Ephemeral {
	return queue.Ephemeral{InstallationID: 77, Org: "acme", Repo: "runner-admin", Issue: 3, Marker: marker, DeleteAt: at}
}

func TestEphemeralIsDeletedInTime(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		now, issue := newClock(), &comments{}
		q := run(t, queue.Options{Store: open(t, url, now.Now), Ephemerals: issue}.PollFast())
		require.NoError(t, q.PlanDeletion(t.Context(), ephemeral("m1", now.Now().Add(5*time.Minute))))
		require.NoError(t, q.PlanDeletion(t.Context(), ephemeral("m2", now.Now().Add(time.Hour))))
		issue.post(1, "m1")
		require.NoError(t, q.Posted(t.Context(), "m1", 1))
		require.ErrorIs(t, q.Posted(t.Context(), "unknown", 2), store.ErrNotFound)
		assert.Equal(t, 2, pending(t, q))

		// A second early: whoever finds the comment that is due finds no other.
		now.move(5*time.Minute - time.Second)
		due := ephemeral("m3", now.Now())
		due.CommentID = 3
		require.NoError(t, q.PlanDeletion(t.Context(), due))
		eventually(t, func() bool { return pending(t, q) == 2 }, 30*time.Second, "the comment that is due is still there")
		assert.Equal(t, []int64{3}, issue.gone())

		issue.failNext(2)
		now.move(time.Second)
		eventually(t, func() bool { // two failures are retried
			now.move(time.Second)
			return len(issue.gone()) == 2
		}, 30*time.Second, "the comment is still there")
		eventually(t, func() bool { return pending(t, q) == 1 }, 30*time.Second, "the deletion is not forgotten")
		assert.Equal(t, []int64{1, 3}, issue.gone())
		assert.Zero(t, issue.looks(), "the id was known")
	})
}

// If the server was down when the time came, it deletes the comments as soon as it starts.
func TestEphemeralOverdue(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		now, issue := newClock(), &comments{}
		s := open(t, url, now.Now)
		before, err := queue.New(queue.Options{Store: s, Handler: handler{}})
		require.NoError(t, err)
		for i, marker := range []string{"a", "b", "c", "d", "e", "f"} {
			require.NoError(t, before.PlanDeletion(t.Context(), ephemeral(marker, now.Now())))
			issue.post(int64(i+1), marker)
			require.NoError(t, before.Posted(t.Context(), marker, int64(i+1)))
		}
		// One was claimed when the server was killed.
		_, err = s.Exec(t.Context(), `UPDATE ephemeral SET next_at = next_at + 20000000, tries = 1 WHERE marker = 'a'`)
		require.NoError(t, err)

		q := run(t, queue.Options{Store: s, Ephemerals: issue}.PollFast())
		eventually(t, func() bool { return pending(t, q) == 0 }, 30*time.Second, "comments are left")
		assert.Equal(t, []int64{1, 2, 3, 4, 5, 6}, issue.gone())
	})
}

// If the server crashes between PlanDeletion and Posted, the comment is found by its marker.
func TestEphemeralFoundByMarker(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		now, issue := newClock(), &comments{}
		q := run(t, queue.Options{Store: open(t, url, now.Now), Ephemerals: issue}.PollFast())
		require.NoError(t, q.PlanDeletion(t.Context(), ephemeral("mine", now.Now().Add(time.Second))))
		issue.post(8, "other")
		now.move(time.Second)
		eventually(t, func() bool { return issue.looks() > 0 }, 30*time.Second, "nobody looks")
		assert.Equal(t, 1, pending(t, q), "it may yet appear")

		issue.post(9, "mine") // it was on its way
		issue.post(10, "mine")
		eventually(t, func() bool {
			now.move(time.Second)
			return len(issue.gone()) == 2
		}, 30*time.Second, "the comment is still there")
		assert.Equal(t, []int64{9, 10}, issue.gone())

		now.move(3 * time.Minute)
		eventually(t, func() bool {
			now.move(time.Second)
			return pending(t, q) == 0
		}, 10*time.Second, "it is looked for without end")
	})
}

// If Posted comes after the first try to delete, the comment is deleted by its id.
func TestEphemeralPostedLate(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		now, issue := newClock(), &comments{}
		q := run(t, queue.Options{Store: open(t, url, now.Now), Ephemerals: issue}.PollFast())
		require.NoError(t, q.PlanDeletion(t.Context(), ephemeral("mine", now.Now())))
		eventually(t, func() bool { return issue.looks() > 0 }, 30*time.Second, "nobody looks")
		require.NoError(t, q.Posted(t.Context(), "mine", 9))
		eventually(t, func() bool {
			now.move(time.Second)
			return pending(t, q) == 0
		}, 10*time.Second, "not deleted")
		assert.Equal(t, []int64{9}, issue.gone())
	})
}

// If a comment is planned again, it is deleted at the new time only.
func TestEphemeralPlannedAgain(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		now := newClock()
		s := open(t, url, now.Now)
		q, err := queue.New(queue.Options{Store: s, Handler: handler{}})
		require.NoError(t, err)
		require.NoError(t, q.PlanDeletion(t.Context(), ephemeral("mine", now.Now().Add(time.Minute))))
		require.NoError(t, q.PlanDeletion(t.Context(), ephemeral("mine", now.Now().Add(time.Hour))))
		assert.Equal(t, 1, pending(t, q))
		var at int64
		require.NoError(t, s.QueryRow(t.Context(), `SELECT next_at FROM ephemeral`).Scan(&at))
		assert.Equal(t, now.Now().Add(time.Hour), store.FromMicros(at))
	})
}
