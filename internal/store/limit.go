package store

import (
	"context"
	"math"
	"time"
)

// Take takes one from the bucket of key, which holds burst and refills with
// perSecond. It returns 0 where one was taken, else how long until one could
// be. The limit holds over all processes on the database. A perSecond of 0 or
// less is no limit.
//
// It is the generic cell rate algorithm in one statement: the row holds the
// time at which the bucket would be full again.
func (s *Store) Take(ctx context.Context, key string, perSecond float64, burst int) (time.Duration, error) {
	if perSecond <= 0 {
		return 0, nil
	}
	interval := int64(math.Ceil(1e6 / perSecond))
	full := int64(max(burst, 1)) * interval

	// The time is read once, in VALUES; excluded.tat - ?2 is it again.
	const fill = `CASE WHEN rate_limit.tat > excluded.tat - ?2 THEN rate_limit.tat ELSE excluded.tat - ?2 END`
	var tat int64
	err := s.QueryRow(ctx, `INSERT INTO rate_limit (key, tat) VALUES (?1, `+s.nowSQL("?4")+` + CAST(?2 AS BIGINT))
		ON CONFLICT (key) DO UPDATE SET tat = `+fill+` + ?2
		WHERE `+fill+` + ?2 - (excluded.tat - ?2) <= CAST(?3 AS BIGINT) RETURNING tat`,
		key, interval, full, s.nowArg()).Scan(&tat)
	if err == nil {
		return 0, nil
	}
	if err != ErrNotFound { //nolint:errorlint // Scan returns it bare
		return 0, wrap(err, "take from the rate limit")
	}
	var wait int64
	err = s.Reader().QueryRow(ctx, `SELECT tat + CAST(?2 AS BIGINT) - CAST(?3 AS BIGINT) - `+s.nowSQL("?4")+`
		FROM rate_limit WHERE key = ?1`, key, interval, full, s.nowArg()).Scan(&wait)
	if err != nil && err != ErrNotFound { //nolint:errorlint // Scan returns it bare
		return 0, wrap(err, "read the rate limit")
	}
	return time.Duration(max(wait, 1)) * time.Microsecond, nil
}

// Lease gives key to holder for ttl, and says whether it did: another holder's
// lease stands until it ends or is released. A holder may extend its own.
func (s *Store) Lease(ctx context.Context, key, holder string, ttl time.Duration) (bool, error) {
	n, err := s.Exec(ctx, `INSERT INTO lease (key, holder, ends_at) VALUES (?1, ?2, `+s.nowSQL("?4")+` + CAST(?3 AS BIGINT))
		ON CONFLICT (key) DO UPDATE SET holder = excluded.holder, ends_at = excluded.ends_at
		WHERE lease.holder = excluded.holder OR lease.ends_at <= excluded.ends_at - CAST(?3 AS BIGINT)`,
		key, holder, ttl.Microseconds(), s.nowArg())
	return n == 1, wrap(err, "lease %s", key)
}

// Release ends holder's lease of key; that is no error where it has none.
func (s *Store) Release(ctx context.Context, key, holder string) error {
	_, err := s.Exec(ctx, `DELETE FROM lease WHERE key = ?1 AND holder = ?2`, key, holder)
	return wrap(err, "release %s", key)
}

// nowSQL is the present time, in microseconds, as SQL: the argument, or the
// database's clock where the argument is null.
func (s *Store) nowSQL(arg string) string {
	if s.dialect == SQLite {
		// when the statement runs, not when it began to wait for the one writer
		return `coalesce(CAST(` + arg + ` AS BIGINT), CAST(round(unixepoch('subsec') * 1000000) AS BIGINT))`
	}
	return `coalesce(CAST(` + arg + ` AS BIGINT), CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT))`
}

func (s *Store) nowArg() *int64 {
	if s.dbClock {
		return nil
	}
	now := Micros(s.Now())
	return &now
}
