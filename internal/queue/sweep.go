package queue

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"
)

// A FailedDelivery is one attempt by GitHub to deliver a webhook.
type FailedDelivery struct {
	ID             int64
	GUID           string // the same for all attempts
	At             time.Time
	InstallationID int64
	RepositoryID   int64
	Event          string
	Action         string
	Status         int // HTTP status of the answer; 0 if there was none
}

// A Sweeper asks GitHub about deliveries.
type Sweeper interface {
	// Scope names what [Sweeper.Ours] goes by now: the admin repositories and the App's
	// installations. If it changes, deliveries that were not ours may be, so the sweep looks at
	// all again that GitHub still has. It returns an [Again] too.
	Scope(ctx context.Context) (string, error)
	// FailedDeliveries returns a page of deliveries, newest first, and the cursor of the next
	// page, or "" if there is none. The first cursor is "". If a delivery succeeded, its
	// status says so. If GitHub's rate limit is spent, the error is an [Again].
	FailedDeliveries(ctx context.Context, cursor string) (page []FailedDelivery, next string, err error)
	// Redeliver asks GitHub to send the delivery again. It returns an [Again] too.
	Redeliver(ctx context.Context, id int64) error
	// Ours reports whether the delivery could contain a command for this server.
	Ours(d FailedDelivery) bool
}

const (
	sweepEvery = 5 * time.Minute
	sweepPages = 50
	// sweepBack is how long GitHub can redeliver.
	sweepBack = 3 * 24 * time.Hour
	// sweepOverlap is how much of the time before the last sweep is looked at again, because
	// GitHub may list a delivery later than newer ones.
	sweepOverlap = 10 * time.Minute
	// redeliverTries bounds how often GitHub is asked to redeliver a delivery. The waits
	// between the tries double from redeliverWait.
	redeliverTries = 5
	redeliverWait  = 5 * time.Minute
)

type sweepWorker struct {
	river.WorkerDefaults[sweepJob]
	q *Queue
}

// Timeout is less than Options.RescueAfter.
func (s *sweepWorker) Timeout(*river.Job[sweepJob]) time.Duration { return 150 * time.Second }

// Work never fails for River: the next sweep is the retry.
func (s *sweepWorker) Work(ctx context.Context, _ *river.Job[sweepJob]) error {
	err := s.q.sweep(ctx)
	switch {
	case isAgain(err):
		s.q.log.Info().Err(err).Msg("GitHub has no time for missed deliveries now; a later sweep goes on")
	case err != nil:
		s.q.log.Warn().Err(err).Msg("cannot ask GitHub for missed deliveries; the next sweep tries again")
	}
	return nil
}

func isAgain(err error) bool {
	var again *Again
	return errors.As(err, &again)
}

// sweep looks at failed deliveries, newest first, back to the start of the last sweep, and
// has GitHub redeliver those that were missed. If there are too many for one sweep, the
// next one continues.
func (q *Queue) sweep(ctx context.Context) error {
	now := q.store.Now()
	marks, err := q.marks(ctx)
	if err != nil {
		return err
	}
	low := now.Add(-sweepBack)
	if swept := parseTime(marks[markSwept]); swept.After(low) {
		low = swept
	}
	high, cursor := parseTime(marks[markHigh]), marks[markCursor]
	scope, err := q.opts.Sweeper.Scope(ctx)
	if err != nil {
		return err
	}
	if scope != marks[markScope] { // an installation has appeared, or was replaced
		low, cursor = now.Add(-sweepBack), ""
		err := q.setMarks(ctx, map[string]string{markScope: scope, markSwept: "", markCursor: ""})
		if err != nil {
			return err
		}
	}
	if cursor == "" {
		high = time.Time{}
	}

	seen := map[string]bool{}
	for page := 0; ; page++ {
		if page == sweepPages {
			q.log.Warn().Int("pages", sweepPages).Msg("many failed deliveries; the next sweep goes on with older ones")
			return q.setMarks(ctx, map[string]string{markHigh: formatTime(high), markCursor: cursor})
		}
		list, next, err := q.opts.Sweeper.FailedDeliveries(ctx, cursor)
		if err != nil {
			if page == 0 && cursor != "" && !isAgain(err) {
				// If GitHub does not know the cursor any more, the next sweep starts over.
				return errors.Join(err, q.setMarks(ctx, map[string]string{markCursor: ""}))
			}
			return err
		}
		past := false
		for _, d := range list {
			if d.At.Before(low) {
				past = true
				break
			}
			if high.IsZero() {
				high = d.At // the newest
			}
			if seen[d.GUID] || !q.opts.Sweeper.Ours(d) {
				continue
			}
			seen[d.GUID] = true // the newest attempt decides
			pending, err := q.redeliver(ctx, now, d)
			if err != nil {
				return err
			}
			if pending && d.At.Before(high) {
				high = d.At // so that the next sweep looks at it again
			}
		}
		cursor = next
		if past || next == "" {
			break
		}
	}
	if high.IsZero() {
		return q.setMarks(ctx, map[string]string{markCursor: ""})
	}
	to := high.Add(-sweepOverlap)
	if to.Before(low) {
		to = low
	}
	return q.setMarks(ctx, map[string]string{markSwept: formatTime(to), markCursor: ""})
}
