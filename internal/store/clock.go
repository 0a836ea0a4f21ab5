package store

import "time"

// Now returns the time by Options.Clock.
func (s *Store) Now() time.Time { return s.clock() }

// nowSQL returns SQL for the present time in microseconds: the placeholder arg, which gets
// nowArg, or the database's clock if that is null.
func (s *Store) nowSQL(arg string) string {
	if s.dialect == SQLite {
		// The time when the statement runs, not when it began to wait for the writer.
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

// Micros returns t as the database stores it: microseconds since 1970, or 0 if t is zero.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// FromMicros returns the time, in UTC, that Micros made us of.
func FromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
