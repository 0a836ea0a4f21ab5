package queue

import (
	"context"

	"github.com/riverqueue/river"
)

type pruneWorker struct {
	river.WorkerDefaults[pruneJob]
	q *Queue
}

// Work removes old rows. If that fails, the next hour tries again.
func (p *pruneWorker) Work(ctx context.Context, _ *river.Job[pruneJob]) error {
	now := p.q.store.Now()
	if err := p.q.store.Prune(ctx, now.Add(-p.q.opts.AuditRetention), now.Add(-keepDeliveries)); err != nil {
		p.q.log.Warn().Err(err).Msg("cannot remove old rows; the next hour tries again")
	}
	return nil
}
