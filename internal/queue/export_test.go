package queue

import "context"

// Sweep runs one sweep now, instead of every five minutes.
func (q *Queue) Sweep(ctx context.Context) error { return q.sweep(ctx) }
