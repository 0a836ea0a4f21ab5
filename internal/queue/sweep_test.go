package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/queue"
)

// hook simulates GitHub's list of deliveries: newest first, in pages.
type hook struct {
	list     []queue.FailedDelivery
	perPage  int
	pages    int     // asked for
	asked    []int64 // redeliveries
	scope    string
	notOurs  string // GUID of a delivery out of scope
	refuse   error  // of redeliveries
	unlisted error  // of pages
}

func (h *hook) FailedDeliveries(_ context.Context, cursor string) ([]queue.FailedDelivery, string, error) {
	h.pages++
	if h.unlisted != nil {
		return nil, "", h.unlisted
	}
	from, _ := strconv.Atoi(cursor)
	to := min(from+h.perPage, len(h.list))
	next := ""
	if to < len(h.list) {
		next = strconv.Itoa(to)
	}
	return h.list[from:to], next, nil
}

func (h *hook) Redeliver(_ context.Context, id int64) error {
	if h.refuse != nil {
		return h.refuse
	}
	h.asked = append(h.asked, id)
	return nil
}

func (h *hook) Scope(context.Context) (string, error) { return h.scope, nil }

func (h *hook) Ours(d queue.FailedDelivery) bool {
	return d.Event == "issue_comment" && d.GUID != h.notOurs
}

// add puts a delivery on top of the list.
func (h *hook) add(id int64, guid string, at time.Time, status int) {
	h.list = append([]queue.FailedDelivery{{ID: id, GUID: guid, At: at, Event: "issue_comment", Action: "created", Status: status}}, h.list...)
}

func (h *hook) take() (asked []int64, pages int) {
	asked, pages = h.asked, h.pages
	h.asked, h.pages = nil, 0
	return asked, pages
}

func TestSweep(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		now, github := newClock(), &hook{perPage: 3}
		q, err := queue.New(queue.Options{Store: open(t, url, now.Now), Handler: handler{}, Sweeper: github})
		require.NoError(t, err)
		ago := func(d time.Duration) time.Time { return now.Now().Add(-d) }
		sweep := func() ([]int64, int) {
			t.Helper()
			require.NoError(t, q.Sweep(t.Context()))
			return github.take()
		}

		github.add(1, "too old", ago(73*time.Hour), 503)
		github.add(2, "missed", ago(71*time.Hour), 503)
		github.add(3, "no answer", ago(20*time.Hour), 0)
		github.add(4, "stored", ago(10*time.Hour), 503)
		github.add(5, "succeeded later", ago(9*time.Hour), 503)
		github.add(6, "failed twice", ago(8*time.Hour), 503)
		github.list = append([]queue.FailedDelivery{{ID: 7, GUID: "another event", At: ago(7 * time.Hour), Event: "push", Status: 500}}, github.list...)
		github.add(8, "succeeded later", ago(6*time.Hour), 202)
		github.add(9, "failed twice", ago(time.Hour), 502)
		accept(t, q, queue.Item{GUID: "stored", InstallationID: 77, CommentID: 1})

		asked, pages := sweep()
		assert.Equal(t, []int64{9, 3, 2}, asked, "newest first, each GUID once, by its newest attempt")
		assert.Equal(t, 3, pages)

		// If nothing has failed since, nothing is redelivered and nothing old is read.
		now.move(5 * time.Minute)
		asked, pages = sweep()
		assert.Empty(t, asked)
		assert.Equal(t, 1, pages)

		// The redelivery failed too. It is asked for again after a growing wait, at
		// most five times in all.
		id := int64(100)
		var waits []time.Duration
		for range 6 {
			id++
			now.move(time.Second)
			github.add(id, "missed", now.Now(), 503)
			failed := now.Now()
			for range 100 {
				now.move(5 * time.Minute)
				if asked, _ := sweep(); len(asked) > 0 {
					assert.Equal(t, []int64{id}, asked)
					waits = append(waits, now.Now().Sub(failed).Round(time.Minute))
					break
				}
			}
		}
		assert.Equal(t, []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute}, waits)
	})
}

func TestSweepIfGitHubFails(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		now, github := newClock(), &hook{perPage: 10}
		q, err := queue.New(queue.Options{Store: open(t, url, now.Now), Handler: handler{}, Sweeper: github})
		require.NoError(t, err)
		github.add(1, "missed", now.Now().Add(-time.Hour), 503)

		github.unlisted = errors.New("GitHub is down")
		require.ErrorContains(t, q.Sweep(t.Context()), "GitHub is down")

		// If GitHub lists but does not redeliver, a later sweep tries again, even if it saw
		// newer deliveries.
		github.unlisted, github.refuse = nil, errors.New("422")
		github.add(2, "newer", now.Now(), 200)
		require.NoError(t, q.Sweep(t.Context()))
		github.refuse = nil
		now.move(time.Minute)
		require.NoError(t, q.Sweep(t.Context()))
		assert.Empty(t, github.asked, "not so soon")
		now.move(5 * time.Minute)
		require.NoError(t, q.Sweep(t.Context()))
		assert.Equal(t, []int64{1}, github.asked)
	})
}

// If GitHub's rate limit is spent, a later sweep tries again, and it does not count as a try.
func TestSweepWaits(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		now, github := newClock(), &hook{perPage: 10}
		q, err := queue.New(queue.Options{Store: open(t, url, now.Now), Handler: handler{}, Sweeper: github})
		require.NoError(t, err)
		github.add(1, "missed", now.Now().Add(-time.Hour), 503)
		var again *queue.Again
		for range 10 { // more than the tries that a delivery has
			github.refuse = &queue.Again{After: time.Minute}
			require.ErrorAs(t, q.Sweep(t.Context()), &again)
			assert.Equal(t, time.Minute, again.After)
			github.refuse, github.unlisted = nil, fmt.Errorf("list: %w", &queue.Again{After: time.Hour})
			require.ErrorAs(t, q.Sweep(t.Context()), &again)
			assert.Equal(t, time.Hour, again.After)
			github.unlisted = nil
		}
		require.NoError(t, q.Sweep(t.Context()))
		assert.Equal(t, []int64{1}, github.asked)
	})
}

// If there are more deliveries than fit into one sweep, the next one continues. After that,
// only new ones are read.
func TestSweepContinues(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		now, github := newClock(), &hook{perPage: 2}
		q, err := queue.New(queue.Options{Store: open(t, url, now.Now), Handler: handler{}, Sweeper: github})
		require.NoError(t, err)
		const deliveries = 130 // 65 pages
		for n := range deliveries {
			github.add(int64(n+1), fmt.Sprint("guid-", n), now.Now().Add(time.Duration(n-deliveries)*time.Minute), 503)
		}
		require.NoError(t, q.Sweep(t.Context()))
		asked, pages := github.take()
		assert.Len(t, asked, 100)
		assert.Equal(t, 50, pages)

		require.NoError(t, q.Sweep(t.Context()))
		asked, pages = github.take()
		assert.Len(t, asked, 30)
		assert.Equal(t, 15, pages)

		require.NoError(t, q.Sweep(t.Context()))
		asked, pages = github.take()
		assert.Empty(t, asked)
		assert.Less(t, pages, 10, "only down to the mark")
	})
}

// Once an installation has appeared, what came before is looked at again, once.
func TestSweepLooksBackIfItsScopeChanges(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		now, github := newClock(), &hook{perPage: 2, notOurs: "early"}
		q, err := queue.New(queue.Options{Store: open(t, url, now.Now), Handler: handler{}, Sweeper: github})
		require.NoError(t, err)
		for range 10 {
			github.add(4, "old", now.Now().Add(-3*time.Hour), 200)
		}
		github.add(1, "early", now.Now().Add(-2*time.Hour), 502)
		github.add(2, "later", now.Now(), 200)
		sweep := func(want ...int64) (pages int) {
			t.Helper()
			now.move(time.Minute)
			require.NoError(t, q.Sweep(t.Context()))
			asked, pages := github.take()
			assert.Equal(t, want, asked)
			return pages
		}
		sweep()
		github.notOurs = ""
		sweep() // it is past
		github.scope = "1/78"
		sweep(1)
		for range 5 {
			github.add(3, "newer", now.Now(), 200)
		}
		sweep()
		assert.Less(t, sweep(), 6, "only down to the mark")
	})
}

// The queue sweeps when it starts.
func TestSweepOnStart(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		swept := make(chan struct{}, 10)
		run(t, queue.Options{Store: open(t, url, nil), Sweeper: sweepOnly{swept}}.PollFast())
		select {
		case <-swept:
		case <-time.After(20 * time.Second):
			require.Fail(t, "no sweep")
		}
	})
}

type sweepOnly struct{ swept chan struct{} }

func (sweepOnly) Scope(context.Context) (string, error) { return "", nil }

func (s sweepOnly) FailedDeliveries(context.Context, string) ([]queue.FailedDelivery, string, error) {
	s.swept <- struct{}{}
	return nil, "", nil
}

func (sweepOnly) Redeliver(context.Context, int64) error { return nil }

func (sweepOnly) Ours(queue.FailedDelivery) bool { return true }
