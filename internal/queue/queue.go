// Package queue does durable work with the store's database. It stores deliveries and their
// jobs before they are acknowledged, and River works on them. It deletes comments in time.
// It asks GitHub to send deliveries again that failed.
//
// River runs a job at least once. A delivery is done only once because of the table of
// deliveries, and because a handler records the outcome of each step.
package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rcrowley/go-metrics"
	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// Defaults of Options.
const (
	// DefaultWorkers is how many deliveries are worked on side by side.
	DefaultWorkers = 16
	// DefaultMaxAttempts makes retries last about 15 minutes.
	DefaultMaxAttempts = 14
	// DefaultStepTimeout bounds one call of Handle or GiveUp.
	DefaultStepTimeout = time.Minute
	// DefaultRescueAfter is after how long another replica takes over the job of a process
	// that was killed.
	DefaultRescueAfter = 3 * time.Minute
	// DefaultAuditRetention is how long the audit is kept.
	DefaultAuditRetention = 9600 * time.Hour
)

const (
	// keepDeliveries must be longer than GitHub redelivers: 3 days, 7 on
	// Enterprise Server.
	keepDeliveries = 10 * 24 * time.Hour
	// keepGoing is for how long a worker starts the next step of the same delivery in the
	// same job. With one more step the job must end well before DefaultRescueAfter.
	keepGoing = 30 * time.Second
)

// An Item is one delivery to be worked on.
type Item struct {
	GUID           string // X-GitHub-Delivery, not signed
	InstallationID int64
	CommentID      int64 // from the signed body; 0 if there is none
	Payload        []byte
	ReceivedAt     time.Time
}

// A Handler works on deliveries.
type Handler interface {
	// Handle works on the delivery, one step of it if possible.
	//
	//   - nil: the delivery is done.
	//   - *Again: it goes on later, or with the next step at once.
	//   - any other error: it is retried with growing delays. If the error has a method
	//     RetryAfter() time.Duration, it is not retried earlier than that.
	//
	// Handle must record the outcome of a step at once. If the Work was interrupted, it must
	// look for the step's effect first. An earlier attempt may have left an effect even if it
	// was not interrupted, if only GitHub's answer was lost.
	Handle(ctx context.Context, w *Work) error

	// GiveUp gives the last answer after the retries are spent. If it fails, it is called
	// again a few times, and cause may be an error with only the text of the first one.
	// Record and Steps work in it too.
	GiveUp(ctx context.Context, w *Work, cause error) error
}

// Again is returned by a Handler that has not failed but is not done either.
type Again struct {
	After time.Duration // 0: at once
}

// Error implements error.
func (a *Again) Error() string { return fmt.Sprintf("to be continued after %s", a.After) }

// Options are for [New]. Store and Handler must be set.
type Options struct {
	Store      *store.Store
	Handler    Handler
	Ephemerals Ephemerals // nil: comments are not deleted
	Sweeper    Sweeper    // nil: missed deliveries are not asked for
	Logger     zerolog.Logger
	Registry   metrics.Registry // counts deliveries by outcome; nil: nothing is counted

	// Zero values mean the defaults above.
	Workers        int
	MaxAttempts    int
	StepTimeout    time.Duration
	RescueAfter    time.Duration // must exceed twice the StepTimeout
	AuditRetention time.Duration

	// Backoff returns how long to wait after so many failed attempts, 1 at first. If it is
	// nil, the waits grow from one second to two minutes.
	Backoff func(failed int) time.Duration

	polls polls // set by tests only
}

// polls are how often the database is asked for work that nothing announced.
type polls struct{ deliveries, chores, deletions time.Duration }

// A Queue accepts deliveries and works on them.
type Queue struct {
	store   *store.Store
	opts    Options
	log     zerolog.Logger
	river   engine
	commits groupCommit
	bursts  bursts
	deleter *deleter

	stopping chan struct{} // closed by Stop
	stopOnce sync.Once
	loops    sync.WaitGroup
	cancel   context.CancelFunc // ends the loops
}

// New returns a queue that accepts deliveries. It works on them after Start.
func New(o Options) (*Queue, error) {
	if o.Store == nil || o.Handler == nil {
		return nil, errors.New("queue: Store and Handler must be set")
	}
	o.Workers = cmp.Or(o.Workers, DefaultWorkers)
	o.MaxAttempts = cmp.Or(o.MaxAttempts, DefaultMaxAttempts)
	o.StepTimeout = cmp.Or(o.StepTimeout, DefaultStepTimeout)
	o.RescueAfter = cmp.Or(o.RescueAfter, DefaultRescueAfter)
	o.AuditRetention = cmp.Or(o.AuditRetention, DefaultAuditRetention)
	o.polls.deliveries = cmp.Or(o.polls.deliveries, deliveriesPoll(o.Store))
	o.polls.chores = cmp.Or(o.polls.chores, choresPoll)
	o.polls.deletions = cmp.Or(o.polls.deletions, deletionsPoll)
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	if o.Registry == nil {
		o.Registry = metrics.NewRegistry()
	}
	q := &Queue{store: o.Store, opts: o, log: o.Logger, stopping: make(chan struct{})}
	if o.Ephemerals != nil {
		q.deleter = &deleter{store: o.Store, github: o.Ephemerals, log: o.Logger, poll: o.polls.deletions}
	}
	q.commits = groupCommit{write: q.storeArrivals, bursts: &q.bursts}
	var err error
	if q.river, err = newEngine(q); err != nil {
		return nil, fmt.Errorf("set up the work queue: %w", err)
	}
	return q, nil
}

// Start begins to work. The context bounds only the start; Stop ends the work.
func (q *Queue) Start(ctx context.Context) error {
	if q.store.Exclusive() {
		if err := q.rescueAll(ctx); err != nil {
			return fmt.Errorf("take up interrupted work: %w", err)
		}
	}
	background := context.WithoutCancel(ctx)
	if err := q.river.Start(background); err != nil {
		return fmt.Errorf("start the work queue: %w", err)
	}
	background, q.cancel = context.WithCancel(background)
	if q.deleter != nil {
		if err := q.deleter.retryOverdue(ctx); err != nil {
			return err
		}
		q.loops.Go(func() { q.deleter.run(background) })
	}
	return nil
}

// Stop starts no more steps, and waits for those that run. If ctx ends before they do, it
// cancels them. The next start continues with the deliveries that are not done.
func (q *Queue) Stop(ctx context.Context) error {
	q.stopOnce.Do(func() { close(q.stopping) })
	if q.cancel != nil {
		q.cancel()
	}
	err := q.river.Stop(ctx)
	if err != nil {
		hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = q.river.StopAndCancel(hard)
	}
	q.loops.Wait()
	if err != nil {
		return fmt.Errorf("stop the work queue: %w", err)
	}
	return nil
}

// Depth returns how many deliveries are not done, and how long ago the oldest of them was
// received, or 0 if there are none.
func (q *Queue) Depth(ctx context.Context) (depth int, oldest time.Duration, err error) {
	var since *int64
	err = q.store.Reader().QueryRow(ctx, `SELECT count(*), min(received_at) FROM delivery WHERE done_at IS NULL`).Scan(&depth, &since)
	if err != nil {
		return 0, 0, fmt.Errorf("measure the queue: %w", err)
	}
	if since != nil {
		oldest = max(0, q.store.Now().Sub(store.FromMicros(*since)))
	}
	return depth, oldest, nil
}

// count adds one to a counter of deliveries.
func (q *Queue) count(outcome string) {
	metrics.GetOrRegisterCounter("queue.deliveries."+outcome, q.opts.Registry).Inc(1)
}
