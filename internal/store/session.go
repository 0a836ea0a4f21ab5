package store

import (
	"context"
	"errors"
	"time"
)

// A Session is a person's sign-in to the console.
type Session struct {
	Token   string // a hash of what the browser has
	UserID  int64
	Data    []byte
	Expires time.Time
}

// MaxSessions is how many sessions are kept, and MaxSessionsOfUser how many of one person.
const (
	MaxSessions       = 10_000
	MaxSessionsOfUser = 20
)

// AddSession records a new session. If there are too many, the oldest end. Replicas that do this at
// once may leave a few too many; the next one removes them.
func (s *Store) AddSession(ctx context.Context, n Session) error {
	err := s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		now := s.Now()
		_, err := tx.Exec(ctx, `DELETE FROM session WHERE expires_at <= ?1`, Micros(now))
		if err == nil {
			_, err = tx.Exec(ctx, `DELETE FROM session WHERE token IN
				(SELECT token FROM session WHERE user_id = ?1 ORDER BY created_at DESC, token LIMIT ?3 OFFSET ?2)`, n.UserID, MaxSessionsOfUser-1, MaxSessions)
		}
		if err == nil {
			_, err = tx.Exec(ctx, `DELETE FROM session WHERE token IN
				(SELECT token FROM session ORDER BY created_at DESC, token LIMIT ?1 OFFSET ?2)`, MaxSessions, MaxSessions-1)
		}
		if err == nil {
			_, err = tx.Exec(ctx, `INSERT INTO session (token, user_id, data, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)`,
				n.Token, n.UserID, n.Data, Micros(now), Micros(n.Expires))
		}
		return err
	})
	return wrap(err, "record a session of user %d", n.UserID)
}

// Session returns the data of a session that has not ended, else ErrNotFound.
func (s *Store) Session(ctx context.Context, token string) ([]byte, error) {
	var data []byte
	err := s.Reader().QueryRow(ctx, `SELECT data FROM session WHERE token = ?1 AND expires_at > ?2`, token, Micros(s.Now())).Scan(&data)
	if errors.Is(err, ErrNotFound) {
		return nil, ErrNotFound
	}
	return data, wrap(err, "read a session")
}

// SetSessionData replaces the data of a session. One that has ended stays ended.
func (s *Store) SetSessionData(ctx context.Context, token string, data []byte) error {
	_, err := s.Exec(ctx, `UPDATE session SET data = ?2 WHERE token = ?1`, token, data)
	return wrap(err, "update a session")
}

// EndSession ends the session, if there is one.
func (s *Store) EndSession(ctx context.Context, token string) error {
	_, err := s.Exec(ctx, `DELETE FROM session WHERE token = ?1`, token)
	return wrap(err, "end a session")
}

// EndSessionsOf ends all sessions of the user.
func (s *Store) EndSessionsOf(ctx context.Context, userID int64) error {
	_, err := s.Exec(ctx, `DELETE FROM session WHERE user_id = ?1`, userID)
	return wrap(err, "end the sessions of user %d", userID)
}
