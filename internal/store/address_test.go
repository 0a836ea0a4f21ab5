package store_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A server's address is found beside its SQLite file while the server runs.
func TestServerAddress(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "arm.db")
	assert.Empty(t, store.ServerAddress(url))
	server, err := store.Open(t.Context(), store.Options{URL: url, Exclusive: true})
	require.NoError(t, err)
	assert.Empty(t, store.ServerAddress(url))
	require.NoError(t, server.Announce("127.0.0.1:43210"))
	require.NoError(t, server.Announce("[::]:9"))
	assert.Equal(t, "[::]:9", store.ServerAddress(url))

	beside, err := store.Open(t.Context(), store.Options{URL: url})
	require.NoError(t, err)
	require.NoError(t, beside.Announce("127.0.0.1:1"), "only a server announces itself")
	require.NoError(t, beside.Close())
	assert.Equal(t, "[::]:9", store.ServerAddress(url))
	require.NoError(t, server.Close())
	assert.Empty(t, store.ServerAddress(url))
	assert.Empty(t, store.ServerAddress("postgres://u:p@127.0.0.1/arm"))
}
