package store

import "time"

// Now is the time by the store's clock.
func (s *Store) Now() time.Time { return s.clock() }

// nowSQL is the present time, in microseconds, as SQL: the argument, or the
// database's clock if the argument is null.
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

// Micros is a time as the database keeps it. The zero time is 0.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// FromMicros undoes Micros; its times are UTC.
func FromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
