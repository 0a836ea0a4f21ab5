package queue_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/queue"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// Who comes first stays the one, whoever asks.
func TestOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, err := store.Open(t.Context(), store.Options{URL: url})
		require.NoError(t, err)
		t.Cleanup(func() { _ = s.Close() })
		q, err := queue.New(queue.Options{Store: s, Handler: handler{}})
		require.NoError(t, err)
		for _, tt := range []struct {
			holder string
			fresh  bool
		}{{"first", true}, {"second", false}, {"first", false}} {
			got, err := q.Once(t.Context(), "thing", tt.holder)
			require.NoError(t, err)
			assert.Equal(t, "first", got.Holder)
			assert.Equal(t, tt.fresh, got.Fresh)
			assert.False(t, got.At.IsZero())
		}
		require.NoError(t, q.Forget(t.Context(), "thing"))
		got, err := q.Once(t.Context(), "thing", "second")
		require.NoError(t, err)
		assert.True(t, got.Fresh)
	})
}
