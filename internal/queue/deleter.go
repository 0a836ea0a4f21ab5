package queue

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

const (
	// deletionsPoll is how often comments are looked for whose time has come. It bounds how
	// late they are deleted.
	deletionsPoll = time.Second
	// deleteWithin bounds one deletion. Other processes leave a deletion to the one that
	// claimed it for claimFor. A secret must not outlive its time by more than 30 seconds,
	// even if a process crashes.
	deleteWithin = 15 * time.Second
	claimFor     = 20 * time.Second
	// postedWithin is how long a comment may take to appear if the server crashed while it
	// posted it. After that, it never will.
	postedWithin = 3 * time.Minute
	// retryWithin is the longest wait between tries in the first 15 minutes, and retryLate
	// is the wait after that.
	retryWithin = 20 * time.Second
	retryLate   = time.Minute
	// deletionsAtOnce is how many comments are deleted side by side.
	deletionsAtOnce = 4
)

// A deleter deletes comments when their time has come. It does not use jobs of River: if a
// crash interrupts a job, River leaves it for minutes. Deleting a comment twice does no harm.
type deleter struct {
	store  *store.Store
	github Ephemerals
	log    zerolog.Logger
	poll   time.Duration
}

// A deletion is an Ephemeral that this process has claimed.
type deletion struct {
	Ephemeral
	plannedAt time.Time
	tries     int
}

// retryOverdue has all comments tried at once whose time has come, even if another process
// has claimed them.
func (d *deleter) retryOverdue(ctx context.Context) error {
	_, err := d.store.Exec(ctx, `UPDATE ephemeral SET next_at = delete_at WHERE delete_at <= ?1`, store.Micros(d.store.Now()))
	if err != nil {
		return fmt.Errorf("look for comments to delete: %w", err)
	}
	return nil
}

// run deletes comments until ctx ends.
func (d *deleter) run(ctx context.Context) {
	tick := time.NewTicker(d.poll)
	defer tick.Stop()
	for {
		due, err := d.claimDue(ctx)
		if err != nil && ctx.Err() == nil {
			d.log.Error().Err(err).Msg("cannot look for comments to delete")
		}
		var all sync.WaitGroup
		for _, p := range due {
			all.Go(func() { d.delete(ctx, p) })
		}
		all.Wait()
		if len(due) > 0 {
			continue // there may be more
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// claimDue claims comments whose time has come, for claimFor.
func (d *deleter) claimDue(ctx context.Context) ([]deletion, error) {
	now := d.store.Now()
	var n int
	if err := d.store.Reader().QueryRow(ctx, `SELECT count(*) FROM ephemeral WHERE next_at <= ?1`, store.Micros(now)).Scan(&n); err != nil || n == 0 {
		return nil, err
	}
	skipLocked := ""
	if d.store.Dialect() == store.PostgreSQL {
		skipLocked = " FOR UPDATE SKIP LOCKED"
	}
	return store.Collect(ctx, d.store, func(r store.Row) (deletion, error) {
		var p deletion
		var deleteAt, plannedAt int64
		err := r.Scan(&p.Marker, &p.InstallationID, &p.Org, &p.Repo, &p.Issue, &p.CommentID, &plannedAt, &deleteAt, &p.tries)
		p.plannedAt, p.DeleteAt = store.FromMicros(plannedAt), store.FromMicros(deleteAt)
		return p, err
	}, `UPDATE ephemeral SET next_at = ?2, tries = tries + 1
		WHERE marker IN (SELECT marker FROM ephemeral WHERE next_at <= ?1 ORDER BY next_at LIMIT ?3`+skipLocked+`)
		RETURNING marker, installation_id, org, repo, issue, comment_id, planned_at, delete_at, tries`,
		store.Micros(now), store.Micros(now.Add(claimFor)), deletionsAtOnce)
}

// delete tries to delete one comment. If that succeeds, it deletes the row too; if not, it
// sets when to try again.
func (d *deleter) delete(ctx context.Context, p deletion) {
	log := d.log.With().Str("org", p.Org).Str("repo", p.Repo).Int("issue", p.Issue).Int64("comment_id", p.CommentID).Logger()
	attempt, cancel := context.WithTimeout(ctx, deleteWithin)
	over, err := d.attempt(attempt, p)
	cancel()
	if ctx.Err() != nil {
		return // the server stops; its next start tries again at once
	}
	now := d.store.Now()
	if err == nil && over {
		// If Posted has set the id meanwhile, the row stays.
		_, err = d.store.Exec(ctx, `DELETE FROM ephemeral WHERE marker = ?1 AND comment_id = ?2`, p.Marker, p.CommentID)
		if err == nil {
			log.Info().Msg("ephemeral comment is deleted")
			return
		}
	}
	wait := min(time.Second<<min(p.tries-1, 10), retryWithin)
	if now.Sub(p.DeleteAt) > 15*time.Minute {
		wait = retryLate
	}
	if err != nil {
		wait = min(max(wait, retryAfter(err)), retryLate) // a secret must not wait for a rate limit
		log.Error().Err(err).Stringer("delay", wait).Msg("cannot delete an ephemeral comment; it is retried")
	}
	_, err = d.store.Exec(ctx, `UPDATE ephemeral SET next_at = ?3 WHERE marker = ?1 AND comment_id = ?2`, p.Marker, p.CommentID, store.Micros(now.Add(wait)))
	if err != nil {
		log.Error().Err(err).Msg("cannot note when to delete an ephemeral comment")
	}
}

// attempt deletes the comment and reports whether nothing is left to do. If the comment's id
// is unknown, it deletes all comments with the marker, and there is nothing left to do only
// if it finds none after postedWithin.
func (d *deleter) attempt(ctx context.Context, p deletion) (over bool, err error) {
	if p.CommentID != 0 {
		return true, d.github.DeleteComment(ctx, p.Ephemeral)
	}
	ids, err := d.github.FindComments(ctx, p.Ephemeral)
	if err != nil {
		return false, err
	}
	for _, id := range ids {
		found := p.Ephemeral
		found.CommentID = id
		if err := d.github.DeleteComment(ctx, found); err != nil {
			return false, err
		}
	}
	return len(ids) == 0 && d.store.Now().Sub(p.plannedAt) >= postedWithin, nil
}
