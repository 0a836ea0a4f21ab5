package store

import (
	"context"
	"math"
	"time"
)

// A Finding is something that is, or lately was, wrong with a recorded group.
type Finding struct {
	OrgID     int64
	GroupID   int64
	Kind      string
	SubjectID int64 // of the repository or runner; 0: the group or team
	Subject   string
	Severity  string
	Since     time.Time
	Message   string
	Remedy    string
	// Polls is how many polls in a row saw it: 1, or 2 if two or more did.
	Polls      int
	ResolvedAt time.Time // zero: it is open
}

// Counts reports whether the finding counts for issues and metrics: it is open, and two
// polls in a row saw it.
func (f Finding) Counts() bool { return f.Polls >= 2 && f.ResolvedAt.IsZero() }

const findingColumns = `org_id, group_id, kind, subject_id, subject, severity, since, message, remedy, polls, resolved_at`

func scanFinding(row Row) (Finding, error) {
	var f Finding
	var since, resolved int64
	err := row.Scan(&f.OrgID, &f.GroupID, &f.Kind, &f.SubjectID, &f.Subject, &f.Severity, &since, &f.Message, &f.Remedy, &f.Polls, &resolved)
	f.Since, f.ResolvedAt = FromMicros(since), FromMicros(resolved)
	return f, err
}

// Findings returns the organization's open findings, in order of groups.
func (s *Store) Findings(ctx context.Context, orgID int64) ([]Finding, error) {
	list, err := Collect(ctx, s.Reader(), scanFinding, `SELECT `+findingColumns+` FROM finding
		WHERE org_id = ?1 AND resolved_at = 0 ORDER BY group_id, kind, subject, subject_id`, orgID)
	return list, wrap(err, "read the findings")
}

// GroupFindings returns the group's findings that are open, and those that were resolved
// since then; the zero time: none of those.
func (s *Store) GroupFindings(ctx context.Context, orgID, groupID int64, resolvedSince time.Time) ([]Finding, error) {
	since := int64(math.MaxInt64)
	if !resolvedSince.IsZero() {
		since = Micros(resolvedSince)
	}
	list, err := Collect(ctx, s.Reader(), scanFinding, `SELECT `+findingColumns+` FROM finding
		WHERE org_id = ?1 AND group_id = ?2 AND (resolved_at = 0 OR resolved_at >= ?3) ORDER BY kind, subject, subject_id`, orgID, groupID, since)
	return list, wrap(err, "read the findings of group %d", groupID)
}

func putFinding(f Finding) statement {
	return statement{
		`INSERT INTO finding (` + findingColumns + `) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
			ON CONFLICT (org_id, group_id, kind, subject_id) DO UPDATE SET subject = excluded.subject, severity = excluded.severity,
				since = excluded.since, message = excluded.message, remedy = excluded.remedy, polls = excluded.polls, resolved_at = excluded.resolved_at`,
		[]any{
			f.OrgID, f.GroupID, f.Kind, f.SubjectID, cut(f.Subject), f.Severity, Micros(f.Since), cut(f.Message), cut(f.Remedy), f.Polls, Micros(f.ResolvedAt),
		},
	}
}
