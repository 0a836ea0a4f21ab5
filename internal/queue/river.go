package queue

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"
	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// The jobs. Names and fields are kept in databases: change them with care.
type (
	deliveryJob struct {
		GUID string `json:"guid"`
	}
	sweepJob struct{}
	pruneJob struct{}
)

// Kind names the job.
func (deliveryJob) Kind() string { return "delivery" }

// Kind names the job.
func (sweepJob) Kind() string { return "sweep" }

// Kind names the job.
func (pruneJob) Kind() string { return "prune" }

const (
	// fetchCooldown bounds throughput: workers ÷ cooldown.
	fetchCooldown = 5 * time.Millisecond
	// fetchPoll finds what no notification announced: River sends at most one per
	// cooldown, and jobs that were snoozed send none. A fetch costs SQLite a
	// millisecond, so idling must not consist of them.
	fetchPoll       = 500 * time.Millisecond
	fetchPollSingle = time.Second
	choresPoll      = 2 * time.Second
	// riverTries bounds River's own retries, which happen only if the
	// database fails in between.
	riverTries = 10000
	riverRetry = 2 * time.Second
)

// engine is River's client, whichever database it is on.
type engine interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	StopAndCancel(ctx context.Context) error
	insert(ctx context.Context, tx *store.Tx, guids []string) error
	complete(ctx context.Context, tx *store.Tx, job *river.Job[deliveryJob]) error
	inserted() // to be called once the transaction is committed
}

func newEngine(q *Queue) (engine, error) {
	config := q.riverConfig()
	if q.store.Dialect() == store.PostgreSQL {
		client, err := river.NewClient(riverpgxv5.New(q.store.Pool()), config)
		return onPostgreSQL{client}, err
	}
	config.FetchPollInterval = fetchPollSingle
	driver := &singleDriver{riversqlite.New(q.store.Writer()), &singleListener{make(chan struct{}, 1)}}
	client, err := river.NewClient(driver, config)
	return onSQLite{client, driver.listener}, err
}

type onSQLite struct {
	*river.Client[*sql.Tx]
	listener *singleListener
}

func (c onSQLite) inserted() { c.listener.notify() }

func (c onSQLite) insert(ctx context.Context, tx *store.Tx, guids []string) error {
	_, err := c.InsertManyFastTx(ctx, tx.SQL, deliveryJobs(guids))
	return err
}

func (c onSQLite) complete(ctx context.Context, tx *store.Tx, job *river.Job[deliveryJob]) error {
	_, err := river.JobCompleteTx[*riversqlite.Driver](ctx, tx.SQL, job)
	return ignoreGone(err)
}

type onPostgreSQL struct{ *river.Client[pgx.Tx] }

func (c onPostgreSQL) inserted() {} // PostgreSQL notifies all replicas

func (c onPostgreSQL) insert(ctx context.Context, tx *store.Tx, guids []string) error {
	_, err := c.InsertManyFastTx(ctx, tx.PGX, deliveryJobs(guids))
	return err
}

func (c onPostgreSQL) complete(ctx context.Context, tx *store.Tx, job *river.Job[deliveryJob]) error {
	_, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx.PGX, job)
	return ignoreGone(err)
}

// ignoreGone lets a delivery be done although its job was taken from us: whoever
// has it finds the delivery done.
func ignoreGone(err error) error {
	if errors.Is(err, rivertype.ErrNotFound) {
		return nil
	}
	return err
}

func deliveryJobs(guids []string) []river.InsertManyParams {
	jobs := make([]river.InsertManyParams, len(guids))
	for i, guid := range guids {
		jobs[i].Args = deliveryJob{GUID: guid}
	}
	return jobs
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
			queueChores:        {MaxWorkers: 2, FetchPollInterval: choresPoll},
		},
		FetchCooldown:               fetchCooldown,
		FetchPollInterval:           fetchPoll,
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

// every has the leading replica enqueue the job on its start and then
// periodically, never a second one beside one that waits or runs.
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

// riverLog lets River's warnings and errors through. While the queue stops
// River reports its own cancelled queries as errors: those are not for people.
type riverLog struct {
	slog.Handler
	stopping func() bool
}

// Enabled chooses what is let through.
func (l riverLog) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && !l.stopping() && l.Handler.Enabled(ctx, level)
}

// WithAttrs keeps the choice.
func (l riverLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return riverLog{l.Handler.WithAttrs(attrs), l.stopping}
}

// WithGroup keeps the choice.
func (l riverLog) WithGroup(name string) slog.Handler {
	return riverLog{l.Handler.WithGroup(name), l.stopping}
}

type retrySoon struct{}

// NextRetry is for jobs that met a failing database or were rescued.
func (retrySoon) NextRetry(*rivertype.JobRow) time.Time { return time.Now().Add(riverRetry) }

type pruneWorker struct {
	river.WorkerDefaults[pruneJob]
	q *Queue
}

// Work removes old rows.
func (p *pruneWorker) Work(ctx context.Context, _ *river.Job[pruneJob]) error {
	now := p.q.store.Now()
	if err := p.q.store.Prune(ctx, now.Add(-p.q.opts.AuditRetention), now.Add(-keepDeliveries)); err != nil {
		p.q.log.Warn().Err(err).Msg("cannot remove old rows; the next hour tries again")
	}
	return nil
}

// rescueAll is for the start of the only server on a database: whatever an
// earlier one left running is orphaned, and its leases and leadership are over.
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
