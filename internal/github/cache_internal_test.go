package github

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// noise cannot be compressed.
func noise(n int) []byte {
	text := make([]byte, n)
	_, _ = rand.Read(text)
	return text
}

// Long answers are compressed, and come back as they were.
func TestCacheCompresses(t *testing.T) {
	c, err := newCache(1 << 20)
	require.NoError(t, err)
	long := []byte(strings.Repeat(`{"name":"api","url":"https://api.github.com/repos/acme/api"},`, 2000))
	for key, answer := range map[string][]byte{"long": long, "noise": noise(10_000), "short": long[:100], "empty": {}} {
		c.Set(key, answer)
		got, ok := c.Get(key)
		assert.True(t, ok, key)
		assert.Equal(t, answer, got, key)
	}
	assert.Less(t, c.bytes, int64(len(long)/5+12_000))
}

func TestCacheStaysInItsBudget(t *testing.T) {
	const budget = 10_000
	c, err := newCache(budget)
	require.NoError(t, err)
	for i := range 200 {
		c.Set(fmt.Sprintf("k%d", i%70), []byte(strings.Repeat("x", i*7%1500)))
		c.Set(fmt.Sprintf("long%d", i%7), noise(i*70%9000))
		require.LessOrEqual(t, c.bytes, int64(budget))
	}
	assert.Positive(t, c.lru.Len())
	c.Set("huge", noise(budget))
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
