package queue

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// The jobs. If you rename a kind or a field, jobs in existing databases are lost.
type (
	deliveryJob struct {
		GUID string `json:"guid"`
	}
	sweepJob struct{}
	pruneJob struct{}
)

// Kind implements [river.JobArgs].
func (deliveryJob) Kind() string { return "delivery" }

// Kind implements [river.JobArgs].
func (sweepJob) Kind() string { return "sweep" }

// Kind implements [river.JobArgs].
func (pruneJob) Kind() string { return "prune" }

const (
	// fetchCooldown bounds throughput: workers ÷ cooldown.
	fetchCooldown = 5 * time.Millisecond
	choresPoll    = 2 * time.Second
	// riverTries bounds River's own retries, which happen only if the database fails.
	riverTries = 10000
	riverRetry = 2 * time.Second
)

// deliveriesPoll is how often deliveries are looked for that no notification announced:
// those that another replica stored, and those that were snoozed. A look costs SQLite a
// millisecond, so there are fewer of them.
func deliveriesPoll(s *store.Store) time.Duration {
	if s.Dialect() == store.SQLite {
		return time.Second
	}
	return 500 * time.Millisecond
}

func (q *Queue) riverConfig() *river.Config {
	workers := river.NewWorkers()
	river.AddWorker(workers, &deliveryWorker{q: q})
	river.AddWorker(workers, &sweepWorker{q: q})
	river.AddWorker(workers, &pruneWorker{q: q})
	periodic := []*river.PeriodicJob{every(time.Hour, pruneJob{})}
	if q.opts.Sweeper != nil {
		periodic = append(periodic, every(sweepEvery, sweepJob{}))
	}
	return &river.Config{
		Workers:      workers,
		PeriodicJobs: periodic,
		Queues: map[string]river.QueueConfig{
			river.QueueDefault: {MaxWorkers: q.opts.Workers},
			queueChores:        {MaxWorkers: 2, FetchPollInterval: q.opts.polls.chores},
		},
		FetchCooldown:               fetchCooldown,
		FetchPollInterval:           q.opts.polls.deliveries,
		JobTimeout:                  q.opts.StepTimeout,
		RescueStuckJobsAfter:        q.opts.RescueAfter,
		CompletedJobRetentionPeriod: 24 * time.Hour,
		MaxAttempts:                 riverTries,
		RetryPolicy:                 retrySoon{},
		Logger:                      slog.New(riverLog{zerolog.NewSlogHandler(q.log.With().Str("component", "river").Logger()), q.isStopping}),
	}
}

// queueChores keeps periodic jobs from waiting behind a burst of deliveries.
const queueChores = "chores"

// every returns a job that the leading replica inserts when it starts, and then once in each
// interval. It is not inserted if one of its kind waits or runs.
func every(interval time.Duration, job river.JobArgs) *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(interval), func() (river.JobArgs, *river.InsertOpts) {
		return job, &river.InsertOpts{
			Queue: queueChores,
			UniqueOpts: river.UniqueOpts{
				ByPeriod: interval,
				ByState: []rivertype.JobState{
					rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
					rivertype.JobStateRunning, rivertype.JobStateScheduled,
				},
			},
		}
	}, &river.PeriodicJobOpts{RunOnStart: true})
}

// riverLog passes on River's warnings and errors, except while the queue stops: then River
// reports the queries that it cancelled itself as errors.
type riverLog struct {
	slog.Handler
	stopping func() bool
}

// Enabled implements [slog.Handler].
func (l riverLog) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && !l.stopping() && l.Handler.Enabled(ctx, level)
}

// WithAttrs implements [slog.Handler].
func (l riverLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return riverLog{l.Handler.WithAttrs(attrs), l.stopping}
}

// WithGroup implements [slog.Handler].
func (l riverLog) WithGroup(name string) slog.Handler {
	return riverLog{l.Handler.WithGroup(name), l.stopping}
}

type retrySoon struct{}

// NextRetry is called if a job met a failing database or was rescued.
func (retrySoon) NextRetry(*rivertype.JobRow) time.Time { return time.Now().Add(riverRetry) }

// rescueAll makes all running jobs available again, and deletes all leases and River's
// leadership. Call it only if no other server uses the database: then they are left over
// from an earlier one.
func (q *Queue) rescueAll(ctx context.Context) error {
	return q.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE river_job SET state = 'available' WHERE state = 'running'`)
		if err != nil {
			return err
		}
		if n > 0 {
			q.log.Info().Int64("jobs", n).Msg("going on with interrupted work")
		}
		if _, err := tx.Exec(ctx, `DELETE FROM lease`); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM river_leader`)
		return err
	})
}
