package store

import (
	"context"
	"time"
)

// pruneBatch bounds how long one statement keeps other writers waiting.
const pruneBatch = 2000

// Prune deletes old rows: audit entries from before auditBefore; finished deliveries,
// redelivery counts, what was done once and undeletable comments from before deliveriesBefore; limits, leases
// and places in their queues that ended a day ago; attempts that were started two days
// ago, because nothing repeats those.
func (s *Store) Prune(ctx context.Context, auditBefore, deliveriesBefore time.Time) error {
	twoDaysAgo := s.Now().Add(-48 * time.Hour)
	yesterday := s.Now().Add(-24 * time.Hour)
	for _, old := range []struct {
		table, key, when string
		before           time.Time
	}{
		{"audit", "id", "at", auditBefore},
		{"delivery", "guid", "done_at", deliveriesBefore},
		{"redelivery", "guid", "next_at", deliveriesBefore},
		{"ephemeral", "marker", "delete_at", deliveriesBefore},
		{"rate_limit", "key", "tat", yesterday},
		{"once", "name", "at", deliveriesBefore},
		{"lease", "key", "ends_at", yesterday},
		{"lease_waiter", "seq", "ends_at", yesterday},
		{"attempt", "seq", "started_at", twoDaysAgo},
	} {
		for {
			n, err := s.Exec(ctx, `DELETE FROM `+old.table+` WHERE `+old.key+` IN
				(SELECT `+old.key+` FROM `+old.table+` WHERE `+old.when+` < ?1 LIMIT ?2)`, Micros(old.before), pruneBatch)
			if err != nil {
				return wrap(err, "remove old rows of %s", old.table)
			}
			if n < pruneBatch {
				break
			}
		}
	}
	return nil
}
