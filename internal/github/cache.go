package github

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A cache keeps the newest answers within a budget of bytes, in memory only:
// entries hold the live installation token (httpcache stores it to honour
// Vary), so they must never reach a disk. It implements httpcache.Cache. Beside an
// answer it keeps what was decoded of it: to decode a list again takes longer than
// all else that is done with it.
type cache struct {
	mu     sync.Mutex
	lru    *simplelru.LRU[string, cached]
	bytes  int64
	budget int64
}

// cached is an answer, and what was decoded of the one with that ETag.
type cached struct {
	answer  []byte
	etag    string
	decoded any // nil: nothing yet
}

// entryCost is about what an entry takes beside its key and its answer.
const entryCost = 200

func newCache(budget int64) (*cache, error) {
	c := &cache{budget: budget}
	lru, err := simplelru.NewLRU(math.MaxInt, func(key string, entry cached) { c.bytes -= cost(key, entry) })
	c.lru = lru
	return c, err
}

// cost is about what an entry takes, in bytes. What was decoded of an answer is hardly
// larger than the answer.
func cost(key string, entry cached) int64 {
	size := len(entry.answer)
	if entry.decoded != nil {
		size += size + entryCost
	}
	return int64(len(key) + size + entryCost)
}

// Get implements httpcache.Cache.
func (c *cache) Get(key string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.lru.Get(key)
	return entry.answer, ok
}

// Set implements httpcache.Cache. An answer that is larger than the whole
// budget is not kept.
func (c *cache) Set(key string, answer []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(key)
	c.add(key, cached{answer: answer})
}

func (c *cache) add(key string, entry cached) {
	if cost(key, entry) > c.budget {
		return
	}
	c.lru.Add(key, entry)
	c.bytes += cost(key, entry)
	for c.bytes > c.budget {
		c.lru.RemoveOldest()
	}
}

// Delete implements httpcache.Cache, and does nothing: every answer is asked for anew,
// with what is kept as the validator, so that nothing kept can be wrong. httpcache
// deletes also what a 304 has just confirmed, where it may not store it again.
func (c *cache) Delete(string) {}

// decoded is what was decoded of the answer with that ETag; nil where that is not kept.
func (c *cache) decoded(key, etag string) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if entry, ok := c.lru.Get(key); ok && entry.etag == etag {
		return entry.decoded
	}
	return nil
}

// keep keeps what was decoded of a kept answer. Nobody may change it from then on.
func (c *cache) keep(key, etag string, decoded any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.lru.Peek(key)
	if !ok {
		return
	}
	entry.etag, entry.decoded = etag, decoded
	if cost(key, entry) > c.budget {
		return
	}
	c.lru.Remove(key)
	c.add(key, entry)
}
