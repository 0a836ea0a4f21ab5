package store

import (
	"context"
	"time"
)

// A Release is a version of the runner that GitHub named as the newest.
type Release struct {
	Version   string
	FirstSeen time.Time // by this server
}

// NoteRelease records that GitHub names the version as the newest. If it did so before, the
// first time stays.
func (s *Store) NoteRelease(ctx context.Context, version string) error {
	_, err := s.Exec(ctx, `INSERT INTO runner_release (version, first_seen) VALUES (?1, ?2) ON CONFLICT DO NOTHING`, cut(version), Micros(s.Now()))
	return wrap(err, "note the release %s of the runner", version)
}

// Releases returns all versions that were ever noted, oldest first.
func (s *Store) Releases(ctx context.Context) ([]Release, error) {
	list, err := Collect(ctx, s.Reader(), func(row Row) (Release, error) {
		var r Release
		var at int64
		err := row.Scan(&r.Version, &at)
		r.FirstSeen = FromMicros(at)
		return r, err
	}, `SELECT version, first_seen FROM runner_release ORDER BY first_seen, version`)
	return list, wrap(err, "read the releases of the runner")
}
