package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A Once says who came first to do something that is done once.
type Once struct {
	Holder string
	At     time.Time
	Fresh  bool // the caller came first, just now
}

// Once records the holder as the one that does what the name says, unless there is one
// already, and returns who it is. That outlives the process, and is kept as long as deliveries
// are, or until Forget.
func (q *Queue) Once(ctx context.Context, name, holder string) (Once, error) {
	now := q.store.Now()
	n, err := q.store.Exec(ctx, `INSERT INTO once (name, holder, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING`, name, holder, store.Micros(now))
	if err != nil {
		return Once{}, fmt.Errorf("record %s: %w", name, err)
	}
	if n == 1 {
		return Once{Holder: holder, At: now, Fresh: true}, nil
	}
	var o Once
	var at int64
	if err := q.store.QueryRow(ctx, `SELECT holder, at FROM once WHERE name = ?1`, name).Scan(&o.Holder, &at); err != nil {
		return Once{}, fmt.Errorf("look for %s: %w", name, err)
	}
	o.At = store.FromMicros(at)
	return o, nil
}

// Forget removes what Once recorded.
func (q *Queue) Forget(ctx context.Context, name string) error {
	if _, err := q.store.Exec(ctx, `DELETE FROM once WHERE name = ?1`, name); err != nil {
		return fmt.Errorf("forget %s: %w", name, err)
	}
	return nil
}
