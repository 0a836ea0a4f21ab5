package store

import (
	"context"
	"errors"
	"strconv"
	"strings"
)

// OrgID returns the id that the organization of that name had when a server last saw it, or
// 0 if none has. The id stays when the organization is renamed.
func (s *Store) OrgID(ctx context.Context, name string) (int64, error) {
	var text string
	err := s.Reader().QueryRow(ctx, `SELECT value FROM mark WHERE name = ?1`, orgMark(name)).Scan(&text)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// SetOrgID stores the id of the organization that the configuration names so.
func (s *Store) SetOrgID(ctx context.Context, name string, id int64) error {
	_, err := s.Exec(ctx, `INSERT INTO mark (name, value) VALUES (?1, ?2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, orgMark(name), strconv.FormatInt(id, 10))
	return err
}

func orgMark(name string) string { return "org/" + strings.ToLower(name) }
