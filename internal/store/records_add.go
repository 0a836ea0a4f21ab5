package store

import (
	"context"
	"errors"
)

// AddRecords writes all records or none, in one transaction. A record whose team
// owns its group already is left as it is; it is ErrConflict if the team owns
// another group, or another team this group.
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
	if err != nil || n == 1 {
		return err
	}
	existing, err := scanRecord(tx.QueryRow(ctx, `SELECT `+recordColumns+` FROM ownership WHERE org_id = ?1 AND team_id = ?2`, r.OrgID, r.TeamID))
	if errors.Is(err, ErrNotFound) || err == nil && existing.GroupID != r.GroupID {
		return ErrConflict
	}
	return err
}
