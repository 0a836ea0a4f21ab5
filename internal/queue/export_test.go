package queue

import (
	"context"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// Sweep runs one sweep now, instead of every five minutes.
func (q *Queue) Sweep(ctx context.Context) error { return q.sweep(ctx) }

// Stopping is closed when Stop has begun.
func (q *Queue) Stopping() <-chan struct{} { return q.stopping }

// PollFast returns the options of a queue that looks for work so often that tests need
// not wait for it.
func (o Options) PollFast() Options {
	const often = 20 * time.Millisecond
	o.polls = polls{deliveries: often, chores: often, deletions: often}
	return o
}

// InsertByRiver inserts a delivery's job on SQLite by River's own statement.
func (q *Queue) InsertByRiver(ctx context.Context, guid string) error {
	return q.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := q.river.(onSQLite).InsertManyFastTx(ctx, tx.SQL, deliveryJobs([]string{guid}))
		return err
	})
}
