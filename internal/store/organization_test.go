package store_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

func TestOrgID(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s, err := store.Open(t.Context(), store.Options{URL: url})
		require.NoError(t, err)
		defer s.Close()
		id, err := s.OrgID(t.Context(), "acme")
		require.NoError(t, err)
		assert.Zero(t, id)
		for _, want := range []int64{7, 8} {
			require.NoError(t, s.SetOrgID(t.Context(), "Acme", want))
			id, err = s.OrgID(t.Context(), "acme")
			require.NoError(t, err)
			assert.Equal(t, want, id)
		}
	})
}
