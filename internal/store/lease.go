package store

import (
	"context"
	"strings"
	"time"
)

// Lease gives key to holder for ttl, and reports whether it did: another holder's lease is
// kept until it ends or is released, and those that wait longer are served first. A holder
// may extend its own lease.
func (s *Store) Lease(ctx context.Context, key, holder string, ttl time.Duration) (bool, error) {
	lease := s.lease(key, holder, ttl)
	n, err := s.Exec(ctx, lease.query, lease.args...)
	return n == 1, wrap(err, "lease %s", key)
}

// LeaseFor is Lease. If it gives the lease, it also appends the entry to the audit and, if
// attempt is not nil and the first at its request, records it, in the same transaction: a
// command that cannot be recorded does not start.
func (s *Store) LeaseFor(ctx context.Context, key, holder string, ttl time.Duration, e Entry, attempt *Attempt) (bool, error) {
	all := []statement{s.lease(key, holder, ttl), {
		`INSERT INTO audit (` + auditColumns + `) SELECT ` + auditValues + `
			WHERE EXISTS (SELECT 1 FROM lease WHERE key = ?24 AND holder = ?25)`,
		append(s.auditArgs(e), key, holder),
	}}
	if attempt != nil {
		all = append(all, attempt.start(`EXISTS (SELECT 1 FROM lease WHERE key = ?11 AND holder = ?12)`, key, holder))
	}
	n, err := s.execBatch(ctx, all...)
	if err != nil {
		return false, wrap(err, "lease %s", key)
	}
	return n[0] == 1, nil
}

func (s *Store) lease(key, holder string, ttl time.Duration) statement {
	return statement{
		`INSERT INTO lease (key, holder, ends_at) SELECT ?1, ?2, ` + s.nowSQL("?4") + ` + CAST(?3 AS BIGINT)
		WHERE NOT EXISTS (SELECT 1 FROM lease_waiter w LEFT JOIN lease_waiter me ON me.key = ?1 AND me.holder = ?2
			WHERE w.key = ?1 AND w.holder <> ?2 AND w.ends_at > ` + s.nowSQL("?4") + `
				AND (me.seq IS NULL OR w.place < me.place OR w.place = me.place AND w.seq < me.seq))
		ON CONFLICT (key) DO UPDATE SET holder = excluded.holder, ends_at = excluded.ends_at
		WHERE lease.holder = excluded.holder OR lease.ends_at <= excluded.ends_at - CAST(?3 AS BIGINT)`,
		[]any{key, holder, ttl.Microseconds(), s.nowArg()},
	}
}

// Release ends holder's lease of key. It is no error if holder has none.
func (s *Store) Release(ctx context.Context, key, holder string) error {
	release := release(key, holder)
	_, err := s.Exec(ctx, release.query, release.args...)
	return wrap(err, "release %s", key)
}

// ReleaseAfter appends the entry to the audit and ends holder's leases of the keys. If they
// are not nil, it also records what the attempt changed, and what its groups are expected to
// be after the change.
func (s *Store) ReleaseAfter(ctx context.Context, e Entry, attempt *Attempt, change *GroupChange, holder string, keys ...string) error {
	all := []statement{{`INSERT INTO audit (` + auditColumns + `) VALUES (` + auditValues + `)`, s.auditArgs(e)}}
	if attempt != nil {
		all = append(all, attempt.outcome())
	}
	if change != nil {
		all = append(all, change.end(s.Now())...)
	}
	for _, key := range keys {
		all = append(all, release(key, holder))
	}
	_, err := s.execBatch(ctx, all...)
	return wrap(err, "write the audit and release %s", strings.Join(keys, ", "))
}

func release(key, holder string) statement {
	return statement{`DELETE FROM lease WHERE key = ?1 AND holder = ?2`, []any{key, holder}}
}
