package store

import (
	"context"
	"time"
)

// pruneBatch bounds how long one statement keeps other writers waiting.
const pruneBatch = 2000

// Prune deletes old rows: audit entries, and requests that were decided, from before auditBefore; finished deliveries,
// redelivery counts, what was done once and undeletable comments from before deliveriesBefore; limits, leases
// and places in their queues that ended a day ago; tokens, sessions and trusts that expired; attempts that were started two days
// ago, because nothing repeats those.
func (s *Store) Prune(ctx context.Context, auditBefore, deliveriesBefore time.Time) error {
	twoDaysAgo := s.Now().Add(-48 * time.Hour)
	yesterday := s.Now().Add(-24 * time.Hour)
	for _, old := range []oldRows{
		{"audit", "id", "at", auditBefore, ""},
		{"request", "org_id, number", "decided_at", earliest(auditBefore, twoDaysAgo), decidedAndTold},
		{"delivery", "guid", "done_at", deliveriesBefore, ""},
		{"redelivery", "guid", "next_at", deliveriesBefore, ""},
		{"ephemeral", "marker", "delete_at", deliveriesBefore, ""},
		{"rate_limit", "key", "tat", yesterday, ""},
		{"once", "name", "at", deliveriesBefore, ""},
		{"lease", "key", "ends_at", yesterday, ""},
		{"lease_waiter", "seq", "ends_at", yesterday, ""},
		{"attempt", "seq", "started_at", twoDaysAgo, ""},
		{"trust", "id", "expires_at", s.Now().Add(-keepTrusts), ""},
		{"used_token", "id", "until", s.Now(), ""},
		{"session", "token", "expires_at", s.Now(), ""},
		{"alert_notice", "id", "at", s.Now().Add(-keepNotices), ""},
	} {
		if err := s.pruneOld(ctx, old); err != nil {
			return err
		}
	}
	for _, table := range []string{"trust", "access"} {
		_, err := s.Exec(ctx, `DELETE FROM `+table+` WHERE NOT EXISTS (SELECT 1 FROM ownership o
			WHERE o.org_id = `+table+`.org_id AND o.team_id = `+table+`.team_id AND o.group_id = `+table+`.group_id)`)
		if err != nil {
			return wrap(err, "remove rows of %s about groups that no team owns", table)
		}
	}
	return s.pruneFleet(ctx)
}

// oldRows are rows of a table whose time is over.
type oldRows struct {
	table, key string
	when       string // the time; NULL for rows that stay
	before     time.Time
	only       string // a condition that an index has; "": none
}

// pruneOld deletes them in statements of pruneBatch rows.
func (s *Store) pruneOld(ctx context.Context, old oldRows) error {
	condition := old.when + ` < ?1`
	if old.only != "" {
		condition += ` AND ` + old.only
	}
	for {
		n, err := s.Exec(ctx, `DELETE FROM `+old.table+` WHERE (`+old.key+`) IN
			(SELECT `+old.key+` FROM `+old.table+` WHERE `+condition+` ORDER BY `+old.when+` LIMIT ?2)`, Micros(old.before), pruneBatch)
		if err != nil {
			return wrap(err, "remove old rows of %s", old.table)
		}
		if n < pruneBatch {
			return nil
		}
	}
}

// decidedAndTold are the requests that were decided, and whose outcome has been announced, or needs no announcement.
const decidedAndTold = `state NOT IN ('pending', 'deciding') AND tell_at = 0`

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

const (
	// keepTrusts is how long a trust is shown that expired.
	keepTrusts = 30 * 24 * time.Hour
	// keepNotices is how long a notice is kept that cannot be passed on.
	keepNotices = 7 * 24 * time.Hour
	// keepRunners is how long a runner is remembered that is gone, and keepEphemeral one that
	// GitHub removed after its one job.
	keepRunners   = 90 * 24 * time.Hour
	keepEphemeral = 48 * time.Hour
	// keepResolved is how long a finding is remembered that is resolved.
	keepResolved = 90 * 24 * time.Hour
)

// pruneFleet deletes what is not needed any more of runners and groups: also all of groups
// that no team owns, which a poll may have recorded just after the ownership ended.
func (s *Store) pruneFleet(ctx context.Context) error {
	now := s.Now()
	for _, old := range []oldRows{
		{"runner", "org_id, runner_id", "gone_at", now.Add(-keepRunners), "gone_at <> 0"},
		{"runner", "org_id, runner_id", "gone_at", now.Add(-keepEphemeral), "gone_at <> 0 AND ephemeral = 1"},
		{"finding", "org_id, group_id, kind, subject_id", "resolved_at", now.Add(-keepResolved), "resolved_at <> 0"},
		{"removal", "org_id, runner_id", "at", now.Add(-keepRunners), ""},
	} {
		if err := s.pruneOld(ctx, old); err != nil {
			return err
		}
	}
	return wrap(s.forgetOrphans(ctx), "remove rows about runner groups that no team owns")
}

// forgetOrphans deletes what is on record of groups that no team owns.
func (s *Store) forgetOrphans(ctx context.Context) error {
	type group struct{ org, id int64 }
	scan := func(row Row) (g group, err error) {
		err = row.Scan(&g.org, &g.id)
		return g, err
	}
	orphans, err := Collect(ctx, s.Reader(), scan, `SELECT t.org_id, t.group_id FROM (SELECT org_id, group_id FROM group_poll UNION SELECT org_id, group_id FROM expected_group
			UNION SELECT org_id, group_id FROM group_change) AS t
		WHERE NOT EXISTS (SELECT 1 FROM ownership o WHERE o.org_id = t.org_id AND o.group_id = t.group_id)`)
	for _, g := range orphans {
		if err == nil {
			err = s.InTx(ctx, func(ctx context.Context, tx *Tx) error { return execAll(ctx, tx, forgetGroup(g.org, g.id)...) })
		}
	}
	if err != nil {
		return err
	}
	// Searched by a reader, because there may be many runners.
	without, err := Collect(ctx, s.Reader(), scan, `SELECT DISTINCT org_id, group_id FROM runner WHERE NOT EXISTS
		(SELECT 1 FROM group_poll p WHERE p.org_id = runner.org_id AND p.group_id = runner.group_id)`)
	for _, g := range without {
		if err == nil {
			_, err = s.Exec(ctx, `DELETE FROM runner WHERE org_id = ?1 AND group_id = ?2 AND NOT EXISTS
				(SELECT 1 FROM group_poll p WHERE p.org_id = runner.org_id AND p.group_id = runner.group_id)`, g.org, g.id)
		}
	}
	return err
}
