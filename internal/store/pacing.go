package store

import "context"

// UpdatePacing replaces the pacing state of an installation by what update makes of it, in
// one transaction that other servers wait for. now is the database's time in microseconds,
// so that the clocks of servers do not matter. The state is "" if it was never written.
func (s *Store) UpdatePacing(ctx context.Context, installation int64, update func(state string, now int64) (string, error)) error {
	lock := ""
	if s.dialect == PostgreSQL {
		lock = " FOR UPDATE"
	}
	err := s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO pacing (installation_id, state) VALUES (?1, '') ON CONFLICT DO NOTHING`, installation); err != nil {
			return err
		}
		var state string
		var now int64
		err := tx.QueryRow(ctx, `SELECT state, `+s.nowSQL("?2")+` FROM pacing WHERE installation_id = ?1`+lock, installation, s.nowArg()).Scan(&state, &now)
		if err != nil {
			return err
		}
		if state, err = update(state, now); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE pacing SET state = ?2 WHERE installation_id = ?1`, installation, state)
		return err
	})
	return wrap(err, "pace the calls of installation %d", installation)
}
