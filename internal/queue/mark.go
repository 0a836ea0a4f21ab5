package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// The rows of table mark that a sweep keeps.
const (
	markSwept  = "sweep.to"     // everything up to this time was looked at
	markHigh   = "sweep.high"   // what markSwept becomes when an unfinished sweep ends
	markCursor = "sweep.cursor" // where an unfinished sweep goes on
	markScope  = "sweep.scope"  // by what it was judged which deliveries are ours
)

// marks returns the marks of the sweep by name. Those that were never set are missing.
func (q *Queue) marks(ctx context.Context) (map[string]string, error) {
	marks := map[string]string{}
	_, err := store.Collect(ctx, q.store.Reader(), func(r store.Row) (struct{}, error) {
		var name, value string
		err := r.Scan(&name, &value)
		marks[name] = value
		return struct{}{}, err
	}, `SELECT name, value FROM mark WHERE name IN (?1, ?2, ?3, ?4)`, markSwept, markHigh, markCursor, markScope)
	if err != nil {
		return nil, fmt.Errorf("read how far the sweep has come: %w", err)
	}
	return marks, nil
}

func (q *Queue) setMarks(ctx context.Context, marks map[string]string) error {
	err := q.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		for name, value := range marks {
			_, err := tx.Exec(ctx, `INSERT INTO mark (name, value) VALUES (?1, ?2)
				ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note how far the sweep has come: %w", err)
	}
	return nil
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// parseTime undoes formatTime. It returns the zero time if text is not a time.
func parseTime(text string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, text)
	return t
}
