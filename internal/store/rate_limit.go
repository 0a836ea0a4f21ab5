package store

import (
	"context"
	"math"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Take takes one from the bucket of key, which holds burst and refills with perSecond. It
// returns 0 if it took one, and if not, how long until it could. The limit holds over all
// servers on the database. There is no limit if perSecond is 0 or less.
//
// It is the generic cell rate algorithm: it stores the time at which the bucket would be
// full again. Servers that share a database store it there, with one statement. If a server
// has the database for itself, it keeps the time in memory, which saves group-list 19 % of
// its CPU time: see docs/adr/0009-what-is-clever.md.
func (s *Store) Take(ctx context.Context, key string, perSecond float64, burst int) (time.Duration, error) {
	if perSecond <= 0 {
		return 0, nil
	}
	interval := int64(math.Ceil(1e6 / perSecond))
	full := int64(max(burst, 1)) * interval
	if s.limits != nil {
		return s.limits.take(key, Micros(s.Now()), interval, full), nil
	}

	// The time is read once, in VALUES; excluded.tat - ?2 is the same time.
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

// memoryLimits are the limits of a server that shares its database with no other. A
// restart resets them, but they refill within seconds anyway.
type memoryLimits struct {
	mu  sync.Mutex
	tat *lru.Cache[string, int64]
}

// maxMemoryLimits bounds how many keys are limited at the same time.
const maxMemoryLimits = 10_000

func newMemoryLimits() (*memoryLimits, error) {
	tat, err := lru.New[string, int64](maxMemoryLimits)
	return &memoryLimits{tat: tat}, err
}

// take is Take, with now, interval and full in microseconds.
func (b *memoryLimits) take(key string, now, interval, full int64) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	tat, _ := b.tat.Get(key)
	tat = max(tat, now) + interval
	if wait := tat - now - full; wait > 0 {
		return time.Duration(wait) * time.Microsecond
	}
	b.tat.Add(key, tat)
	return 0
}
