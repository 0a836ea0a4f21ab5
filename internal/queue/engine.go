package queue

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// engine is River's client on either database.
type engine interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	StopAndCancel(ctx context.Context) error
	insert(ctx context.Context, tx *store.Tx, guids []string) error
	complete(ctx context.Context, tx *store.Tx, job *river.Job[deliveryJob]) error
	notify() // to be called after the transaction of an insert is committed
}

func newEngine(q *Queue) (engine, error) {
	config := q.riverConfig()
	if q.store.Dialect() == store.PostgreSQL {
		driver := newMemoryDriver(riverpgxv5.New(q.store.Pool()))
		client, err := river.NewClient(driver, config)
		return onPostgreSQL{client, driver.listener}, err
	}
	driver := newMemoryDriver(riversqlite.New(q.store.Writer()))
	client, err := river.NewClient(driver, config)
	return onSQLite{client, driver.listener}, err
}

type onSQLite struct {
	*river.Client[*sql.Tx]
	*memoryListener
}

// insertJobs inserts a job for each GUID of a JSON array, as River does. River's own statement
// takes four times as long: it is parsed each time, and reads ten fields of each job from JSON. See
// docs/adr/0009-what-is-clever.md.
const insertJobs = `INSERT INTO river_job (args, created_at, kind, max_attempts, metadata, priority, queue, scheduled_at, state, tags)
	SELECT jsonb_object('guid', value), datetime('now', 'subsec'), ?2, ?3, jsonb('{}'), ?4, ?5, datetime('now', 'subsec'), ?6, jsonb('[]')
	FROM json_each(?1)`

func (c onSQLite) insert(ctx context.Context, tx *store.Tx, guids []string) error {
	list, err := json.Marshal(guids)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, insertJobs, string(list), deliveryJob{}.Kind(), riverTries, river.PriorityDefault, river.QueueDefault, rivertype.JobStateAvailable)
	return err
}

func (c onSQLite) complete(ctx context.Context, tx *store.Tx, job *river.Job[deliveryJob]) error {
	_, err := river.JobCompleteTx[*riversqlite.Driver](ctx, tx.SQL, job)
	return ignoreGone(err)
}

type onPostgreSQL struct {
	*river.Client[pgx.Tx]
	*memoryListener
}

func (c onPostgreSQL) insert(ctx context.Context, tx *store.Tx, guids []string) error {
	_, err := c.InsertManyFastTx(ctx, tx.PGX, deliveryJobs(guids))
	return err
}

func (c onPostgreSQL) complete(ctx context.Context, tx *store.Tx, job *river.Job[deliveryJob]) error {
	_, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx.PGX, job)
	return ignoreGone(err)
}

// ignoreGone returns nil if err says that River gave our job to another worker: that one
// finds the delivery done.
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
