package store

import (
	"context"
	"time"
)

// WaitForLease gives holder a place among those that wait for key. If it has one already,
// that lasts for another ttl. Smaller places are served first; if places are equal, the
// oldest is. Only servers that share a database need it: calls of one server take turns in
// memory.
func (s *Store) WaitForLease(ctx context.Context, key, holder string, place int, ttl time.Duration) error {
	_, err := s.Exec(ctx, `INSERT INTO lease_waiter (key, holder, place, ends_at)
		VALUES (?1, ?2, ?3, `+s.nowSQL("?5")+` + CAST(?4 AS BIGINT))
		ON CONFLICT (key, holder) DO UPDATE SET ends_at = excluded.ends_at`,
		key, holder, place, ttl.Microseconds(), s.nowArg())
	return wrap(err, "wait for the lease %s", key)
}

// StopWaiting gives up holder's place among those that wait for key.
func (s *Store) StopWaiting(ctx context.Context, key, holder string) error {
	_, err := s.Exec(ctx, `DELETE FROM lease_waiter WHERE key = ?1 AND holder = ?2`, key, holder)
	return wrap(err, "stop waiting for the lease %s", key)
}
