package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Sample is how many runners of a group were idle, busy and offline: at a poll, or on
// average over the hour that begins at At.
type Sample struct {
	At                  time.Time
	Idle, Busy, Offline float64
	// MostIdle, MostBusy and MostOffline are the maxima of the hour; of a poll they are the
	// same as the above.
	MostIdle, MostBusy, MostOffline int
}

// keepSamples is how long the sample of each poll is kept.
const keepSamples = 48 * time.Hour

const hour = int64(time.Hour / time.Microsecond)

// Samples returns the samples of the group's polls since then, oldest first. They are kept
// for 48 hours.
func (s *Store) Samples(ctx context.Context, orgID, groupID int64, since time.Time) ([]Sample, error) {
	list, err := Collect(ctx, s.Reader(), func(row Row) (Sample, error) {
		var sample Sample
		var at int64
		err := row.Scan(&at, &sample.MostIdle, &sample.MostBusy, &sample.MostOffline)
		sample.At = FromMicros(at)
		sample.Idle, sample.Busy, sample.Offline = float64(sample.MostIdle), float64(sample.MostBusy), float64(sample.MostOffline)
		return sample, err
	}, `SELECT at, idle, busy, offline FROM sample WHERE org_id = ?1 AND group_id = ?2 AND at >= ?3 ORDER BY at`, orgID, groupID, Micros(since))
	return list, wrap(err, "read the samples of group %d", groupID)
}

// HourlySamples returns what the group's hours since then came to, oldest first, without the
// present hour. Hours without a poll are missing.
func (s *Store) HourlySamples(ctx context.Context, orgID, groupID int64, since time.Time) ([]Sample, error) {
	list, err := Collect(ctx, s.Reader(), func(row Row) (Sample, error) {
		var sample Sample
		var at int64
		err := row.Scan(&at, &sample.Idle, &sample.Busy, &sample.Offline, &sample.MostIdle, &sample.MostBusy, &sample.MostOffline)
		sample.At = FromMicros(at)
		return sample, err
	}, `SELECT hour, idle, busy, offline, most_idle, most_busy, most_offline FROM sample_hour
		WHERE org_id = ?1 AND group_id = ?2 AND hour >= ?3 ORDER BY hour`, orgID, groupID, Micros(since))
	return list, wrap(err, "read the hourly samples of group %d", groupID)
}

// AddSamples records samples that no poll of this server made, in one transaction. Only their
// times and maxima count. A time that has a sample keeps it.
func (s *Store) AddSamples(ctx context.Context, orgID, groupID int64, samples []Sample) error {
	err := s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		for some := range slices.Chunk(samples, samplesAtOnce) {
			args := []any{orgID, groupID}
			rows := make([]string, len(some))
			for i, one := range some {
				n := len(args)
				rows[i] = fmt.Sprintf("(?1, ?2, ?%d, ?%d, ?%d, ?%d)", n+1, n+2, n+3, n+4)
				args = append(args, Micros(one.At), one.MostIdle, one.MostBusy, one.MostOffline)
			}
			_, err := tx.Exec(ctx, `INSERT INTO sample (org_id, group_id, at, idle, busy, offline) VALUES `+strings.Join(rows, ", ")+` ON CONFLICT DO NOTHING`, args...)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return wrap(err, "add samples of group %d", groupID)
}

// samplesAtOnce bounds the placeholders of one statement.
const samplesAtOnce = 500

// SumSamples writes what each hour came to that has ended and is not written yet.
func (s *Store) SumSamples(ctx context.Context) error {
	_, err := s.Exec(ctx, `INSERT INTO sample_hour (org_id, group_id, hour, idle, busy, offline, most_idle, most_busy, most_offline)
		SELECT org_id, group_id, at - at % ?2, avg(idle), avg(busy), avg(offline), max(idle), max(busy), max(offline) FROM sample
		WHERE at < ?1 AND at >= (SELECT coalesce(max(hour), 0) FROM sample_hour)
		GROUP BY org_id, group_id, at - at % ?2 ON CONFLICT DO NOTHING`, Micros(s.Now())/hour*hour, hour)
	return wrap(err, "sum up the samples")
}

// PruneSamples deletes the samples of polls from two days ago and before, and those of hours
// from before history.
func (s *Store) PruneSamples(ctx context.Context, history time.Duration) error {
	for _, old := range []oldRows{
		{"sample", "org_id, group_id, at", "at", s.Now().Add(-keepSamples), ""},
		{"sample_hour", "org_id, group_id, hour", "hour", s.Now().Add(-history), ""},
	} {
		if err := s.pruneOld(ctx, old); err != nil {
			return err
		}
	}
	return nil
}

func putSample(orgID, groupID int64, p Poll) statement {
	return statement{
		`INSERT INTO sample (org_id, group_id, at, idle, busy, offline) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING`,
		[]any{orgID, groupID, Micros(p.At), p.Idle, p.Busy, p.Offline},
	}
}
