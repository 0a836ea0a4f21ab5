package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// Accept stores the delivery and its job. If it returns nil, they survive a crash. It
// reports whether the delivery is fresh: neither its GUID nor its comment was seen
// before, whether done or not.
func (q *Queue) Accept(ctx context.Context, item Item) (fresh bool, err error) {
	if item.GUID == "" || strings.ContainsRune(item.GUID, 0) {
		return false, errors.New("accept a delivery: it has no GUID")
	}
	if item.ReceivedAt.IsZero() {
		item.ReceivedAt = q.store.Now()
	}
	if fresh, err = q.commits.store(ctx, item); err != nil {
		return false, fmt.Errorf("accept delivery %s: %w", item.GUID, err)
	}
	if fresh {
		q.count("accepted")
	} else {
		q.count("duplicate")
	}
	return fresh, nil
}

// storeArrivals stores the deliveries and the jobs of those that are fresh, in one
// transaction, and sets fresh in each.
func (q *Queue) storeArrivals(ctx context.Context, arrivals []*arrival) error {
	err := q.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		rows := make([][]any, len(arrivals))
		for i, a := range arrivals {
			var comment *int64
			if a.item.CommentID != 0 {
				comment = &a.item.CommentID
			}
			rows[i] = []any{a.item.GUID, a.item.InstallationID, comment, a.item.Payload, store.Micros(a.item.ReceivedAt)}
		}
		stored, err := tx.ExecEach(ctx, `INSERT INTO delivery (guid, installation_id, comment_id, payload, received_at)
			VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING`, rows...)
		if err != nil {
			return err
		}
		var guids []string
		for i, a := range arrivals {
			if a.fresh = stored[i] == 1; a.fresh {
				guids = append(guids, a.item.GUID)
			}
		}
		if len(guids) == 0 {
			return nil
		}
		return q.river.insert(ctx, tx, guids)
	})
	q.river.notify()
	return err
}
