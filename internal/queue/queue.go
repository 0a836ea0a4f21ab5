// Package queue is durable work on the store's database: deliveries are stored
// with their jobs before they are acknowledged and worked off by River, each
// once; comments that must go are deleted in time; deliveries that GitHub could
// not hand over are asked for again.
//
// River runs a job at least once. That a delivery is done once lies in the
// store's table of deliveries, and in the outcomes that a handler records step
// by step.
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
	// DefaultMaxAttempts has retries span about a quarter of an hour.
	DefaultMaxAttempts = 14
	// DefaultStepTimeout bounds one call of Handle or GiveUp.
	DefaultStepTimeout = time.Minute
	// DefaultRescueAfter is when a job of a process that died without a word is
	// taken over by another replica.
	DefaultRescueAfter = 3 * time.Minute
	// DefaultAuditRetention is how long the audit is kept.
	DefaultAuditRetention = 9600 * time.Hour
)

const (
	// keepDeliveries must be longer than GitHub redelivers: 3 days, 7 on
	// Enterprise Server.
	keepDeliveries = 10 * 24 * time.Hour
	// keepGoing is how long a worker goes on with the next step of the same
	// delivery before it lets River count again. With one more step it must end
	// well before DefaultRescueAfter.
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
	// Handle works on the delivery, at best one step of it.
	//
	//   - nil: the delivery is done.
	//   - *Again: it goes on later, or with the next step at once.
	//   - any other error: it is retried with growing delays, and not earlier
	//     than the error's RetryAfter() time.Duration says, if it has one.
	//
	// Handle must record what a step has come to as soon as that has happened,
	// and look for effects first if the Work was interrupted. An earlier
	// Attempt may have left effects too, if only the answer was lost.
	Handle(ctx context.Context, w *Work) error

	// GiveUp gives the last answer after the retries are spent. If it fails
	// it is called again, a few times; then only the text is left of cause.
	// Record and Steps work in it too.
	GiveUp(ctx context.Context, w *Work, cause error) error
}

// Again is returned by a Handler that has not failed but is not done either.
type Again struct {
	After time.Duration // 0: at once
}

// Error makes Again an error.
func (a *Again) Error() string { return fmt.Sprintf("to be continued after %s", a.After) }

// Options are what a Queue needs. Store and Handler must be set.
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

	// Backoff is how long to wait after so many failed attempts (1 first); nil
	// means the default, from one second to two minutes.
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

// New makes a queue. It accepts deliveries at once, and works on them after Start.
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
		if err := q.deleter.overdue(ctx); err != nil {
			return err
		}
		q.loops.Go(func() { q.deleter.run(background) })
	}
	return nil
}

// Stop takes no further work and waits until ctx ends for the steps that run;
// then it cancels them. What is not done goes on after the next start.
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

// Depth is how many deliveries are not done, and how long the oldest of them
// has been waiting.
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
