package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// claim starts an attempt at the delivery. It returns ErrNotFound if the delivery is done.
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

// unclaim ends an attempt that was not interrupted. failed is 1 if it counts as failed, or 0.
func (q *Queue) unclaim(ctx context.Context, w *Work, failed int) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, err := q.store.Exec(ctx, `UPDATE delivery SET claims = 0, claimed_at = NULL, attempts = attempts + ?2 WHERE guid = ?1`, w.GUID, failed)
	if err != nil {
		return fmt.Errorf("give delivery %s back: %w", w.GUID, err)
	}
	return nil
}

// giveUp records why the retries have ended. From now on only Handler.GiveUp is called.
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

// finish marks the delivery and its job as done, in one transaction. It deletes the payload
// and the steps, because nothing needs them any more.
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
