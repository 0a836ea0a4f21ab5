package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// An Ephemeral is a comment that must be deleted at a time, even if the server crashes.
type Ephemeral struct {
	InstallationID int64
	Org            string
	Repo           string
	Issue          int
	Marker         string // unique, hidden in the comment's text
	CommentID      int64  // 0 if it is unknown whether it was posted
	DeleteAt       time.Time
}

// Ephemerals deletes comments at GitHub.
type Ephemerals interface {
	// DeleteComment deletes e.CommentID. It is no error if the comment does not exist.
	DeleteComment(ctx context.Context, e Ephemeral) error
	// FindComments returns the ids of the issue's comments that contain the marker.
	FindComments(ctx context.Context, e Ephemeral) ([]int64, error)
}

// PlanDeletion records that a comment with this marker must be deleted. Call it before the
// comment is posted. If the marker is planned already, the new time replaces the old one.
func (q *Queue) PlanDeletion(ctx context.Context, e Ephemeral) error {
	at := store.Micros(e.DeleteAt)
	_, err := q.store.Exec(ctx, `INSERT INTO ephemeral
			(marker, installation_id, org, repo, issue, comment_id, planned_at, delete_at, next_at)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)
		ON CONFLICT (marker) DO UPDATE SET planned_at = excluded.planned_at, delete_at = excluded.delete_at,
			next_at = excluded.next_at, tries = 0`,
		e.Marker, e.InstallationID, e.Org, e.Repo, e.Issue, e.CommentID, store.Micros(q.store.Now()), at)
	if err != nil {
		return fmt.Errorf("plan to delete the comment %s: %w", e.Marker, err)
	}
	return nil
}

// Posted records the id of the comment with this marker. If it fails, the comment is found
// by its marker when its time has come. It returns store.ErrNotFound if the marker was not
// planned.
func (q *Queue) Posted(ctx context.Context, marker string, commentID int64) error {
	n, err := q.store.Exec(ctx, `UPDATE ephemeral SET comment_id = ?2, next_at = delete_at, tries = 0 WHERE marker = ?1`, marker, commentID)
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("note the comment %s: %w", marker, err)
	}
	return nil
}

// PendingEphemerals returns how many comments are still to be deleted.
func (q *Queue) PendingEphemerals(ctx context.Context) (int, error) {
	var n int
	if err := q.store.Reader().QueryRow(ctx, `SELECT count(*) FROM ephemeral`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the comments to delete: %w", err)
	}
	return n, nil
}
