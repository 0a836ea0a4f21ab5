package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// Work is one stored delivery in a worker's hands.
type Work struct {
	Item
	Attempt int  // 1 first; crashes count, Again does not
	Last    bool // the retries are spent after this attempt

	// Interrupted says that an earlier attempt ended without a word, by a crash,
	// a panic or a timeout, so that effects may exist that were not recorded.
	// It stays so until Handle returns nil or *Again.
	Interrupted bool

	store    *store.Store
	givingUp error // why, once the retries are spent

	mu    sync.Mutex
	steps map[string]json.RawMessage
}

// Steps are the outcomes recorded so far, by step.
func (w *Work) Steps() map[string]json.RawMessage {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.steps)
}

// Record keeps what a step has come to; after it returned nil that survives a
// crash. A step that is recorded already keeps its first outcome. It is done
// even if ctx has ended, since the effect has happened.
func (w *Work) Record(ctx context.Context, step string, outcome any) error {
	text, err := json.Marshal(outcome)
	if err != nil {
		return fmt.Errorf("record step %s of delivery %s: %w", step, w.GUID, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, err = w.store.Exec(ctx, `INSERT INTO delivery_step (guid, step, outcome, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING`,
		w.GUID, step, string(text), store.Micros(w.store.Now()))
	if err != nil {
		return fmt.Errorf("record step %s of delivery %s: %w", step, w.GUID, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.steps[step]; !ok {
		w.steps[step] = text
	}
	return nil
}

// giveUpTries is how often GiveUp is called at most.
const giveUpTries = 5

// The results that a delivery's row keeps.
const (
	resultDone   = "done"
	resultGaveUp = "gave up"
)

type deliveryWorker struct {
	river.WorkerDefaults[deliveryJob]
	q *Queue
}

// Timeout is longer than a worker goes on; the steps have limits of their own.
func (d *deliveryWorker) Timeout(*river.Job[deliveryJob]) time.Duration {
	return d.q.keepGoing() + d.q.opts.StepTimeout + 10*time.Second
}

func (q *Queue) keepGoing() time.Duration { return min(keepGoing, q.opts.StepTimeout) }

// Work takes up the delivery and goes on with it until it is done, fails, or
// wants to wait. Waiting is left to River: no worker sleeps.
func (d *deliveryWorker) Work(ctx context.Context, job *river.Job[deliveryJob]) error {
	q := d.q
	q.waitForBurst(ctx)
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
		// Its attempts were interrupted again and again: perhaps it is the cause.
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

		// If the step did not end by itself nobody knows how far it came: the
		// claim stays, and whoever takes it up knows it, and counts the attempt.
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
		return snooze(delay)
	}
}

var (
	errPanic       = errors.New("panic")
	errInterrupted = errors.New("the work was interrupted too often")
)

// step calls the handler once, within the step's time.
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

// claim takes up the delivery; ErrNotFound says that it is done.
func (q *Queue) claim(ctx context.Context, guid string) (*Work, error) {
	w := &Work{store: q.store, steps: map[string]json.RawMessage{}}
	var received int64
	var comment *int64
	var givingUp *string
	var claims int
	w.GUID = guid
	err := q.store.QueryRow(ctx, `UPDATE delivery SET claimed_at = ?2, claims = claims + 1,
			attempts = attempts + CASE WHEN claims > 0 THEN 1 ELSE 0 END
		WHERE guid = ?1 AND done_at IS NULL
		RETURNING installation_id, comment_id, payload, received_at, attempts, claims, giving_up`,
		guid, store.Micros(q.store.Now())).
		Scan(&w.InstallationID, &comment, &w.Payload, &received, &w.Attempt, &claims, &givingUp)
	if err != nil {
		return nil, fmt.Errorf("claim delivery %s: %w", guid, err)
	}
	w.Attempt++
	w.Last = w.Attempt >= q.opts.MaxAttempts
	w.Interrupted = claims > 1
	w.ReceivedAt = store.FromMicros(received)
	if comment != nil {
		w.CommentID = *comment
	}
	if givingUp != nil {
		w.givingUp = errors.New(*givingUp)
	}
	_, err = store.Collect(ctx, q.store.Reader(), func(r store.Row) (struct{}, error) {
		var step, outcome string
		err := r.Scan(&step, &outcome)
		w.steps[step] = json.RawMessage(outcome)
		return struct{}{}, err
	}, `SELECT step, outcome FROM delivery_step WHERE guid = ?1`, guid)
	if err != nil {
		return nil, fmt.Errorf("read the steps of delivery %s: %w", guid, err)
	}
	return w, nil
}

// unclaim gives the delivery back after a clean end, with the attempt counted
// as failed or not.
func (q *Queue) unclaim(ctx context.Context, w *Work, failed int) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, err := q.store.Exec(ctx, `UPDATE delivery SET claims = 0, claimed_at = NULL, attempts = attempts + ?2 WHERE guid = ?1`, w.GUID, failed)
	if err != nil {
		return fmt.Errorf("give delivery %s back: %w", w.GUID, err)
	}
	return nil
}

// giveUp notes that only the last answer is left to give.
func (q *Queue) giveUp(ctx context.Context, w *Work, cause error) error {
	text := []rune(strings.ReplaceAll(cause.Error(), "\x00", "")) // PostgreSQL keeps no NUL
	w.givingUp = cause
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := q.store.Exec(ctx, `UPDATE delivery SET giving_up = ?2 WHERE guid = ?1`,
		w.GUID, string(text[:min(len(text), 1000)])); err != nil {
		return fmt.Errorf("give up delivery %s: %w", w.GUID, err)
	}
	return nil
}

// finish marks delivery and job as done in one transaction. Payload and steps
// are not needed any more.
func (q *Queue) finish(ctx context.Context, w *Work, job *river.Job[deliveryJob], result string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := q.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE delivery SET done_at = ?2, result = ?3, payload = NULL, claimed_at = NULL WHERE guid = ?1`,
			w.GUID, store.Micros(q.store.Now()), result)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM delivery_step WHERE guid = ?1`, w.GUID); err != nil {
			return err
		}
		return q.river.complete(ctx, tx, job)
	})
	if err != nil {
		return fmt.Errorf("finish delivery %s: %w", w.GUID, err)
	}
	if result == resultGaveUp {
		q.count("gave_up")
	} else {
		q.count("done")
	}
	return nil
}

func (q *Queue) isStopping() bool {
	select {
	case <-q.stopping:
		return true
	default:
		return false
	}
}

// snooze has River call again after the delay, which counts as no attempt.
func snooze(after time.Duration) error {
	// River keeps milliseconds; never a moment too early.
	return river.JobSnooze(max(after, 0).Truncate(time.Millisecond) + time.Millisecond)
}

// backoff doubles from one second to two minutes, and adds up to a fifth so
// that what failed together does not come back together.
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
