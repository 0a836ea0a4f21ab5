package store

import (
	"context"
	"errors"
	"math"
	"time"
)

// An AuditPage is the place in the audit after which an export continues.
type AuditPage struct {
	OrgID         int64
	Since, Before time.Time // Before is exclusive; zero: no end
	after         int64     // the id of the last entry, of those that started at Since
}

// AuditExport returns at most limit entries, oldest first, and the page that follows them.
// A request and its outcome are one entry, as in [Store.AuditList].
func (s *Store) AuditExport(ctx context.Context, p AuditPage, limit int) ([]Entry, AuditPage, error) {
	before := int64(math.MaxInt64)
	if !p.Before.IsZero() {
		before = Micros(p.Before)
	}
	from := "audit a"
	if s.dialect == SQLite {
		from += " INDEXED BY audit_org"
	}
	entries, err := Collect(ctx, s.Reader(), scanEntry, `SELECT id, `+auditColumns+` FROM `+from+`
		WHERE org_id = ?1 AND started_at >= ?2 AND started_at < ?3 AND (started_at > ?2 OR id > ?4) AND `+lastOutcome+`
		ORDER BY started_at, id LIMIT ?5`, p.OrgID, Micros(p.Since), before, p.after, limit)
	if err != nil {
		return nil, p, wrap(err, "read the audit")
	}
	if len(entries) > 0 {
		last := entries[len(entries)-1]
		p.Since, p.after = last.At, last.ID
	}
	return entries, p, nil
}

// An AuditOrg is an organization that the audit has entries of.
type AuditOrg struct {
	ID    int64
	Login string // in its newest entry
}

// AuditOrgs returns the organizations that the audit has entries of, by id. Id 0 has the
// entries of requests that were refused before GitHub said which organization it is.
func (s *Store) AuditOrgs(ctx context.Context) ([]AuditOrg, error) {
	var orgs []AuditOrg
	for last := int64(-1); ; {
		var org AuditOrg
		err := s.Reader().QueryRow(ctx, `SELECT org_id, org FROM audit
			WHERE org_id = (SELECT min(o.org_id) FROM audit o WHERE o.org_id > ?1)
			ORDER BY started_at DESC LIMIT 1`, last).Scan(&org.ID, &org.Login)
		if errors.Is(err, ErrNotFound) {
			return orgs, nil
		}
		if err != nil {
			return nil, wrap(err, "read the audit")
		}
		orgs, last = append(orgs, org), org.ID
	}
}
