package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

const (
	// batchSize bounds how many deliveries share one transaction.
	batchSize = 128
	// batchWithin bounds that transaction; GitHub waits 10 seconds.
	batchWithin = 8 * time.Second

	// A batch of crowd deliveries is a burst. For crowdAfter, which is until the
	// next such batch, no worker takes up more, but none waits longer than yieldFor.
	burstSize     = 4
	burstPause    = 100 * time.Millisecond
	burstWaitMost = 5 * time.Second
)

// batch is what waits for the next transaction. Deliveries that arrive while
// one is written share the next, and so its wait for the disk.
type batch struct {
	sync.Mutex
	waiting   []*arrival
	writing   bool
	lastBurst time.Time // when the last burst was written
}

type arrival struct {
	item  Item
	ctx   context.Context //nolint:containedctx // it waits in a list
	fresh bool
	done  chan error
}

// Accept stores the delivery and its job; after it returned nil they survive a
// crash. It says whether the delivery is fresh: neither its GUID nor its
// comment was seen before, done or not.
func (q *Queue) Accept(ctx context.Context, item Item) (fresh bool, err error) {
	if item.GUID == "" || strings.ContainsRune(item.GUID, 0) {
		return false, errors.New("accept a delivery: it has no GUID")
	}
	if item.ReceivedAt.IsZero() {
		item.ReceivedAt = q.store.Now()
	}
	a := &arrival{item: item, ctx: ctx, done: make(chan error, 1)}
	q.batch.Lock()
	q.batch.waiting = append(q.batch.waiting, a)
	if !q.batch.writing {
		q.batch.writing = true
		go q.writeBatches() //nolint:contextcheck,gosec // it writes for others too, so no caller's context may end it
	}
	q.batch.Unlock()

	select {
	case err = <-a.done:
	case <-ctx.Done():
		// It may yet be stored; GitHub's redelivery is recognized then.
		return false, fmt.Errorf("accept delivery %s: %w", item.GUID, ctx.Err())
	}
	if err != nil {
		return false, fmt.Errorf("accept delivery %s: %w", item.GUID, err)
	}
	if a.fresh {
		q.count("accepted")
	} else {
		q.count("duplicate")
	}
	return a.fresh, nil
}

// writeBatches writes until nothing waits.
func (q *Queue) writeBatches() {
	for {
		q.batch.Lock()
		n := min(len(q.batch.waiting), batchSize)
		if n == 0 {
			q.batch.writing, q.batch.waiting = false, nil
			q.batch.Unlock()
			return
		}
		now := q.batch.waiting[:n:n]
		q.batch.waiting = q.batch.waiting[n:]
		q.batch.Unlock()

		// In one order on all replicas, so that they do not wait for each other.
		slices.SortFunc(now, func(a, b *arrival) int { return strings.Compare(a.item.GUID, b.item.GUID) })
		ctx, cancel := context.WithTimeout(context.Background(), batchWithin)
		err := q.write(ctx, now)
		cancel()
		q.river.inserted()
		if n >= burstSize {
			q.batch.Lock()
			q.batch.lastBurst = time.Now()
			q.batch.Unlock()
		}
		for _, a := range now {
			if err != nil && len(now) > 1 {
				// One that cannot be stored does not take the others with it.
				a.done <- q.write(a.ctx, []*arrival{a})
				q.river.inserted()
				continue
			}
			a.done <- err
		}
	}
}

// waitForBurst lets a burst be accepted before more of it is worked on: GitHub gives up on
// a delivery after 10 seconds, and the database has one writer.
func (q *Queue) waitForBurst(ctx context.Context) {
	for until := time.Now().Add(burstWaitMost); time.Now().Before(until); {
		q.batch.Lock()
		over := time.Since(q.batch.lastBurst) > burstPause
		q.batch.Unlock()
		if over {
			return
		}
		select {
		case <-time.After(burstPause):
		case <-ctx.Done():
			return
		case <-q.stopping:
			return
		}
	}
}

// write stores the arrivals and the jobs of those that are fresh.
func (q *Queue) write(ctx context.Context, arrivals []*arrival) error {
	return q.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		var guids []string
		for _, a := range arrivals {
			var comment *int64
			if a.item.CommentID != 0 {
				comment = &a.item.CommentID
			}
			n, err := tx.Exec(ctx, `INSERT INTO delivery (guid, installation_id, comment_id, payload, received_at)
				VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING`,
				a.item.GUID, a.item.InstallationID, comment, a.item.Payload, store.Micros(a.item.ReceivedAt))
			if err != nil {
				return err
			}
			if a.fresh = n == 1; a.fresh {
				guids = append(guids, a.item.GUID)
			}
		}
		if len(guids) == 0 {
			return nil
		}
		return q.river.insert(ctx, tx, guids)
	})
}
