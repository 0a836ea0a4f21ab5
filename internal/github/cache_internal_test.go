package github

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCacheStaysInItsBudget(t *testing.T) {
	const budget = 10_000
	c, err := newCache(budget)
	require.NoError(t, err)
	for i := range 200 {
		c.Set(fmt.Sprintf("k%d", i%70), []byte(strings.Repeat("x", i*7%1500)))
		require.LessOrEqual(t, c.bytes, int64(budget))
	}
	assert.Positive(t, c.lru.Len())
	c.Set("huge", make([]byte, budget))
	_, ok := c.Get("huge")
	assert.False(t, ok, "an answer larger than the budget is not stored")
	assert.Positive(t, c.lru.Len(), "and evicts nothing")

	c.Set("kept", []byte("1"))
	for i := range 100 {
		c.Get("kept")
		c.Set(fmt.Sprintf("other%d", i), make([]byte, 500))
	}
	_, ok = c.Get("kept")
	assert.True(t, ok, "a used entry stays")
	for _, key := range c.lru.Keys() {
		c.setDecoded(key, "etag", 1)
		require.LessOrEqual(t, c.bytes, int64(budget), "decoded values count too")
	}
	c.lru.Purge()
	assert.Zero(t, c.bytes)
}

// Each further organization adds to the budget: else the answers about its groups would drive out
// those about the others', and every poll would be charged.
func TestCacheGrowsWithOrganizations(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	app, err := New(Options{AppID: 1, Key: key})
	require.NoError(t, err)
	for i := range 20 {
		app.Org(fmt.Sprintf("org-%d", i), 0, "")
	}
	assert.Equal(t, int64(92<<20), app.cache.budget)
}
