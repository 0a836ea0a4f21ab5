package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// redeliver asks GitHub to send the delivery again if it failed, is not stored, and its
// tries are not spent. It reports whether a later sweep must look at the delivery again.
func (q *Queue) redeliver(ctx context.Context, now time.Time, d FailedDelivery) (pending bool, err error) {
	if d.Status >= 200 && d.Status < 300 {
		return false, nil
	}
	var stored int
	err = q.store.Reader().QueryRow(ctx, `SELECT count(*) FROM delivery WHERE guid = ?1`, d.GUID).Scan(&stored)
	if err != nil {
		return false, fmt.Errorf("look for delivery %s: %w", d.GUID, err)
	}
	if stored > 0 {
		return false, nil
	}
	var tries int
	var failedAt, nextAt int64
	err = q.store.Reader().QueryRow(ctx, `SELECT tries, failed_at, next_at FROM redelivery WHERE guid = ?1`, d.GUID).Scan(&tries, &failedAt, &nextAt)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return false, fmt.Errorf("look for redeliveries of %s: %w", d.GUID, err)
	case store.Micros(d.At) <= failedAt:
		return false, nil // it was redelivered after this failure and has not failed since
	case tries >= redeliverTries:
		q.log.Warn().Str("delivery_id", d.GUID).Int("status", d.Status).Int("tries", tries).
			Msg("a delivery failed again and is not asked for any more; redeliver it on the App's page Advanced")
		return false, nil
	case now.Before(store.FromMicros(nextAt)):
		return true, nil
	}

	log := q.log.With().Str("delivery_id", d.GUID).Int("status", d.Status).Int("try", tries+1).Logger()
	failed := d.At
	askErr := q.opts.Sweeper.Redeliver(ctx, d.ID)
	if isAgain(askErr) {
		return false, askErr // GitHub was not asked, so it does not count as a try
	}
	if askErr != nil {
		log.Warn().Err(askErr).Msg("cannot ask for a missed delivery; a later sweep tries again")
		failed, pending = store.FromMicros(failedAt), tries+1 < redeliverTries
	} else {
		log.Info().Msg("asked for a missed delivery")
	}
	_, err = q.store.Exec(ctx, `INSERT INTO redelivery (guid, tries, failed_at, next_at) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (guid) DO UPDATE SET tries = excluded.tries, failed_at = excluded.failed_at, next_at = excluded.next_at`,
		d.GUID, tries+1, store.Micros(failed), store.Micros(now.Add(redeliverWait<<tries)))
	if err != nil {
		return pending, fmt.Errorf("note the redelivery of %s: %w", d.GUID, err)
	}
	return pending, nil
}
