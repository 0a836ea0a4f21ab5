package store_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

func TestAddRecordsIsAllOrNothing(t *testing.T) {
	record := func(team, group int64) store.Record {
		return store.Record{OrgID: 1, TeamID: team, TeamSlug: "t", GroupID: group, GroupName: "g", Origin: store.Adopted, By: "operator", At: time.UnixMicro(5).UTC()}
	}
	tests := []struct {
		name string
		add  []store.Record
		want int // records then; -1: a conflict, and nothing changed
	}{
		{"new ones", []store.Record{record(3, 13), record(4, 14)}, 4},
		{"one that exists", []store.Record{record(1, 11), record(3, 13)}, 3},
		{"none", nil, 2},
		{"the team owns another group", []store.Record{record(3, 13), record(1, 19)}, -1},
		{"another team owns the group", []store.Record{record(3, 13), record(5, 11)}, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "arm.db"), Logger: zerolog.Nop()})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, s.Close()) })
			require.NoError(t, s.AddRecords(t.Context(), []store.Record{record(1, 11), record(2, 12)}))
			err = s.AddRecords(t.Context(), tt.add)
			if tt.want < 0 {
				require.ErrorIs(t, err, store.ErrConflict)
				tt.want = 2
			} else {
				require.NoError(t, err)
			}
			n, err := s.CountRecords(t.Context(), 1)
			require.NoError(t, err)
			assert.Equal(t, tt.want, n)
		})
	}
}
