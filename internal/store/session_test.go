package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

func TestSessions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, now := openAt(t, url)
		ctx := t.Context()
		add := func(token string, user int64) {
			t.Helper()
			require.NoError(t, s.AddSession(ctx, store.Session{Token: token, UserID: user, Data: []byte(token), Expires: now.Add(8 * time.Hour)}))
			*now = now.Add(time.Second)
		}
		kept := func(token string) bool {
			t.Helper()
			data, err := s.Session(ctx, token)
			if err != nil {
				require.ErrorIs(t, err, store.ErrNotFound)
			}
			return string(data) == token
		}
		add("a", 1)
		require.NoError(t, s.SetSessionData(ctx, "a", []byte("b")))
		data, err := s.Session(ctx, "a")
		require.NoError(t, err)
		assert.Equal(t, "b", string(data))
		require.NoError(t, s.EndSession(ctx, "a"))
		require.NoError(t, s.EndSession(ctx, "a"))
		require.NoError(t, s.SetSessionData(ctx, "a", []byte("a")), "what has ended stays ended")
		assert.False(t, kept("a"))

		for i := range store.MaxSessionsOfUser + 1 {
			add(fmt.Sprint("one-", i), 1)
		}
		add("two", 2)
		assert.False(t, kept("one-0"), "the oldest goes")
		assert.True(t, kept("one-1"))
		require.NoError(t, s.EndSessionsOf(ctx, 1))
		assert.False(t, kept("one-1"))
		assert.True(t, kept("two"))

		*now = now.Add(8 * time.Hour)
		assert.False(t, kept("two"), "it has expired")
		require.NoError(t, s.Prune(ctx, *now, *now))
		var left int
		require.NoError(t, s.QueryRow(ctx, `SELECT count(*) FROM session`).Scan(&left))
		assert.Zero(t, left)
	})
}

// However many people sign in, the table has an end.
func TestSessionsAreBounded(t *testing.T) {
	s, now := openAt(t, "sqlite:"+t.TempDir()+"/arm.db")
	ctx := t.Context()
	_, err := s.Exec(ctx, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
		INSERT INTO session (token, user_id, data, created_at, expires_at) SELECT 'old-' || i, i, x'00', i, ?2 FROM n`,
		store.MaxSessions+5, store.Micros(now.Add(time.Hour)))
	require.NoError(t, err)
	require.NoError(t, s.AddSession(ctx, store.Session{Token: "new", UserID: 1, Data: []byte{0}, Expires: now.Add(time.Hour)}))
	var n int
	require.NoError(t, s.QueryRow(ctx, `SELECT count(*) FROM session`).Scan(&n))
	assert.Equal(t, store.MaxSessions, n)
	_, err = s.Session(ctx, "old-6")
	require.ErrorIs(t, err, store.ErrNotFound, "the oldest go")
	_, err = s.Session(ctx, "old-7")
	require.NoError(t, err)
	_, err = s.Session(ctx, "new")
	require.NoError(t, err)
}
