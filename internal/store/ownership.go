package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A Record says that a team owns a runner group. Ids decide; slug and name are what they
// were when last seen.
type Record struct {
	OrgID     int64
	TeamID    int64
	TeamSlug  string
	GroupID   int64
	GroupName string
	// Visibility of the group when last seen: "selected", "private" or "all".
	Visibility string
	Origin     string // Created or Adopted
	By         string // who made it: a login, or "operator"
	At         time.Time

	// Workflows are those that this server last limited the group to. It is empty if the
	// server lifted the limit or found none, and nil if that is unknown.
	Workflows *[]string
	// WorkflowsTeam is set if an owner lets the team change a limit that it did not set.
	WorkflowsTeam bool

	// Expected is what the group is expected to be from now on. It is recorded with a new
	// record and not read again; nil: that stays unknown.
	Expected *Expected
}

// The values of Record.Origin.
const (
	Created = "created"
	Adopted = "adopted"
)

const recordColumns = `org_id, team_id, team_slug, group_id, group_name, visibility, origin, made_by, made_at, workflows, workflows_team`

func scanRecord(row Row) (Record, error) {
	var r Record
	var at, team int64
	var workflows *string
	err := row.Scan(&r.OrgID, &r.TeamID, &r.TeamSlug, &r.GroupID, &r.GroupName, &r.Visibility, &r.Origin, &r.By, &at, &workflows, &team)
	if err != nil {
		return r, err
	}
	r.At, r.WorkflowsTeam = FromMicros(at), team != 0
	r.Workflows, err = decodeWorkflows(workflows)
	return r, err
}

func (r Record) args() []any {
	return []any{
		r.OrgID, r.TeamID, r.TeamSlug, r.GroupID, r.GroupName, r.Visibility, r.Origin, r.By, Micros(r.At),
		encodeWorkflows(r.Workflows), flag(r.WorkflowsTeam),
	}
}

func flag(set bool) int64 {
	if set {
		return 1
	}
	return 0
}

func encodeWorkflows(workflows *[]string) *string {
	if workflows == nil {
		return nil
	}
	text, _ := json.Marshal(append([]string{}, *workflows...)) //nolint:errchkjson // strings always marshal
	encoded := string(text)
	return &encoded
}

func decodeWorkflows(text *string) (*[]string, error) {
	if text == nil {
		return nil, nil //nolint:nilnil // nobody knows
	}
	workflows := []string{}
	if err := json.Unmarshal([]byte(*text), &workflows); err != nil {
		return nil, fmt.Errorf("decode the workflows on record: %w", err)
	}
	return &workflows, nil
}

// RecordOf returns the team's record, or ErrNotFound.
func (s *Store) RecordOf(ctx context.Context, orgID, teamID int64) (Record, error) {
	r, err := scanRecord(s.Reader().QueryRow(ctx,
		`SELECT `+recordColumns+` FROM ownership WHERE org_id = ?1 AND team_id = ?2`, orgID, teamID))
	return r, wrap(err, "read the ownership record of team %d", teamID)
}

// RecordAndIntents returns the team's record, zero if it has none, and whether an intent of
// the team is open. If one is, the record may be about to change.
func (s *Store) RecordAndIntents(ctx context.Context, orgID, teamID int64) (record Record, open bool, err error) {
	var intents, at, team int64
	var workflows *string
	err = s.Reader().QueryRow(ctx, `SELECT (SELECT count(*) FROM intent WHERE org_id = ?1 AND team_id = ?2),
			coalesce(o.org_id, 0), coalesce(o.team_id, 0), coalesce(o.team_slug, ''), coalesce(o.group_id, 0), coalesce(o.group_name, ''),
			coalesce(o.visibility, ''), coalesce(o.origin, ''), coalesce(o.made_by, ''), coalesce(o.made_at, 0),
			o.workflows, coalesce(o.workflows_team, 0)
		FROM (SELECT 1 AS one) AS always LEFT JOIN ownership o ON o.org_id = ?1 AND o.team_id = ?2`, orgID, teamID).
		Scan(&intents, &record.OrgID, &record.TeamID, &record.TeamSlug, &record.GroupID, &record.GroupName,
			&record.Visibility, &record.Origin, &record.By, &at, &workflows, &team)
	record.At, record.WorkflowsTeam = FromMicros(at), team != 0
	if err == nil {
		record.Workflows, err = decodeWorkflows(workflows)
	}
	return record, intents > 0, wrap(err, "read the ownership record of team %d", teamID)
}

// RecordsBySlug returns the records whose team had this slug when last seen, even if the
// team was renamed or deleted since.
func (s *Store) RecordsBySlug(ctx context.Context, orgID int64, slug string) ([]Record, error) {
	rs, err := Collect(ctx, s.Reader(), scanRecord,
		`SELECT `+recordColumns+` FROM ownership WHERE org_id = ?1 AND team_slug = ?2 ORDER BY team_id`, orgID, slug)
	return rs, wrap(err, "read the ownership records of %s", slug)
}

// RecordOfGroup returns the record of the group's owner, or ErrNotFound.
func (s *Store) RecordOfGroup(ctx context.Context, orgID, groupID int64) (Record, error) {
	r, err := scanRecord(s.Reader().QueryRow(ctx,
		`SELECT `+recordColumns+` FROM ownership WHERE org_id = ?1 AND group_id = ?2`, orgID, groupID))
	return r, wrap(err, "read the ownership record of group %d", groupID)
}

// Records returns all records of the organization, in order of slugs.
func (s *Store) Records(ctx context.Context, orgID int64) ([]Record, error) {
	rs, err := Collect(ctx, s.Reader(), scanRecord,
		`SELECT `+recordColumns+` FROM ownership WHERE org_id = ?1 ORDER BY team_slug, team_id`, orgID)
	return rs, wrap(err, "read the ownership records")
}

// CountRecords returns how many teams of the organization own a group.
func (s *Store) CountRecords(ctx context.Context, orgID int64) (int, error) {
	var n int
	err := s.Reader().QueryRow(ctx, `SELECT count(*) FROM ownership WHERE org_id = ?1`, orgID).Scan(&n)
	return n, wrap(err, "count the ownership records")
}

// PutRecord writes the team's record. If the team has one, it is replaced. It returns
// ErrConflict if another team owns the group.
func (s *Store) PutRecord(ctx context.Context, r Record) error {
	err := s.InTx(ctx, func(ctx context.Context, tx *Tx) error { return s.putRecord(ctx, tx, r) })
	return wrap(err, "record group %d for team %s", r.GroupID, r.TeamSlug)
}

func (s *Store) putRecord(ctx context.Context, q Querier, r Record) error {
	if r.At.IsZero() {
		r.At = s.Now()
	}
	_, err := q.Exec(ctx, `INSERT INTO ownership (`+recordColumns+`) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
		ON CONFLICT (org_id, team_id) DO UPDATE SET team_slug = excluded.team_slug, group_id = excluded.group_id,
			group_name = excluded.group_name, visibility = excluded.visibility, origin = excluded.origin, made_by = excluded.made_by, made_at = excluded.made_at,
			workflows = excluded.workflows, workflows_team = excluded.workflows_team`, r.args()...)
	if err != nil {
		return conflict(err)
	}
	all := endWithOwnership(r.OrgID, r.TeamID, r.GroupID)
	if r.Expected != nil {
		all = append(all, forgetGroup(r.OrgID, r.GroupID)...)
		all = append(all, putExpected(r.OrgID, r.GroupID, *r.Expected, s.Now())...)
	}
	return execAll(ctx, q, all...)
}

// ReplaceRecord removes old, a dead record of another team, and puts current in
// its place, in one transaction. It returns ErrConflict if old was changed or deleted since
// it was read, or if a third team owns current's group.
func (s *Store) ReplaceRecord(ctx context.Context, old, current Record) error {
	err := s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM ownership WHERE org_id = ?1 AND team_id = ?2 AND group_id = ?3`,
			old.OrgID, old.TeamID, old.GroupID)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrConflict
		}
		if err := endOwnership(ctx, tx, old); err != nil {
			return err
		}
		return s.putRecord(ctx, tx, current)
	})
	return wrap(err, "replace the record of team %s by one of team %s", old.TeamSlug, current.TeamSlug)
}

// HighestGroup returns the highest id of a group that a team of the organization owns; 0 if
// none owns one.
func (s *Store) HighestGroup(ctx context.Context, orgID int64) (highest int64, err error) {
	err = s.Reader().QueryRow(ctx, `SELECT coalesce(max(group_id), 0) FROM ownership WHERE org_id = ?1`, orgID).Scan(&highest)
	return highest, wrap(err, "read the highest group on record")
}

// SetSlug records a team's new slug. It returns ErrNotFound if the team has no record.
func (s *Store) SetSlug(ctx context.Context, orgID, teamID int64, slug string) error {
	n, err := s.Exec(ctx, `UPDATE ownership SET team_slug = ?3 WHERE org_id = ?1 AND team_id = ?2`, orgID, teamID, slug)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return wrap(err, "note that team %d is called %s", teamID, slug)
}

// UpdateSeen records the name and visibility that a read saw. If the team's record is of
// another group by now, or was deleted, it changes nothing.
func (s *Store) UpdateSeen(ctx context.Context, r Record) error {
	_, err := s.Exec(ctx, `UPDATE ownership SET group_name = ?4, visibility = ?5 WHERE org_id = ?1 AND team_id = ?2 AND group_id = ?3`,
		r.OrgID, r.TeamID, r.GroupID, r.GroupName, r.Visibility)
	return wrap(err, "note what group %d is called", r.GroupID)
}

// SetWorkflows records which workflows this server limited the group to, and whether the
// team may change any limit. If the team's record is of another group by now, or was
// deleted, it changes nothing.
func (s *Store) SetWorkflows(ctx context.Context, r Record) error {
	_, err := s.Exec(ctx, `UPDATE ownership SET workflows = ?4, workflows_team = ?5 WHERE org_id = ?1 AND team_id = ?2 AND group_id = ?3`,
		r.OrgID, r.TeamID, r.GroupID, encodeWorkflows(r.Workflows), flag(r.WorkflowsTeam))
	return wrap(err, "note the workflows of group %d", r.GroupID)
}

// DeleteRecord deletes the record that the team owns this group, and with it the team's
// trusts and ends of access, and what is expected and was seen of the group. It is no error if the team does not own it.
func (s *Store) DeleteRecord(ctx context.Context, r Record) error {
	err := s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM ownership WHERE org_id = ?1 AND team_id = ?2 AND group_id = ?3`, r.OrgID, r.TeamID, r.GroupID)
		if err != nil || n == 0 {
			return err
		}
		return endOwnership(ctx, tx, r)
	})
	return wrap(err, "delete the ownership record of team %d", r.TeamID)
}

// endOwnership deletes what ends with the record, which is deleted already.
func endOwnership(ctx context.Context, q Querier, r Record) error {
	return execAll(ctx, q, append(endWithOwnership(r.OrgID, r.TeamID, 0), forgetGroup(r.OrgID, r.GroupID)...)...)
}

// endWithOwnership returns the SQL that deletes the team's trusts and ends of access for all
// groups but one.
func endWithOwnership(orgID, teamID, butGroup int64) (all []statement) {
	for _, table := range []string{"trust", "access"} {
		all = append(all, statement{`DELETE FROM ` + table + ` WHERE org_id = ?1 AND team_id = ?2 AND group_id <> ?3`, []any{orgID, teamID, butGroup}})
	}
	return all
}

// AddRecords writes all records or none, in one transaction. If a team owns its group
// already, its record stays as it is. AddRecords returns ErrConflict if a team owns another
// group, or another team owns the group.
func (s *Store) AddRecords(ctx context.Context, records []Record) error {
	err := s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		for _, r := range records {
			if err := addRecord(ctx, tx, r); err != nil {
				return wrap(err, "record group %d for team %s", r.GroupID, r.TeamSlug)
			}
		}
		return nil
	})
	return wrap(err, "add to the ownership record")
}

func addRecord(ctx context.Context, tx *Tx, r Record) error {
	n, err := tx.Exec(ctx, `INSERT INTO ownership (`+recordColumns+`) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING`,
		r.args()...)
	if err == nil && n == 1 {
		return execAll(ctx, tx, forgetGroup(r.OrgID, r.GroupID)...)
	}
	if err != nil {
		return err
	}
	existing, err := scanRecord(tx.QueryRow(ctx, `SELECT `+recordColumns+` FROM ownership WHERE org_id = ?1 AND team_id = ?2`, r.OrgID, r.TeamID))
	if errors.Is(err, ErrNotFound) || err == nil && existing.GroupID != r.GroupID {
		return ErrConflict
	}
	return err
}
