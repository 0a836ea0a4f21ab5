package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/riverqueue/river"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// giveUpTries is how often GiveUp is called at most if it fails.
const giveUpTries = 5

// The values of column delivery.result.
const (
	resultDone   = "done"
	resultGaveUp = "gave up"
)

type deliveryWorker struct {
	river.WorkerDefaults[deliveryJob]
	q *Queue
}

// Timeout is longer than the worker needs if each step ends within StepTimeout.
func (d *deliveryWorker) Timeout(*river.Job[deliveryJob]) time.Duration {
	return d.q.keepGoing() + d.q.opts.StepTimeout + 10*time.Second
}

func (q *Queue) keepGoing() time.Duration { return min(keepGoing, q.opts.StepTimeout) }

// Work works on the delivery until it is done, fails, or must wait. If it must wait, the job
// is snoozed: no worker sleeps. If the database fails, it waits for the database.
func (d *deliveryWorker) Work(ctx context.Context, job *river.Job[deliveryJob]) error {
	err := d.work(ctx, job)
	var snoozed *river.JobSnoozeError
	if err != nil && !errors.As(err, &snoozed) {
		d.q.awaitDatabase(ctx)
	}
	return err
}

func (d *deliveryWorker) work(ctx context.Context, job *river.Job[deliveryJob]) error {
	q := d.q
	q.bursts.wait(ctx, q.stopping)
	started := time.Now()
	w, err := q.claim(ctx, job.Args.GUID)
	if errors.Is(err, store.ErrNotFound) {
		return nil // it is done
	}
	if err != nil {
		return err // River tries again; no attempt of ours was made
	}
	log := q.log.With().Str("delivery_id", w.GUID).Int("attempt", w.Attempt).Logger()
	if w.givingUp == nil && w.Attempt > q.opts.MaxAttempts {
		// If all its attempts were interrupted, the delivery may be the cause.
		if err := q.giveUp(ctx, w, errInterrupted); err != nil {
			return err
		}
	}
	if w.Attempt > q.opts.MaxAttempts+giveUpTries {
		log.Error().Msg("gave up on a delivery without an answer: it was interrupted again and again")
		return q.finish(ctx, w, job, resultGaveUp)
	}
	for {
		giving := w.givingUp != nil
		err := q.step(ctx, w)
		var again *Again
		switch {
		case err == nil && giving:
			return q.finish(ctx, w, job, resultGaveUp)
		case err == nil:
			return q.finish(ctx, w, job, resultDone)
		case errors.As(err, &again):
			w.Interrupted = false
			if again.After <= 0 && time.Since(started) < q.keepGoing() && !q.isStopping() && ctx.Err() == nil {
				continue
			}
			if err := q.unclaim(ctx, w, 0); err != nil {
				return err
			}
			return snooze(again.After)
		}

		// If the step was interrupted, it is unknown how far it came. So the claim stays: the
		// next attempt is marked as interrupted, and this one counts.
		unclear := w.Interrupted || ctx.Err() != nil || errors.Is(err, errPanic) ||
			errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
		if ctx.Err() != nil && q.isStopping() {
			log.Info().Msg("delivery was interrupted by the shutdown; it goes on after the start")
			return snooze(0)
		}
		switch {
		case giving && w.Attempt >= q.opts.MaxAttempts+giveUpTries:
			log.Error().Err(err).Msg("gave up on a delivery without an answer")
			return q.finish(ctx, w, job, resultGaveUp)
		case !giving && w.Last:
			log.Error().Err(err).Msg("gave up on a delivery: its retries are spent")
			if err := q.giveUp(ctx, w, err); err != nil {
				return err
			}
			continue
		}
		delay := max(q.opts.Backoff(w.Attempt), retryAfter(err))
		log.Warn().Err(err).Stringer("delay", delay).Msg("delivery failed; it is retried")
		q.count("retried")
		if !unclear {
			if err := q.unclaim(ctx, w, 1); err != nil {
				return err
			}
		}
		q.awaitDatabase(ctx)
		return snooze(delay)
	}
}

// databasePoll is how often awaitDatabase asks.
const databasePoll = 500 * time.Millisecond

// awaitDatabase returns when the database can be written, if ctx ends, or if the queue
// stops. River tries only for some seconds to record what became of a job. A job of which it
// could not is kept for RescueAfter, so none is handed back before.
func (q *Queue) awaitDatabase(ctx context.Context) {
	for q.store.Ping(ctx) != nil {
		select {
		case <-time.After(databasePoll):
		case <-ctx.Done():
			return
		case <-q.stopping:
			return
		}
	}
}

var (
	errPanic       = errors.New("panic")
	errInterrupted = errors.New("the work was interrupted too often")
)

// step calls the handler once, with StepTimeout. If the handler panics, it returns errPanic.
func (q *Queue) step(ctx context.Context, w *Work) (err error) {
	defer func() {
		if p := recover(); p != nil {
			q.log.Error().Str("delivery_id", w.GUID).Bytes("stack", debug.Stack()).Msgf("panic: %v", p)
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, q.opts.StepTimeout)
	defer cancel()
	if w.givingUp != nil {
		return q.opts.Handler.GiveUp(ctx, w, w.givingUp)
	}
	return q.opts.Handler.Handle(ctx, w)
}

func (q *Queue) isStopping() bool {
	select {
	case <-q.stopping:
		return true
	default:
		return false
	}
}

// snooze makes River run the job again after the delay. That does not count as an attempt.
func snooze(after time.Duration) error {
	// River stores milliseconds, so it is rounded up.
	return river.JobSnooze(max(after, 0).Truncate(time.Millisecond) + time.Millisecond)
}

// backoff doubles from one second to two minutes. It adds up to a fifth, so that deliveries
// that failed together are not retried together.
func backoff(failed int) time.Duration {
	d := min(time.Second<<min(max(failed-1, 0), 10), 2*time.Minute)
	return d + rand.N(d/5) //nolint:gosec // nothing secret depends on it
}

func retryAfter(err error) time.Duration {
	var later interface{ RetryAfter() time.Duration }
	if errors.As(err, &later) {
		return later.RetryAfter()
	}
	return 0
}
